"""Weights are what was asked for, in 16 bits or in 32: means, spreads and small ones; no sum of a step overflows."""

from __future__ import annotations

import numpy as np
import pytest

import distsim as ds
from distsim.construction.laws import Grid, errors_of_law, errors_of_list
from distsim.construction.sums import largest_sums
from distsim.construction.weights import lowest_bits, representation
from distsim.errors import InputError
from distsim.network.distributions import distribution
from tests.contracts.decoded import synapses_of

DRAW = np.random.default_rng(20)
MU, SCALE, TINY = DRAW.uniform(-2.0, 4.0), DRAW.uniform(0.1, 300.0), DRAW.uniform(-0.2, 0.2)
# What is drawn, how it is kept, and how it is drawn in float64.
LAWS = {
    "lognormal 0.5": ([ds.lognormal(MU, 0.5)], "int16"),
    "lognormal 1": ([ds.lognormal(MU, 1.0)], "float32"),
    "lognormal 1.5": ([ds.lognormal(MU, 1.5)], "float32"),
    "lognormal 1.6": ([ds.lognormal(MU, 1.6)], "float32"),
    "lognormal 2": ([ds.lognormal(MU, 2.0)], "float32"),
    "lognormal 3": ([ds.lognormal(MU, 3.0)], "float32"),
    "uniform from 0": ([ds.uniform(0.0, SCALE)], "int16"),
    "normal near 0": ([ds.normal(TINY * SCALE, SCALE)], "int16"),
    "exponential": ([ds.exponential(SCALE)], "float32"),
    "1 beside 1e4": ([1.0, 1e4], "float32"),
    "1 beside 7e4": ([1.0, 7e4], "float32"),
    "0.1 beside 0.5": ([0.1, -0.5], "int16"),
}


def recurrent(*weights, n: int = 500, indegree: int = 200, model: str = "iaf_psc_exp") -> ds.Network:
    """Return a population with a projection onto itself for each weight."""
    net = ds.Network("weights")
    a = net.population("a", n, model)
    for weight in weights:
        net.project(a, a, ds.fixed_indegree(indegree), weight=weight)
    return net


def samples(given, n: int) -> np.ndarray:
    """Return n draws in float64."""
    if not isinstance(given, dict):
        return np.full(n, given)
    [(name, values)] = given.items()
    values = np.atleast_1d(values)
    return getattr(np.random.default_rng(1), name)(*values, size=n)


@pytest.mark.parametrize("label", LAWS)
def test_weights_of_a_built_network(label):
    """Kept as said; the same mean, spread and small quantiles as draws in float64; none becomes 0."""
    laws, kept = LAWS[label]
    for law in laws:
        net = recurrent(*laws)
        assert representation(net.resolved(), 0.1).static == kept
        s = synapses_of(net)
        # Synapses of equal projections are told apart by their size here.
        found = s.weight if len(laws) == 1 else s.weight[np.isclose(s.weight, law, rtol=1e-2)]
        assert found.shape[0] == 100_000 and np.all(found != 0.0)
        expected = samples(law, 1_000_000)
        if len(laws) > 1:
            np.testing.assert_allclose(found, expected[0], rtol=1e-3 if kept == "int16" else 1e-6)
            continue
        # Heavy tails leave the mean of so many to chance: what lies below a high quantile is compared besides.
        cut = np.quantile(np.abs(expected), 0.99)
        inside, reference = found[np.abs(found) < cut], expected[np.abs(expected) < cut]
        assert inside.mean() == pytest.approx(reference.mean(), abs=6.0 * reference.std() / np.sqrt(1e5))
        assert inside.std() == pytest.approx(reference.std(), rel=0.02)
        for q in (0.001, 0.01, 0.1, 0.5):
            rank = np.quantile(np.abs(expected), q)
            assert np.mean(np.abs(found) <= rank) == pytest.approx(q, abs=6.0 * np.sqrt(q / 1e5))


@pytest.mark.parametrize("label", LAWS)
def test_errors_are_told_from_the_law_that_is_drawn(label):
    """The told errors of mean and spread: within 1e-3, up to lognormal sigma 1.6; beyond, the shortfall is told."""
    laws, _ = LAWS[label]
    for e in representation(recurrent(*laws).resolved(), 0.1).errors.values():
        assert e.zeroed == 0.0 and e.off <= 1e-3 and abs(e.mean) <= 1e-3
        assert abs(e.sd) <= 1e-3 or label in ("lognormal 2", "lognormal 3")
    if label == "lognormal 3":
        assert -0.3 < e.sd < -0.05


