"""Physics against closed forms: postsynaptic potentials, f-I curve, refractory time, Poisson statistics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim.network import Network, fixed_indegree, uniform
from distsim.simulation import Simulation
from tests.physics.cases import DEVICES, DT, inputs, population, traces

C, TAU, TAU_S, E_L = 250.0, 10.0, 2.0, -70.0


def psp_exp(t: np.ndarray) -> np.ndarray:
    """PSP of an exponential current of 1 pA (mV)."""
    return TAU * TAU_S / (C * (TAU - TAU_S)) * (np.exp(-t / TAU) - np.exp(-t / TAU_S)) * (t > 0)


def psp_alpha(t: np.ndarray) -> np.ndarray:
    """PSP of an alpha current that peaks at 1 pA (mV)."""
    rate = 1.0 / TAU_S - 1.0 / TAU
    integral = (1.0 - np.exp(-rate * t) * (1.0 + rate * t)) / rate**2
    return np.e / (TAU_S * C) * np.exp(-t / TAU) * integral * (t > 0)


def psp_delta(t: np.ndarray) -> np.ndarray:
    """PSP of a jump of 1 mV."""
    return np.exp(-t / TAU) * (t >= 0)


@pytest.mark.parametrize(
    ("model", "weight", "psp"),
    [
        ("iaf_psc_exp", 500.0, psp_exp),
        ("iaf_psc_exp", -500.0, psp_exp),
        ("iaf_psc_alpha", 300.0, psp_alpha),
        ("iaf_psc_alpha", -300.0, psp_alpha),
        ("iaf_psc_delta", 3.0, psp_delta),
        ("iaf_psc_delta", -3.0, psp_delta),
    ],
)
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-10), ("float32", 2e-5)])
def test_psp(model, weight, psp, precision, tolerance):
    """One spike at 5 ms with a delay of 1.5 ms."""
    net = Network("psp")
    target = net.population("neuron", 1, model)
    spike = {"model": "spike_generator", "params": {"spike_times": [5.0]}, "weight": weight, "delay": 1.5}
    inputs(net, target, [spike])
    found, _ = traces(net, "neuron", ["V_m"], 500, precision)
    t = np.round(DT * np.arange(1, 501) - 6.5, 9)
    np.testing.assert_allclose(found["V_m"] - E_L, weight * psp(t), rtol=0, atol=tolerance)


@pytest.mark.parametrize("model", ["iaf_psc_delta", "iaf_psc_exp", "iaf_psc_alpha"])
def test_fi_curve(model):
    """Interval = t_ref + time from reset to threshold, rounded up to the step (V_reset = E_L)."""
    currents = [380.0, 400.0, 500.0, 750.0, 1500.0]
    net = Network("fi")
    for i, current in enumerate(currents):
        net.record("spikes", net.population(f"n{i}", 1, model, I_e=current))
    simulation = Simulation(net, dt=DT, precision="float64")
    simulation.run(1000.0)
    times, gids = simulation.spikes()
    for i, current in enumerate(currents):
        rise = TAU * np.log(current * TAU / C / (current * TAU / C - 15.0))
        expected = 2.0 + np.ceil(rise / DT - 1e-9) * DT
        np.testing.assert_allclose(np.diff(times[gids == i]), expected, atol=1e-9)


@pytest.mark.parametrize("t_ref", [0.0, 0.1, 1.0, 2.0, 7.3])
def test_refractory_time(t_ref):
    """Under a current that crosses threshold in one step the interval is the refractory time and that step."""
    net = Network("refractory")
    for model in ("iaf_psc_delta", "iaf_psc_exp", "iaf_psc_alpha"):
        net.record("spikes", net.population(model, 1, model, I_e=1e6, t_ref=t_ref))
    simulation = Simulation(net, dt=DT)
    simulation.run(100.0)
    times, gids = simulation.spikes()
    for i in range(3):
        np.testing.assert_allclose(np.diff(times[gids == i]), t_ref + DT, atol=1e-9)


def poisson_voltages(rate: float, weight, rule="all_to_all", n: int = 400, n_generators: int = 1, **neuron):
    """Return V_m - E_L of n iaf_psc_delta neurons without threshold, sampled every 20 ms for 2 s: [100, n]."""
    net = Network("poisson")
    target = net.population("neuron", n, "iaf_psc_delta", V_th=1e6, **neuron)
    drive = net.device("drive", "poisson_generator", size=n_generators, rate=rate)
    net.project(drive, target, rule, weight=weight, delay=1.0)
    simulation = Simulation(net, dt=DT, seed=11)
    simulation.run(200.0)
    samples = []
    for _ in range(100):
        simulation.run(20.0)
        samples.append(simulation.state("neuron", "V_m")[1] - E_L)
    return np.array(samples), simulation.summary()


@pytest.mark.parametrize("rate", [100.0, 10_000.0, 400_000.0])
def test_poisson_drive_by_campbells_theorem(rate):
    """Mean and variance of V_m on the grid; 400 kHz is split among drives."""
    samples, summary = poisson_voltages(rate, 0.1)
    decay, per_step = np.exp(-DT / TAU), rate * DT / 1000.0
    mean, variance = 0.1 * per_step / (1 - decay), 0.01 * per_step / (1 - decay**2)
    n = samples.size
    # Samples 20 ms apart are nearly independent: correlation exp(-2).
    assert samples.mean() == pytest.approx(mean, abs=4 * np.sqrt(1.4 * variance / n))
    kurtosis = float(stats.kurtosis(samples.ravel().astype(np.float64))) + 3.0
    assert samples.var() == pytest.approx(variance, rel=4 * np.sqrt(1.4 * (kurtosis - 1.0) / n))
    expected = rate / 1000.0 * 400 * (2200.0 - 1.0)
    assert summary["counts"]["external_events"] == pytest.approx(expected, abs=5 * np.sqrt(expected))


def test_poisson_trains_are_independent():
    """No correlation between neurons, none between a neuron and its own past beyond the membrane's."""
    samples, _ = poisson_voltages(5000.0, 0.1)
    matrix = np.corrcoef(samples.T)
    pairs = matrix[np.triu_indices_from(matrix, k=1)]
    assert abs(pairs.mean()) < 4 / np.sqrt(pairs.size * 70)
    assert np.abs(pairs).max() < 0.6
    lag = np.mean((samples[1:] - samples.mean()) * (samples[:-1] - samples.mean())) / samples.var()
    assert lag == pytest.approx(np.exp(-2.0), abs=0.02)


