"""Every rule keeps its promise, and gives the same synapses on any number of ranks with any partitioner."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from distsim.network import (
    Network,
    all_to_all,
    edges,
    exponential,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    lognormal,
    normal,
    one_to_one,
    pairwise_bernoulli,
    uniform,
)
from tests.contracts.decoded import synapses_of

SWITCHES = list(itertools.product([True, False], repeat=2))
RULES = {
    "one_to_one": one_to_one(),
    "all_to_all": all_to_all(),
    "all_to_all, no autapses": all_to_all(autapses=False),
    "bernoulli": pairwise_bernoulli(0.1),
    "bernoulli, dense, no autapses": pairwise_bernoulli(0.95, autapses=False),
    "edges": edges([0, 5, 5, 199], [3, 4, 4, 0]),
}
for _a, _m in SWITCHES:
    _label = f"autapses {_a}, multapses {_m}"
    RULES |= {
        f"indegree, {_label}": fixed_indegree(30, autapses=_a, multapses=_m),
        f"dense indegree, {_label}": fixed_indegree(190, autapses=_a, multapses=_m),
        f"outdegree, {_label}": fixed_outdegree(30, autapses=_a, multapses=_m),
        f"total, {_label}": fixed_total_number(5000, autapses=_a, multapses=_m),
    }


def recurrent(rule, n: int = 200, model: str = "iaf_psc_exp", **kwargs) -> Network:
    """Return a population connected to itself."""
    net = Network("rule")
    net.project(net.population("a", n, model), "a", rule, **kwargs)
    return net


@pytest.mark.parametrize("label", RULES)
def test_same_synapses_on_any_number_of_ranks(label):
    """The union over ranks is one network."""
    net = recurrent(RULES[label], weight=normal(20.0, 5.0), delay=uniform(0.3, 2.0))
    expected = synapses_of(net).table()
    for n_ranks, partitioner in ((2, "balanced"), (3, "block"), (5, "round_robin"), (7, "balanced")):
        assert np.array_equal(synapses_of(net, n_ranks, partitioner).table(), expected)


@pytest.mark.parametrize("label", RULES)
def test_autapses_and_multapses(label):
    """None where forbidden, and some where allowed and expected."""
    rule = RULES[label]
    s = synapses_of(recurrent(rule))
    autapses = int((s.pre == s.post).sum())
    multapses = len(s) - np.unique(s.pre * 1000 + s.post).shape[0]
    allowed = rule if isinstance(rule, dict) else {}
    if "no autapses" in label or allowed.get("autapses") is False:
        assert autapses == 0
    elif label != "edges":
        assert autapses > 0
    if allowed.get("multapses") is False or "bernoulli" in label or "_to_" in label:
        assert multapses == 0
    elif label != "edges":
        assert multapses > 0


@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize("multapses", [True, False])
def test_degrees(autapses, multapses):
    """In-degrees, out-degrees and totals are exact; what is left to chance is spread evenly."""
    n = 3000
    for rule, exact in (
        (fixed_indegree(40, autapses=autapses, multapses=multapses), "post"),
        (fixed_outdegree(40, autapses=autapses, multapses=multapses), "pre"),
        (fixed_total_number(120_000, autapses=autapses, multapses=multapses), None),
    ):
        s = synapses_of(recurrent(rule, n))
        assert len(s) == 120_000
        for side in ("pre", "post"):
            degree = np.bincount(getattr(s, side), minlength=n)
            if side == exact:
                assert np.all(degree == 40)
            else:
                # Binomial degrees: variance 40 (1 - 1/n), without multapses reduced by the few pairs that are used.
                assert degree.var() == pytest.approx(40.0, rel=0.12)
        # Sources of one target: uniform over all blocks of 1,024 sources.
        blocks = np.bincount(s.pre // 500, minlength=6)
        assert stats.chisquare(blocks).pvalue > 1e-4


def test_total_number_is_multinomial_over_targets():
    """Degrees of a total over 4,096 pairs of blocks have the mean and variance of independent draws."""
    net = Network("total")
    a, b = net.population("a", 2500, "iaf_psc_exp"), net.population("b", 1700, "iaf_psc_exp")
    net.project(a, b, fixed_total_number(170_000))
    s = synapses_of(net, 3)
    assert len(s) == 170_000
    post = np.bincount(s.post - 2500, minlength=1700)
    assert post.mean() == 100.0 and post.var() == pytest.approx(100.0, rel=0.12)
    pre = np.bincount(s.pre, minlength=2500)
    assert pre.var() == pytest.approx(68.0, rel=0.12)


@pytest.mark.parametrize("p", [0.0, 0.003, 0.1, 0.5, 0.97, 1.0])
def test_bernoulli(p):
    """Degrees of either side are binomial."""
    net = Network("bernoulli")
    net.project(
        net.population("a", 1500, "iaf_psc_exp"), net.population("b", 400, "iaf_psc_exp"), pairwise_bernoulli(p)
    )
    s = synapses_of(net, 2)
    n_pairs = 1500 * 400
    assert len(s) == pytest.approx(n_pairs * p, abs=5 * np.sqrt(n_pairs * p * (1 - p)) + 1e-9)
    if 0.0 < p < 1.0:
        for degree, n in ((np.bincount(s.pre, minlength=1500), 400), (np.bincount(s.post - 1500, minlength=400), 1500)):
            assert degree.var() == pytest.approx(n * p * (1 - p), rel=0.35)


def test_sources_of_a_target_are_independent_of_other_targets():
    """Two targets share as many sources as chance gives: no stream is used twice."""
    s = synapses_of(recurrent(fixed_indegree(100, multapses=False), 1000))
    chosen = np.zeros((1000, 1000), dtype=bool)
    chosen[s.post, s.pre] = True
    shared = (chosen.astype(int) @ chosen.T.astype(int))[np.triu_indices(1000, k=1)]
    assert shared.mean() == pytest.approx(10.0, abs=0.05)
    assert shared.var() == pytest.approx(10.0 * 0.9 * 900 / 999, rel=0.02)


def test_projections_draw_differently():
    """Two projections between the same populations are independent."""
    net = Network("twice")
    a = net.population("a", 500, "iaf_psc_exp")
    net.project(a, a, fixed_indegree(50), weight=1.0)
    net.project(a, a, fixed_indegree(50), weight=-1.0)
    s = synapses_of(net)
    first, second = ({*zip(s.pre[s.plane == k], s.post[s.plane == k], strict=True)} for k in (0, 1))
    assert len(first & second) < 0.2 * len(first)


def test_slices_and_sums():
    """Parts of populations as sources and targets; one_to_one pairs them in order."""
    net = Network("parts")
    a, b = net.population("a", 3000, "iaf_psc_exp"), net.population("b", 50, "iaf_psc_exp")
    net.project(a[1000:1020] + b[10:15], a[2990:] + b[:15], one_to_one(), weight=2.0)
    s = synapses_of(net, 3)
    expected_pre = [*range(1000, 1020), *range(3010, 3015)]
    expected_post = [*range(2990, 3000), *range(3000, 3015)]
    assert sorted(zip(s.pre, s.post, strict=True)) == sorted(zip(expected_pre, expected_post, strict=True))
    net.project(a[500:2200], b[40:], all_to_all(), weight=-1.0)
    s = synapses_of(net, 3)
    here = s.plane == 1
    assert (
        here.sum() == 1700 * 10
        and set(s.pre[here]) == set(range(500, 2200))
        and set(s.post[here]) == set(range(3040, 3050))
    )


def test_autapses_of_overlapping_parts():
    """Excluded wherever a neuron stands on both sides, also where the parts differ."""
    for rule in (fixed_indegree(30, autapses=False), fixed_outdegree(30, autapses=False), all_to_all(autapses=False)):
        net = Network("overlap")
        a = net.population("a", 100, "iaf_psc_exp")
        net.project(a[20:80], a[50:100], rule)
        s = synapses_of(net, 3)
        assert len(s) > 1000 and not np.any(s.pre == s.post)


def test_edges_with_weights_and_delays(tmp_path):
    """Listed in Python, in CSV and in NPZ: the same synapses, each with its own weight and delay."""
    draw = np.random.default_rng(5)
    pre, post = draw.integers(0, 3000, 400), draw.integers(0, 50, 400)
    weight, delay = np.round(draw.uniform(-10, 10, 400), 3), np.round(draw.uniform(0.1, 5.0, 400), 2)
    table = np.stack([pre, post, weight, delay], axis=1)
    np.savetxt(tmp_path / "e.csv", table, delimiter=",", header="pre,post,weight,delay", comments="")
    np.savez(tmp_path / "e.npz", pre=pre, post=post, weight=weight, delay=delay)
    found = []
    for rule in (
        edges(pre.tolist(), post.tolist(), weight.tolist(), delay.tolist()),
        edges(file=str(tmp_path / "e.csv")),
        edges(file=str(tmp_path / "e.npz")),
    ):
        net = Network("edges")
        net.project(net.population("a", 3000, "iaf_psc_exp"), net.population("b", 50, "iaf_psc_exp"), rule)
        found.append(synapses_of(net, 2).table())
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    s = found[0][np.lexsort(found[0].T[[4, 1, 0]])]
    order = np.lexsort((np.floor(delay / 0.1 + 0.5 + 1e-9), post, pre))
    np.testing.assert_array_equal(s[:, 0], pre[order])
    np.testing.assert_array_equal(s[:, 1] - 3000, post[order])
    np.testing.assert_allclose(s[:, 3], weight[order], atol=10 / 65534 + 1e-9)
    np.testing.assert_array_equal(s[:, 4], np.floor(delay[order] / 0.1 + 0.5 + 1e-9))


@pytest.mark.parametrize(
    ("given", "reference"),
    [
        (uniform(1.0, 3.0), stats.uniform(1.0, 2.0)),
        (normal(20.0, 2.0), stats.norm(20.0, 2.0)),
        (normal(1.0, 1.0, low=0.0), stats.truncnorm(-1.0, np.inf, 1.0, 1.0)),
        (normal(-1.0, 1.0, high=0.0), stats.truncnorm(-np.inf, 1.0, -1.0, 1.0)),
        (lognormal(0.5, 0.4), stats.lognorm(0.4, scale=np.exp(0.5))),
        (exponential(3.0), stats.expon(scale=3.0)),
    ],
)
def test_weights_follow_their_distribution(given, reference):
    """Kolmogorov-Smirnov over 60,000 synapses; the 16-bit grid stays below what it can see."""
    s = synapses_of(recurrent(fixed_indegree(60), 1000, weight=given))
    assert stats.kstest(s.weight, reference.cdf).pvalue > 1e-3
    assert np.all((s.weight >= 0) == (s.plane == 0)) or np.all(s.weight[s.plane == 0] >= 0)


def test_clipped_weights():
    """Values beyond a bound are moved to it: a mass of its size stands there."""
    s = synapses_of(recurrent(fixed_indegree(60), 1000, weight=normal(1.0, 1.0, low=0.0, high=2.0, outside="clip")))
    assert np.mean(s.weight == 0.0) == pytest.approx(stats.norm.cdf(-1.0), abs=0.01)
    assert s.weight.max() == pytest.approx(2.0)
    assert np.mean(s.weight == s.weight.max()) == pytest.approx(stats.norm.sf(1.0), abs=0.01)


@pytest.mark.parametrize("low", [None, 0.1])
@pytest.mark.parametrize("listed", [False, True])
def test_delays_follow_their_distribution(low, listed):
    """Redrawn below half a step, or below a bound of one's own, rounded to the nearest; by a rule or edge by edge."""
    draw = np.random.default_rng(3)
    rule = edges(*draw.integers(0, 1000, (2, 60_000)).tolist()) if listed else fixed_indegree(60)
    s = synapses_of(recurrent(rule, 1000, delay=normal(0.4, 0.5, low=low)))
    inside = stats.truncnorm(((low or 0.05) - 0.4) / 0.5, np.inf, 0.4, 0.5)
    steps = np.arange(1, 25)
    expected = inside.cdf((steps + 0.5) * 0.1) - inside.cdf((steps - 0.5) * 0.1)
    counts = np.bincount(s.delay, minlength=60)[1:25]
    keep = expected * len(s) > 20
    assert s.delay.min() == 1
    assert stats.chisquare(counts[keep], expected[keep] / expected[keep].sum() * counts[keep].sum()).pvalue > 1e-3


