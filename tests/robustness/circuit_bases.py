"""Small SONATA circuits that are right: what the violations break. Written with h5py as other tools write them.

A circuit is a folder with ``simulation_config.json``, ``circuit_config.json``, ``network/`` and ``models/``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

TEXT = h5py.string_dtype()


def nodes(path: Path, name: str, types: list[int], groups: dict[str, dict[str, Any]], group_of: list[int]) -> None:
    """Write a population of nodes with groups of attributes."""
    place, seen = [], dict.fromkeys(map(int, groups), 0)
    for g in group_of:
        place.append(seen[g])
        seen[g] += 1
    with h5py.File(path, "w") as file:
        _root(file)
        group = file.create_group(f"nodes/{name}")
        group.create_dataset("node_type_id", data=np.array(types, np.int64), compression="gzip")
        group.create_dataset("node_id", data=np.arange(len(types)))
        group.create_dataset("node_group_id", data=np.array(group_of, np.int64))
        group.create_dataset("node_group_index", data=np.array(place, np.int64))
        _attributes(group, groups)


def edges(
    file: h5py.File, name: str, ends: tuple[str, str], rows: list[tuple[int, int, int]], groups: dict[str, dict[str, Any]],
    group_of: list[int],
) -> None:  # fmt: skip
    """Write a population of edges: rows of (source, target, type)."""
    pre, post, kinds = (np.array(c, np.int64) for c in zip(*rows, strict=True))
    seen = dict.fromkeys(map(int, groups), 0)
    place = []
    for g in group_of:
        place.append(seen[g])
        seen[g] += 1
    group = file.create_group(f"edges/{name}")
    for column, values, population in (("source", pre, ends[0]), ("target", post, ends[1])):
        ids = group.create_dataset(f"{column}_node_id", data=values.astype(np.uint64))
        ids.attrs["node_population"] = population
    group.create_dataset("edge_type_id", data=kinds)
    group.create_dataset("edge_group_id", data=np.array(group_of, np.int64))
    group.create_dataset("edge_group_index", data=np.array(place, np.int64))
    _attributes(group, groups)


def spikes(path: Path, trains: dict[str, list[tuple[float, int]]]) -> None:
    """Write a file of spikes: (time in ms, node) by population."""
    with h5py.File(path, "w") as file:
        _root(file)
        for name, pairs in trains.items():
            group = file.create_group(f"spikes/{name}")
            group.create_dataset("timestamps", data=[t for t, _ in pairs]).attrs["units"] = "ms"
            group.create_dataset("node_ids", data=np.array([n for _, n in pairs], np.uint64))


def _root(file: h5py.File) -> None:
    file.attrs["magic"] = np.uint32(0x0A7A)
    file.attrs["version"] = np.array([0, 1], np.uint32)


def _attributes(group: h5py.Group, groups: dict[str, dict[str, Any]]) -> None:
    for number, columns in groups.items():
        part = group.create_group(number)
        for name, values in columns.items():
            part.create_dataset(name, data=values, **({"dtype": TEXT} if isinstance(values[0], str) else {}))


def config(
    node_files: list[tuple[str, str]], edge_files: list[tuple[str, str]], more: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the circuit's config and the simulation's."""
    circuit = {
        "manifest": {"$BASE_DIR": "${configdir}", "$NETWORK": "$BASE_DIR/network"},
        "components": {"point_neuron_models_dir": "$BASE_DIR/models"},
        "networks": {
            "nodes": [{"nodes_file": f"$NETWORK/{f}", "node_types_file": f"$NETWORK/{t}"} for f, t in node_files],
            "edges": [{"edges_file": f"$NETWORK/{f}", "edge_types_file": f"$NETWORK/{t}"} for f, t in edge_files],
        },
    }
    simulation = {
        "manifest": {"$BASE_DIR": "${configdir}"},
        "run": {"tstop": 5.0, "dt": 0.1},
        "network": "$BASE_DIR/circuit_config.json",
        **more,
    }
    return circuit, simulation


