"""Violations of SONATA by name, each broken by construction: what must be refused in one line.

Each is a function of a random generator and the folder of a circuit from circuit_bases.py, and returns what it
broke. `SURE` ones break the format; `OPEN` ones may leave a circuit right, so that only how they end is judged.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from tests.robustness.circuit_files import (
    GROUP_COLUMNS,
    ID_COLUMNS,
    Break,
    anywhere,
    as_file,
    as_folder,
    as_link,
    as_pipe,
    at,
    cell,
    changed,
    cut,
    flips,
    gone,
    h5py,
    in_file,
    in_json,
    in_root,
    instead,
    linked,
    one,
    onto_virtual,
    overlapping,
    remove,
    table,
    twice,
    without,
)
from tests.robustness.sonata_config_violations import CIRCUIT, CONFIGS, SIMULATION
from tests.robustness.sonata_index_violations import INDICES

ENDS = ("source_node_id", "target_node_id")
TYPES = ("node_type_id", "edge_type_id")
GROUPS = ("node_group_id", "edge_group_id")
PLACES = ("node_group_index", "edge_group_index")
WEIGHTS = ("syn_weight",)
H5, CSV, JSON = (".h5",), (".csv",), (".json",)
SURE: dict[str, Break] = CONFIGS | INDICES | {
    # Ids
    "an end is -1": changed(ENDS, one(-1, np.int64)),
    "an end is one beyond": changed(ENDS, one(20, np.int64)),
    "an end is far beyond": changed(ENDS, one(2**40, np.int64)),
    "an end is the largest number": changed(ENDS, one(2**64 - 1, np.uint64)),
    "ends between ids": changed(ENDS, lambda rng, v: v.astype(float) + 0.5),
    "ends that are no numbers": changed(ENDS, lambda rng, v: [b"x"] * len(v)),
    "ends that are NaN": changed(ENDS, lambda rng, v: np.full(len(v), np.nan)),
    "a type of nobody": changed(TYPES, one(12345)),
    "a type of -1": changed(TYPES, one(-1, np.int64)),
    "types between ids": changed(TYPES, lambda rng, v: v.astype(float) + 0.25),
    "groups between": changed(GROUPS, lambda rng, v: v + 0.5),
    "places between": changed(PLACES, lambda rng, v: v + 0.5),
    "places that are true": changed(PLACES, lambda rng, v: v > 0),
    "ends that are true": changed(ENDS, lambda rng, v: v > 0),
    "a group that is not there": changed(GROUPS, one(77, np.int64)),
    "a group of -1": changed(GROUPS, one(-1, np.int64)),
    "a place of -1": changed(PLACES, one(-1, np.int64)),
    "a place one beyond": changed(PLACES, one(len, np.int64)),
    "a place far beyond": changed(PLACES, one(2**40, np.int64)),
    "two have one place": overlapping,
    "node ids with a gap": in_file("nodes", lambda f, p: _node_ids(f, p, lambda v: v + 1)),
    "node ids twice": in_file("nodes", lambda f, p: _node_ids(f, p, lambda v: v * 0)),
    # Datasets
    "no ids": without(ID_COLUMNS),
    "no groups": without(GROUP_COLUMNS),
    "ids one short": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: v[:-1]),
    "ids one long": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: np.append(v, v[:1])),
    "no ids at all": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: v[:0]),
    "ids in a table": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: v.reshape(1, -1)),
    "ids in a scalar": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: v[0]),
    "ids in words": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: [b"one"] * len(v)),
    "ids of nothing": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: h5py.Empty("i8")),
    "ids in records": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: np.zeros(len(v), [("a", "i8"), ("b", "f4")])),
    "a group in the place of ids": in_file("edges", lambda f, p: _group_instead(f, f"{p}/source_node_id")),
    "a group in the place of types": in_file("nodes", lambda f, p: _group_instead(f, f"{p}/node_type_id")),
    "no group of attributes": in_file("edges", lambda f, p: f.__delitem__(f"{p}/0")),
    "attributes one short": changed((), lambda rng, v: v[:-1]),
    "no attributes": changed((), lambda rng, v: v[:0]),
    # Values
    "a weight of NaN": changed(WEIGHTS, one(np.nan)),
    "a weight of infinity": changed(WEIGHTS, one(np.inf)),
    "weights in words": changed(WEIGHTS, lambda rng, v: [b"heavy"] * len(v)),
    "weights in quotes": changed(WEIGHTS, lambda rng, v: [b"100.0"] * len(v)),
    "weights that are true": changed(WEIGHTS, lambda rng, v: v > 0),
    "weights of two parts": changed(WEIGHTS, lambda rng, v: v + 1j),
    "weights in a table": changed(WEIGHTS, lambda rng, v: np.stack([v, v])),
    "a delay of NaN": table("edge_types", cell("delay", "nan")),
    "a delay of 0": table("edge_types", cell("delay", "0.0")),
    "a delay below 0": table("edge_types", cell("delay", "-1.5")),
    "a delay in words": table("edge_types", cell("delay", "soon")),
    "a delay without end": table("edge_types", cell("delay", "inf")),
    "a number of synapses in words": table("edge_types", cell("nsyns", "many")),
    "a number of synapses below 0": table("edge_types", cell("nsyns", "-2")),
    "a number of synapses between": table("edge_types", cell("nsyns", "1.5")),
    "a synapse of nobody": table("edge_types", cell("model_template", "nonesuch_synapse")),
    "a synapse that learns": table("edge_types", cell("model_template", "stdp_synapse")),
    "a receptor of nobody": table("edge_types", cell("receptor", "nonesuch")),
    "a weight function": table("edge_types", cell("weight_function", "gaussian")),
    # What differs among nodes of a type, which a population of distsim cannot
    "a model of one node's own": in_file("nodes", lambda f, p: _own(f, p, "model_template", b"nest:iaf_psc_alpha")),
    "parameters of nodes' own": in_file("nodes", lambda f, p: _own(f, p, "dynamics_params/tau_m", 3.0)),
    # Attributes, links, groups
    "no population of an end": in_file("edges", lambda f, p: f[f"{p}/source_node_id"].attrs.__delitem__("node_population")),
    "another population of an end": in_file("edges", lambda f, p: f[f"{p}/target_node_id"].attrs.__setitem__("node_population", "nobody")),
    "a number for a population": in_file("edges", lambda f, p: f[f"{p}/source_node_id"].attrs.__setitem__("node_population", 3)),
    "nothing for a population": in_file("edges", lambda f, p: f[f"{p}/source_node_id"].attrs.__setitem__("node_population", "")),
    "edges onto virtual nodes": onto_virtual,
    "a soft link to nowhere": linked((*ID_COLUMNS, *GROUP_COLUMNS), lambda: h5py.SoftLink("/nowhere")),
    "a link to a file that is not there": linked((*ID_COLUMNS, *GROUP_COLUMNS), lambda: h5py.ExternalLink("nowhere.h5", "/x")),
    "a link to what is no HDF5": linked((*ID_COLUMNS, *GROUP_COLUMNS), lambda: h5py.ExternalLink("/etc/passwd", "/x")),
    "a link to itself": in_file("nodes", lambda f, p: _to_root(f, f"{p}/node_type_id")),
    "no nodes": in_file("nodes", lambda f, p: f.__delitem__("nodes")),
    "no edges": in_file("edges", lambda f, p: f.__delitem__("edges")),
    "nodes of no population": in_file("nodes", lambda f, p: _empty(f, "nodes")),
    "a dataset for a population": in_file("nodes", lambda f, p: _dataset_instead(f, p)),
    "a dataset for edges": in_file("edges", lambda f, p: _dataset_instead(f, p)),
    "a population of nodes twice": twice("nodes"),
    "a population of edges twice": twice("edges"),
    "another magic number": in_root("magic", np.uint32(0xBAD)),
    "another version": in_root("version", np.array([99, 0], np.uint32)),
    # Files
    "no file": as_file((*H5, *CSV), remove),
    "an empty file": as_file((*H5, *CSV, *JSON), instead(b"")),
    "another file": as_file(H5, instead(b"\x7fELF" + bytes(900))),
    "a folder for a file": as_file((*H5, *CSV, *JSON), as_folder),
    "a link to nowhere": as_file((*H5, *CSV, *JSON), as_link("nowhere")),
    "a file that is a link to itself": as_file((*H5, *CSV, *JSON), as_link("itself")),
    "an endless file": as_file((*CSV, *JSON, *H5), as_link("/dev/zero")),
    "a pipe": as_file((*H5, *CSV, *JSON), as_pipe),
    "half a file": as_file((*H5, *JSON), cut),
    # Tables of types
    "no column of ids": table("", lambda rng, rows: [[c for c in row[1:]] or ["x"] for row in rows]),
    "a table of a header": table("", lambda rng, rows: rows[:1]),
    "a column twice": table("", lambda rng, rows: [[*row, row[-1] + ("" if row is rows[0] else "1")] for row in rows]),
    "a type twice": table("", lambda rng, rows: [*rows, rows[1]]),
    "an id in words": table("", lambda rng, rows: [rows[0], ["seven", *rows[1][1:]], *rows[2:]]),
    "an id of nothing": table("", lambda rng, rows: [rows[0], ["NULL", *rows[1][1:]], *rows[2:]]),
    "a row too long": table("", lambda rng, rows: [*rows, [*rows[1], "more", "and", "more"]]),
    "no model_type": table("node_types", cell("model_type", "NULL")),
    "another model_type": table("node_types", cell("model_type", "biophysical")),
    "no model": table("node_types", cell("model_template", "NULL")),
    "a model of nobody": table("node_types", cell("model_template", "nest:iaf_nonesuch")),
    "a model of Python": table("node_types", cell("model_template", "nest:model.py:leaky")),
    "parameters that are not there": table("node_types", cell("dynamics_params", "nowhere.json")),
    "parameters elsewhere": table("node_types", cell("dynamics_params", "/etc/passwd")),
    "bytes in a table": as_file(CSV, instead(b"node_type_id\xff\xfe model_type\n1 \xff\n")),
    "NUL in a table": as_file(CSV, instead(b"node_type_id model_type\n1\0 virtual\n")),
    "a quote without end": as_file(CSV, instead(b'node_type_id edge_type_id model_type\n1 2 "virtual\n')),
}  # fmt: skip
# Of circuits whose edges have delays and numbers of their own.
WITH_DELAYS: dict[str, Break] = {
    "a delay of an edge of NaN": changed(("delay",), one(np.nan)),
    "a delay of an edge of 0": changed(("delay",), one(0.0)),
    "a delay of an edge below 0": changed(("delay",), one(-1.0)),
    "a delay of an edge without end": changed(("delay",), one(np.inf)),
    "delays of edges in a table": changed(("delay",), lambda rng, v: np.stack([v, v])),
    "delays of edges in a scalar": changed(("delay",), lambda rng, v: v[0]),
    "delays of edges in words": changed(("delay",), lambda rng, v: [b"soon"] * len(v)),
    "delays of edges one long": changed(("delay",), lambda rng, v: np.append(v, 1.0)),
    "numbers of edges below 0": changed(("nsyns",), one(-1)),
    "numbers of edges between": changed(("nsyns",), one(1.5, np.float64)),
    "numbers of edges of NaN": changed(("nsyns",), one(np.nan, np.float64)),
    "numbers of edges in a table": changed(("nsyns",), lambda rng, v: np.stack([v, v])),
    "a node set of itself": in_json("node_sets.json", at("both", ["both"])),
    "a node set of a set of nobody": in_json("node_sets.json", at("both", ["few", "nobody"])),
    "a node set of a set of numbers": in_json("node_sets.json", at("both", ["few", 3])),
    "a node set of one population twice": in_json("node_sets.json", at("both", {"population": ["a", "nobody"]})),
}  # fmt: skip
# Of circuits with spikes from a file only.
WITH_INPUTS: dict[str, Break] = {
    "no times": without(("timestamps",)),
    "no nodes of spikes": without(("node_ids",)),
    "times one short": changed(("timestamps",), lambda rng, v: v[:-1]),
    "times of NaN": changed(("timestamps",), one(np.nan)),
    "a time below 0": changed(("timestamps",), one(-1.0)),
    "a time without end": changed(("timestamps",), one(np.inf)),
    "times in another unit": in_file("spikes", lambda f, p: f[f"{p}/timestamps"].attrs.__setitem__("units", "parsec")),
    "a file of spikes of another kind": in_json(SIMULATION, at("inputs.trains.module", "csv")),
    "times that are true": changed(("timestamps",), lambda rng, v: v > 1.0),
    "times in quotes": changed(("timestamps",), lambda rng, v: [b"1.0"] * len(v)),
    "spikes of nodes that are true": changed(("node_ids",), lambda rng, v: v > 0),
    "spikes of neurons": in_json(SIMULATION, at("inputs.trains.node_set", {"population": "v1"})),
    "times in words": changed(("timestamps",), lambda rng, v: [b"now"] * len(v)),
    "times in a table": changed(("timestamps",), lambda rng, v: np.stack([v, v])),
    "spikes of nodes beyond": changed(("node_ids",), one(99, np.int64)),
    "spikes of node -1": changed(("node_ids",), one(-1, np.int64)),
    "spikes of nodes between": changed(("node_ids",), lambda rng, v: v + 0.5),
    "no spikes": in_file("spikes", lambda f, p: f.__delitem__("spikes")),
    "spikes of another population": in_file("spikes", lambda f, p: f.move(p, "spikes/nobody")),
    "a dataset for spikes": in_file("spikes", lambda f, p: _dataset_instead(f, p)),
    "spikes that are not there": in_json(SIMULATION, at("inputs.trains.input_file", "nowhere.h5")),
    "a number for input_file": in_json(SIMULATION, at("inputs.trains.input_file", 3)),
    "no input_file": in_json(SIMULATION, gone("inputs.trains.input_file")),
    "node sets in a list": in_json("node_sets.json", lambda rng, data: []),
    "node sets of numbers": in_json("node_sets.json", at("some", 3)),
    "a set of itself": in_json("node_sets.json", at("some", ["some"])),
    "a set of ids beyond": in_json("node_sets.json", at("some", {"population": "v1", "node_id": [3, 999]})),
    "a set of ids below": in_json("node_sets.json", at("some", {"population": "v1", "node_id": [-3, 3]})),
    "a set of ids in words": in_json("node_sets.json", at("some", {"population": "v1", "node_id": [3, "4"]})),
    "a set of a population and nobody": in_json("node_sets.json", at("some", {"population": ["v1", "nobody"]})),
}  # fmt: skip
OPEN: dict[str, Break] = {
    "bytes of HDF5 changed": as_file(H5, flips),
    "bytes of tables changed": as_file(CSV, flips),
    "bytes of JSON changed": as_file(JSON, flips),
    "half a table": as_file(CSV, cut),
    "a file cut anywhere": as_file((*H5, *CSV, *JSON), lambda rng, p: p.write_bytes(p.read_bytes()[: -rng.randrange(1, 200)]) and None),
    "something else in the simulation": in_json(SIMULATION, anywhere),
    "something else in the circuit": in_json(CIRCUIT, anywhere),
    "something else in the parameters": in_json("models/*.json", anywhere),
    "weights of another size": changed(WEIGHTS, lambda rng, v: v * rng.choice([0, -1, 1e300, 1e-300, 1e10])),
    "ids of another type": changed((*ID_COLUMNS, *GROUP_COLUMNS), lambda rng, v: v.astype(rng.choice(["i2", "u1", "f8", "i8", ">i4"]))),
}  # fmt: skip


# What edges or parameters of a base say themselves, whatever is broken behind it.
SAID_OTHERWISE = {
    "plain": ("a start in words", "a start in quotes", "a start that is true", "a start of NaN"),
    "listed": tuple(name for name in SURE if name.startswith(("a delay ", "a number of synapses "))),
}  # fmt: skip


def surely(base: str) -> dict[str, Break]:
    """Return the violations of a base that surely make it wrong."""
    found = SURE | (WITH_INPUTS if base == "mixed" else {}) | (WITH_DELAYS if base == "listed" else {})
    return {name: change for name, change in found.items() if name not in SAID_OTHERWISE.get(base, ())}


def apply(base: str, name: str, rng: random.Random, folder: Path) -> tuple[str, str | None]:
    """Break a circuit; return what was broken, and why it surely is wrong, None where it may be right."""
    sure = surely(base)
    return (sure[name](rng, folder), name) if name in sure else (OPEN[name](rng, folder), None)


def _node_ids(file, population, change) -> None:
    name = f"{population}/node_id"
    values = change(np.arange(file[f"{population}/node_type_id"].shape[0]))
    if name in file:
        del file[name]
    file[name] = values


def _group_instead(file, name) -> None:
    del file[name]
    file.create_group(name)


def _dataset_instead(file, name) -> None:
    del file[name]
    file[name] = np.arange(3)


def _to_root(file, name) -> None:
    del file[name]
    file[name] = file["/"]


def _empty(file, name) -> None:
    del file[name]
    file.create_group(name)


def _own(file, population, name, value) -> None:
    """Give the nodes of a group an attribute of their own, which differs at the first."""
    n = int((file[f"{population}/node_group_id"][:] == 0).sum())
    if isinstance(value, bytes):
        file.create_dataset(f"{population}/0/{name}", data=[value, *[b"nest:iaf_psc_exp"] * (n - 1)])
    else:
        file.create_dataset(f"{population}/0/{name}", data=[value, *[10.0] * (n - 1)])
