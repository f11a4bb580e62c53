"""The description of networks: Python and YAML equal in power, exact round trips, every mistake told by its place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import distsim as ds
from distsim.errors import InputError
from distsim.network import yaml_file
from distsim.network.config import Config, from_dict, load_config, shipped
from distsim.network.distributions import distribution
from distsim.network.rules import RULES, rule
from distsim.units import quantity

BASE = {
    "name": "net",
    "params": {"J": 20.0, "g": 5.0},
    "populations": {
        "exc": {"size": 80, "model": "iaf_psc_exp", "params": {"tau_m": 20.0}, "init": {"V_m": {"uniform": [-65, -50]}}},
        "inh": {"size": 20, "model": "iaf_psc_delta"},
    },
    "devices": {
        "drive": {"model": "poisson_generator", "params": {"rate": 15000.0}},
        "times": {"model": "spike_generator", "size": 2, "params": {"spike_times": [[1.0, 2.0], [3.0]]}},
    },
    "projections": [
        {"pre": "drive", "post": ["exc", "inh"], "weight": "=J"},
        {"pre": "exc", "post": ["exc", "inh"], "rule": {"fixed_indegree": 8}, "weight": {"normal": ["=J", 2]}},
        {"pre": {"population": "inh", "slice": [0, 10]}, "post": "exc", "rule": {"pairwise_bernoulli": 0.1},
         "weight": "=-g * J", "delay": {"uniform": [1, 2]}},
    ],
    "recorders": [{"record": "spikes", "from": ["exc", "inh"]}],
}  # fmt: skip


def changed(path: str, value):
    """Return BASE with one value replaced, added (value) or removed (None)."""
    data = yaml_file.load(yaml_file.dump(BASE), "base")
    *parents, key = path.split(".")
    node = data
    for parent in parents:
        node = node[int(parent)] if isinstance(node, list) else node[parent]
    key = int(key) if isinstance(node, list) else key
    if value is None:
        del node[key]
    else:
        node[key] = value
    return data


MISTAKES = [
    ("nam", "x", "network", "did you mean 'name'"),
    ("populations.exc.siz", 3, "network.populations.exc", "did you mean 'size'"),
    ("populations.exc.size", None, "network.populations.exc", "the key 'size'"),
    ("populations.exc.size", 0, "network.populations.exc.size", "at least 1"),
    ("populations.exc.size", 1.5, "network.populations.exc.size", "whole number"),
    ("populations.exc.size", "ten", "network.populations.exc.size", "expected a number"),
    ("populations.exc.size", True, "network.populations.exc.size", "expected a number"),
    ("populations.exc.size", "=J / 3", "network.populations.exc.size", "whole number"),
    ("populations.exc.model", "iaf_psc_ex", "network.populations.exc.model", "'iaf_psc_exp'"),
    ("populations.exc.model", 3, "network.populations.exc.model", "name of a neuron model"),
    ("populations.exc.params.tau", 3, "network.populations.exc.params", "unknown parameter 'tau'"),
    ("populations.exc.params.tau_m", 0, "network.populations.exc.params.tau_m", "above 0 ms"),
    ("populations.exc.params.tau_m", "3 mV", "network.populations.exc.params.tau_m", "time in ms"),
    ("populations.exc.params.tau_m", [3], "network.populations.exc.params.tau_m", "time in ms"),
    ("populations.exc.params.V_reset", -50.0, "network.populations.exc.params.V_reset", "below V_th = -55 mV"),
    ("populations.exc.params.t_ref", -1, "network.populations.exc.params.t_ref", "at least 0 ms"),
    ("populations.exc.init.V", 1, "network.populations.exc.init", "unknown state variable 'V'"),
    ("populations.exc.init.V_m", {"unifrom": [1, 2]}, "network.populations.exc.init.V_m", "did you mean 'uniform'"),
    ("populations.a/b", {"size": 3, "model": "iaf_psc_exp"}, "network.populations", "without '/'"),
    ("devices.exc", {"model": "dc_generator"}, "network.devices.exc", "taken"),
    ("devices.drive.model", "poison_generator", "network.devices.drive.model", "'poisson_generator'"),
    ("devices.drive.params.rate", -1, "network.devices.drive.params.rate", "at least 0 Hz"),
    ("devices.drive.params.stop", "nan", "network.devices.drive.params.stop", "time in ms"),
    ("devices.drive.params.start", 5, None, None),
    ("devices.times.params.spike_times", [[2.0, 1.0], []], "network.devices.times.params.spike_times", "ascending"),
    ("devices.times.params.spike_times", [[1.0]], "network.devices.times.params.spike_times", "2 lists"),
    ("devices.times.params.spike_times", 3.0, "network.devices.times.params.spike_times", "list of numbers"),
    ("devices.times.params.spike_times", [0.0], "network.devices.times.params.spike_times", "above 0 ms"),
    ("projections.1.pre", "ex", "network.projections.1.pre", "did you mean 'exc'"),
    ("projections.1.pre", None, "network.projections.1", "the key 'pre'"),
    ("projections.1.pre", ["exc", "drive"], "network.projections.1.pre", "not both"),
    ("projections.1.post", "drive", "network.projections.1.post", "unknown population 'drive'"),
    ("projections.1.post", ["exc", "exc"], "network.projections.1.post", "overlap"),
    ("projections.1.post", [], "network.projections.1.post", "at least one"),
    ("projections.2.pre.slice", [5, 30], "network.projections.2.pre", "slice of the 20"),
    ("projections.2.pre.slce", [5, 30], "network.projections.2.pre", "did you mean 'slice'"),
    ("projections.1.rule", {"fixed_indegre": 3}, "network.projections.1.rule", "did you mean 'fixed_indegree'"),
    ("projections.1.rule", {"fixed_indegree": -3}, "network.projections.1.rule.indegree", "at least 0"),
    ("projections.1.rule", {"fixed_indegree": 2.5}, "network.projections.1.rule.indegree", "whole number"),
    ("projections.1.rule", {"rule": "fixed_indegree"}, "network.projections.1.rule", "value for 'indegree'"),
    ("projections.1.rule", {"rule": "fixed_indegree", "indegree": 90, "multapses": False}, "network.projections.1.rule", "at most 80"),
    ("projections.1.rule", {"fixed_indegree": 3, "autapses": "no"}, "network.projections.1.rule.autapses", "true or false"),
    ("projections.1.rule", "one_to_one", "network.projections.1.rule", "80 and 100"),
    ("projections.1.rule", {"pairwise_bernoulli": 1.1}, "network.projections.1.rule.p", "0 to 1"),
    ("projections.1.rule", {"rule": "fixed_total_number", "n": 8001, "multapses": False}, "network.projections.1.rule", "8000 different pairs"),
    ("projections.1.rule", {"edges": {"pre": [80], "post": [0]}}, "network.projections.1.rule.edges.pre", "0 to 79"),
    ("projections.1.rule", {"edges": {"pre": [1]}}, "network.projections.1.rule.edges", "column 'post'"),
    ("projections.1.rule", {"edges": {"pre": [1], "post": [1, 2]}}, "network.projections.1.rule.edges", "equal length"),
    ("projections.1.rule", {"edges": {"file": "none.csv"}}, "network.projections.1.rule.edges.file", "cannot read"),
    ("projections.1.weight", {"normal": [1]}, "network.projections.1.weight.normal", "[mean, sd]"),
    ("projections.1.weight", {"normal": {"mean": 1, "sd": -1}}, "network.projections.1.weight.normal.sd", "at least 0"),
    ("projections.1.weight", {"normal": {"mean": 1, "sd": 1, "low": 5, "high": 3}}, "network.projections.1.weight.normal", "low <= high"),
    ("projections.1.weight", {"normal": {"mean": 1, "sd": 1, "low": 9}}, "network.projections.1.weight.normal", "next to none"),
    ("projections.1.weight", "=K", "network.projections.1.weight", "'K'"),
    ("projections.1.weight", "=J +", "network.projections.1.weight", "cannot compute"),
    ("projections.1.weight", "=1 / 0", "network.projections.1.weight", "cannot compute"),
    ("projections.1.receptor", "exc", "network.projections.1.receptor", "did you mean 'ex'"),
    ("projections.1.synapse", "stdp", "network.projections.1.synapse.model", "did you mean 'stdp_synapse'"),
    ("projections.1.synapse", 3, "network.projections.1.synapse", "expected a mapping"),
    ("projections.1.synapse", {"model": "static", "tau": 1}, "network.projections.1.synapse.tau", "expected none"),
    ("projections.1.synapse", {"model": "stdp_synapse", "lamda": 1}, "network.projections.1.synapse", "'lambda'"),
    ("projections.1.synapse", {"model": "stdp_synapse", "tau_plus": 0}, "network.projections.1.synapse.tau_plus",
     "above 0 ms"),
    ("projections.1.synapse", {"model": "stdp_synapse", "axonal_delay": 99.0},
     "network.projections.1.synapse.axonal_delay", "less than the smallest delay"),
    ("projections.0.synapse", "stdp_synapse", "network.projections.0.synapse", "a poisson_generator has a connection"),
    ("projections.1.delay", 0.01, "network.projections.1.delay", "one step of 0.1 ms"),
    ("projections.1.delay", -1, "network.projections.1.delay", "positive time"),
    ("projections.1.delay", 0.05, "network.projections.1.delay", "at least one step of 0.1 ms, got 0.05"),
    ("projections.1.delay", 0.0999, "network.projections.1.delay", "at least one step of 0.1 ms"),
    ("projections.1.delay", {"uniform": [0.05, 0.05]}, "network.projections.1.delay", "at least one step of 0.1 ms"),
    ("projections.1.delay", {"uniform": [0.01, 0.049]}, "network.projections.1.delay", "half a step of 0.1 ms"),
    ("projections.1.rule", {"edges": {"pre": [0, 1], "post": [1, 0], "delay": [1.0, 0.07]}},
     "network.projections.1.delay", "at least one step of 0.1 ms, got 0.07"),
    ("projections.1.delay", 1e6, "network.projections.1.delay", "30000 steps"),
    ("devices.drive.params.start", 0.25, "network.devices.drive.params.start", "multiple of dt"),
    ("recorders.0.record", "V_n", "network.recorders.0.record", "did you mean 'V_m'"),
    ("recorders.0.reduce", "mean", "network.recorders.0.reduce", "every spike is recorded"),
    ("recorders.0.from", "drive", "network.recorders.0.from", "unknown population"),
    ("scale", 0, "network.scale", "above 0"),
    ("scale", 0.05, "network.projections.2.rule", "in-degrees cannot be kept"),
    ("params.J", "abc", "network.params.J", "expected a number"),
    ("populations", {}, "network", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "place", "fragment"), MISTAKES, ids=[f"{m[0]}={m[1]}"[:60] for m in MISTAKES]
)
def test_mistakes_are_told_by_their_place(path, value, place, fragment):
    """One line: the path in the file, and what was expected there."""
    data = {"network": changed(path, value)}
    if place is None:
        from_dict(data)
        return
    with pytest.raises(InputError) as caught:
        from_dict(data)
    assert caught.value.place.startswith(place), str(caught.value)
    assert fragment in caught.value.problem
    assert "\n" not in str(caught.value)


def test_round_trip_is_exact():
    """Dictionary and YAML give back what was written, expressions and all."""
    net = ds.Network.from_dict(BASE)
    again = ds.Network.from_dict(yaml_file.load(yaml_file.dump(net.to_dict()), "x"))
    assert again.to_dict() == net.to_dict() and again == net
    assert again.to_dict()["projections"][2]["weight"] == "=-g * J"


def test_python_and_yaml_are_equal():
    """The same network word for word."""
    net = ds.Network("net", params={"J": 20.0, "g": 5.0})
    exc = net.population("exc", 80, "iaf_psc_exp", tau_m=20.0, init={"V_m": ds.uniform(-65, -50)})
    inh = net.population("inh", 20, "iaf_psc_delta")
    drive = net.device("drive", "poisson_generator", rate=15000.0)
    net.device("times", "spike_generator", size=2, spike_times=[[1.0, 2.0], [3.0]])
    net.project(drive, exc + inh, weight="=J")
    net.project(exc, exc + inh, ds.fixed_indegree(8), weight=ds.normal("=J", 2))
    net.project(inh[:10], exc, ds.pairwise_bernoulli(0.1), weight="=-g * J", delay=ds.uniform(1, 2))
    net.record("spikes", exc + inh)
    assert net == ds.Network.from_dict(BASE)


def test_python_mistakes_are_told_at_once():
    """At the call, not at the start of the simulation."""
    net = ds.Network("net")
    exc = net.population("exc", 80, "iaf_psc_exp")
    for call in (
        lambda: net.population("exc", 3, "iaf_psc_exp"),
        lambda: net.population("b", 3, "iaf_psc_exp", tau=3),
        lambda: net.project(exc, exc, ds.fixed_indegree(-1)),
        lambda: net.project(exc, exc, weight="3 mV"),
        lambda: net.record("V", exc),
        lambda: net.device("d", "poisson_generator", rat=3),
    ):
        with pytest.raises(InputError):
            call()
    assert list(net.populations) == ["exc"] and not net.projections and not net.devices and not net.recorders


def test_resolved_fills_in_everything():
    """Numbers for expressions, NEST's defaults, rest as the start."""
    net = ds.Network.from_dict(BASE).resolved()
    assert net.populations["exc"].params["C_m"] == 250.0 and net.populations["exc"].params["tau_m"] == 20.0
    assert net.populations["inh"].init["V_m"].mean() == -70.0 and net.populations["inh"].first_gid == 80
    assert net.projections[2].weight.mean() == -100.0 and len(net.projections[2].pre) == 10
    assert net.min_delay_steps(0.1) == 10 and net.max_delay_steps(0.1) == 20


