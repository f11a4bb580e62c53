"""Single neurons, pairs and devices against values computed with NEST 3.10, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.network import Network
from distsim.simulation import Simulation
from tests.physics.cases import (
    DT,
    MODELS,
    SINGLE,
    TRACED,
    inputs,
    population,
    traces,
    weight_tolerance,
)

# Peak of V_m (mV) per unit of weight: what the rounding of one weight can do; a current follows its weight.
EFFECT = {"iaf_psc_delta": 1.0, "iaf_psc_exp": 0.0215, "iaf_psc_alpha": 0.05}


def rounding(stored) -> float:
    """Return the largest sum of roundings of the weights that arrive in a case."""
    spikes = sum(len(d["params"].get("spike_times", ())) for d in stored["inputs"])
    return spikes * weight_tolerance(stored["inputs"])


def simulate(model: str, case: str, precision: str):
    """Return (case, traces, spike times) of a stored case."""
    stored = SINGLE["cases"][model][case]
    net = Network(case)
    target = population(net, "neuron", model, stored["params"], **stored["init"])
    inputs(net, target, stored["inputs"])
    n_steps = len(next(iter(stored["traces"].values())))
    found, (times, _) = traces(net, "neuron", list(stored["traces"]), n_steps, precision)
    return stored, found, times, n_steps


@pytest.mark.parametrize(("model", "case"), TRACED)
def test_traces_in_double_precision(model, case):
    """V_m and currents agree to the rounding of the weights, spikes to the step."""
    stored, found, times, n_steps = simulate(model, case, "float64")
    for variable, values in found.items():
        tolerance = 1e-9 + rounding(stored) * (EFFECT[model] if variable == "V_m" else 1.0)
        np.testing.assert_allclose(values, stored["traces"][variable], rtol=0, atol=tolerance, err_msg=variable)
    assert list(times) == [t for t in stored["spikes"] if t <= n_steps * DT + 1e-6]


@pytest.mark.parametrize(("model", "case"), TRACED)
def test_traces_in_single_precision(model, case):
    """The default precision keeps V_m within 0.1 uV and every spike in its step."""
    stored, found, times, n_steps = simulate(model, case, "float32")
    tolerance = 1e-4 + rounding(stored) * EFFECT[model]
    np.testing.assert_allclose(found["V_m"], stored["traces"]["V_m"], rtol=0, atol=tolerance)
    assert list(times) == [t for t in stored["spikes"] if t <= n_steps * DT + 1e-6]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_fi_curve(model, precision):
    """Spike counts over one second and the first spikes for constant currents."""
    stored = SINGLE["cases"][model]["fi_curve"]
    net = Network("fi")
    for i, current in enumerate(stored["I_e"]):
        population(net, f"n{i}", model, stored["params"] | {"I_e": current}, **stored["init"])
    simulation = Simulation(net, dt=DT, precision=precision)
    simulation.run(stored["duration"])
    times, gids = simulation.spikes()
    assert [int((gids == i).sum()) for i in range(len(stored["I_e"]))] == stored["n_spikes"]
    assert [list(times[gids == i][:3]) for i in range(len(stored["I_e"]))] == stored["first_spikes"]


@pytest.mark.parametrize("model", MODELS)
def test_delays_to_the_step(model):
    """What neuron B sees of neuron A's spikes, for delays on and off the grid of steps."""
    stored = SINGLE["cases"][model]["pair"]
    for delay in stored["delays"]:
        net = Network("pair")
        pre = population(net, "pre", model, stored["pre_params"], **stored["init"])
        post = population(net, "post", model, stored["post_params"], **stored["init"])
        net.project(pre, post, "one_to_one", weight=stored["weight"], delay=delay)
        expected = stored["V_m_post"][str(delay)]
        found, (times, gids) = traces(net, "post", ["V_m"], len(expected))
        assert list(times[gids == 0]) == stored["spikes_pre"]
        np.testing.assert_allclose(found["V_m"], expected, rtol=0, atol=1e-9)
        assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("device", sorted(SINGLE["onsets"]))
def test_onset_of_devices(device):
    """The first sample of V_m that a device starting at 10 ms changes, for three delays."""
    params = {
        "dc_generator": {"amplitude": 100.0, "start": 10.0},
        "step_current_generator": {"amplitude_times": [10.0], "amplitude_values": [100.0]},
        "noise_generator": {"mean": 100.0, "std": 0.0, "dt": 1.0, "start": 10.0},
        "spike_generator": {"spike_times": [10.0]},
    }[device]
    for delay, onset in SINGLE["onsets"][device].items():
        net = Network("onset")
        target = net.population("neuron", 1, "iaf_psc_delta")
        inputs(net, target, [{"model": device, "params": params, "weight": 1.0, "delay": float(delay)}])
        found, _ = traces(net, "neuron", ["V_m"], 200)
        assert round(float(np.flatnonzero(found["V_m"] != -70.0)[0] + 1) * DT, 4) == onset


def test_rounding_of_delays():
    """Delays off the grid become the nearest step, halves up, in rules and in edge lists."""
    for asked, expected in SINGLE["rounded_delays"].items():
        for rule in ("one_to_one", {"edges": {"pre": [0], "post": [0], "delay": [float(asked)]}}):
            net = Network("delay")
            a, b = net.population("a", 1, "iaf_psc_delta"), net.population("b", 1, "iaf_psc_delta")
            net.project(a, b, rule, delay=float(asked))
            resolved = net.resolved()
            assert (
                round(resolved.min_delay_steps(DT) * DT, 4) == expected == round(resolved.max_delay_steps(DT) * DT, 4)
            )