def test_poisson_connections_one_by_one():
    """Drawn weights and several generators per neuron: every connection has a train of its own."""
    samples, summary = poisson_voltages(1000.0, uniform(0.05, 0.15), fixed_indegree(10), n_generators=30)
    decay, per_step = np.exp(-DT / TAU), 10 * 1000.0 * DT / 1000.0
    # Each neuron has its own ten weights: compare the mean over neurons.
    assert samples.mean() == pytest.approx(0.1 * per_step / (1 - decay), rel=0.03)
    second_moment = 0.1**2 + 0.1**2 / 12
    assert samples.var(axis=0).mean() == pytest.approx(second_moment * per_step / (1 - decay**2), rel=0.05)
    expected = 10 * 1.0 * 400 * 2199.0
    assert summary["counts"]["external_events"] == pytest.approx(expected, abs=5 * np.sqrt(expected))


def test_poisson_counts_and_window():
    """Spikes per step are Poisson; none arrives before start + delay, none after stop + delay."""
    net = Network("window")
    # Each spike makes its neuron fire at once: the neuron counts the steps with spikes.
    target = net.population("neuron", 2000, "iaf_psc_delta", t_ref=0.0)
    net.record("spikes", target)
    drive = net.device("drive", "poisson_generator", rate=500.0, start=10.0, stop=60.0)
    net.project(drive, target, weight=100.0, delay=2.0)
    simulation = Simulation(net, dt=DT)
    simulation.run(100.0)
    times, gids = simulation.spikes()
    assert times.min() == 12.1 and times.max() == 62.0
    per_step = np.bincount(np.rint(times / DT).astype(int), minlength=1001)[121:621]
    p = 1 - np.exp(-0.05)
    chi2 = ((per_step - 2000 * p) ** 2 / (2000 * p * (1 - p))).sum()
    assert stats.chi2.sf(chi2, 500) > 1e-4 and stats.chi2.cdf(chi2, 500) > 1e-4
    per_neuron = np.bincount(gids, minlength=2000)
    assert per_neuron.var() == pytest.approx(500 * p * (1 - p), rel=0.15)
    intervals = np.rint(np.diff(times[np.lexsort((times, gids))]) / DT)
    intervals = intervals[intervals > 0]
    assert np.mean(intervals == 1) == pytest.approx(p, abs=0.01)


