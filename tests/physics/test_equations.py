"""Models from equations: against shipped ones and a fine solver, units, the order of methods, mistakes, the docs' example."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import distsim as ds
from distsim.errors import InputError

DOCS = Path(__file__).parents[2] / "docs" / "equations.md"
LEAKY = {
    "text": """
        dV_m/dt = -(V_m - E_L) / tau_m + total / C_m : mV (unless refractory)
        dI_ex/dt = -I_ex / tau_ex : pA     # a comment
        dI_in/dt = -I_in
                   / tau_in : amp
        """.replace("-I_in\n                   / tau_in", "(-I_in\n                   / tau_in)"),
    "parameters": {"tau_m": (0.01, "s"), "C_m": (0.25, "nF"), "E_L": (-70.0, "mV"), "tau_ex": (2.0, "ms"),
                   "tau_in": (3.0, "ms"), "V_th": (-55.0, "mV"), "V_reset": (-0.07, "volt"), "t_ref": (2.0, "ms"),
                   "I_e": (0.0, "pA")},
    "receptors": {"ex": ("I_ex", 1), "inh": ("I_in", -1)},
    "threshold": "V_m >= V_th",
    "reset": "V_m = V_reset",
    "refractory": "t_ref",
}  # fmt: skip
LEAKY["text"] = "total = I_ex + I_in + I + I_e : pA\n" + LEAKY["text"]


def activity(model, **params):
    """Return V_m and spikes of a small driven network in double precision."""
    net = ds.Network("x")
    neurons = net.population("n", 50, model, I_e=350.0, init={"V_m": ds.uniform(-70, -60)}, **params)
    net.poisson(neurons, rate=8000.0, weight=40.0)
    net.poisson(neurons, rate=2000.0, weight=-40.0)
    net.project(neurons, neurons, ds.fixed_indegree(10), weight=50.0, delay=1.5)
    net.project(net.device("step", "step_current_generator", amplitude_times=[50.0, 90.0],
                           amplitude_values=[100.0, 0.0]), neurons)  # fmt: skip
    net.record("spikes", neurons)
    net.record("V_m", neurons, every=0.1)
    sim = ds.Simulation(net, precision="float64")
    sim.run(150.0)
    return sim.states("V_m")["n"][2], sim.spikes()


def test_linear_equations_are_the_shipped_model():
    """iaf_psc_exp by its equations, with other units, a subexpression and a line in two: the same spikes and V_m."""
    ds.equations("leaky_by_equations", **LEAKY)
    mine, spikes = activity("leaky_by_equations")
    theirs, expected = activity("iaf_psc_exp", tau_syn_ex=2.0, tau_syn_in=3.0)
    assert expected[0].size > 500 and np.array_equal(spikes[0], expected[0]) and np.array_equal(spikes[1], expected[1])
    assert np.abs(mine - theirs).max() < 1e-5


FITZHUGH = """
    dV_m/dt = (V_m - V_m**3 / (3 * s**2) - u + I_syn / g) / tau : mV
    du/dt = eps * (V_m + c - d * u) / tau : mV
    dI_syn/dt = -I_syn / tau_syn : pA
