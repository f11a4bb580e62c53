"""Models from one scalar step: shipped ones against NEST, a user's own against a shipped one, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import distsim as ds
from distsim.errors import InputError
from distsim.models.scalar import neuron_model
from distsim.registry import models

REFERENCE = json.loads((Path(__file__).parent / "reference" / "more_neurons.json").read_text())
CASES = [(m, i) for m, cases in REFERENCE["cases"].items() for i in range(len(cases))]
# Largest deviation of a trace from NEST's (mV, nS): the rounding of weights, in single precision that of the state,
# which grows in the upstroke of Izhikevich's neuron, and in the last step of that of Clopath's AdEx.
# Hodgkin & Huxley's flanks are as steep as 400 mV/ms: 0.15 mV are less than a thousandth of a millisecond.
TOLERANCE = {
    "float64": {"iaf_cond_exp": 3e-4, "iaf_cond_alpha": 3e-4, "izhikevich": 1e-5, "aeif_psc_exp": 0.1,
                "aeif_cond_exp": 0.1, "hh_psc_alpha": 0.2, "mat2_psc_exp": 1e-5, "glif_psc": 1e-5,
                "aeif_psc_delta_clopath": 0.01, "hh_psc_alpha_clopath": 0.2},
    "float32": {"iaf_cond_exp": 1e-3, "iaf_cond_alpha": 1e-3, "izhikevich": 0.2, "aeif_psc_exp": 0.1,
                "aeif_cond_exp": 0.1, "hh_psc_alpha": 0.2, "mat2_psc_exp": 2e-4, "glif_psc": 2e-4,
                "aeif_psc_delta_clopath": 0.1, "hh_psc_alpha_clopath": 0.2},
}  # fmt: skip
# Above it AdEx is in its upstroke, which ends within microseconds: there the spike's time is compared.
BELOW = {"aeif_psc_exp": -45.0, "aeif_cond_exp": -45.0}


def simulated(model, case, precision):
    """Return traces and spike times of a stored case."""
    net = ds.Network("one")
    init = {"V_m": -65.0} if model == "izhikevich" else {}
    params = {k: float(v) if isinstance(v, bool) else v for k, v in case["params"].items()}
    if "tau_syn" in params:
        params["tau_syn_ex"], params["tau_syn_in"] = params.pop("tau_syn")
    neuron = net.population("neuron", 1, model, init=init, **params)
    if model in REFERENCE["driven"]:
        net.project(net.device("step", "dc_generator", amplitude=REFERENCE["driven"][model], start=5.0), neuron)
    for k, (times, weight) in enumerate(zip(REFERENCE["times"], case["weights"], strict=True)):
        source = net.device(f"source_{k}", "spike_generator", spike_times=times)
        net.project(source, neuron, weight=weight, delay=1.0)
    net.record("spikes", neuron)
    for variable in case["traces"]:
        net.record(variable, neuron, every=REFERENCE["dt"])
    sim = ds.Simulation(net, dt=REFERENCE["dt"], precision=precision)
    sim.run(REFERENCE["duration"])
    return {v: sim.states(v)["neuron"][2][:, 0] for v in case["traces"]}, sim.spikes()[0]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(("model", "i"), CASES)
def test_against_nest(model, i, precision):
    """Traces within the stated deviation, spikes to the step."""
    case = REFERENCE["cases"][model][i]
    traces, spikes = simulated(model, case, precision)
    assert np.allclose(spikes, case["spikes"], atol=1e-9)
    for variable, values in traces.items():
        expected = np.array(case["traces"][variable])
        told = expected < BELOW.get(model, np.inf) if variable == "V_m" else np.full(expected.shape, True)
        assert np.abs(values - expected)[told].max() < TOLERANCE[precision][model], variable


@neuron_model(
    parameters={"tau_m": (10.0, "ms"), "C_m": (250.0, "pF"), "V_th": (15.0, "mV")},
    state={"V_m": (0.0, "mV")},
    receptors={"spikes": ("mV", 0)},
    derived=lambda p, dt: {
        "decay": float(np.exp(-dt / p["tau_m"])),
        "gain": float(-np.expm1(-dt / p["tau_m"]) * p["tau_m"] / p["C_m"]),
    },
)
def own_delta(V_m, spikes, I, decay, gain, V_th):
    """The delta neuron without refractory time, by the hand of a user."""
    V = decay * V_m + gain * I + spikes
    spiked = V_th <= V
    return (0.0 if spiked else V), spiked


def test_own_model_does_what_the_shipped_one_does():
    """The same spikes, bit by bit in double precision; also on a population larger than a block."""
    found = []
    for model, more in (("own_delta", {}), ("iaf_psc_delta", {"t_ref": 0.0, "E_L": 0.0, "V_reset": 0.0})):
        net = ds.Network("own")
        neurons = net.population("neurons", 5000, model, V_th=15.0, init={"V_m": ds.uniform(0, 14)}, **more)
        net.poisson(neurons, rate=2000.0, weight=1.0)
        net.project(neurons, neurons, ds.fixed_indegree(20), weight=-0.5, delay=1.5)
        net.record("spikes", neurons)
        sim = ds.Simulation(net, seed=5, precision="float64")
        sim.run(50.0)
        found.append(sim.summary()["spike_hash"])
        assert sim.summary()["counts"]["spikes"] > 5000
    assert found[0] == found[1]


def below(V_m, high):
    """Return whether a step may be taken at once."""
    return V_m < high


@neuron_model(
    parameters={"tau_m": (10.0, "ms")},
    state={"V_m": (0.0, "mV"), "calls": (0.0, "")},
    receptors={"spikes": ("mV", 0)},
    derived=lambda p, dt, parts: {"decay": float(np.exp(-dt / parts / p["tau_m"])), "high": 5.0},
    substeps=4,
    calm=below,
)
def calm_below(V_m, calls, spikes, decay):
    """A leaky membrane that counts in how many parts it takes its steps."""
    V = decay * V_m + spikes
    return V, calls + 1.0, False


def test_calm_neurons_take_a_step_at_once():
    """Where it is calm before and after; else in parts, input in the last; a neighbour changes nothing."""
    net = ds.Network("calm")
    neurons = net.population("neurons", 3, "calm_below")
    weights = [3.0, 9.0, 0.0]
    for i, weight in enumerate(weights):
        source = net.device(f"source{i}", "spike_generator", spike_times=[1.0])
        net.project(source, neurons[i : i + 1], weight=weight, delay=1.0)
    for variable in ("V_m", "calls"):
        net.record(variable, neurons, every=0.1)
    sim = ds.Simulation(net, precision="float64")
    sim.run(10.0)
    grid = 0.1 * np.arange(1, 101)
    for i, weight in enumerate(weights):
        expected = weight * np.exp(-(grid - 2.0) / 10.0) * (grid > 1.99)
        assert np.allclose(sim.states("V_m")["neurons"][2][:, i], expected, rtol=1e-4)
        # A step is in parts where it begins or ends above.
        before = np.concatenate([[0.0], expected[:-1]])
        parts = np.where((expected < 5.0) & (before < 5.0), 1, 4)
        assert np.array_equal(sim.states("calls")["neurons"][2][:, i], np.cumsum(parts))
    assert parts.max() == 1 and weights[1] > 5.0


@pytest.mark.parametrize(
    ("calm", "message"),
    [
        (lambda V_m: V_m < 5.0, r"test_scalar_models.py, line \d+: expected `def` here, not a lambda"),
        (below, r"calm: unknown argument 'high' \(known: V_m, tau_m\)"),
    ],
)
def test_mistakes_of_calm(calm, message):
    """Refused where it is declared, with file and line."""
    with pytest.raises(InputError, match=message):

        @neuron_model(
            parameters={"tau_m": (10.0, "ms")}, state={"V_m": (0.0, "mV")}, receptors={"spikes": ("mV", 0)},
            substeps=4, calm=calm,
        )  # fmt: skip
        def never(V_m, spikes):
            return V_m + spikes, False


OWN = """
import distsim as ds