def test_errors_against_direct_draws():
    """Mean, spread and the fraction that is off, of random grids, as a million draws have them."""
    draw = np.random.default_rng(5)
    for given in (ds.lognormal(0.0, 1.3), ds.normal(1.0, 0.7), ds.uniform(-1.0, 3.0), ds.exponential(2.0)):
        law = distribution(given, "", "x")
        values = law.ppf((np.arange(1_000_000) + 0.5) / 1e6)
        step = float(draw.uniform(0.05, 0.2))
        told = errors_of_law(law, Grid("int16", (step, 1.7 * step)))
        steps = np.where(values < 0.0, 1.7 * step, step)
        rounded = np.floor(values / steps + 0.5) * steps
        rounded = np.where(rounded == 0.0, np.copysign(steps, values), rounded)
        size = np.abs(values).mean()
        assert told.mean == pytest.approx((rounded - values).mean() / size, abs=2e-4)
        assert told.sd == pytest.approx(rounded.std() / values.std() - 1.0, abs=1e-3)
        assert told.off == pytest.approx(np.mean(np.abs(rounded - values) > 0.05 * np.abs(values)), abs=2e-3)
        listed = errors_of_list(values, Grid("int16", (step, 1.7 * step)))
        assert listed.mean == pytest.approx(told.mean, abs=2e-4) and listed.off == pytest.approx(told.off, abs=2e-3)


def test_listed_weights_are_judged_on_the_list():
    """Two weights of a list that 16 bits cannot tell apart are kept in 32."""
    for weights, kept in (([1.0, 2.0, 3.0], "int16"), ([1.0, 2.0, 1e5], "float32")):
        net = ds.Network("list")
        a = net.population("a", 3, "iaf_psc_exp")
        net.project(a, a, ds.edges([0, 1, 2], [0, 0, 0], weights))
        assert representation(net.resolved(), 0.1).static == kept
        np.testing.assert_allclose(np.sort(synapses_of(net).weight), weights, rtol=1e-4)


@pytest.mark.parametrize("repeated", [70_000, 300])
def test_many_spikes_in_one_step(repeated):
    """Spikes of one generator in one step, through two projections: the sum of all, of either sign."""
    for sign in (1.0, -1.0):
        net = ds.Network("burst")
        a = net.population("a", 1, "iaf_psc_delta", tau_m=10.0, V_th=1e9, V_reset=-1e9)
        g = net.device("g", "spike_generator", spike_times=[1.0] * repeated)
        net.project(g, a, weight=sign, delay=1.0)
        net.project(g, a, weight=sign, delay=1.0)
        sim = ds.Simulation(net, precision="float64")
        sim.run(2.0)
        assert sim.state("a", "V_m")[1][0] + 70.0 == pytest.approx(2.0 * sign * repeated, rel=1e-6)


def test_bounds_of_sums():
    """No neuron's weights add up to more, whatever the law; and bounds are not idle."""
    for given in (ds.lognormal(0.0, 1.5), ds.normal(0.5, 1.0), 3.0, ds.exponential(2.0)):
        net = recurrent(given, given)
        sums = largest_sums(net.resolved(), 0.1)
        s = synapses_of(net)
        for plane in (0, 1):
            onto = np.bincount(s.post[s.plane == plane], np.abs(s.weight[s.plane == plane]), minlength=1)
            bound = sums.get(("a", plane))
            assert onto.max() <= (bound.total if bound else 0.0)
            if given == ds.lognormal(0.0, 1.5):
                assert bound is None or bound.total < 0.25 * 400 * bound.largest
    # Poisson generators: the most of which a step's table has room for.
    net = ds.Network("poisson")
    net.poisson(net.population("a", 2, "iaf_psc_exp"), rate=1e6, weight=2.0)
    assert 100.0 < largest_sums(net.resolved(), 0.1)["a", 0].n_inputs < 1000.0


