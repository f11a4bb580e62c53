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
    text,
    twice,
    without,
)

ENDS = ("source_node_id", "target_node_id")
TYPES = ("node_type_id", "edge_type_id")
GROUPS = ("node_group_id", "edge_group_id")
PLACES = ("node_group_index", "edge_group_index")
WEIGHTS = ("syn_weight",)
H5, CSV, JSON = (".h5",), (".csv",), (".json",)
SIMULATION, CIRCUIT = "simulation_config.json", "circuit_config.json"
CLAMP = {
    "input_type": "current_clamp",
    "module": "IClamp",
    "node_set": "all",
    "amp": 1.0,
    "delay": 1.0,
    "duration": 2.0,
}


def _index(file, population, edge, place, n_nodes=1) -> None:
    """Give edges an index by their sources, with one range and one edge of it."""
    file[f"{population}/indices/source_to_target/range_to_edge_id"] = np.array([[0, edge]])
    file[f"{population}/indices/source_to_target/node_id_to_ranges"] = np.array([[0, place]] * n_nodes)


def _library(file, population) -> None:
    """Give the nodes of a group a label out of a library that has fewer."""
    n = int((file[f"{population}/node_group_id"][:] == 0).sum())
    file[f"{population}/0/layer"] = np.full(n, 2)
    file.create_dataset(f"{population}/0/@library/layer", data=[b"L4", b"L5"])