"""
PARAMETERS = {"s": (1.0, "mV"), "g": (10.0, "nS"), "tau": (1.0, "ms"), "eps": 0.08, "c": (0.7, "mV"), "d": 0.8,
              "tau_syn": (5.0, "ms")}  # fmt: skip


def excited(model, dt):
    """Return V_m at 1, 2, ... 40 ms of a neuron that a spike of 20 pA reaches at 2 ms."""
    net = ds.Network("one")
    neuron = net.population("neuron", 1, model, init={"V_m": -1.2, "u": -0.62})
    net.project(net.device("source", "spike_generator", spike_times=[1.0]), neuron, weight=20.0, delay=1.0)
    net.record("V_m", neuron, every=1.0)
    sim = ds.Simulation(net, dt=dt, precision="float64")
    sim.run(40.0)
    return sim.states("V_m")["neuron"][2][:, 0]


def reference():
    """Return the same by an adaptive method of eighth order."""

    def slopes(t, y):
        current = 20.0 * np.exp(-(t - 2.0) / 5.0) if t >= 2.0 else 0.0
        return [y[0] - y[0] ** 3 / 3 - y[1] + current / 10.0, 0.08 * (y[0] + 0.7 - 0.8 * y[1])]

    until = solve_ivp(slopes, (0, 2 - 1e-12), [-1.2, -0.62], "DOP853", rtol=1e-12, atol=1e-12, t_eval=[1.0, 2 - 1e-12])
    after = solve_ivp(slopes, (2, 40), until.y[:, -1], "DOP853", rtol=1e-12, atol=1e-12, t_eval=np.arange(3.0, 41))
    return np.concatenate([until.y[0], after.y[0]])


@pytest.mark.parametrize(("method", "order", "bound"), [(None, 4, 1e-4), ("rk2", 2, 5e-3), ("euler", 1, 0.2),
                                                        ("exponential_euler", None, 0.2)])  # fmt: skip
def test_order_of_methods(method, order, bound):
    """FitzHugh-Nagumo against a fine solver; halving the step divides the error by two to the power of the order."""
    text = FITZHUGH
    if method == "exponential_euler":
        # Linear in its own variable, as Rush and Larsen's gates are.
        text = text.replace("V_m**3 / (3 * s**2)", "V_m * (3 * s) / (3 * s)").replace("V_m - V_m *", "-V_m *")
        model = ds.equations("fhn_ee", text, parameters=PARAMETERS, receptors={"exc": ("I_syn", 0)},
                             threshold="V_m > 100 * s", method=method)  # fmt: skip
        exact = ds.equations("fhn_exact", text, parameters=PARAMETERS, receptors={"exc": ("I_syn", 0)},
                             threshold="V_m > 100 * s", method="exact")  # fmt: skip
        coarse, fine = (np.abs(excited(model.declaration.name, dt) - excited(exact.declaration.name, dt)).max()
                        for dt in (0.1, 0.05))  # fmt: skip
        assert coarse < bound and 1.6 < coarse / fine < 2.4
        return
    name = f"fhn_{method}"
    ds.equations(name, text, parameters=PARAMETERS, receptors={"exc": ("I_syn", 0)}, threshold="V_m > 100 * s",
                 method=method)  # fmt: skip
    expected = reference()
    coarse, fine = (np.abs(excited(name, dt) - expected).max() for dt in (0.1, 0.05))
    assert coarse < bound, coarse
    if order is not None:
        assert 0.7 * 2**order < coarse / fine < 1.4 * 2**order, coarse / fine


@pytest.mark.parametrize(
    ("key", "old", "new", "message"),
    [
        ("text", "-I_ex / tau_ex", "-I_ex / tau_x", r"line 4: unknown name 'tau_x' \(did you mean 'tau_ex'\?\)"),
        ("text", "-I_ex / tau_ex", "-I_ex / C_m", "line 4: 'dI_ex/dt' is in pA/ms and '-I_ex / C_m' in mV ms\\^-1"),
        ("text", "(V_m - E_L)", "(V_m - tau_m)", "line 3: 'V_m' is in mV and 'tau_m' in ms, in 'V_m - tau_m'"),
        ("text", "-I_ex / tau_ex", "-I_ex / / tau_ex", "line 4: '-I_ex / / tau_ex' is no expression: invalid syntax"),
        ("text", "dI_ex/dt = -I_ex", "I_ex' = -I_ex", "line 4: expected 'dx/dt = ... : unit'"),
        ("text", "total / C_m : mV", "total / C_m : mQ", "line 3, unit of 'V_m': expected a unit such as mV"),
        ("text", "total / C_m : mV", "total / C_m : kg", "expected a unit of volts, seconds and amperes, got 'kg'"),
        ("text", "-I_ex / tau_ex", "-open(I_ex) / tau_ex", "line 4: unknown function 'open'"),
        ("text", "-(V_m - E_L) / tau_m", "exp(V_m) / tau_m", r"expected no unit in 'exp\(V_m\)', got mV"),
        ("threshold", "V_m >= V_th", "V_m >= t_ref", "threshold: 'V_m' is in mV and 't_ref' in ms"),
        ("threshold", "V_m >= V_th", "V_m", "threshold: expected a condition such as 'V_m > V_th', got 'V_m'"),
        ("reset", "V_m = V_reset", "V_n = V_reset", r"reset: unknown variable 'V_n' \(did you mean 'V_m'\?\)"),
        ("reset", "V_m = V_reset", "V_m = I_e", "reset: 'V_m' is in mV and 'I_e' in pA"),
        ("refractory", "t_ref", "V_th", "refractory: expected a time, 'V_th' is in mV"),
    ],
)
def test_mistakes(key, old, new, message):
    """One line with file, model, line of the text and what was expected."""
    with pytest.raises(InputError, match=rf"test_equations\.py:\d+: wrong.*{message}"):
        ds.equations("wrong", **(LEAKY | {key: LEAKY[key].replace(old, new)}))


def test_more_mistakes():
    """Receptors, methods, equations that are missing."""
    with pytest.raises(InputError, match="receptor 'ex': unknown variable 'I_e'"):
        ds.equations("wrong", **(LEAKY | {"receptors": {"ex": ("I_e", 1)}}))
    with pytest.raises(InputError, match="expected another method than 'exact': V_m is not linear"):
        ds.equations("wrong", FITZHUGH, parameters=PARAMETERS, receptors={}, threshold="V_m > s", method="exact")
    with pytest.raises(InputError, match=r"expected at least one equation 'dx/dt = \.\.\.'"):
        ds.equations("wrong", "x = 3", parameters={}, receptors={}, threshold="x > 2")


def test_example_of_the_docs(ranks, tmp_path):
    """It runs from YAML on one and on three ranks with the same bits; its membrane follows the shipped AdEx."""
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    (tmp_path / "adex.py").write_text(code)
    (tmp_path / "net.yaml").write_text("""
network:
  populations:
    a: {size: 40, model: "adex.py:adex", params: {I_e: 600.0}}
    b: {size: 40, model: aeif_psc_exp, params: {I_e: 600.0, tau_syn_ex: 5.0, tau_syn_in: 5.0, t_ref: 2.0}}
  devices: {drive: {model: poisson_generator, params: {rate: 2000.0}}}
  projections:
    - {pre: drive, post: a, weight: 20.0}
    - {pre: drive, post: b, weight: 20.0}
    - {pre: a, post: a, rule: {fixed_indegree: 5}, weight: -50.0, delay: 1.0}
    - {pre: b, post: b, rule: {fixed_indegree: 5}, weight: -50.0, delay: 1.0}
  recorders: [{record: spikes, from: [a, b]}]
simulation: {duration: 1000.0}
""")
    found = []
    for n in (1, 3):
        done = ranks(n, "-m", "distsim", "run", tmp_path / "net.yaml", "-q", "--output", tmp_path / f"r{n}")
        assert done.returncode == 0, done.stderr
        found.append(ds.open_run(tmp_path / f"r{n}").summary)
    assert found[0]["spike_hash"] == found[1]["spike_hash"]
    rates = found[0]["rates_hz"]
    assert rates["a"] > 5.0 and rates["a"] == pytest.approx(rates["b"], rel=0.1)