@pytest.mark.parametrize("scale", [0.1, 0.5, 2.0])
def test_scale_keeps_in_degrees(scale):
    """Sizes scale; the mean number of inputs per neuron stays."""
    full = load_config("microcircuit").network.resolved()
    small = load_config("microcircuit", [f"network.scale={scale}"]).network.resolved()
    assert small.n_neurons == pytest.approx(full.n_neurons * scale, abs=8)
    for a, b in zip(full.synaptic(), small.synaptic(), strict=True):
        assert b.rule.n / len(b.post) == pytest.approx(a.rule.n / len(a.post), rel=0.01)


def test_shipped_networks():
    """They load, and are what they say; the microcircuit to the last synapse."""
    assert shipped() == [
        "brunel",
        "coba",
        "cuba",
        "hpc_benchmark",
        "microcircuit",
        "quickstart",
        "song2000",
        "vogels2011",
    ]
    sizes = {n: (r.n_neurons, r.n_synapses()) for n in shipped() if (r := load_config(n).network.resolved())}
    assert sizes["microcircuit"] == (77_169, 298_880_968)
    assert sizes["brunel"] == (12_500, 15_625_000)
    assert sizes["cuba"] == (4000, pytest.approx(320_000))
    assert sizes["coba"] == (4000, pytest.approx(320_000))
    assert sizes["hpc_benchmark"] == (11_250, 126_562_500)


