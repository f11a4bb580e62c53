"""Weights while they work: what arrives, what learns, what is told; and no room for spikes is one line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import distsim as ds
from distsim.network.config import dump_yaml, from_dict


def test_efficacies_of_short_term_plasticity():
    """What arrives is weight times release to seven digits, also where it is a thousandth of the largest weight."""
    net = ds.Network("release")
    a = net.population("a", 1, "iaf_psc_exp", V_th=1e9, tau_syn_ex=2.0)
    times = [5.0 * k for k in range(1, 9)]
    g = net.device("g", "spike_generator", spike_times=times)
    params = {"U": 0.02, "tau_rec": 800.0, "tau_fac": 0.0}
    net.project(g, a, weight=0.7, delay=1.0, synapse={"model": "tsodyks2_synapse", **params})
    net.project(g, a, weight=1000.0, delay=40.0)
    sim = ds.Simulation(net, precision="float64")
    sim.run(41.5)
    x, current = 1.0, 0.0
    for k, time in enumerate(times):
        if k > 0:
            x = 1.0 + (x - x * params["U"] - 1.0) * np.exp(-5.0 / params["tau_rec"])
        current += 0.7 * params["U"] * x * np.exp(-(41.5 - time - 1.0) / 2.0)
    assert sim.state("a", "I_syn_ex")[1][0] == pytest.approx(current, rel=1e-6)


def test_small_plastic_weights_with_the_default_largest_one():
    """Weights of 1e-4 with NEST's default Wmax of 100: kept, and told as they are."""
    net = ds.Network("small")
    a = net.population("a", 20, "iaf_psc_exp", V_th=1e9)
    g = net.device("g", "spike_generator", size=5, spike_times=[1.0])
    net.project(g, a, weight=ds.uniform(1e-4, 2e-4), delay=1.0, synapse="stdp_synapse", name="p")
    net.project(a, a, ds.fixed_indegree(5), weight=1e-4)
    sim = ds.Simulation(net, precision="float64")
    sim.run(2.0)
    w = sim.weights("p")
    assert np.all((w.weight >= 1e-4) & (w.weight < 2e-4)) and np.unique(w.weight).shape[0] == 100
    by_target = np.bincount(w.target, w.weight, minlength=20)
    np.testing.assert_allclose(sim.state("a", "I_syn_ex")[1], by_target, rtol=1e-6)
    told = sim.close()["network"]["weights_by_projection"]
    assert told["p"]["representation"] == "float32" and told["a->a"]["representation"] == "int16"
    assert set(told["p"]) == {"representation", "mean_error", "sd_error", "zeroed", "off_by_5_percent"}


def test_info_tells_how_weights_are_kept(distsim, tmp_path):
    """The choice, why it was made, and the errors; a law that draws of 32 bits do not meet is warned of."""
    net = ds.Network("told")
    a = net.population("a", 100, "iaf_psc_exp")
    net.project(a, a, ds.fixed_indegree(10), weight=ds.lognormal(0.0, 3.0), name="heavy")
    dump_yaml(from_dict({"network": net}), tmp_path / "net.yaml")
    done = distsim("info", tmp_path / "net.yaml")
    assert done.returncode == 0 and "heavy" in done.stdout and "float32" in done.stdout
    assert "network.projections.0.weight: the weights drawn have" in done.stderr
    done = distsim("info", tmp_path / "net.yaml", "--set", "simulation.weights=exact")
    assert done.returncode == 2 and "the limit is 2^53" in done.stderr


def test_a_checkpoint_knows_how_weights_are_kept(tmp_path):
    """`weights` is part of what a checkpoint belongs to."""
    net = ds.Network("checkpoint")
    a = net.population("a", 10, "iaf_psc_exp", I_e=500.0)
    net.project(a, a, ds.fixed_indegree(5), weight=10.0)
    sim = ds.Simulation(net)
    sim.run(5.0)
    sim.checkpoint(tmp_path / "c.h5")
    with pytest.raises(ds.InputError, match="precision and weights"):
        ds.Simulation(net, weights="exact").restore(tmp_path / "c.h5")


def test_no_room_for_spikes_is_told_in_one_line():
    """All neurons of a large population spike at once, with little memory left."""
    script = """
import resource
import distsim as ds
net = ds.Network("crowd")
a = net.population("a", 300_000, "iaf_psc_delta", I_e=1000.0)
net.project(a, a, ds.one_to_one(), weight=1e-3)
sim = ds.Simulation(net)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
sim.run(20.0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0
    assert "MemoryError: out of memory after step" in done.stderr and "300000 sources" in done.stderr