def plain(folder: Path) -> None:
    """One population of one type, edges among it, a clamp."""
    (folder / "models" / "cell.json").write_text(json.dumps({"V_th": -50.0, "tau_m": 20.0, "t_ref": 3.0, "V_m": -62.0}))
    (folder / "network" / "node_types.csv").write_text(
        "node_type_id model_type model_template dynamics_params\n3 point_neuron nest:iaf_psc_exp cell.json\n"
    )
    (folder / "network" / "edge_types.csv").write_text("edge_type_id delay syn_weight\n1 1.5 200.0\n")
    nodes(folder / "network" / "nodes.h5", "cells", [3] * 8, {"0": {"x": np.arange(8.0)}}, [0] * 8)
    with h5py.File(folder / "network" / "edges.h5", "w") as file:
        _root(file)
        edges(
            file,
            "cells_cells",
            ("cells", "cells"),
            [(i, (i + 3) % 8, 1) for i in range(8)],
            {"0": {"syn_weight": np.full(8, 300.0)}},
            [0] * 8,
        )
    clamp = {
        "input_type": "current_clamp",
        "module": "IClamp",
        "node_set": {"population": "cells"},
        "amp": 0.6,
        "delay": 0.5,
        "duration": 4.0,
    }
    write(
        folder,
        *config([("nodes.h5", "node_types.csv")], [("edges.h5", "edge_types.csv")], {"inputs": {"clamp": clamp}}),
    )


def mixed(folder: Path) -> None:
    """Types that alternate, virtual nodes with spikes from a file, node sets, a clamp, a report."""
    (folder / "models" / "exc.json").write_text(json.dumps({"V_th": -50.0, "tau_m": 20.0, "t_ref": 3.0}))
    (folder / "models" / "inh.json").write_text(json.dumps({"V_th": -52.0, "V_m": -65.0}))
    (folder / "network" / "node_types.csv").write_text(
        "node_type_id model_type model_template dynamics_params pop_name\n"
        "7 point_neuron nest:iaf_psc_exp exc.json LIFe\n9 point_neuron nest:iaf_psc_alpha inh.json LIFi\n"
    )
    (folder / "network" / "virtual_types.csv").write_text("node_type_id model_type\n1 virtual\n")
    (folder / "network" / "edge_types.csv").write_text(
        "edge_type_id delay nsyns model_template\n1 1.5 1 static_synapse\n2 2.0 3 static_synapse\n"
    )
    nodes(folder / "network" / "nodes.h5", "v1", [7, 9] * 10, {"0": {"x": np.arange(20.0)}}, [0] * 20)
    nodes(folder / "network" / "virtual.h5", "in", [1, 1], {"0": {"x": np.arange(2.0)}}, [0, 0])
    with h5py.File(folder / "network" / "edges.h5", "w") as file:
        _root(file)
        edges(
            file,
            "v1_v1",
            ("v1", "v1"),
            [(0, 1, 1), (1, 2, 2), (2, 0, 1)],
            {"0": {"syn_weight": [5000.0, -100.0, 30.0]}},
            [0, 0, 0],
        )
    with h5py.File(folder / "network" / "input_edges.h5", "w") as file:
        _root(file)
        edges(file, "in_v1", ("in", "v1"), [(0, 0, 1), (1, 19, 2)], {"0": {"syn_weight": [5000.0, 3000.0]}}, [0, 0])
    spikes(folder / "inputs.h5", {"in": [(0.5, 1), (1.0, 0), (3.0, 0)]})
    (folder / "node_sets.json").write_text(json.dumps({"some": {"population": "v1", "node_id": [3, 4, 5]}}))
    more = {
        "conditions": {"v_init": -60.0},
        "node_sets_file": "$BASE_DIR/node_sets.json",
        "inputs": {
            "clamp": {
                "input_type": "current_clamp",
                "module": "IClamp",
                "node_set": "some",
                "amp": 1.0,
                "delay": 1.0,
                "duration": 3.0,
            },
            "trains": {
                "input_type": "spikes",
                "module": "h5",
                "input_file": "$BASE_DIR/inputs.h5",
                "node_set": {"population": "in"},
            },
        },
        "reports": {"v": {"cells": "some", "variable_name": "V_m", "module": "multimeter_report", "dt": 0.5}},
    }
    files = [("nodes.h5", "node_types.csv"), ("virtual.h5", "virtual_types.csv")]
    write(folder, *config(files, [("edges.h5", "edge_types.csv"), ("input_edges.h5", "edge_types.csv")], more))


