"""Plastic weights: against NEST after 10 s, STDP windows against theory, bounds, a rule of one's own, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import distsim as ds
from distsim.errors import InputError
from distsim.network import Selection
from distsim.registry import Parameter
from distsim.synapses.base import synapse_model

REFERENCE = json.loads((Path(__file__).parent / "reference" / "plastic_weights.json").read_text())
CASES = [(m, i) for m, cases in REFERENCE["cases"].items() for i in range(len(cases))]
# Largest deviation of a weight after 10 s and some 270 updates, relative to it: traces, powers and exponentials are
# single precision always. With single-precision weights too, the rule of Vogels takes the same small number off at
# every spike, whose rounding adds up.
TOLERANCE = {"float32": 3e-6, "float64": 1e-6}
OF_VOGELS = {"float32": 2e-5, "float64": 1e-6}


def every(selection, first, step):
    """Return every so many elements of a selection."""
    n = len(selection)
    return Selection(tuple(s for i in range(first, n, step) for s in selection[i : i + 1].slices))


@pytest.fixture(scope="module", params=["float32", "float64"])
def simulated(request):
    """Return the precision, and of every case weights [n_pre, n_post], spikes of its targets, current into the first.

    All cases are one network: the compiled learning has all their rules.
    """
    dt, delays = REFERENCE["dt"], REFERENCE["delays"]
    net = ds.Network("plastic")
    # In NEST a parrot passes the generator's spikes on, one step later.
    times = [[round(t + dt, 1) for t in train] for train in REFERENCE["pre"]]
    pre = net.device("pre", "spike_generator", size=len(times), spike_times=times)
    drive = net.device("drive", "spike_generator", size=len(REFERENCE["post"]), spike_times=REFERENCE["post"])
    net.device("dopamine", "spike_generator", spike_times=[round(t + dt, 1) for t in REFERENCE["rewards"]])
    n_post = len(REFERENCE["post"])
    targets = {}
    for model, i in CASES:
        case, name = REFERENCE["cases"][model][i], f"{model}_{i}"
        post = net.population(name, n_post, "iaf_psc_exp", t_ref=1.0, tau_syn_ex=0.5)
        targets[model, i] = post
        net.project(drive, post, "one_to_one", weight=case["drive"], delay=1.0)
        # Time constants of the target's traces are the synapse's here; Vogels' rule has one for both sides.
        params = {k: v for k, v in case["synapse"].items() if k != "u"} | (
            case["neuron"] if "tau" not in case["synapse"] else {}
        )
        if "Wmax" in params:
            params["Wmax"] = abs(params["Wmax"])
        if model == "stdp_dopamine_synapse":
            params["transmitter"] = "dopamine"
        for k, delay in enumerate(delays):
            synapse = {"model": model} | params
            net.project(
                every(pre, k, len(delays)),
                post,
                weight=case["weight"],
                delay=delay,
                synapse=synapse,
                name=f"{name}_{k}",
            )
        net.record("spikes", post)
        if model == "tsodyks2_synapse":
            net.record("I_syn_ex", post[:1], every=5.0)
    sim = ds.Simulation(net, dt=dt, precision=request.param)
    # What can still change lies one communication interval back, 1 ms less a step: these are the weights at 10 s.
    sim.run(round(REFERENCE["duration"] + min(delays) - dt, 9))
    fired, gids = sim.spikes()
    found = {}
    for c, (model, i) in enumerate(CASES):
        weights = np.empty((len(times), n_post))
        for k in range(len(delays)):
            of = sim.weights(f"{model}_{i}_{k}")
            assert of.weight.dtype == request.param
            weights[k + len(delays) * of.source, of.target - c * n_post] = of.weight
        spikes = [np.sort(fired[gids == c * n_post + g]) for g in range(n_post)]
        current = sim.states("I_syn_ex")[f"{model}_{i}"][2][:, 0] if model == "tsodyks2_synapse" else None
        found[model, i] = weights, spikes, current
    return request.param, found


@pytest.mark.parametrize(("model", "i"), CASES)
def test_weights_against_nest(simulated, model, i):
    """After 10 s of irregular spikes on both sides, with three delays."""
    precision, found = simulated
    weights, spikes, current = found[model, i]
    case = REFERENCE["cases"][model][i]
    for mine, theirs in zip(spikes, case["spikes"], strict=True):
        assert np.allclose(mine, theirs, atol=1e-9)
    expected = np.array(case["weights"])
    if model == "tsodyks2_synapse":
        # The weight stays; what arrives is compared.
        assert np.max(case["current"]) > 5.0
        assert np.abs(current[: len(case["current"])] - case["current"]).max() < 0.005
        return
    assert np.ptp(expected) > 2.0, "weights that hardly move prove nothing"
    tolerance = OF_VOGELS if model == "vogels_sprekeler_synapse" else TOLERANCE
    assert np.abs(weights / expected - 1.0).max() < tolerance[precision]


def paired(difference, synapse, *, pairs=1, interval=1000.0, weight=20.0, delay=1.0, precision="float32"):
    """Return the change of a weight by pairs of spikes; the target's comes `difference` ms after the source's arrival."""
    net = ds.Network("pairs")
    neuron = net.population("neuron", 1, "iaf_psc_delta", V_th=5.0, E_L=0.0, V_reset=0.0, t_ref=0.5, C_m=1.0)
    starts = [100.0 + k * interval for k in range(pairs)]
    # The target fires in the step in which its drive arrives, 0.1 ms after that was emitted.
    drive = net.device("drive", "spike_generator", spike_times=[round(t + difference - 0.1, 1) for t in starts])
    # The last spike of the source brings the weight up to date, too late to change it.
    source = net.device("source", "spike_generator", spike_times=[round(t - delay, 1) for t in [*starts]])
    net.project(drive, neuron, weight=10.0, delay=0.1)
    net.project(source, neuron, weight=weight * 1e-3, delay=delay, synapse=synapse, name="plastic")
    net.record("spikes", neuron)
    sim = ds.Simulation(net, precision=precision)
    sim.run(starts[-1] + 300.0)
    assert np.allclose(sim.spikes()[0], [t + difference for t in starts])
    return float(sim.weights("plastic").weight[0]) / (weight * 1e-3)


@pytest.mark.parametrize("difference", [-60.0, -20.0, -5.0, -0.5, 0.5, 5.0, 20.0, 60.0])
def test_stdp_window(difference):
    """A single pair changes the weight by the exponential of the time between arrival and the dendrite's spike."""
    tau_plus, tau_minus, rate, alpha = 17.0, 34.0, 0.01, 1.05
    synapse = {"model": "stdp_synapse", "tau_plus": tau_plus, "tau_minus": tau_minus, "lambda": rate, "alpha": alpha,
               "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 0.04}  # fmt: skip
    # All of the delay is dendritic: the spike of the soma reaches the synapse a delay later, the source's at once.
    at_synapse = difference + 2 * 1.0
    change = (
        rate * 2.0 * (np.exp(-at_synapse / tau_plus) if at_synapse > 0 else -alpha * np.exp(at_synapse / tau_minus))
    )
    assert paired(difference, synapse) - 1.0 == pytest.approx(change, rel=2e-4)


def test_changes_too_small_for_single_precision(capsys):
    """They are warned of, and learned in double precision: 1e-8 of a weight at every pair."""
    synapse = {"model": "stdp_synapse", "lambda": 1e-8, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 0.02}
    assert paired(5.0, synapse, pairs=20) == np.float32(0.02) / 0.02
    told = capsys.readouterr().err
    assert told.startswith(
        "distsim: warning: network.projections.1.synapse: stdp_synapse changes a weight of 0.02 by 2e-10"
    )
    assert told.rstrip().endswith("up to 100% of what is learned may be off; use precision: float64")
    change = paired(5.0, synapse | {"Wmax": 0.04}, pairs=20, precision="float64") - 1.0
    assert change == pytest.approx(20 * 2e-8 * np.exp(-7.0 / 20.0), rel=1e-5)
    assert capsys.readouterr().err == ""


def test_axonal_share_of_the_delay():
    """With 0.9 of 1.0 ms in the axon the synapse sees nearly what the soma sees."""
    synapse = {"model": "stdp_synapse", "lambda": 0.01, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 0.04}
    for axonal in (0.0, 0.4, 0.9):
        at_synapse = 5.0 + 2 * (1.0 - axonal)
        found = paired(5.0, synapse | {"axonal_delay": axonal})
        assert found - 1.0 == pytest.approx(0.02 * np.exp(-at_synapse / 20.0), rel=2e-4)


def hebbian(w, x, c, A):
    """Potentiate with each repetition less."""
    return w + A * x / (1 + c), c + 1


def forget(w, c):
    """Do nothing: the same number of values comes back."""
    return w, c


def test_rule_of_ones_own():
    """`on_pre` and `on_post` with a state variable of the synapse, against the sum by hand."""
    synapse_model(
        "fatigue", parameters={"tau": (20.0, "ms"), "A": (0.002, ""), "w_max": (1.0, "")}, pre={"x": "tau"},
        state={"c": 0.0}, on_pre=forget, on_post=hebbian,
    )  # fmt: skip
    found = paired(5.0, {"model": "fatigue"}, pairs=4)
    x = np.exp(-7.0 / 20.0)
    assert found * 0.02 == pytest.approx(0.02 + 0.002 * x * (1 + 1 / 2 + 1 / 3 + 1 / 4), rel=1e-5)


def explode(w, x):
    """Divide by what becomes zero."""
    return w / (w - w)


def test_divergence_is_told():
    """A weight that is no finite number stops the run with projection, source, target and step."""
    synapse_model("exploding", parameters={"tau": (20.0, "ms")}, pre={"x": "tau"}, on_post=explode)
    with pytest.raises(
        FloatingPointError, match=r"onto neuron 0 of 'neuron' \(gid 0\) in projection 'plastic'.*exploding"
    ):
        paired(5.0, {"model": "exploding"}, pairs=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"on_post": lambda w, z: w + z}, r"test_plasticity.py:\d+: on_post: unknown argument 'z' \(known: tau, w, x\)"),
        ({"on_pre": forget}, "unknown argument 'c'"),
        ({"pre": {"x": "tua"}}, r"trace 'x': expected a parameter \(tau\)"),
        ({"on_pre": forget, "state": {"c": 0.0, "e": 0.0}}, "expected to return w, c, e; got 2 values"),
    ],
)  # fmt: skip
def test_mistakes_in_a_rule(change, message):
    """Told with the function's file and line."""
    with pytest.raises(InputError, match=message):
        synapse_model("wrong", **({"parameters": {"tau": Parameter(20.0, "ms", "")}, "pre": {"x": "tau"}} | change))


