"""The commands as a user types them, and what they leave behind."""

from __future__ import annotations

import hashlib
import json
import re

import libsonata
import numpy as np
import pytest

from distsim import __version__
from distsim.io import read_spikes, spike_hash
from distsim.network.config import load_config


@pytest.fixture(scope="module")
def finished(distsim, tmp_path_factory):
    """A finished run of quickstart: (folder, standard output, summary)."""
    folder = tmp_path_factory.mktemp("run") / "quickstart"
    done = distsim("run", "quickstart", "--duration", "200", "--set", "simulation.transient=50", "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder, done, json.loads((folder / "summary.json").read_text())


def test_run_folder_is_whole(finished):
    """Config, spikes and summary; no log and no temporary file."""
    folder, _, summary = finished
    assert sorted(p.name for p in folder.iterdir()) == ["config.yaml", "spikes.h5", "summary.json"]
    assert summary["config_sha256"] == hashlib.sha256((folder / "config.yaml").read_bytes()).hexdigest()


def test_summary_has_the_promised_keys(finished):
    """Scripts outside the project rely on these names."""
    _, _, summary = finished
    assert {
        "schema", "distsim_version", "started", "hostname", "config_sha256", "network", "run", "timing", "memory",
        "counts", "counts_by_population", "counts_by_projection", "energy", "rates_hz", "spike_hash", "warnings",
    } == set(summary)  # fmt: skip
    assert {"name", "n_neurons", "n_synapses", "n_synapses_by_projection", "populations"} <= set(summary["network"])
    assert {
        "n_ranks", "dt_ms", "duration_ms", "transient_ms", "seed", "partitioner", "exchange", "precision",
        "min_delay_ms", "max_delay_ms",
    } <= set(summary["run"])  # fmt: skip
    assert {
        "compile_wall_seconds", "build_wall_seconds", "run_wall_seconds", "real_time_factor", "phases",
    } <= set(summary["timing"])  # fmt: skip
    assert {"deliver", "update", "exchange", "record", "checkpoint"} <= set(summary["timing"]["phases"])
    assert {
        "neuron_updates", "spikes", "synaptic_events", "external_events", "plasticity_updates", "bytes_sent",
        "messages",
    } == set(summary["counts"])  # fmt: skip
    assert summary["distsim_version"] == __version__
    assert summary["run"]["duration_ms"] == 200.0 and summary["run"]["transient_ms"] == 50.0
    assert summary["counts"]["neuron_updates"] == 1500 * 2000


def test_spikes_are_sonata(finished):
    """libsonata reads them by time; hash, rates and counts agree with what the file holds."""
    folder, _, summary = finished
    reader = libsonata.SpikeReader(str(folder / "spikes.h5"))
    assert sorted(reader.get_population_names()) == ["exc", "inh"]
    steps, gids, counted = [], [], 0
    for name, first in (("exc", 0), ("inh", 1200)):
        population = reader[name]
        assert str(population.sorting) == "by_time" or population.sorting.name == "by_time"
        pairs = population.get_dict()
        times, nodes = np.array(pairs["timestamps"]), np.array(pairs["node_ids"])
        assert np.all(np.diff(times) >= 0) and times.max() <= 250.0
        here = read_spikes(folder / "spikes.h5")[name]
        assert np.array_equal(here[0], times) and np.array_equal(here[1], nodes)
        after = int((times > 50.0).sum())
        size = summary["network"]["populations"][name]["n"]
        assert summary["rates_hz"][name] == pytest.approx(after / size / 0.2)
        counted += after
        steps.append(np.rint(times / 0.1))
        gids.append(nodes.astype(np.int64) + first)
        # A time is the decimal that one expects: 0.3, not 0.30000000000000004.
        assert all(re.fullmatch(r"\d+\.\d", repr(float(t))) for t in times[:200])
    assert counted == summary["counts"]["spikes"]
    assert spike_hash(np.concatenate(steps).astype(np.int64), np.concatenate(gids)) == summary["spike_hash"]


def test_run_folder_runs_again_with_the_same_spikes(finished, distsim, tmp_path):
    """The effective config is a config; --ranks starts mpiexec itself."""
    folder, _, summary = finished
    done = distsim("run", folder, "--ranks", 2, "--quiet", "--output", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and done.stderr == ""
    again = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert again["run"]["n_ranks"] == 2 and again["spike_hash"] == summary["spike_hash"]
    assert again["counts"]["bytes_sent"] > 0
    for key in ("neuron_updates", "spikes", "synaptic_events", "external_events"):
        assert again["counts"][key] == summary["counts"][key]


def test_output_tells_rates_and_progress(finished):
    """Results go to standard output, progress to standard error, as plain lines where there is no terminal."""
    _, done, summary = finished
    assert "mean rate" in done.stdout and "real-time factor" in done.stdout
    assert f"{summary['rates_hz']['exc']:.3f}" in done.stdout
    assert "running 100%" in done.stderr and "\x1b[" not in done.stderr


def test_output_defaults_to_a_new_folder(distsim, tmp_path):
    """runs/NAME, then runs/NAME-2: a second run never overwrites the first."""
    for _ in range(2):
        done = distsim("run", "quickstart", "-q", "--duration", "5", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["quickstart", "quickstart-2"]


def test_info_tells_what_a_config_holds(distsim):
    """Neurons, synapses, memory per rank and expected events, without building."""
    done = distsim("info", "microcircuit", "--ranks", "1,2,64")
    assert done.returncode == 0, done.stderr
    for text in ("77,169 neurons", "298,880,968 synapses", "L23E", "1.26e+09 external", "64", "0.1 to 6.3 ms"):
        assert text in done.stdout


def test_help_and_version(distsim):
    """Only what works is listed."""
    assert distsim("--version").stdout.strip() == f"distsim {__version__}"
    text = distsim("--help").stdout
    assert "run" in text and "info" in text and "plan" not in text and "analyze" not in text


def test_without_recorders_there_is_no_hash(distsim, tmp_path):
    """Recording off: null, not an invented value."""
    done = distsim(
        "run", "quickstart", "-q", "--duration", "5", "--set", "network.recorders=[]", "--output", tmp_path / "r"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["spike_hash"] is None
    assert not (tmp_path / "r" / "spikes.h5").exists()


def test_python_and_yaml_give_the_same_spikes(finished):
    """The quickstart network described in Python, word for word."""
    import distsim as ds

    _, _, summary = finished
    net = ds.Network("quickstart", params={"J": 90.0, "g": 6.0})
    neuron = {"C_m": 250.0, "tau_m": 10.0, "E_L": -65.0, "V_th": -50.0, "V_reset": -65.0, "t_ref": 2.0,
              "tau_syn_ex": 0.5, "tau_syn_in": 0.5}  # fmt: skip
    start = {"V_m": ds.uniform(-65.0, -50.0)}
    exc = net.population("exc", 1200, "iaf_psc_exp", init=start, **neuron)
    inh = net.population("inh", 300, "iaf_psc_exp", init=start, **neuron)
    drive = net.device("drive", "poisson_generator", rate=8000.0)
    net.project(drive, exc + inh, weight="=J")
    weight = ds.normal("=J", "=0.1 * J", low=0.0)
    net.project(exc, exc + inh, ds.fixed_indegree(120), weight=weight, delay=ds.uniform(1.0, 2.0))
    net.project(inh, exc + inh, ds.pairwise_bernoulli(0.1), weight="=-g * J", delay=1.0)
    net.record("spikes", exc + inh)
    assert net == load_config("quickstart").network
    with ds.Simulation(net, dt=0.1, seed=1) as simulation:
        simulation.run(50.0)
        simulation.run(200.0)
        found = simulation.close()
    assert found["spike_hash"] == summary["spike_hash"]
    times, gids = simulation.spikes()
    assert spike_hash(np.rint(times / 0.1).astype(np.int64), gids) == found["spike_hash"]
