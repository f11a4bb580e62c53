"""Threefry against its published vectors; Poisson tables against the distribution."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy import stats

from distsim import rng
from distsim.construction.records import TABLE, from_table
from distsim.construction.tables import delay_table, table
from distsim.devices.poisson_generator import LANES, draw_counts, thresholds
from distsim.network.distributions import distribution

# Random123's known answers for threefry4x32 with 13 rounds: counter, key, result.
PI = "243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0 082efa98 ec4e6c89"
VECTORS = [
    ("00000000 " * 4, "00000000 " * 4, "531c7e4f 39491ee5 2c855a92 3d6abf9a"),
    ("ffffffff " * 4, "ffffffff " * 4, "c4189358 1c9cc83a d5881c67 6a0a89e0"),
    (*PI, "4aa71d8f 734738c2 431fc6a8 ae6debf1"),
]


@numba.njit
def block(c, k):
    """Return one Threefry block."""
    return rng.threefry4x32(c[0], c[1], c[2], c[3], k[0], k[1], k[2], k[3])


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_threefry_known_answers(counter, key, expected):
    """The published words."""
    c, k, e = (np.array([int(w, 16) for w in text.split()], dtype=np.uint32) for text in (counter, key, expected))
    assert list(block(c, k)) == list(e)


def test_key_tells_everything_apart():
    """Seed, stream and number each have a word; a seed of 63 bits has two."""
    assert list(rng.key(2**40 + 7, 5, 9)) == [7, 256, 5, 9]


def test_uniforms_are_a_function_of_the_gid():
    """Any subset, in any order, has the same numbers; they are uniform."""
    gids = np.arange(100_000)
    u = rng.uniforms(3, 1, 2, gids)
    assert np.array_equal(rng.uniforms(3, 1, 2, gids[::-7]), u[::-7])
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert not np.array_equal(rng.uniforms(4, 1, 2, gids), u)


@pytest.mark.parametrize("mean", [1e-6, 1e-3, 0.05, 1.0, 1.28, 2.32, 7.5, 12.0])
def test_poisson_counts(mean):
    """Chi-square over some 4e6 draws; mean and variance."""
    n, n_blocks = 20_000, 26
    counts = np.zeros((LANES, n), np.uint8)
    first, levels, n_thresholds, tail = thresholds(mean)
    found = np.zeros(256, np.int64)
    for b in range(n_blocks):
        lo, hi = np.arange(n, dtype=np.uint32), np.zeros(n, np.uint32)
        draw_counts(counts, lo, hi, b, rng.key(7, 5, 0), first, levels, n_thresholds, tail)
        found += np.bincount(counts.ravel(), minlength=256)
    expected = stats.poisson.pmf(np.arange(256), mean) * found.sum()
    keep = expected > 10
    if keep.sum() > 1:
        chi2 = ((found - expected)[keep] ** 2 / expected[keep]).sum()
        assert stats.chi2.sf(chi2, keep.sum() - 1) > 1e-4
    rare = found[~keep].sum()
    assert abs(rare - expected[~keep].sum()) < 5 * np.sqrt(expected[~keep].sum()) + 3


@pytest.mark.parametrize(
    "given", [{"normal": [5.0, 2.0]}, {"lognormal": [0.0, 0.5]}, {"exponential": 2.0}, {"uniform": [1, 4]}]
)
def test_tables_invert_the_distribution(given):
    """Every quantile of a table is the distribution's, tails included, to 1e-3 of the standard deviation."""

    @numba.njit
    def look_up(t, words):
        return np.array([from_table(t, w) for w in words])

    law = distribution(given, "", "x")
    u = np.concatenate([2.0 ** -np.arange(1.0, 23.0), 1 - 2.0 ** -np.arange(1.0, 23.0), np.linspace(0.001, 0.999, 997)])
    words = np.floor(u * 2.0**32).astype(np.uint32)
    expected = law.ppf((words + 0.5) / 2.0**32)
    np.testing.assert_allclose(
        look_up(table(law), words), expected, atol=2e-3 * float(law.ppf(0.84) - law.ppf(0.5)), rtol=1e-4
    )
    assert table(law).shape == (3 * (TABLE + 1) + 2 * TABLE,)
    # The lowest and the highest words, each for itself: a line through the tail would make a lognormal's spread too large.
    ends = np.concatenate([np.arange(4096), 2**32 - 1 - np.arange(4096)]).astype(np.uint32)
    np.testing.assert_allclose(look_up(table(law), ends), law.ppf((ends + 0.5) / 2.0**32), rtol=1e-6)


def test_delay_tables_are_in_steps():
    """A constant is rounded already, halves up; drawn ones are of at least half a step, which is rounded up to one."""
    assert list(delay_table(distribution(0.25, "ms", "x"), 0.1)) == [3.0]
    assert delay_table(distribution({"normal": [1.0, 0.5]}, "ms", "x"), 0.1).min() == 0.5
    bounded = distribution({"normal": {"mean": 1.0, "sd": 0.5, "low": 0.1}}, "ms", "x")
    assert delay_table(bounded, 0.1).min() == 1.0