def listed(folder: Path) -> None:
    """Two populations in two files, edges with weights, delays and numbers of their own, one file that names the rest."""
    (folder / "models" / "cell.json").write_text(json.dumps({"tau_m": 15.0, "I_e": 700.0}))
    (folder / "network" / "node_types.csv").write_text(
        "node_type_id model_type model_template dynamics_params\n1 point_neuron nest:iaf_psc_exp cell.json\n"
    )
    (folder / "network" / "edge_types.csv").write_text("edge_type_id receptor delay nsyns\n5 NULL 1.0 1\n6 ex 2.0 1\n")
    nodes(folder / "network" / "a.h5", "a", [1] * 6, {"0": {}}, [0] * 6)
    nodes(folder / "network" / "b.h5", "b", [1] * 4, {"0": {"z": np.zeros(4)}}, [0] * 4)
    with h5py.File(folder / "network" / "edges.h5", "w") as file:
        _root(file)
        for name, ends, rows in (
            ("a_a", ("a", "a"), [(0, 1, 5), (1, 2, 5), (5, 0, 6)]),
            ("a_b", ("a", "b"), [(5, 3, 5), (0, 0, 6), (2, 1, 6)]),
            ("b_a", ("b", "a"), [(3, 5, 5), (1, 2, 6), (0, 4, 5)]),
        ):
            columns = {"syn_weight": [100.0, 50.0, 20.0], "delay": [0.5, 1.0, 1.5], "nsyns": np.array([1, 2, 3])}
            edges(file, name, ends, rows, {"0": columns}, [0] * 3)
    (folder / "node_sets.json").write_text(json.dumps({"few": {"population": "a", "node_id": [1, 2]}, "both": ["few"]}))
    clamp = {
        "input_type": "current_clamp",
        "module": "IClamp",
        "node_set": "both",
        "amp": 0.5,
        "delay": 0.0,
        "duration": 5.0,
    }
    more = {
        "node_sets_file": "$BASE_DIR/node_sets.json",
        "inputs": {"c": clamp},
        "reports": {"v": {"cells": "both", "variable_name": "V_m", "dt": 1.0}},
    }
    write(
        folder,
        *config([("a.h5", "node_types.csv"), ("b.h5", "node_types.csv")], [("edges.h5", "edge_types.csv")], more),
    )


def groups(folder: Path) -> None:
    """Nodes and edges in two groups of attributes each, two populations in one file, everything in config.json."""
    (folder / "models" / "cell.json").write_text(json.dumps({"V_th": -51.0, "tau_m": 15.0}))
    (folder / "network" / "node_types.csv").write_text(
        "node_type_id model_type model_template dynamics_params\n"
        "100 point_neuron nest:iaf_psc_exp cell.json\n200 point_process nest:iaf_psc_exp NULL\n"
    )
    (folder / "network" / "edge_types.csv").write_text("edge_type_id delay nsyns\n10 0.5 1\n20 1.0 2\n")
    nodes(
        folder / "network" / "nodes.h5", "left", [100, 200, 100, 200, 100, 100],
        {"0": {"x": np.arange(3.0)}, "1": {"y": np.arange(3.0), "label": ["a", "b", "c"]}}, [0, 1, 0, 1, 0, 1],
    )  # fmt: skip
    with h5py.File(folder / "network" / "nodes.h5", "r+") as file:
        group = file.create_group("nodes/right")
        group.create_dataset("node_type_id", data=np.full(4, 100, np.int32))
        group.create_dataset("node_group_id", data=np.zeros(4, np.uint32))
        group.create_dataset("node_group_index", data=np.arange(4, dtype=np.uint32))
        group.create_group("0")
    with h5py.File(folder / "network" / "edges.h5", "w") as file:
        _root(file)
        rows = [(0, 1, 10), (1, 2, 10), (2, 3, 20), (5, 0, 20)]
        edges(
            file,
            "left_right",
            ("left", "right"),
            rows,
            {"0": {"syn_weight": [100.0, 200.0]}, "1": {"syn_weight": [50.0, 60.0], "delay": [2.0, 3.0]}},
            [0, 1, 1, 0],
        )
        edges(
            file,
            "right_left",
            ("right", "left"),
            [(0, 5, 10), (3, 0, 20)],
            {"0": {"syn_weight": [100.0, 200.0]}},
            [0, 0],
        )
    clamp = {
        "input_type": "current_clamp",
        "module": "IClamp",
        "node_set": {"population": "left"},
        "amp": 0.5,
        "delay": 0.0,
        "duration": 5.0,
    }
    write(folder, *config([("nodes.h5", "node_types.csv")], [("edges.h5", "edge_types.csv")], {"inputs": {"c": clamp}}))


def write(folder: Path, circuit: dict[str, Any], simulation: dict[str, Any]) -> None:
    """Write both configs."""
    (folder / "circuit_config.json").write_text(json.dumps(circuit, indent=1))
    (folder / "simulation_config.json").write_text(json.dumps(simulation, indent=1))


BASES = {"plain": plain, "mixed": mixed, "listed": listed, "groups": groups}


def make(name: str, folder: Path) -> None:
    """Write a circuit into a folder."""
    for below in ("network", "models"):
        (folder / below).mkdir(parents=True)
    BASES[name](folder)