def test_exact():
    """Every float32 weight to its last bit; where sums cannot hold that, or weights come near 0, refused by name."""
    given = ds.lognormal(0.0, 1.0)
    net = recurrent(given)
    how = representation(net.resolved(), 0.1, "exact")
    assert how.static == "float32" and how.input == np.float64
    found = synapses_of(net, weights="exact").weight
    assert found.astype(np.float32).tolist() == found.tolist()
    assert (
        np.all(found / how.units["a"][0] % 1.0 == 0.0)
        and lowest_bits(found.astype(np.float32)).min() >= how.units["a"][0]
    )
    assert np.unique(found).shape[0] > 0.99 * 100_000
    for weights, problem in (
        ((1e-9, 3e6), r"projections\.0\.weight: .*1e-09.*the limit is 2\^53"),
        ((ds.normal(0.0, 1.0),), r"projections\.0\.weight: .*away from 0"),
    ):
        with pytest.raises(InputError, match=problem):
            representation(recurrent(*weights).resolved(), 0.1, "exact")
    plastic = ds.Network("plastic")
    a = plastic.population("a", 5, "iaf_psc_exp")
    plastic.project(a, a, weight=1.0, synapse="stdp_synapse")
    with pytest.raises(InputError, match="static synapses"):
        representation(plastic.resolved(), 0.1, "exact")


def test_weights_that_no_sum_holds_together():
    """A weight next to one of 1e14 and more would vanish in 32 bits too: refused with its projection."""
    with pytest.raises(InputError, match=r"network\.projections\.0\.weight: .*told apart"):
        representation(recurrent(1e-3, 1e14).resolved(), 0.1)


@pytest.mark.parametrize(
    "weight", [1e308, 10**39, 10**400, -1e39, 1e-50, {"lognormal": [200.0, 1.0]}, {"normal": [1e308, 1e308]}]
)
def test_weights_beyond_single_precision(weight):
    """Refused with their place, in the rule's list too."""
    net = ds.Network("range")
    a = net.population("a", 5, "iaf_psc_exp")
    with pytest.raises(InputError, match=r"network\.projections\.0\.weight"):
        net.project(a, a, weight=weight)
    if isinstance(weight, (int, float)) and abs(weight) > 1.0:
        with pytest.raises(InputError, match=r"edges\.weight"):
            net.project(a, a, ds.edges([0], [1], [weight]))


def test_weight_step():
    """An argument of a population: 16 bits where they hold it; a finer one asks for 32 and is a power of two."""
    for step, kept in ((0.5, "int16"), (2.0**-20, "float32")):
        net = ds.Network("step")
        a = net.population("a", 20, "iaf_psc_delta", weight_step={"spikes": step})
        net.project(a, a, weight=ds.uniform(10.0, 100.0))
        net = ds.Network.from_dict(net.to_dict())
        assert representation(net.resolved(), 0.1).static == kept
        assert np.all(synapses_of(net).weight % step == 0.0)
    for step, problem in ((1e-6, "power of two"), (2.0**-60, "sums up to"), (3.0, "on which .* lie")):
        net = ds.Network("step")
        a = net.population("a", 20, "iaf_psc_delta", weight_step={"spikes": step})
        net.project(a, a, weight=ds.uniform(1.0, 100.0))
        with pytest.raises(InputError, match=rf"populations\.a\.weight_step\.spikes: .*{problem}"):
            representation(net.resolved(), 0.1)


def test_listed_weights_of_plastic_synapses_and_of_currents():
    """Each its own, though the projection's `weight` is one number."""
    net = ds.Network("listed")
    a = net.population("a", 3, "iaf_psc_exp", V_th=1e9)
    weights = [1.0, 2.5, 40.0]
    net.project(
        a, a, ds.edges([0, 1, 2], [0, 1, 2], weights), synapse={"model": "stdp_synapse", "Wmax": 50.0}, name="p"
    )
    current = net.device("current", "dc_generator", amplitude=10.0)
    net.project(current, a, ds.edges([0, 0, 0], [0, 1, 2], weights))
    sim = ds.Simulation(net)
    sim.run(3.0)
    assert sorted(sim.weights("p").weight.tolist()) == weights
    v = sim.state("a", "V_m")[1] + 70.0
    np.testing.assert_allclose(v / v[0], weights, rtol=1e-4)