def test_noise_generator():
    """Mean and variance of V_m at the end of an interval of the noise, and independence of targets."""
    stored = DEVICES["noise_generator"]
    net = Network("noise")
    target = population(net, "neuron", "iaf_psc_exp", stored["params"], stored["n_neurons"])
    inputs(net, target, [stored["device"]])
    simulation = Simulation(net, dt=DT, seed=5)
    simulation.run(200.1)
    samples = []
    for _ in range(1000):
        simulation.run(1.0)
        samples.append(simulation.state("neuron", "V_m")[1])
    samples = np.array(samples)
    assert samples.mean() == pytest.approx(stored["theory"]["mean"], abs=0.02)
    assert samples.var() == pytest.approx(stored["theory"]["variance_at_interval_end"], rel=0.03)
    assert samples.var() == pytest.approx(stored["variance_by_phase"][0], rel=0.03)
    matrix = np.corrcoef(samples.T)
    assert abs(matrix[np.triu_indices_from(matrix, k=1)].mean()) < 0.005


def test_currents_add_up_and_stop():
    """Two generators on one neuron, each with its own window, weight and delay."""
    net = Network("currents")
    target = net.population("neuron", 3, "iaf_psc_exp", V_th=1e6)
    dc = net.device("dc", "dc_generator", amplitude=100.0, start=5.0, stop=15.0)
    step = net.device(
        "step", "step_current_generator", amplitude_times=[2.0, 10.0, 12.0], amplitude_values=[50.0, -30.0, 0.0]
    )
    net.project(dc, target[1:], weight=2.0, delay=1.0)
    net.project(step, target[1:2], weight=1.0, delay=0.5)
    simulation = Simulation(net, dt=DT, precision="float64")
    V = np.zeros(3)
    decay, gain = np.exp(-DT / TAU), (1 - np.exp(-DT / TAU)) * TAU / C
    for k in range(1, 301):
        simulation.run(DT)
        # Update k starts at (k - 1) dt and uses what the devices gave a delay before.
        dc_now = 200.0 if 50 <= k - 1 - 10 < 150 else 0.0
        u = k - 1 - 5
        step_now = 0.0 if u < 20 or u >= 120 else 50.0 if u < 100 else -30.0
        V = decay * V + gain * np.array([0.0, dc_now + step_now, dc_now])
        np.testing.assert_allclose(simulation.state("neuron", "V_m")[1] - E_L, V, rtol=0, atol=1e-10)


def test_initial_values_follow_their_distribution():
    """Drawn per gid: uniform here; the default is rest."""
    net = Network("start")
    net.population("a", 5000, "iaf_psc_exp", init={"V_m": uniform(-65.0, -50.0)}, E_L=-60.0)
    net.population("b", 10, "iaf_psc_exp", E_L=-61.5)
    simulation = Simulation(net, dt=DT)
    assert stats.kstest(simulation.state("a", "V_m")[1], stats.uniform(-65.0, 15.0).cdf).pvalue > 1e-3
    assert np.all(simulation.state("b", "V_m")[1] == -61.5)
