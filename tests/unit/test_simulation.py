"""A Simulation as scripts use it: what it refuses, what it keeps of its network, what it tells after its end."""

from __future__ import annotations

import math

import numpy as np
import pytest

import distsim as ds
from distsim.network.config import load_config


def network(size: int = 20) -> ds.Network:
    """Return a few neurons that fire."""
    net = ds.Network("few", params={"w": 200.0})
    exc = net.population("exc", size, "iaf_psc_exp")
    net.poisson(exc, rate=8_000.0, weight="=w")
    pairs = list(range(size))
    net.project(exc, exc, ds.edges(pairs, [*pairs[1:], 0], weight=[1.0] * size, delay=[1.5] * size))
    net.record("spikes", exc)
    net.record("V_m", exc[:2])
    return net


CHANGES = {
    "network.populations.exc.params": lambda net: net.populations["exc"].params.update(tau_m=5.0),
    "network.populations": lambda net: net.population("inh", 3, "iaf_psc_exp"),
    "network.devices.poisson_1.params.rate": lambda net: net.devices["poisson_1"].params.update(rate=1.0),
    "network.projections": lambda net: net.project("exc", "exc", ds.fixed_indegree(2)),
    "network.projections.1.rule.edges.weight": lambda net: (
        net.projections[1].rule["edges"]["weight"].__setitem__(3, 9.0)
    ),
    "network.recorders": lambda net: net.record("V_m", "exc", every=2.0),
    "network.params.w": lambda net: net.params.update(w=100.0),
    "network.scale": lambda net: setattr(net, "scale", 2.0),
    "network.projections.0.weight": lambda net: setattr(net.projections[0], "weight", np.ones(3)),
}


@pytest.mark.parametrize("place", CHANGES)
def test_a_changed_network_is_refused(place):
    """Whatever was changed since, in place or by a method, is named; nothing has run."""
    net = network()
    sim = ds.Simulation(net)
    sim.run(1.0)
    CHANGES[place](net)
    with pytest.raises(ds.InputError, match="make a new Simulation") as caught:
        sim.run(1.0)
    assert caught.value.place == place and sim.biological_ms == 1.0


def test_a_new_simulation_of_a_changed_network_is_of_the_changed_one():
    """Also where a dict was changed in place; the earlier simulation's config stays as it was."""
    net = network()
    first = ds.Simulation(net, seed=2)
    first.run(100.0)
    net.populations["exc"].params["tau_m"] = 5.0
    second = ds.Simulation(net, seed=2)
    second.run(100.0)
    assert first.network.populations["exc"].params["tau_m"] == 10.0
    assert second.network.populations["exc"].params["tau_m"] == 5.0
    assert first.config.network.populations["exc"].params == {}
    assert len(first.spikes()[0]) > 50 and len(first.spikes()[0]) != len(second.spikes()[0])
    # Taken back, it is the first one's network again.
    del net.populations["exc"].params["tau_m"]
    first.run(1.0)


def test_the_config_of_a_changed_network_is_that_of_the_run(tmp_path):
    """What the run folder says was simulated, was."""
    net = network()
    with ds.Simulation(net, output=str(tmp_path / "run")) as sim:
        sim.run(1.0)
        net.populations["exc"].params["tau_m"] = 5.0
    assert load_config(tmp_path / "run").network.populations["exc"].params == {}


def test_durations():
    """Numbers and text with a unit; anything else is refused in one line, and nothing runs."""
    sim = ds.Simulation(network())
    sim.run("0.01 s")
    sim.run(np.float64(0.5))
    sim.run(0)
    assert sim.biological_ms == 10.5
    for bad in (-1.0, math.nan, math.inf, 1e308, 0.05, "1 mV", "soon", "", None, True, [1.0], "1e400 ms"):
        with pytest.raises(ds.InputError) as caught:
            sim.run(bad)
        assert str(caught.value).startswith("duration: expected ") and len(str(caught.value).splitlines()) == 1
    assert sim.biological_ms == 10.5


@pytest.mark.parametrize("output", [False, True])
def test_after_close(tmp_path, output):
    """It runs no more; what was recorded is still told."""
    sim = ds.Simulation(network(), output=str(tmp_path / "run") if output else None)
    sim.run(50.0)
    spikes, states, v = sim.spikes(), sim.states("V_m")["exc"], sim.state("exc", "V_m")
    told = sim.close()
    for what in (
        lambda: sim.run(1.0),
        lambda: sim.checkpoint(tmp_path / "c.h5"),
        lambda: sim.restore(tmp_path / "c.h5"),
    ):
        with pytest.raises(ds.InputError, match="not closed"):
            what()
    assert not (tmp_path / "c.h5").exists()
    assert sim.close() == told == sim.summary() and told["run"]["duration_ms"] == 50.0
    after = sim.spikes(), sim.states("V_m")["exc"], sim.state("exc", "V_m")
    assert len(spikes[0]) > 10
    for before, now in zip((spikes, states, v), after, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(before, now, strict=True))


def test_close_again_after_a_failure(tmp_path, monkeypatch):
    """A close that failed for want of space may be tried again; meanwhile nothing runs, the spikes are told."""
    sim = ds.Simulation(network(), output=str(tmp_path / "run"))
    sim.run(50.0)
    spikes = sim.spikes()
    with monkeypatch.context() as patched:
        patched.setattr(type(sim.recording), "_write_hdf5", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
        with pytest.raises(OSError, match="No space"):
            sim.close()
    with pytest.raises(ds.InputError, match="not closed"):
        sim.run(1.0)
    assert np.array_equal(sim.spikes()[0], spikes[0])
    sim.close()
    assert np.array_equal(ds.open_run(tmp_path / "run").spikes()[0], spikes[0])


def test_what_is_not_recorded_is_refused(tmp_path):
    """No empty arrays in its place."""
    net = ds.Network()
    net.population("exc", 3, "iaf_psc_exp")
    sim = ds.Simulation(net)
    with pytest.raises(ds.InputError, match="expected recorded spikes"):
        sim.spikes()
    with pytest.raises(ds.InputError, match="unknown report"):
        sim.states("V_m")
    sim = ds.Simulation(network())
    for bad, message in (
        (("exx",), "unknown population 'exx'"),
        (("exc", math.nan), "start: expected"),
        ((None, "x"), "start"),
    ):
        with pytest.raises(ds.InputError, match=message):
            sim.spikes(*bad)
    sim.run(30.0)
    times, _ = sim.spikes(None, -math.inf, math.inf)
    assert len(times) == len(sim.spikes()[0]) > 0 and len(sim.spikes(start=5.0, stop=5.0)[0]) == 0


def test_told_in_one_line(tmp_path):
    """What a notebook shows of networks, simulations and runs."""
    net = network()
    assert repr(net) == "<Network 'few': 1 population, 1 device, 2 projections, 2 recorders>"
    sim = ds.Simulation(net, output=str(tmp_path / "run"))
    sim.run(2.0)
    assert (
        repr(sim)
        == f"<Simulation of 'few': 20 neurons on 1 rank, dt 0.1 ms, 2 ms simulated, output {tmp_path / 'run'}>"
    )
    sim.close()
    assert repr(sim).endswith(", closed>")
    assert repr(ds.open_run(tmp_path / "run")) == f"<Run in {tmp_path / 'run'}: 'few', 2 ms>"
