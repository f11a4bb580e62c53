"""fixed_total_number: exactly its number of synapses, every allowed pair equally likely, the same on all ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import distsim as ds
from distsim.construction import counting, kernels
from distsim.errors import InputError
from tests.contracts.decoded import synapses_of


def projected(size: int, pre, post, n: int, **switches) -> ds.Network:
    """Return a population of which some parts connect to others; parts are runs [start, stop)."""
    net = ds.Network("total")
    a = net.population("a", size, "iaf_psc_delta")

    def joined(runs):
        first, *others = (a[start:stop] for start, stop in runs)
        return sum(others, first)

    net.project(joined(pre), joined(post), ds.fixed_total_number(n, autapses=False, **switches))
    return net


# Size of the population, parts that are sources and targets, pairs that are allowed.
CASES = {
    "all": (10, [(0, 10)], [(0, 10)], 90),
    "more": (50, [(0, 50)], [(0, 50)], 2450),
    "overlap": (12, [(0, 7)], [(4, 12)], 7 * 8 - 3),
    "slices": (30, [(20, 30), (0, 4)], [(2, 9), (18, 25)], 14 * 14 - 2 - 5),
    "one source": (9, [(3, 4)], [(0, 9)], 8),
}


@pytest.mark.parametrize("label", CASES)
def test_exact_number_of_distinct_pairs(label):
    """In every seed, for few and for nearly all and for all pairs, and none twice or with itself."""
    size, pre, post, pairs = CASES[label]
    for n in {1, pairs // 2, pairs - 1, pairs}:
        net = projected(size, pre, post, n, multapses=False)
        for seed in range(12):
            s = synapses_of(net, 1 + seed % 3, ("balanced", "block", "round_robin")[seed % 3], seed=seed)
            assert len(s) == n
            assert not np.any(s.pre == s.post) and np.unique(s.pre * size + s.post).shape[0] == n


@pytest.mark.parametrize("multapses", [True, False])
def test_several_blocks_of_targets_on_any_number_of_ranks(multapses):
    """More targets than one block, some of which are sources: the same synapses however they are shared out."""
    net = projected(3300, [(40, 900), (2000, 2060)], [(700, 3300)], 60_000, multapses=multapses)
    expected = synapses_of(net).table()
    assert expected.shape[0] == 60_000 and not np.any(expected[:, 0] == expected[:, 1])
    for n_ranks, partitioner in ((2, "round_robin"), (5, "balanced")):
        assert np.array_equal(synapses_of(net, n_ranks, partitioner).table(), expected)


def counts_of_pairs(multapses: bool, n_seeds: int) -> tuple[np.ndarray, int]:
    """Return how often each allowed pair of an overlapping projection came up, and how many synapses a seed has."""
    n = 6
    net = projected(7, [(0, 3)], [(1, 7)], n, multapses=multapses)
    found = np.zeros((7, 7), dtype=np.int64)
    for seed in range(n_seeds):
        s = synapses_of(net, seed=seed)
        np.add.at(found, (s.pre, s.post), 1)
    allowed = [(i, j) for i in range(3) for j in range(1, 7) if i != j]
    counts = np.array([found[pair] for pair in allowed])
    assert counts.sum() == found.sum() == n * n_seeds
    return counts, n


def p_of_equal(counts: np.ndarray, n: int, multapses: bool) -> float:
    """Return the probability of counts as uneven as these where all pairs are equally likely."""
    # Without multapses a pair is there or not: the counts vary less, by the share of the pairs that is left.
    share = 1.0 if multapses else (counts.shape[0] - n) / (counts.shape[0] - 1.0)
    return float(stats.chi2.sf(stats.chisquare(counts).statistic / share, counts.shape[0] - 1))


@pytest.mark.parametrize("multapses", [True, False])
def test_every_allowed_pair_is_equally_likely(multapses):
    """Also those of targets that are sources themselves, which have one source fewer than the others."""
    assert p_of_equal(*counts_of_pairs(multapses, 1500), multapses) > 1e-3


def test_the_test_of_the_law_sees_a_wrong_one(monkeypatch):
    """In-degrees that leave out of account that a target may not connect to itself are found out."""
    monkeypatch.setattr(counting, "own_among_sources", lambda projection, start, stop: np.zeros(stop - start, bool))
    assert p_of_equal(*counts_of_pairs(True, 1500), True) < 1e-6


def test_too_many_distinct_sources_are_an_error(monkeypatch):
    """Wrong counts stop construction; they neither lose synapses nor read sources that nobody chose."""
    monkeypatch.setattr(counting, "own_among_sources", lambda projection, start, stop: np.zeros(stop - start, bool))
    with pytest.raises(AssertionError, match="more distinct sources"):
        for seed in range(20):
            synapses_of(projected(10, [(0, 10)], [(0, 10)], 88, multapses=False), seed=seed)

    def one_more(counts, gids, degrees, own, n_pre, *_):
        counts[:] = n_pre

    monkeypatch.undo()
    monkeypatch.setattr(kernels, "count_cells", one_more)
    with pytest.raises(AssertionError, match="than it can have"):
        synapses_of(projected(10, [(0, 10)], [(0, 10)], 88, multapses=False))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (ds.fixed_total_number(54, autapses=False, multapses=False), "at most 53 different pairs"),
        (ds.fixed_indegree(7, autapses=False, multapses=False), "at most 6 different sources"),
        (ds.fixed_outdegree(8, autapses=False, multapses=False), "at most 7 different targets"),
    ],
)
def test_more_than_there_are(rule, message):
    """Refused, also where sources and targets are the same only in part."""
    net = ds.Network("too many")
    a = net.population("a", 12, "iaf_psc_delta")
    with pytest.raises(InputError, match=message):
        net.project(a[:7], a[4:], rule)


def test_parts_that_meet_only_after_scaling():
    """Two parts of one neuron each that become the same neuron of a smaller network."""
    net = ds.Network("scaled", scale=0.1)
    a = net.population("a", 100, "iaf_psc_delta")
    with pytest.raises(InputError, match="do not overlap"):
        net.project(a[0:1] + a[1:2], a, ds.fixed_indegree(1))
        net.resolved()