def test_weights_stay_in_their_bounds():
    """However strong the rule."""
    net = ds.Network("bounds")
    neurons = net.population("n", 200, "iaf_psc_exp")
    net.poisson(neurons, rate=20_000.0, weight=30.0)
    synapse = {"model": "stdp_synapse", "lambda": 0.3, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 40.0}
    net.project(neurons, neurons, ds.fixed_indegree(50), weight=ds.normal(20.0, 10.0), delay=1.5, synapse=synapse)
    sim = ds.Simulation(net)
    sim.run(500.0)
    weights = sim.weights("n->n").weight
    assert weights.shape == (10_000,) and weights.min() == 0.0 and weights.max() == np.float32(40.0)
    assert sim.summary()["counts"]["plasticity_updates"] > 1e5


def test_homeostasis_event_by_event():
    """Scaling and pair STDP of irregular trains, against the sum over spikes in double precision."""
    pre = np.cumsum(np.random.default_rng(1).integers(50, 700, 60)) * 0.1
    post = np.cumsum(np.random.default_rng(2).integers(60, 900, 50)) * 0.1 + 0.05
    post = np.round(post + 0.05, 1)
    p = {"rate": 15.0, "tau_rate": 400.0, "eta": 0.02, "A_plus": 0.003, "A_minus": 0.05, "Wmax": 10.0}
    net = ds.Network("scaling")
    neuron = net.population("neuron", 1, "iaf_psc_delta", V_th=5.0, E_L=0.0, V_reset=0.0, t_ref=0.5, C_m=1.0)
    drive = net.device("drive", "spike_generator", spike_times=np.round(post - 0.1, 1).tolist())
    source = net.device("source", "spike_generator", spike_times=np.round([*pre, 4000.0], 1).tolist())
    net.project(drive, neuron, weight=10.0, delay=0.1)
    synapse = {"model": "stdp_homeostatic_synapse"} | p
    net.project(source, neuron, weight=0.02, delay=1.0, synapse=synapse, name="plastic")
    net.record("spikes", neuron)
    sim = ds.Simulation(net)
    sim.run(4100.0)
    assert np.allclose(sim.spikes()[0], post)
    # As the synapse sees them: all of the delay is dendritic. Every trace is taken before its own spike.
    arrivals = [(t, "pre") for t in [*pre, 4000.0]] + [(t + 1.0, "post") for t in post]
    w, x, y, a, last = 0.02, 0.0, 0.0, 0.0, 0.0
    for t, side in sorted(arrivals):
        x, y, a = (z * np.exp((last - t) / tau) for z, tau in ((x, 20.0), (y, 20.0), (a, p["tau_rate"])))
        last = t
        if side == "pre":
            w += w * (p["eta"] * (1 - a / (15.0e-3 * p["tau_rate"])) - p["A_minus"] * y)
            x += 1
        else:
            w += p["A_plus"] * x
            y, a = y + 1, a + 1
    assert abs(w / 0.02 - 1.0) > 0.1, "a weight that hardly moves proves nothing"
    assert sim.weights("plastic").weight[0] == pytest.approx(w, rel=1e-5)


