"""Violations of SONATA in what belongs to a circuit beside its nodes and edges: indices, libraries, types, manifests."""

from __future__ import annotations

import numpy as np

from tests.robustness.circuit_files import Break, at, cell, changed, in_file, in_json, table
from tests.robustness.sonata_config_violations import CIRCUIT, CLAMP, SIMULATION


def _index(file, population, edge, place, n_nodes=1) -> None:
    """Give edges an index by their sources, with one range and one edge of it."""
    file[f"{population}/indices/source_to_target/range_to_edge_id"] = np.array([[0, edge]])
    file[f"{population}/indices/source_to_target/node_id_to_ranges"] = np.array([[0, place]] * n_nodes)


def _no_pairs(file, population) -> None:
    """Give edges an index that has no pairs."""
    file[f"{population}/indices/source_to_target/range_to_edge_id"] = np.arange(3)


def _library(file, population) -> None:
    """Give the nodes of a group a label out of a library that has fewer."""
    n = int((file[f"{population}/node_group_id"][:] == 0).sum())
    file[f"{population}/0/layer"] = np.full(n, 2)
    file.create_dataset(f"{population}/0/@library/layer", data=[b"L4", b"L5"])


def _own_parameters(file, population) -> None:
    """Give edges parameters of a synapse model of their own."""
    file[f"{population}/0/dynamics_params/tau"] = np.ones(file[f"{population}/edge_type_id"].shape[0])


def _gap(file, population) -> None:
    """Number edges from 1."""
    file[f"{population}/edge_id"] = np.arange(file[f"{population}/edge_type_id"].shape[0]) + 1


INDICES: dict[str, Break] = {
    "a manifest in a circle": in_json(CIRCUIT, at("manifest", {"$BASE_DIR": "$NETWORK", "$NETWORK": "$BASE_DIR/x"})),
    "a manifest of itself": in_json(SIMULATION, at("manifest.$BASE_DIR", "$BASE_DIR/x")),
    "a name that no manifest has": in_json(CIRCUIT, at("networks.nodes.0.nodes_file", "$NOWHERE/nodes.h5")),
    "a circuit without nodes": in_json(CIRCUIT, at("networks.nodes", [])),
    "a row too short": table("", lambda rng, rows: [rows[0], rows[1][:-1], *rows[2:]]),
    "an id below 0": table("", lambda rng, rows: [rows[0], ["-7", *rows[1][1:]], *rows[2:]]),
    "parameters in another folder": table("node_types", cell("dynamics_params", "../network/node_types.csv")),
    "a model without its simulator": table("node_types", cell("model_template", "iaf_psc_exp")),
    "other synapses": table("edge_types", cell("model_template", "stdp_synapse")),
    "parameters of synapses that are not there": table("edge_types", cell("dynamics_params", "nowhere.json")),
    "parameters of edges' own": in_file("edges", _own_parameters),
    "an index beyond the edges": in_file("edges", lambda f, p: _index(f, p, 10**6, 1)),
    "an index beyond the ranges": in_file("edges", lambda f, p: _index(f, p, 1, 10**6)),
    "an index of more nodes": in_file("edges", lambda f, p: _index(f, p, 1, 1, 1000)),
    "an index of no pairs": in_file("edges", _no_pairs),
    "an index of another direction": in_file("edges", lambda f, p: f.create_group(f"{p}/indices/up_to_down")),
    "names beyond a library": in_file("nodes", _library),
    "a bit of a weight": changed(("syn_weight",), lambda rng, v: v > 0),
    "edge ids with a gap": in_file("edges", _gap),
    "an input of a clamp from a file": in_json(SIMULATION, at("inputs.y", {**CLAMP, "input_file": "amp.csv"})),
    "a beginning later": in_json(SIMULATION, at("run.tstart", 2.0)),
}
