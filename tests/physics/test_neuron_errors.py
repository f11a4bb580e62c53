"""What integration does to a neuron: errors against a step sixteen times finer, as docs/neurons.md states them."""

from __future__ import annotations

import numpy as np
import pytest

import distsim as ds

FINE = 16
SPIKES = [20.0, 25.0, 26.0, 60.0]
# Model: parameters, weight of the inputs, constant current (pA); largest error of V_m (mV) until the first spike, and
# of a spike's time (ms) within 200 ms: a grid of 0.1 ms lets a spike be up to a step late.
CASES = {
    "iaf_cond_exp": ({}, 30.0, 0.0, 2e-4, 0.0),
    "iaf_cond_alpha": ({}, 20.0, 0.0, 6e-4, 0.0),
    "aeif_psc_exp": ({}, 200.0, 700.0, 1e-5, 0.1),
    "aeif_cond_exp": ({}, 10.0, 700.0, 3e-5, 0.1),
    "aeif_psc_delta_clopath": ({}, 2.0, 800.0, 3e-5, 0.1),
    "hh_psc_alpha": ({}, 100.0, 0.0, 1e-4, 0.1),
    "hh_psc_alpha_clopath": ({}, 100.0, 0.0, 1e-4, 0.1),
    "mat2_psc_exp": ({}, 300.0, 0.0, 1e-9, 0.1),
    "glif_psc": ({}, 100.0, 100.0, 1e-9, 0.1),
    "leaky_integrator": ({}, 100.0, 100.0, 1e-9, 0.1),
}


def simulated(model, dt):
    """Return V_m every 0.1 ms, and spike times, in double precision."""
    params, weight, current, _, _ = CASES[model]
    net = ds.Network("one")
    neuron = net.population("neuron", 1, model, **params)
    # Half a step's input is that of the step which it ends: all begin to act at the same time.
    net.project(net.device("source", "spike_generator", spike_times=SPIKES), neuron, weight=weight, delay=1.0)
    if current:
        net.project(net.device("current", "dc_generator", amplitude=current), neuron, delay=1.0)
    net.record("spikes", neuron)
    net.record("V_m", neuron, every=0.1)
    sim = ds.Simulation(net, dt=dt, precision="float64")
    sim.run(200.0)
    return sim.states("V_m")["neuron"][2][:, 0], np.sort(sim.spikes()[0])


@pytest.mark.parametrize("model", CASES)
def test_errors(model):
    """Of V_m below threshold, and of spike times."""
    (coarse, spikes), (fine, expected) = simulated(model, 0.1), simulated(model, 0.1 / FINE)
    until = int(min([200.0, *expected[:1]]) / 0.1) - 15
    assert np.ptp(fine[:until]) > 0.3, "a potential that hardly moves proves nothing"
    error = np.abs(coarse[:until] - fine[:until]).max()
    assert error < CASES[model][3], error
    assert spikes.shape == expected.shape
    if expected.size:
        assert np.abs(spikes - expected).max() < CASES[model][4] + 1e-9


def nir(model, **params):
    """Return v after every step and the spikes of a neuron of NIR's that gets spikes of weight 0.3 and a current."""
    net = ds.Network("nir")
    neuron = net.population("neuron", 1, model, **params)
    times = [1.0, 3.0, 3.5, 7.0, 7.1, 7.2, 20.0]
    net.project(net.device("source", "spike_generator", spike_times=times), neuron, weight=0.3, delay=0.1)
    net.project(net.device("current", "dc_generator", amplitude=0.05), neuron, delay=0.1)
    net.record("spikes", neuron)
    net.record("i" if model == "nir_cubalif" else "v", neuron, every=0.1)
    sim = ds.Simulation(net, precision="float64")
    sim.run(40.0)
    return times, sim.states("i" if model == "nir_cubalif" else "v")["neuron"][2][:, 0], np.sort(sim.spikes()[0])


def test_nir_if():
    """v is the sum of all that arrived, less what spikes subtract or reset."""
    times, v, spikes = nir("nir_if", r=2.0, subtract=1.0, v_threshold=0.9)
    steps = np.arange(1, 401)
    arrived = np.array([sum(round(10 * t) + 1 <= s for t in times) for s in steps])
    fired = np.array([sum(round(10 * t) <= s for t in spikes) for s in steps])
    current = v[0] / 2.0 + np.concatenate([[0.0], np.full(399, 0.1 * 0.05)]).cumsum()
    assert np.allclose(v, 2.0 * (0.3 * arrived + current) - 0.9 * fired, atol=1e-4)
    assert spikes.size >= 4


def test_nir_lif():
    """From reset to reset v relaxes exactly; reset to a value."""
    _, v, spikes = nir("nir_lif", r=20.0, tau=10.0, v_leak=0.1, v_threshold=0.55, v_reset=0.05)
    assert spikes.size >= 3
    # Behind the last input and spike: v(t + h) = rest + (v(t) - rest) exp(-h / tau).
    quiet = v[max(250, round(10 * spikes[-1])) :]
    rest = 0.1 + 20.0 * 0.05
    found = quiet[1:] - rest
    assert np.allclose(found / (quiet[:-1] - rest), np.exp(-0.01), rtol=1e-6) or spikes[-1] > 39.0
    assert np.isclose(v[round(10 * spikes[0]) - 1], 0.05, atol=1e-7)


def test_nir_cubalif():
    """The synaptic current is the sum of exponentials; with a large threshold nothing spikes."""
    times, i, spikes = nir("nir_cubalif", tau_syn=4.0, w_in=3.0, v_threshold=100.0)
    grid = 0.1 * np.arange(1, 401)
    expected = sum(3.0 * 0.3 / 4.0 * np.exp(-(grid - t - 0.1) / 4.0) * (grid > t + 0.05) for t in times)
    assert np.allclose(i, expected, atol=1e-5) and spikes.size == 0
