"""Independent Poisson spike trains, one for every connection (NEST's poisson_generator).

The number of spikes that a connection carries in a step is drawn by counting the cumulative
thresholds that a 16-bit random number exceeds. Where 16 bits do not decide (less than one draw in a
thousand) a second number of 32 bits does, so that the distribution is exact to about 2**-48. One
Threefry block serves one connection for eight steps.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import uint16, uint32

from distsim.registry import Parameter, PoissonSource
from distsim.rng import threefry4x32

VARIANT = PoissonSource(
    "poisson_generator",
    parameters={
        "rate": Parameter(0.0, "Hz", "mean rate of every train", at_least=0.0),
        "start": Parameter(0.0, "ms", "first time, relative to the start of the simulation", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
    rate=lambda params: params["rate"],
)

# Steps served by one block of random words.
LANES = 8
CHUNK = 1024
# A larger mean per step is split among several drives: the cost of a draw grows with the mean.
LARGEST_MEAN = 12.0


def largest_count(mean: float) -> int:
    """Return a number of spikes that no draw from the tables of this mean exceeds."""
    return int(mean + 12.0 * np.sqrt(mean) + 30.0)


def thresholds(mean: float) -> tuple[int, np.ndarray, int, np.ndarray]:
    """Return the tables from which `draw_counts` draws Poisson numbers of this mean.

    Returns
    -------
    int
        Count below all thresholds.
    np.ndarray
        uint16, padded to a multiple of 4: each threshold that the number exceeds adds 1.
    int
        Number of thresholds without the padding; a draw that exceeds all is decided by the tail.
    np.ndarray
        uint32 cumulative thresholds of the tail: the count is how many of them are <= the number.
    """
    k = np.arange(largest_count(mean))
    log_p = -mean + k * np.log(max(mean, 1e-300)) - np.cumsum(np.log(np.maximum(k, 1)))
    p = np.exp(log_p) / np.exp(log_p).sum()
    whole = np.floor(p * 65536.0)
    rest = p * 65536.0 - whole
    # The last count with a whole cell ends the table; the sentinel lies above it.
    edges = np.cumsum(whole)[: int(np.flatnonzero(whole)[-1]) + 1]
    first = int((edges == 0.0).sum())
    edges = edges[edges > 0.0]
    edges = edges[edges < 65536.0] - 1.0
    padded = np.full(-(-edges.shape[0] // 4) * 4 or 4, 65535, dtype=np.uint16)
    padded[: edges.shape[0]] = edges
    cumulative = np.cumsum(rest) / max(rest.sum(), 1e-300)
    tail = np.minimum(np.floor(cumulative * 2.0**32), 2.0**32 - 1).astype(np.uint32)
    return first, padded, edges.shape[0], tail


@numba.njit(error_model="numpy")
def _count_lane(counts, words, shift, first, table, v, c):
    """Count the thresholds that 16 bits of each word exceed; return the largest count. Vector code."""
    n = words.shape[0]
    for i in range(n):
        v[i] = uint16(words[i] >> shift)
        c[i] = first
    for k in range(0, table.shape[0], 4):
        t0, t1, t2, t3 = table[k], table[k + 1], table[k + 2], table[k + 3]
        for i in range(n):
            a = uint16(v[i] > t0)
            a = uint16(a + uint16(v[i] > t1))
            a = uint16(a + uint16(v[i] > t2))
            a = uint16(a + uint16(v[i] > t3))
            c[i] = uint16(c[i] + a)
    largest = uint16(0)
    for i in range(n):
        counts[i] = np.uint8(c[i])
        largest = c[i] if c[i] > largest else largest
    return largest


@numba.njit(error_model="numpy")
def _from_tail(lo, hi, block, lane, key, tail):
    """Return the count of a draw that 16 bits did not decide."""
    x, _, _, _ = threefry4x32(lo, hi, block, uint32(1 + lane), key[0], key[1], key[2], key[3])
    found = 0
    while found < tail.shape[0] and tail[found] <= x:
        found += 1
    return np.uint8(found)


@numba.njit(cache=True, error_model="numpy")
def draw_counts(counts, lo, hi, block, key, first, table, n_thresholds, tail):
    """Draw how many spikes each connection carries in each of the eight steps 8 block ... 8 block + 7.

    Parameters
    ----------
    counts : uint8 [8, n]
        Written.
    lo, hi : uint32 [n]
        Counter words that name the connection: gid of the target, ordinal among its connections.
    block : int
        Third counter word.
    key : uint32 [4]
    first, table, n_thresholds, tail
        From `thresholds`.
    """
    w0, w1 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    w2, w3 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    v, c = np.empty(CHUNK, np.uint16), np.empty(CHUNK, np.uint16)
    k0, k1, k2, k3 = key[0], key[1], key[2], key[3]
    index = uint32(block)
    undecided = first + n_thresholds
    for start in range(0, lo.shape[0], CHUNK):
        l, h = lo[start : start + CHUNK], hi[start : start + CHUNK]
        n = l.shape[0]
        for i in range(n):
            w0[i], w1[i], w2[i], w3[i] = threefry4x32(l[i], h[i], index, uint32(0), k0, k1, k2, k3)
        for lane in range(LANES):
            words = w0 if lane < 2 else w1 if lane < 4 else w2 if lane < 6 else w3
            out = counts[lane, start : start + CHUNK]
            shift = uint32(16 * (lane & 1))
            if _count_lane(out, words[:n], shift, uint16(first), table, v, c) == undecided:
                for i in range(n):
                    if out[i] == undecided:
                        out[i] = _from_tail(l[i], h[i], index, lane, key, tail)