def test_microcircuit_follows_the_paper():
    """Synapses from the connection probabilities of Potjans & Diesmann, weights from the 0.15 mV PSP."""
    table = """
        0.1009 0.1689 0.0437 0.0818 0.0323 0.     0.0076 0.
        0.1346 0.1371 0.0316 0.0515 0.0755 0.     0.0042 0.
        0.0077 0.0059 0.0497 0.135  0.0067 0.0003 0.0453 0.
        0.0691 0.0029 0.0794 0.1597 0.0033 0.     0.1057 0.
        0.1004 0.0622 0.0505 0.0057 0.0831 0.3726 0.0204 0.
        0.0548 0.0269 0.0257 0.0022 0.06   0.3158 0.0086 0.
        0.0156 0.0066 0.0211 0.0166 0.0572 0.0197 0.0396 0.2252
        0.0364 0.001  0.0034 0.0005 0.0277 0.008  0.0658 0.1443"""
    p = np.array(table.split(), float).reshape(8, 8)
    net = load_config("microcircuit").network.resolved()
    names = list(net.populations)
    found = {(q.pre.slices[0].name, q.post.slices[0].name): q for q in net.synaptic()}
    for i, post in enumerate(names):
        for j, pre in enumerate(names):
            pairs = net.populations[post].size * net.populations[pre].size
            expected = round(np.log(1 - p[i, j]) / np.log((pairs - 1) / pairs))
            assert (found[pre, post].rule.n if (pre, post) in found else 0) == pytest.approx(expected, abs=1)
    tau_m, tau_s, c_m = 10.0, 0.5, 250.0
    t = np.log(tau_m / tau_s) * tau_m * tau_s / (tau_m - tau_s)
    peak = tau_m * tau_s / (c_m * (tau_m - tau_s)) * (np.exp(-t / tau_m) - np.exp(-t / tau_s))
    assert found["L23E", "L4E"].weight.a * peak == pytest.approx(0.15, rel=1e-6)
    assert found["L4E", "L23E"].weight.a == pytest.approx(2 * found["L23E", "L4E"].weight.a)
    assert found["L4I", "L4E"].weight.a == pytest.approx(-4 * found["L23E", "L4E"].weight.a)