SURE: dict[str, Break] = {
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
    "weights in a table": changed(WEIGHTS, lambda rng, v: np.stack([v, v])),
    "a delay of NaN": table("edge_types", cell("delay", "nan")),
    "a delay of 0": table("edge_types", cell("delay", "0.0")),
    "a delay below 0": table("edge_types", cell("delay", "-1.5")),
    "a delay in words": table("edge_types", cell("delay", "soon")),
    "a delay without end": table("edge_types", cell("delay", "inf")),
    "a number of synapses in words": table("edge_types", cell("nsyns", "many")),
    "a number of synapses below 0": table("edge_types", cell("nsyns", "-2")),
    "a number of synapses between": table("edge_types", cell("nsyns", "1.5")),
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
    # Configs
    "no JSON": as_file(JSON, instead(b"{")),
    "a list for JSON": as_file(JSON, instead(b"[]")),
    "a number for JSON": as_file(JSON, instead(b"3")),
    "JSON in Latin": as_file(JSON, instead(b'{"\xe4": 1}')),
    "deep JSON": as_file(JSON, instead(b'{"a": ' * 30_000 + b"1" + b"}" * 30_000)),
    "no networks": in_json(CIRCUIT, gone("networks")),
    "networks of nothing": in_json(CIRCUIT, at("networks", None)),
    "networks in a list": in_json(CIRCUIT, at("networks", [1])),
    "nodes in a number": in_json(CIRCUIT, at("networks.nodes", 3)),
    "nodes in words": in_json(CIRCUIT, at("networks.nodes", ["nodes.h5"])),
    "no nodes_file": in_json(CIRCUIT, gone("networks.nodes.0.nodes_file")),
    "no edges_file": in_json(CIRCUIT, gone("networks.edges.0.edges_file")),
    "a number for nodes_file": in_json(CIRCUIT, at("networks.nodes.0.nodes_file", 3)),
    "NUL in nodes_file": in_json(CIRCUIT, at("networks.nodes.0.nodes_file", "a\0b")),
    "a folder for nodes_file": in_json(CIRCUIT, at("networks.nodes.0.nodes_file", "$BASE_DIR")),
    "no table of types": in_json(CIRCUIT, at("networks.nodes.0.node_types_file", None)),
    "a manifest in a list": in_json(CIRCUIT, at("manifest", [1])),
    "a manifest of numbers": in_json(CIRCUIT, at("manifest.$BASE_DIR", 3)),
    "components in a list": in_json(CIRCUIT, at("components", ["models"])),
    "a network in a list": in_json(SIMULATION, at("network", [1])),
    "a network that is not there": in_json(SIMULATION, at("network", "nowhere.json")),
    "a network that is itself": in_json(SIMULATION, at("network", "simulation_config.json")),
    "no simulation": in_json(SIMULATION, lambda rng, data: {}),
    "a step of 0": in_json(SIMULATION, at("run.dt", 0)),
    "a step below 0": in_json(SIMULATION, at("run.dt", -0.1)),
    "a step in words": in_json(SIMULATION, at("run.dt", "small")),
    "a step of nothing": in_json(SIMULATION, at("run.dt", None)),
    "a step of NaN": in_json(SIMULATION, at("run.dt", float("nan"))),
    "an end below 0": in_json(SIMULATION, at("run.tstop", -5.0)),
    "an end between steps": in_json(SIMULATION, at("run.tstop", 5.03)),
    "an end without end": in_json(SIMULATION, at("run.tstop", float("inf"))),
    "an end in a list": in_json(SIMULATION, at("run.tstop", [5.0])),
    "no end": in_json(SIMULATION, gone("run.tstop")),
    "no step": in_json(SIMULATION, gone("run.dt")),
    "no run": in_json(SIMULATION, gone("run")),
    "a step that is true": in_json(SIMULATION, at("run.dt", True)),
    "a step in quotes": in_json(SIMULATION, at("run.dt", "0.1")),
    "an end in quotes": in_json(SIMULATION, at("run.tstop", "5")),
    "a key twice": text(SIMULATION, '"tstop": 5.0', '"tstop": 3.0, "tstop": 5.0'),
    "a key of the circuit twice": text(CIRCUIT, '"components":', '"components": {}, "components":'),
    "a run in a list": in_json(SIMULATION, at("run", [5.0])),
    "inputs in a list": in_json(SIMULATION, at("inputs", [1])),
    "an input in words": in_json(SIMULATION, at("inputs.x", "clamp")),
    "an input of no kind": in_json(SIMULATION, at("inputs.*.input_type", "nonesuch")),
    "an input of no module": in_json(SIMULATION, at("inputs.*.module", "nonesuch")),
    "a current in words": in_json(SIMULATION, at("inputs.y", {**CLAMP, "amp": "much"})),
    "a current of NaN": in_json(SIMULATION, at("inputs.y", {**CLAMP, "amp": float("nan")})),
    "a current of nothing": in_json(SIMULATION, at("inputs.y", {**CLAMP, "amp": None})),
    "no current": in_json(SIMULATION, at("inputs.y", {k: v for k, v in CLAMP.items() if k != "amp"})),
    "a current of everybody": in_json(SIMULATION, at("inputs.y", {k: v for k, v in CLAMP.items() if k != "node_set"})),
    "a current that is true": in_json(SIMULATION, at("inputs.y", {**CLAMP, "amp": True})),
    "a current in quotes": in_json(SIMULATION, at("inputs.y", {**CLAMP, "amp": "1.0"})),
    "a current from before": in_json(SIMULATION, at("inputs.y", {**CLAMP, "delay": -1.0})),
    "a current from NaN": in_json(SIMULATION, at("inputs.y", {**CLAMP, "delay": float("nan")})),
    "a current that lasts NaN": in_json(SIMULATION, at("inputs.y", {**CLAMP, "duration": float("nan")})),
    "a current that lasts minus infinity": in_json(SIMULATION, at("inputs.y", {**CLAMP, "duration": float("-inf")})),
    "a current that ends before": in_json(SIMULATION, at("inputs.y", {**CLAMP, "duration": -3.0})),
    "a current between steps": in_json(SIMULATION, at("inputs.y", {**CLAMP, "delay": 0.123})),
    "a node set of nobody": in_json(SIMULATION, at("inputs.*.node_set", "nobody")),
    "a node set of a number": in_json(SIMULATION, at("inputs.*.node_set", 3)),
    "a node set of another population": in_json(SIMULATION, at("inputs.*.node_set", {"population": "nobody"})),
    "a node set of ids between": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [0, 1.5]})),
    "a node set of ids in words": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [0, "one"]})),
    "a node set of ids in a table": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [[0], [1]]})),
    "a node set of ids of nothing": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [0, None]})),
    "a node set of ids that are true": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [0, True]})),
    "a node set of ids beyond": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [0, 10**6]})),
    "a node set of ids below": in_json(SIMULATION, at("inputs.*.node_set", {"node_id": [-1]})),
    "a node set by what is not there": in_json(SIMULATION, at("inputs.*.node_set", {"colour": "red"})),
    "reports in a list": in_json(SIMULATION, at("reports", [1])),
    "a report of nothing": in_json(SIMULATION, at("reports", {"r": {"cells": "all", "module": "membrane_report"}})),
    "a report of another variable": in_json(SIMULATION, at("reports", {"r": {"cells": "all", "variable_name": "nonesuch"}})),
    "a report between steps": in_json(SIMULATION, at("reports", {"r": {"cells": "all", "variable_name": "V_m", "dt": 0.25}})),
    "a report at no time": in_json(SIMULATION, at("reports", {"r": {"cells": "all", "variable_name": "V_m", "dt": 0}})),
    "conditions in words": in_json(SIMULATION, at("conditions", "cold")),
    "a start in words": in_json(SIMULATION, at("conditions", {"v_init": "low"})),
    "a start in quotes": in_json(SIMULATION, at("conditions", {"v_init": "-60"})),
    "a start that is true": in_json(SIMULATION, at("conditions", {"v_init": True})),
    "a start of NaN": in_json(SIMULATION, at("conditions", {"v_init": float("nan")})),
    "node sets that are not there": in_json(SIMULATION, lambda rng, d: at("node_sets_file", "nowhere.json")(rng, d) or at("inputs.*.node_set", "some")(rng, d)),
    "networks in words": in_json(CIRCUIT, at("networks", "network")),
    "edges in a number": in_json(CIRCUIT, at("networks.edges", 3)),
    "edges of nothing": in_json(CIRCUIT, at("networks.edges", None)),
    "nodes of nothing": in_json(CIRCUIT, at("networks.nodes", None)),
    "an entry of nodes in a list": in_json(CIRCUIT, at("networks.nodes.0", [])),
    "an entry of edges of nothing": in_json(CIRCUIT, at("networks.edges.0", None)),
    "an entry of edges in words": in_json(CIRCUIT, at("networks.edges.0", "edges.h5")),
    "a manifest in words": in_json(CIRCUIT, at("manifest", "here")),
    "a manifest of nothing": in_json(CIRCUIT, at("manifest.$NETWORK", None)),
    "components in words": in_json(CIRCUIT, at("components", "models")),
    "components of nothing": in_json(CIRCUIT, at("components", None)),
    "a folder of models in a number": in_json(CIRCUIT, at("components.point_neuron_models_dir", 3)),
    "a run in words": in_json(SIMULATION, at("run", "long")),
    "a run of nothing": in_json(SIMULATION, at("run", None)),
    "inputs in words": in_json(SIMULATION, at("inputs", "all")),
    "an input in a list": in_json(SIMULATION, at("inputs.x", ["clamp"])),
    "an input of nothing": in_json(SIMULATION, at("inputs.x", None)),
    "reports in words": in_json(SIMULATION, at("reports", "V_m")),
    "a report in words": in_json(SIMULATION, at("reports", {"v": "V_m"})),
    "a report in a list": in_json(SIMULATION, at("reports", {"v": ["V_m"]})),
    "a report of a time in words": in_json(SIMULATION, at("reports", {"v": {"cells": "all", "variable_name": "V_m", "dt": "often"}})),
    "conditions in a list": in_json(SIMULATION, at("conditions", [1])),
    "node sets in a number": in_json(SIMULATION, lambda rng, d: at("node_sets_file", 3)(rng, d) or at("inputs.*.node_set", "some")(rng, d)),
    # Parameters of the models
    "a parameter of nobody": in_json("models/*.json", at("V_nonesuch", 1.0)),
    "a parameter in words": in_json("models/*.json", at("tau_m", "long")),
    "a parameter in quotes": in_json("models/*.json", at("tau_m", "20.0")),
    "a parameter of nobody in words": in_json("models/*.json", at("V_nonesuch", "x")),
    "a parameter of nobody in a list": in_json("models/*.json", at("V_nonesuch", [1.0])),
    "a parameter of a mapping": in_json("models/*.json", at("tau_m", {"value": 20.0})),
    "a start among parameters in words": in_json("models/*.json", at("V_m", "low")),
    "a parameter in a list": in_json("models/*.json", at("tau_m", [20.0])),
    "a parameter that is true": in_json("models/*.json", at("tau_m", True)),
    "a parameter of nothing": in_json("models/*.json", at("tau_m", None)),
    "a parameter of NaN": in_json("models/*.json", at("tau_m", float("nan"))),
    "a parameter below 0": in_json("models/*.json", at("tau_m", -20.0)),
    "a parameter without end": in_json("models/*.json", at("V_th", float("inf"))),
    # References
    "a manifest in a circle": in_json(CIRCUIT, at("manifest", {"$BASE_DIR": "$NETWORK", "$NETWORK": "$BASE_DIR/x"})),
    "a manifest of itself": in_json(SIMULATION, at("manifest.$BASE_DIR", "$BASE_DIR/x")),
    "a name that no manifest has": in_json(CIRCUIT, at("networks.nodes.0.nodes_file", "$NOWHERE/nodes.h5")),
    "a circuit without nodes": in_json(CIRCUIT, at("networks.nodes", [])),
    "a column twice": table("", lambda rng, rows: [[*row, row[-1]] for row in rows]),
    "a row too short": table("", lambda rng, rows: [rows[0], rows[1][:-1], *rows[2:]]),
    "an id below 0": table("", lambda rng, rows: [rows[0], ["-7", *rows[1][1:]], *rows[2:]]),
    "parameters in another folder": table("node_types", cell("dynamics_params", "../network/node_types.csv")),
    "a model without its simulator": table("node_types", cell("model_template", "iaf_psc_exp")),
    "other synapses": table("edge_types", cell("model_template", "stdp_synapse")),
    "parameters of synapses that are not there": table("edge_types", cell("dynamics_params", "nowhere.json")),
    "parameters of edges' own": in_file("edges", lambda f, p: f.__setitem__(f"{p}/0/dynamics_params/tau", np.ones(f[f"{p}/edge_type_id"].shape[0]))),
    "an index beyond the edges": in_file("edges", lambda f, p: _index(f, p, 10**6, 1)),
    "an index beyond the ranges": in_file("edges", lambda f, p: _index(f, p, 1, 10**6)),
    "an index of more nodes": in_file("edges", lambda f, p: _index(f, p, 1, 1, 1000)),
    "an index of no pairs": in_file("edges", lambda f, p: f.__setitem__(f"{p}/indices/source_to_target/range_to_edge_id", np.arange(3))),
    "an index of another direction": in_file("edges", lambda f, p: f.create_group(f"{p}/indices/up_to_down")),
    "names beyond a library": in_file("nodes", _library),
    "a bit of a weight": changed(WEIGHTS, lambda rng, v: v > 0),
    "edge ids with a gap": in_file("edges", lambda f, p: f.__setitem__(f"{p}/edge_id", np.arange(f[f"{p}/edge_type_id"].shape[0]) + 1)),
    "an input of a clamp from a file": in_json(SIMULATION, at("inputs.y", {**CLAMP, "input_file": "amp.csv"})),
    "a beginning later": in_json(SIMULATION, at("run.tstart", 2.0)),
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
