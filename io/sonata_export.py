"""A built network as SONATA files: nodes, edges, their types, inputs, and the two configs that name them.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md. What SONATA has no
word for (generators of distsim, initial values, grids of weights) stands under the key ``distsim`` of the
simulation config, which other tools leave alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from distsim.io.sonata_spikes import MAGIC, VERSION, write_spikes

CHUNK = 65_536
EDGE_COLUMNS = (("source_node_id", "u8"), ("target_node_id", "u8"), ("edge_type_id", "u4"),
                ("edge_group_id", "u4"), ("edge_group_index", "u8"), ("0/syn_weight", "f8"),
                ("0/delay", "f8"))  # fmt: skip


@dataclass(frozen=True)
class Nodes:
    """A population of nodes: neurons of one model with their parameters, or virtual ones with spike times (ms)."""

    name: str
    size: int
    model: str
    params: dict[str, float]
    receptors: tuple[str, ...] = ()
    spike_times: list[list[float]] | None = None


@dataclass(frozen=True)
class EdgeBlock:
    """Some edges between two populations: ids, receptor index, weight, delay (ms)."""

    source: str
    target: str
    pre: np.ndarray
    post: np.ndarray
    receptor: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


def write_circuit(
    folder: Path, nodes: list[Nodes], blocks: Iterable[EdgeBlock], run: dict[str, Any], extension: dict[str, Any]
) -> None:
    """Write a network into an empty folder.

    Parameters
    ----------
    folder : Path
    nodes : list of Nodes
    blocks : iterable of EdgeBlock
        Written as they come; none is held.
    run : dict
        ``tstop``, ``dt`` (ms) and what else stands under ``run``.
    extension : dict
        What stands under ``distsim``.
    """
    (folder / "point_neurons").mkdir()
    for population in nodes:
        _write_nodes(folder, population)
    pairs = _write_edges(folder, {n.name: n for n in nodes}, blocks)
    virtual = [n for n in nodes if n.spike_times is not None]
    for population in virtual:
        times = population.spike_times or []
        write_spikes(
            folder / f"spikes_{population.name}.h5", population.name,
            np.concatenate([np.empty(0), *(np.asarray(t, float) for t in times)]),
            np.repeat(np.arange(population.size), [len(t) for t in times]),
        )  # fmt: skip
    circuit = {
        "manifest": {"$BASE_DIR": "."},
        "components": {"point_neuron_models_dir": "$BASE_DIR/point_neurons"},
        "networks": {
            "nodes": [
                {"nodes_file": f"$BASE_DIR/nodes_{n.name}.h5", "node_types_file": f"$BASE_DIR/node_types_{n.name}.csv"}
                for n in nodes
            ],
            "edges": [
                {"edges_file": f"$BASE_DIR/edges_{name}.h5", "edge_types_file": f"$BASE_DIR/edge_types_{name}.csv"}
                for name in pairs
            ],
        },
    }
    simulation = {
        "manifest": {"$BASE_DIR": "."},
        "network": "$BASE_DIR/circuit_config.json",
        "run": run,
        "inputs": {
            n.name: {
                "input_type": "spikes", "module": "h5", "input_file": f"$BASE_DIR/spikes_{n.name}.h5",
                "node_set": {"population": n.name},
            }
            for n in virtual
        },
        "distsim": extension,
    }  # fmt: skip
    (folder / "circuit_config.json").write_text(json.dumps(circuit, indent=2) + "\n", encoding="utf-8")
    (folder / "simulation_config.json").write_text(json.dumps(simulation, indent=2) + "\n", encoding="utf-8")


def _file(path: Path) -> h5py.File:
    file = h5py.File(path, "w")
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, dtype=np.uint32)
    return file


def _write_types(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a table of types: columns separated by a space, as SONATA has it."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=" ", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_nodes(folder: Path, nodes: Nodes) -> None:
    """Write a population's nodes, their one type and its parameters."""
    with _file(folder / f"nodes_{nodes.name}.h5") as file:
        group = file.create_group(f"nodes/{nodes.name}")
        group.create_dataset("node_type_id", data=np.full(nodes.size, 100, np.uint32))
        group.create_dataset("node_group_id", data=np.zeros(nodes.size, np.uint32))
        group.create_dataset("node_group_index", data=np.arange(nodes.size, dtype=np.uint64))
        group.create_group("0")
    row: dict[str, Any] = {"node_type_id": 100, "pop_name": nodes.name}
    if nodes.spike_times is not None:
        row |= {"model_type": "virtual", "model_template": "NULL", "dynamics_params": "NULL"}
    else:
        parameters = f"{nodes.name}.json"
        row |= {"model_type": "point_neuron", "model_template": f"nest:{nodes.model}", "dynamics_params": parameters}
        (folder / "point_neurons" / parameters).write_text(json.dumps(nodes.params, indent=2) + "\n", encoding="utf-8")
    _write_types(folder / f"node_types_{nodes.name}.csv", [row])


def _write_edges(folder: Path, nodes: dict[str, Nodes], blocks: Iterable[EdgeBlock]) -> list[str]:
    """Write the edges, a file for each pair of populations that has some; return their names."""
    files: dict[str, h5py.File] = {}
    names: dict[tuple[str, str], str] = {}
    try:
        for block in blocks:
            if not len(block.pre):
                continue
            pair = block.source, block.target
            if pair not in names:
                # Of "a_to_b" onto "c", and "a" onto "b_to_c", one takes a number.
                plain = f"{block.source}_to_{block.target}"
                numbered = (plain, *(f"{plain}_{k}" for k in range(2, len(files) + 2)))
                names[pair] = next(name for name in numbered if name not in files)
            name = names[pair]
            if name not in files:
                files[name] = _edge_file(folder, name, block)
                receptors = enumerate(nodes[block.target].receptors)
                rows = [{"edge_type_id": k, "model_template": "static_synapse", "receptor": r} for k, r in receptors]
                _write_types(folder / f"edge_types_{name}.csv", rows)
            group = files[name][f"edges/{name}"]
            n, m = group["edge_type_id"].shape[0], len(block.pre)
            columns = (block.pre, block.post, block.receptor, np.zeros(m), np.arange(n, n + m), block.weight,
                       block.delay)  # fmt: skip
            for (column, _), values in zip(EDGE_COLUMNS, columns, strict=True):
                group[column].resize((n + m,))
                group[column][n:] = values
    finally:
        for file in files.values():
            file.close()
    return list(files)


def _edge_file(folder: Path, name: str, block: EdgeBlock) -> h5py.File:
    """Make the file of a pair of populations, without edges yet."""
    file = _file(folder / f"edges_{name}.h5")
    group = file.create_group(f"edges/{name}")
    for column, dtype in EDGE_COLUMNS:
        group.create_dataset(column, (0,), dtype, maxshape=(None,), chunks=(CHUNK,))
    group["source_node_id"].attrs["node_population"] = block.source
    group["target_node_id"].attrs["node_population"] = block.target
    return file