@ds.neuron_model(parameters={"theta": (10.0, "mV")}, state={"V_m": (0.0, "mV")}, receptors={"spikes": ("mV", 0)})
def integrator(V_m, spikes, theta):
    V = V_m + spikes
    spiked = V >= theta
    return (V - theta if spiked else V), spiked
"""
NET = """
network:
  populations:
    a: {size: 50, model: "models/mine.py:integrator", params: {theta: 8.0}}
  devices:
    drive: {model: poisson_generator, params: {rate: 5000.0}}
  projections:
    - {pre: drive, post: a, weight: 1.0}
    - {pre: a, post: a, rule: {fixed_indegree: 5}, weight: 0.5, delay: 1.0}
  recorders:
    - {record: spikes, from: a}
simulation: {duration: 100.0}
"""


def test_model_in_a_file_of_ones_own(ranks, distsim, tmp_path):
    """Named in YAML by file and name, on several ranks, and again from the run's folder."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.py").write_text(OWN)
    (tmp_path / "net.yaml").write_text(NET)
    hashes = set()
    for n in (1, 3):
        done = ranks(n, "-m", "distsim", "run", tmp_path / "net.yaml", "-q", "--output", tmp_path / f"r{n}")
        assert done.returncode == 0, done.stderr
        hashes.add(ds.open_run(tmp_path / f"r{n}").summary["spike_hash"])
    done = distsim("run", tmp_path / "r1", "-q", "--output", tmp_path / "again", cwd="/")
    assert done.returncode == 0, done.stderr
    hashes.add(ds.open_run(tmp_path / "again").summary["spike_hash"])
    assert len(hashes) == 1 and ds.open_run(tmp_path / "again").summary["counts"]["spikes"] > 1000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(V_m, spikes, theta)", "(V_m, spikes, tau)", "unknown argument 'tau' (known: V_m, spikes, theta, I, refractory, dt, spiked, part)"),
        ("(V_m, spikes, theta)", "(spikes, theta)", "expected the state variable 'V_m' among the arguments"),
        ("V), spiked", "V), 0.0, spiked", "line 8: expected to return V_m, spiked; got 3 values"),
        ('"spikes": ("mV", 0)', '"theta": ("mV", 0)', "expected each name once, 'theta' is declared twice"),
        ("def integrator(", "def other(", "expected a neuron model called 'integrator'"),
        ("return (V", "retrun (V", "cannot be compiled: NameError: name 'retrun' is not defined"),
        ("import distsim", "import distsimm", "ModuleNotFoundError"),
    ],
)  # fmt: skip
def test_mistakes(distsim, tmp_path, old, new, message):
    """One line with file, line and what was expected; exit code 2."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.py").write_text(OWN.replace(old, new))
    (tmp_path / "net.yaml").write_text(NET)
    done = distsim("run", tmp_path / "net.yaml", "-q", "--output", tmp_path / "run")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert message in done.stderr and not (tmp_path / "run").exists()
    if "line 8" in message:
        assert "mine.py" in done.stderr


def test_divergence_stops_all_ranks(ranks, tmp_path):
    """NaN is told with population, neuron, variable and time; exit code 1 on all ranks, the config stays."""
    (tmp_path / "models").mkdir()
    text = OWN.replace("V = V_m + spikes", "V = V_m * 3.0 - 1.0").replace(
        "spiked = V >= theta", "spiked = V > theta + 1e30"
    )
    (tmp_path / "models" / "mine.py").write_text(text)
    (tmp_path / "net.yaml").write_text(NET)
    done = ranks(2, "-m", "distsim", "run", tmp_path / "net.yaml", "-q", "--output", tmp_path / "run")
    assert done.returncode == 1
    assert (
        "V_m of neuron" in done.stderr and "of 'a' (gid" in done.stderr and "mine.py:integrator diverged" in done.stderr
    )


def test_scalar_steps_are_listed():
    """Shipped models are known by name; the machinery is none of them."""
    assert {"iaf_cond_exp", "izhikevich", "glif_psc"} <= set(models.names())
    assert not {"scalar", "base", "exponential"} & set(models.names())
    with pytest.raises(InputError, match="no such file"):
        models.get("nowhere/mine.py:x")