def test_delays_all_between_half_a_step_and_one():
    """They become one step, as in NEST; clipped ones do too."""
    for delay in (uniform(0.06, 0.09), normal(-1.0, 0.5, low=0.02, outside="clip")):
        s = synapses_of(recurrent(fixed_indegree(10), delay=delay))
        assert np.mean(s.delay == 1) > 0.9 and s.delay.min() == 1


def test_spike_generators_are_sources():
    """Generators connect by any rule, like neurons."""
    net = Network("generators")
    a = net.population("a", 300, "iaf_psc_exp")
    g = net.device("g", "spike_generator", size=1500, spike_times=[1.0])
    net.project(g, a, fixed_indegree(20), weight=uniform(1, 2), delay=uniform(1, 2))
    s = synapses_of(net, 3)
    assert len(s) == 6000 and s.pre.min() >= 300 and s.pre.max() < 1800
    assert np.array_equal(s.table(), synapses_of(net, 1).table())
    assert np.unique(s.pre).shape[0] > 1400


def test_named_receptor_takes_weights_of_both_signs():
    """receptor: in sends all weights there."""
    net = Network("receptor")
    a = net.population("a", 200, "iaf_psc_exp")
    net.project(a, a, fixed_indegree(20), weight=normal(0.0, 1.0), receptor="in")
    s = synapses_of(net)
    assert np.all(s.plane == 1) and (s.weight > 0).mean() == pytest.approx(0.5, abs=0.05)


def test_more_targets_than_one_block_of_records():
    """More than 65,536 local targets: a second block of targets, the same synapses as on two ranks."""
    net = Network("wide")
    net.project(
        net.population("a", 20, "iaf_psc_delta"), net.population("b", 70_000, "iaf_psc_delta"), fixed_outdegree(9000)
    )
    one = synapses_of(net)
    assert one.post.max() > 65_556 + 20
    assert np.array_equal(one.table(), synapses_of(net, 2).table())