def test_overrides():
    """--set reaches any key; an anchor's other uses stay."""
    config = load_config(
        "microcircuit",
        ["network.populations.L4E.params.tau_m=12", "simulation.seed=7", "network.projections.9.weight=3"],
    )
    net = config.network.resolved()
    assert net.populations["L4E"].params["tau_m"] == 12.0 and net.populations["L4I"].params["tau_m"] == 10.0
    assert config.simulation.seed == 7 and net.projections[9].weight.mean() == 3.0
    assert isinstance(config, Config) and load_config("microcircuit").simulation.seed == 55


@pytest.mark.parametrize(("text", "unit", "expected"), [
    ("1.5 ms", "ms", 1.5), ("1 s", "ms", 1000.0), ("8 kHz", "Hz", 8000.0), ("1.001 s", "ms", 1001.0), ("-65 mV", "mV", -65.0),
    ("0.25 nF", "pF", 250.0), (3, "pA", 3.0), ("2 nA", "pA", 2000.0), ("200us", "ms", 0.2),
])  # fmt: skip
def test_units(text, unit, expected):
    """Text with a unit becomes the exact number in the fixed one."""
    assert quantity(text, unit, "x") == expected


@pytest.mark.parametrize(
    ("value", "unit"), [("3", "ms"), ("3 mV", "ms"), (True, "ms"), (float("nan"), ""), ("3 ms", ""), (None, "mV")]
)
def test_wrong_units(value, unit):
    """No unit where one must be, another quantity, no number."""
    with pytest.raises(InputError, match="expected a"):
        quantity(value, unit, "x")


