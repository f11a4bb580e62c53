"""A small SONATA circuit such as other tools write: types that alternate, two groups, virtual nodes, sets, indices."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

TYPES = """node_type_id model_type model_template dynamics_params pop_name
7 point_neuron nest:iaf_psc_exp exc.json LIFe
9 point_neuron nest:iaf_psc_alpha "inh params.json" LIFi
"""
EDGE_TYPES = """edge_type_id delay nsyns model_template dynamics_params
1 1.5 1 static_synapse static.json
2 2.0 3 static_synapse NULL
"""
CIRCUIT = {
    "manifest": {"$BASE_DIR": "${configdir}", "$NETWORK": "$BASE_DIR/network"},
    "components": {"point_neuron_models_dir": "$BASE_DIR/models", "synaptic_models_dir": "$BASE_DIR/synapses"},
    "networks": {
        "nodes": [
            {"nodes_file": "$NETWORK/nodes.h5", "node_types_file": "$NETWORK/node_types.csv"},
            {"nodes_file": "$NETWORK/virtual.h5", "node_types_file": "$NETWORK/virtual_types.csv"},
        ],
        "edges": [
            {"edges_file": "$NETWORK/edges.h5", "edge_types_file": "$NETWORK/edge_types.csv"},
            {"edges_file": "$NETWORK/input_edges.h5", "edge_types_file": "$NETWORK/edge_types.csv"},
        ],
    },
}
SIMULATION = {
    "manifest": {"$BASE_DIR": "${configdir}"},
    "run": {"tstop": 100.0, "dt": 0.1},
    "conditions": {"v_init": -60.0},
    "network": "$BASE_DIR/circuit_config.json",
    "node_sets_file": "$BASE_DIR/node_sets.json",
    "inputs": {
        "clamp": {
            "input_type": "current_clamp",
            "module": "IClamp",
            "node_set": "some",
            "amp": 1.0,
            "delay": 20.0,
            "duration": 50.0,
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
SETS = {
    "few": {"population": "v1", "node_id": [3, 4]},
    "one": {"population": "v1", "node_id": 5},
    "some": ["few", "one"],
}
EDGES = [(0, 1, 1, 5000.0), (1, 2, 2, -100.0), (2, 0, 1, 30.0)]
INPUT_EDGES = [(0, 0, 1, 5000.0), (1, 19, 2, 3000.0)]


def _file(path: Path) -> h5py.File:
    file = h5py.File(path, "w")
    file.attrs["magic"] = np.uint32(0x0A7A)
    file.attrs["version"] = np.array([0, 1], np.uint32)
    return file


def write_nodes(path: Path, name: str, type_ids: list[int], n_groups: int = 1) -> None:
    """Write nodes as BMTK does, compressed; of several groups each has every so manieth node."""
    n = len(type_ids)
    with _file(path) as file:
        group = file.create_group(f"nodes/{name}")
        group.create_dataset("node_type_id", data=type_ids, compression="gzip")
        group.create_dataset("node_id", data=np.arange(n))
        group.create_dataset("node_group_id", data=np.arange(n) % n_groups)
        group.create_dataset("node_group_index", data=np.arange(n) // n_groups)
        for k in range(n_groups):
            of = np.arange(n)[np.arange(n) % n_groups == k]
            group.create_group(str(k)).create_dataset("x", data=of.astype(float), compression="gzip")


def write_edges(path: Path, name: str, source: str, target: str, edges: list[tuple]) -> None:
    """Write edges with weights of their own, as BMTK does, compressed, with an index by source and target."""
    pre, post, kind, weight = (np.array(c) for c in zip(*edges, strict=True))
    n = len(pre)
    with _file(path) as file:
        group = file.create_group(f"edges/{name}")
        for column, values, population in (("source", pre, source), ("target", post, target)):
            group.create_dataset(f"{column}_node_id", data=values, compression="gzip").attrs["node_population"] = (
                population
            )
            nodes = np.full((values.max() + 1, 2), -1)
            nodes[values] = np.stack([np.arange(n), np.arange(n) + 1], axis=1)
            index = "source_to_target" if column == "source" else "target_to_source"
            group.create_dataset(f"indices/{index}/node_id_to_ranges", data=nodes)
            ranges = np.stack([np.arange(n), np.arange(n) + 1], axis=1)
            group.create_dataset(f"indices/{index}/range_to_edge_id", data=ranges)
        group.create_dataset("edge_type_id", data=kind)
        group.create_dataset("edge_group_id", data=np.zeros(n, int))
        group.create_dataset("edge_group_index", data=np.arange(n))
        group.create_group("0").create_dataset("syn_weight", data=weight.astype(float), compression="gzip")


def write_circuit(folder: Path) -> Path:
    """Write a whole, valid circuit with its simulation into a folder; return its simulation config."""
    network = folder / "network"
    for sub in ("network", "models", "synapses"):
        (folder / sub).mkdir(parents=True)
    (folder / "models" / "exc.json").write_text(json.dumps({"V_th": -50.0, "tau_m": 20.0, "t_ref": 3.0}))
    (folder / "models" / "inh params.json").write_text(json.dumps({"V_th": -52.0, "V_m": -65.0}))
    (folder / "synapses" / "static.json").write_text("{}")
    (network / "node_types.csv").write_text(TYPES)
    (network / "virtual_types.csv").write_text("node_type_id model_type\n1 virtual\n")
    (network / "edge_types.csv").write_text(EDGE_TYPES)
    write_nodes(network / "nodes.h5", "v1", [7, 9] * 10, 2)
    write_nodes(network / "virtual.h5", "in", [1, 1])
    write_edges(network / "edges.h5", "v1_v1", "v1", "v1", EDGES)
    write_edges(network / "input_edges.h5", "in_v1", "in", "v1", INPUT_EDGES)
    with _file(folder / "inputs.h5") as file:
        group = file.create_group("spikes/in")
        group.create_dataset("timestamps", data=[60.0, 10.0, 5.0])
        group.create_dataset("node_ids", data=[0, 0, 1])
    (folder / "node_sets.json").write_text(json.dumps(SETS))
    (folder / "circuit_config.json").write_text(json.dumps(CIRCUIT))
    (folder / "simulation_config.json").write_text(json.dumps(SIMULATION))
    return folder / "simulation_config.json"
