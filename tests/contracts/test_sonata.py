"""SONATA circuits: exported ones are read by libsonata and give the same spikes; ones of other tools run."""

from __future__ import annotations

import json

import libsonata
import numpy as np
import pytest

import distsim as ds
from distsim import cli
from distsim.errors import InputError
from distsim.io.sonata_network import import_circuit
from distsim.network.config import load_config
from tests.contracts.sonata_circuit import TYPES, write_circuit
from tests.distributed.kill_rounds import CONFIG


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


@pytest.fixture
def circuit(tmp_path):
    """A small circuit of another tool: types that alternate, virtual nodes, node sets, quoted names."""
    write_circuit(tmp_path)
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


def test_parameters_as_the_allen_institute_writes_them(tmp_path):
    """glif_psc with truth values and lists, one by one as distsim has them; too many entries are refused."""
    given = {"C_m": 58.72, "after_spike_currents": True, "adapting_threshold": False, "asc_amps": [-9.2, -198.9],
             "asc_decay": [0.003, 0.1], "asc_init": [1.0, 2.0], "asc_r": [1.0, 0.5], "tau_syn": [5.5, 8.5], "V_m": -75.0}  # fmt: skip
    write_circuit(tmp_path)
    types = TYPES.replace("iaf_psc_exp", "glif_psc")
    (tmp_path / "network" / "node_types.csv").write_text(types)
    (tmp_path / "models" / "exc.json").write_text(json.dumps(given))
    path = import_circuit(tmp_path / "simulation_config.json", tmp_path / "run-network")
    cells = load_config(path).network.resolved().populations["v1_7"]
    wanted = {"C_m": 58.72, "after_spike_currents": 1.0, "adapting_threshold": 0.0, "asc_amp_1": -9.2, "asc_amp_2": -198.9,
              "asc_decay_1": 0.003, "asc_decay_2": 0.1, "asc_r_2": 0.5, "tau_syn_ex": 5.5, "tau_syn_in": 8.5}  # fmt: skip
    assert {k: cells.params[k] for k in wanted} == wanted
    assert [cells.init[k].a for k in ("V_m", "ASCurrent_1", "ASCurrent_2")] == [-75.0, 1.0, 2.0]
    for change in (
        {"asc_amps": [1.0] * 3},
        {"tau_syn": [5.5, 8.5, 2.8]},
        {"C_m": True},
        {"asc_r": [True]},
        {"g": [9.0]},
    ):
        (tmp_path / "models" / "exc.json").write_text(json.dumps(given | change))
        with pytest.raises(InputError, match=r"exc\.json"):
            import_circuit(tmp_path / "simulation_config.json", tmp_path / "no-network")
    # What only Allen's fork of NEST has is refused with the models that there are.
    (tmp_path / "network" / "node_types.csv").write_text(TYPES.replace("iaf_psc_exp", "glif_lif_asc_psc"))
    with pytest.raises(InputError, match="unknown neuron model 'nest:glif_lif_asc_psc'"):
        import_circuit(tmp_path / "simulation_config.json", tmp_path / "no-network")


def test_output_of_the_config_is_where_the_run_goes(tmp_path, capsys):
    """``output.output_dir`` is honoured, beside it where it exists; files that are called otherwise are told."""
    path = write_circuit(tmp_path)
    data = json.loads(path.read_text())
    data["output"] = {"output_dir": "$BASE_DIR/out", "overwrite_output_dir": True, "spikes_file": "mine.h5"}
    path.write_text(json.dumps(data))
    assert cli.load(str(path), []).output.path == str(tmp_path / "out")
    assert "output.spikes_file: is left out" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("")
    assert cli.load(str(path), []).output.path == str(tmp_path / "out-2")
    assert "output.output_dir" in capsys.readouterr().err and (tmp_path / "out" / "kept").exists()
    assert cli.load(str(path), [], str(tmp_path / "given")).output.path == str(tmp_path / "given")


def test_what_static_synapses_leave_out_is_told(tmp_path, capsys):
    """Parameters of an edge type that a static synapse has no use for; windows of reports."""
    path = write_circuit(tmp_path)
    (tmp_path / "synapses" / "static.json").write_text(json.dumps({"receptor_type": 2}))
    data = json.loads(path.read_text())
    data["reports"]["v"]["start_time"] = 20.0
    path.write_text(json.dumps(data))
    import_circuit(path, tmp_path / "run-network")
    told = capsys.readouterr().err
    assert "static.json: receptor_type of static synapses" in told and "reports.v.start_time: is left out" in told