@pytest.mark.parametrize(("given", "reference"), [
    ({"normal": [2.0, 3.0]}, stats.norm(2, 3)), ({"uniform": [1.0, 4.0]}, stats.uniform(1, 3)),
    ({"lognormal": [0.3, 0.7]}, stats.lognorm(0.7, scale=np.exp(0.3))), ({"exponential": 2.5}, stats.expon(scale=2.5)),
    ({"normal": {"mean": 2.0, "sd": 3.0, "low": 1.0, "high": 4.0}}, stats.truncnorm(-1 / 3, 2 / 3, 2, 3)),
])  # fmt: skip
def test_distributions(given, reference):
    """Quantiles, means and bounds as scipy has them."""
    law = distribution(given, "", "x")
    u = np.linspace(0.001, 0.999, 500)
    np.testing.assert_allclose(law.ppf(u), reference.ppf(u), rtol=1e-9)
    assert law.mean() == pytest.approx(reference.mean(), rel=1e-3)
    assert law.bounds() == pytest.approx(reference.support())
    low = float(reference.ppf(0.3))
    cut = law.truncated(low)
    np.testing.assert_allclose(cut.ppf(u), reference.ppf(0.3 + 0.7 * u), rtol=1e-9)


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(
    mean=numbers,
    sd=st.floats(0.1, 1e5),
    side=st.sampled_from(["low", "high"]),
    outside=st.sampled_from(["redraw", "clip"]),
)
def test_distributions_round_trip(mean, sd, side, outside):
    """to_dict is what distribution reads; exact."""
    law = distribution({"normal": {"mean": mean, "sd": sd, side: mean, "outside": outside}}, "", "x")
    assert distribution(yaml_file.load(yaml_file.dump(law.to_dict()), "x"), "", "x") == law


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_a_short_and_a_long_form(name):
    """{name: value} and {rule: name, argument: value} mean the same."""
    argument = RULES[name].argument
    if name == "edges":
        assert rule({"edges": {"pre": [0], "post": [1]}}, "x") == rule({"rule": "edges", "pre": [0], "post": [1]}, "x")
        return
    value = {"p": 0.5}.get(argument, 3)
    short = {name: value} if argument else name
    long = {"rule": name, "autapses": True, "multapses": True} | ({argument: value} if argument else {})
    assert rule(short, "x") == rule(long, "x")


def test_a_run_folder_finds_its_edge_files(tmp_path):
    """Paths of edge lists count from the config's folder."""
    (tmp_path / "e.csv").write_text("pre,post\n0,1\n")
    data = {"network": changed("projections.1.rule", {"edges": {"file": "e.csv"}})}
    (tmp_path / "net.yaml").write_text(yaml_file.dump(data))
    config = load_config(tmp_path / "net.yaml")
    assert config.network.to_dict()["projections"][1]["rule"]["edges"]["file"] == str(tmp_path / "e.csv")