@pytest.mark.parametrize("weight", [15.0, 120.0])
def test_homeostasis_reaches_its_rate(weight):
    """Neurons whose inputs are too weak to let them fire, or far too strong, come to fire at the rate that is asked."""
    net = ds.Network("scaling")
    inputs = net.population("inputs", 500, "nir_if")
    net.poisson(inputs, rate=10.0, weight=1.0)
    neurons = net.population("neurons", 20, "iaf_psc_exp")
    synapse = {"model": "stdp_homeostatic_synapse", "rate": 8.0, "tau_rate": 1000.0, "eta": 0.01, "Wmax": 400.0}
    net.project(inputs, neurons, ds.fixed_indegree(250), weight=weight, delay=1.0, synapse=synapse)
    net.record("spikes", neurons)
    sim = ds.Simulation(net, seed=3)
    sim.run(50_000.0)
    times = sim.spikes()[0]
    first, end = ((times < 2000.0).sum() / 40.0, (times > 20_000.0).sum() / 600.0)
    assert first < 2.0 if weight == 15.0 else first > 30.0
    assert end == pytest.approx(8.0, rel=0.05)


def test_weights_that_cannot_be_read():
    """Static ones, and those of a projection that is not there: the message says which it is."""
    net = ds.Network("static")
    neurons = net.population("n", 10, "iaf_psc_exp")
    net.project(neurons, neurons, name="fixed")
    sim = ds.Simulation(net)
    with pytest.raises(InputError, match=r"the weights of 'fixed' are static.*this network has no plastic projection"):
        sim.weights("fixed")
    with pytest.raises(InputError, match=r"unknown projection 'fixt' \(did you mean 'fixed'\?\)"):
        sim.weights("fixt")


