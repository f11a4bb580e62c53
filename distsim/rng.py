"""Random numbers as a pure function of what they are for, never of a rank or the order of calls.

Threefry4x32 with 13 rounds (Salmon et al. 2011, doi:10.1145/2063384.2063405): a block of four
32-bit words for a key and a counter. distsim's convention:

    key     = (seed, low word; seed, high word; stream; id)
    counter = (a, b, c, d)

The stream says what the number is for (`STREAMS`), the id which projection or device it belongs to,
the counter which neuron and which draw. Two ranks that ask for the same number get the same number.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import uint32

# What a number is for. The order is part of every result: append, never renumber.
STREAM_INDEGREE = 1
STREAM_CELL = 2
STREAM_SYNAPSE = 3
STREAM_STATE = 4
STREAM_POISSON = 5
STREAM_NOISE = 7
STREAM_OUTDEGREE = 8

_PARITY = np.uint32(0x1BD11BDA)


@numba.njit(forceinline=True)
def _mix(a, b, r):
    a = uint32(a + b)
    return a, uint32(uint32(uint32(b << r) | uint32(b >> uint32(uint32(32) - r))) ^ a)


@numba.njit(forceinline=True)
def threefry4x32(c0, c1, c2, c3, k0, k1, k2, k3):
    """Return the four uint32 words of Threefry4x32-13 for counter c and key k (all uint32).

    numba promotes uint32 arithmetic to 64 bits, so every intermediate is wrapped; inlined into a
    loop over neurons this becomes vector code with one rotate instruction per rotation.
    """
    k4 = uint32(uint32(_PARITY ^ k0) ^ uint32(uint32(k1 ^ k2) ^ k3))
    x0, x1, x2, x3 = uint32(c0 + k0), uint32(c1 + k1), uint32(c2 + k2), uint32(c3 + k3)
    x0, x1 = _mix(x0, x1, uint32(10))
    x2, x3 = _mix(x2, x3, uint32(26))
    x0, x3 = _mix(x0, x3, uint32(11))
    x2, x1 = _mix(x2, x1, uint32(21))
    x0, x1 = _mix(x0, x1, uint32(13))
    x2, x3 = _mix(x2, x3, uint32(27))
    x0, x3 = _mix(x0, x3, uint32(23))
    x2, x1 = _mix(x2, x1, uint32(5))
    x0, x1, x2, x3 = uint32(x0 + k1), uint32(x1 + k2), uint32(x2 + k3), uint32(x3 + uint32(k4 + uint32(1)))
    x0, x1 = _mix(x0, x1, uint32(6))
    x2, x3 = _mix(x2, x3, uint32(20))
    x0, x3 = _mix(x0, x3, uint32(17))
    x2, x1 = _mix(x2, x1, uint32(11))
    x0, x1 = _mix(x0, x1, uint32(25))
    x2, x3 = _mix(x2, x3, uint32(10))
    x0, x3 = _mix(x0, x3, uint32(18))
    x2, x1 = _mix(x2, x1, uint32(20))
    x0, x1, x2, x3 = uint32(x0 + k2), uint32(x1 + k3), uint32(x2 + k4), uint32(x3 + uint32(k0 + uint32(2)))
    x0, x1 = _mix(x0, x1, uint32(10))
    x2, x3 = _mix(x2, x3, uint32(26))
    x0, x3 = _mix(x0, x3, uint32(11))
    x2, x1 = _mix(x2, x1, uint32(21))
    x0, x1 = _mix(x0, x1, uint32(13))
    x2, x3 = _mix(x2, x3, uint32(27))
    x0, x3 = _mix(x0, x3, uint32(23))
    x2, x1 = _mix(x2, x1, uint32(5))
    x0, x1, x2, x3 = uint32(x0 + k3), uint32(x1 + k4), uint32(x2 + k0), uint32(x3 + uint32(k1 + uint32(3)))
    x0, x1 = _mix(x0, x1, uint32(6))
    x2, x3 = _mix(x2, x3, uint32(20))
    return x0, x1, x2, x3


@numba.njit(forceinline=True)
def below(word, n):
    """Map a uint32 word to an integer in [0, n) by the high half of the product (n < 2**32)."""
    return np.int64((np.uint64(word) * np.uint64(n)) >> np.uint64(32))


def key(seed: int, stream: int, number: int) -> np.ndarray:
    """Return the key of a stream: uint32 [4] = (seed low, seed high, stream, number)."""
    return np.array([seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, stream, number], dtype=np.uint32)


@numba.njit(cache=True, error_model="numpy")
def _fill_words(words, gids, k, index):
    for j in range(gids.shape[0]):
        g = np.uint64(gids[j])
        x0, _, _, _ = threefry4x32(
            uint32(g), uint32(g >> np.uint64(32)), uint32(index), uint32(0), k[0], k[1], k[2], k[3]
        )
        words[j] = x0


def uniforms(seed: int, stream: int, number: int, gids: np.ndarray, index: int = 0) -> np.ndarray:
    """Return one uniform number in (0, 1) per gid: float64 [n], a pure function of all arguments."""
    words = np.empty(gids.shape[0], dtype=np.uint32)
    _fill_words(words, np.ascontiguousarray(gids, dtype=np.int64), key(seed, stream, number), index)
    return (words.astype(np.float64) + 0.5) / 2.0**32
