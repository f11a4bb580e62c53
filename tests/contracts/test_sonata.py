"""SONATA circuits: exported ones are read by libsonata and give the same spikes; ones of other tools run."""

from __future__ import annotations

import json

import h5py
import libsonata
import numpy as np
import pytest

import distsim as ds
from tests.distributed.kill_rounds import CONFIG

TYPES = """node_type_id model_type model_template dynamics_params pop_name
7 point_neuron nest:iaf_psc_exp exc.json LIFe
9 point_neuron nest:iaf_psc_alpha "inh params.json" LIFi
"""
CIRCUIT = {
    "manifest": {"$BASE_DIR": "${configdir}", "$NETWORK": "$BASE_DIR/network"},
    "components": {"point_neuron_models_dir": "$BASE_DIR/models"},
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


def run(distsim, *arguments):
    """Run the command line; it has to end well."""
    done = distsim(*arguments)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def exported(distsim, tmp_path_factory):
    """A network with all generators: run, exported, and the export run."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "net.yaml").write_text(CONFIG)
    change = ("--set", "simulation.duration=150", "--set", "simulation.transient=50")
    run(distsim, "run", folder / "net.yaml", "-q", "--output", folder / "first", *change)
    run(distsim, "export", folder / "net.yaml", "--to", "sonata", "--output", folder / "circuit", *change)
    run(distsim, "run", folder / "circuit" / "simulation_config.json", "-q", "--output", folder / "second")
    return folder


def test_export_gives_the_same_spikes(exported):
    """Spikes, counts and states, bit by bit."""
    first, second = ds.open_run(exported / "first"), ds.open_run(exported / "second")
    assert first.summary["spike_hash"] == second.summary["spike_hash"]
    assert first.summary["counts"] == second.summary["counts"] and first.summary["counts"]["spikes"] > 1000
    assert first.reports() == second.reports()
    assert np.array_equal(first.states("V_m", "exc")[2], second.states("V_m", "exc")[2])


@pytest.mark.parametrize("weights", ["auto", "exact"])
def test_export_of_weights_in_32_bits(weights, distsim, tmp_path):
    """Weights of very different sizes come back with the same bits, whatever unit they had."""
    (tmp_path / "net.yaml").write_text(CONFIG)
    law = "{lognormal: [3.2, 1.2]}" if weights == "auto" else "{uniform: [30.03, 50.07]}"
    change = [f"simulation.weights={weights}", "simulation.duration=80", "simulation.transient=20"]
    change = [x for c in [*change, f"network.projections.4.weight={law}"] for x in ("--set", c)]
    run(distsim, "run", tmp_path / "net.yaml", "-q", "--output", tmp_path / "first", *change)
    run(distsim, "export", tmp_path / "net.yaml", "--to", "sonata", "--output", tmp_path / "circuit", *change)
    run(distsim, "run", tmp_path / "circuit" / "simulation_config.json", "-q", "--output", tmp_path / "second")
    first, second = ds.open_run(tmp_path / "first").summary, ds.open_run(tmp_path / "second").summary
    kept = {w["representation"] for s in (first, second) for w in s["network"]["weights_by_projection"].values()}
    assert kept == {"float32"} and second["run"]["weights"] == weights
    assert first["spike_hash"] == second["spike_hash"] and first["counts"]["spikes"] > 300


def test_libsonata_reads_the_export(exported):
    """Nodes, edges, ids, weights and delays, as another reader sees them; the config as well."""
    circuit = exported / "circuit"
    nodes = libsonata.NodeStorage(str(circuit / "nodes_exc.h5"))
    assert nodes.population_names == {"exc"} and nodes.open_population("exc").size == 800
    storage = libsonata.EdgeStorage(str(circuit / "edges_exc_to_inh.h5"))
    edges = storage.open_population("exc_to_inh")
    assert (edges.source, edges.target, edges.size) == ("exc", "inh", 80 * 200)
    everyone = libsonata.Selection([(0, edges.size)])
    weights = np.array(edges.get_attribute("syn_weight", everyone))
    assert abs(weights.mean() - 40.0) < 0.2 and abs(weights.std() - 4.0) < 0.1
    delays = np.array(edges.get_attribute("delay", everyone))
    assert delays.min() >= 0.5 and delays.max() <= 4.0 and np.allclose(delays * 10, np.round(delays * 10))
    counts = np.bincount(edges.target_nodes(everyone), minlength=200)
    assert (counts == 80).all() and max(edges.source_nodes(everyone)) < 800
    total = sum(
        libsonata.EdgeStorage(str(path)).open_population(path.stem.removeprefix("edges_")).size
        for path in circuit.glob("edges_*.h5")
    )
    assert total == ds.open_run(exported / "first").summary["network"]["n_synapses"]
    libsonata.CircuitConfig.from_file(str(circuit / "circuit_config.json"))


def write_nodes(path, name, type_ids):
    """Write nodes as BMTK does, compressed."""
    with h5py.File(path, "w") as file:
        group = file.create_group(f"nodes/{name}")
        n = len(type_ids)
        group.create_dataset("node_type_id", data=type_ids, compression="gzip")
        group.create_dataset("node_id", data=np.arange(n))
        group.create_dataset("node_group_id", data=np.zeros(n, int))
        group.create_dataset("node_group_index", data=np.arange(n))
        group.create_group("0").create_dataset("x", data=np.arange(n, dtype=float), compression="gzip")


def write_edges(path, name, source, target, edges):
    """Write edges with weights of their own, as BMTK does, compressed."""
    pre, post, kind, weight = (np.array(c) for c in zip(*edges, strict=True))
    with h5py.File(path, "w") as file:
        group = file.create_group(f"edges/{name}")
        for column, values, population in (("source", pre, source), ("target", post, target)):
            group.create_dataset(f"{column}_node_id", data=values, compression="gzip").attrs["node_population"] = (
                population
            )
        group.create_dataset("edge_type_id", data=kind)
        group.create_dataset("edge_group_id", data=np.zeros(len(pre), int))
        group.create_dataset("edge_group_index", data=np.arange(len(pre)))
        group.create_group("0").create_dataset("syn_weight", data=weight.astype(float), compression="gzip")


@pytest.fixture
def circuit(tmp_path):
    """A small circuit of another tool: types that alternate, virtual nodes, node sets, quoted names."""
    network = tmp_path / "network"
    network.mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "exc.json").write_text(json.dumps({"V_th": -50.0, "tau_m": 20.0, "t_ref": 3.0}))
    (tmp_path / "models" / "inh params.json").write_text(json.dumps({"V_th": -52.0, "V_m": -65.0}))
    (network / "node_types.csv").write_text(TYPES)
    (network / "virtual_types.csv").write_text("node_type_id model_type\n1 virtual\n")
    (network / "edge_types.csv").write_text(
        "edge_type_id delay nsyns model_template\n1 1.5 1 static_synapse\n2 2.0 3 static_synapse\n"
    )
    write_nodes(network / "nodes.h5", "v1", [7, 9] * 10)
    write_nodes(network / "virtual.h5", "in", [1, 1])
    write_edges(network / "edges.h5", "v1_v1", "v1", "v1", [(0, 1, 1, 5000.0), (1, 2, 2, -100.0), (2, 0, 1, 30.0)])
    write_edges(network / "input_edges.h5", "in_v1", "in", "v1", [(0, 0, 1, 5000.0), (1, 19, 2, 3000.0)])
    with h5py.File(tmp_path / "inputs.h5", "w") as file:
        group = file.create_group("spikes/in")
        group.create_dataset("timestamps", data=[60.0, 10.0, 5.0])
        group.create_dataset("node_ids", data=[0, 0, 1])
    (tmp_path / "node_sets.json").write_text(json.dumps({"some": {"population": "v1", "node_id": [3, 4, 5]}}))
    (tmp_path / "circuit_config.json").write_text(json.dumps(CIRCUIT))
    (tmp_path / "simulation_config.json").write_text(json.dumps(SIMULATION))
    return tmp_path


def test_circuit_of_another_tool(distsim, circuit):
    """Spikes stand under the circuit's ids; the same network, described in Python, gives the same ones."""
    run(distsim, "run", circuit / "simulation_config.json", "-q", "--output", circuit / "run")
    found = ds.read_spikes(circuit / "run" / "spikes.h5")
    assert list(found) == ["v1"]
    net = ds.Network("python")
    exc = net.population("exc", 10, "iaf_psc_exp", init={"V_m": -60.0}, V_th=-50.0, tau_m=20.0, t_ref=3.0)
    inh = net.population("inh", 10, "iaf_psc_alpha", init={"V_m": -65.0}, V_th=-52.0)
    trains = net.device("in", "spike_generator", size=2, spike_times=[[10.0, 60.0], [5.0]])
    clamp = net.device("clamp", "dc_generator", amplitude=1000.0, start=20.0, stop=70.0)
    net.project(exc, inh, ds.edges([0], [0], [5000.0], [1.5]))
    net.project(inh, exc, ds.edges([0], [1], [-300.0], [2.0]))
    net.project(exc, exc, ds.edges([1], [0], [30.0], [1.5]))
    net.project(trains, exc, ds.edges([0], [0], [5000.0], [1.5]))
    net.project(trains, inh, ds.edges([1], [9], [9000.0], [2.0]))
    net.project(clamp, exc[2:3], delay=0.1)
    net.project(clamp, inh[1:3], delay=0.1)
    net.record("spikes", exc + inh)
    sim = ds.Simulation(net)
    sim.run(100.0)
    times, gids = sim.spikes()
    nodes = np.where(gids < 10, 2 * gids, 2 * (gids - 10) + 1)
    order = np.lexsort((nodes, times))
    expected = list(zip(times[order], nodes[order], strict=True))
    assert sorted(zip(*found["v1"], strict=True)) == expected and {0, 1, 3, 4, 5, 19} <= set(nodes.tolist())
    # The report of a node set: its nodes, the circuit's ids.
    opened = ds.open_run(circuit / "run")
    times, ids, values = opened.states("V_m", "v1")
    assert ids.tolist() == [3, 4, 5] and len(times) == 200 and values.std() > 1.0
    assert len(opened.spikes("v1_7")[0]) + len(opened.spikes("v1_9")[0]) == len(expected)
    # The run's folder is a config, as always.
    run(distsim, "run", circuit / "run", "-q", "--output", circuit / "again")
    assert ds.open_run(circuit / "again").summary["spike_hash"] == opened.summary["spike_hash"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: (c / "network" / "nodes.h5").unlink(), "nodes.h5: no such file"),
        (lambda c: (c / "network" / "edges.h5").write_text("no"), "edges.h5: cannot be read"),
        (lambda c: (c / "models" / "exc.json").write_text("{"), "exc.json: cannot be read"),
        (lambda c: (c / "models" / "exc.json").write_text('{"V_thr": 1.0}'), "unknown parameter 'V_thr'"),
        (lambda c: (c / "network" / "node_types.csv").write_text(TYPES.replace("iaf_psc_exp", "iaf_tum")), "nest:iaf_tum"),
        (lambda c: (c / "network" / "node_types.csv").write_text(TYPES.replace("7 point_neuron", "7 biophysical")), "expected point_neuron or virtual, got 'biophysical'"),
        (lambda c: (c / "network" / "node_types.csv").write_text(TYPES.replace("\n7 ", "\n8 ")), "expected types for the ids [7]"),
        (lambda c: (c / "node_sets.json").write_text("{}"), "unknown node set 'some'"),
        (lambda c: (c / "circuit_config.json").write_text("{}"), "networks: missing"),
    ],
)  # fmt: skip
def test_bad_circuits(distsim, circuit, change, message):
    """One line with the place, code 2, nothing left behind."""
    change(circuit)
    before = set(circuit.iterdir())
    done = distsim("run", circuit / "simulation_config.json", "-q", "--output", circuit / "run")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert message in done.stderr
    assert set(circuit.iterdir()) - before <= {circuit / "run-network"}


def test_export_refuses(distsim, tmp_path):
    """A folder that exists, another format."""
    assert "expected a new folder" in distsim("export", "quickstart", "--output", tmp_path).stderr
    done = distsim("export", "quickstart", "--to", "neuroml", "--output", tmp_path / "x")
    assert done.returncode == 2 and "unknown format 'neuroml'" in done.stderr