def test_looking_changes_nothing():
    """Weights asked for in the middle of a run leave the run as it would be."""
    hashes = []
    for look in (False, True):
        net = ds.Network("look")
        neurons = net.population("n", 100, "iaf_psc_exp")
        net.poisson(neurons, rate=20_000.0, weight=30.0)
        net.project(neurons, neurons, ds.fixed_indegree(20), weight=60.0, delay=1.5, synapse="stdp_pl_synapse_hom")
        net.record("spikes", neurons)
        sim = ds.Simulation(net)
        for _ in range(20):
            sim.run(25.0)
            if look:
                sim.weights("n->n")
        hashes.append((sim.spikes()[0].tobytes(), sim.weights("n->n").weight.tobytes()))
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("i", range(len(REFERENCE["voltage"])))
def test_voltage_based_weights_against_nest(i):
    """Clopath's rule after 10 s of irregular spikes and pulses of current, constant and homeostatic depression."""
    case, dt, delays = REFERENCE["voltage"][i], REFERENCE["dt"], REFERENCE["delays"]
    net = ds.Network("voltage")
    times = [[round(t + dt, 1) for t in train if t > 30.0] for train in REFERENCE["pre"]]
    pre = net.device("pre", "spike_generator", size=len(times), spike_times=times)
    post = net.population("post", len(REFERENCE["pulses"]), case["neuron"])
    for k, pulses in enumerate(REFERENCE["pulses"]):
        edges = [t for begin in pulses for t in (begin, round(begin + REFERENCE["pulse_ms"], 1))]
        current = net.device(
            f"drive_{k}",
            "step_current_generator",
            amplitude_times=edges,
            amplitude_values=[case["pulse"], 0.0] * len(pulses),
        )
        net.project(current, post[k : k + 1], delay=1.0)
    synapse = {"model": "clopath_synapse", "tau_x": 12.0, "Wmax": 2e-3}
    synapse |= {k: float(v) for k, v in case["changed"].items()}
    for k, delay in enumerate(delays):
        some = every(pre, k, len(delays))
        net.project(some, post, weight=1e-3, delay=delay, synapse=synapse, name=f"d{k}")
    net.record("spikes", post)
    sim = ds.Simulation(net, dt=dt, precision="float64")
    # NEST's synapses are as their last presynaptic spike left them, at 9990 ms.
    sim.run(round(9990.0 + dt + min(delays), 9))
    fired, gids = sim.spikes()
    for g, theirs in enumerate(case["spikes"]):
        mine = np.sort(fired[gids == g])
        expected = np.array([t for t in theirs if t <= 9991.05])
        # The peak of some lies between two steps: at most one of a hundred is told a step earlier or later.
        assert np.abs(mine - expected).max() < 1.01 * dt and (np.abs(mine - expected) > 1e-6).sum() <= 1
    sim.run(100.0)
    weights = np.empty((len(times), len(post)))
    for k in range(len(delays)):
        found = sim.weights(f"d{k}")
        weights[k + len(delays) * found.source, found.target] = found.weight
    expected = np.array(case["weights"])
    assert np.ptp(expected) > 1e-4, "weights that hardly move prove nothing"
    assert np.abs(weights - expected).max() < [2e-5, 2e-4, 1e-3][i] * 1e-3


def test_voltage_based_rule_needs_potentials():
    """A target without low-passed potentials is refused, with the place."""
    net = ds.Network("voltage")
    neurons = net.population("n", 10, "iaf_psc_exp")
    place = r"network.projections.0.synapse.model: expected targets whose model has the state variables V_m, u_bar_plus"
    with pytest.raises(InputError, match=place + ".*iaf_psc_exp of 'n' has no u_bar_plus"):
        net.project(neurons, neurons, weight=1.0, delay=1.0, synapse="clopath_synapse")
        ds.Simulation(net)
