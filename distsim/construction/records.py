"""One synapse: its weight and delay out of tables, and the record that keeps it."""

from __future__ import annotations

import numba
import numpy as np
from numba import float32, float64, int32, types, uint32, uint64
from numba.extending import overload

from distsim.synapses.arithmetic import bits_of

# A draw has 32 bits: cells of 2^-12 of the range, in its tails of 2^-20, and each of the last 2^12 words for itself.
TABLE_BITS = 12
TABLE = 1 << TABLE_BITS
TAIL_BITS = 32 - 2 * TABLE_BITS


@numba.njit(forceinline=True)
def from_table(table, word):
    """Return the inverse distribution at word / 2**32: linear between knots, with finer ones in the tails.

    `table` holds float32 values, see `tables.knots`: TABLE + 1 knots for the whole range; TABLE + 1 for the lowest
    2**-TAIL_BITS of it and as many for the highest; and a value for each of the TABLE lowest and highest words, because
    a quantile that grows without bound is far from linear there.
    """
    i = np.int64(word >> uint32(32 - TABLE_BITS))
    fraction = np.float32(word & uint32((1 << (32 - TABLE_BITS)) - 1)) * np.float32(2.0 ** -(32 - TABLE_BITS))
    tail = np.int64(word >> uint32(32 - TAIL_BITS))
    if tail == 0 or tail == (1 << TAIL_BITS) - 1:
        upper = np.int64(tail != 0)
        j, last = np.int64(word >> uint32(TABLE_BITS)) & (TABLE - 1), np.int64(word & uint32(TABLE - 1))
        if j == upper * (TABLE - 1):
            return table[3 * (TABLE + 1) + upper * TABLE + last]
        i = (1 + upper) * (TABLE + 1) + j
        fraction = np.float32(last) * np.float32(1.0 / TABLE)
    low = table[i]
    return np.float32(low + np.float32(np.float32(table[i + 1] - low) * fraction))


def pack(w, rounding, negative, l_target):
    """Return the record of a synapse: its target's low 16 bits below, its weight above.

    `rounding` is what `Representation.rounding` gives for positive and negative weights. Where it is float32 it
    holds grid steps per unit of weight, and the record, 32 bits, holds a whole number of steps. Where it is float64
    it holds 1.5 2^52 units, or 0, and the record, 64 bits, holds the weight in float32, rounded to a multiple of the
    unit (ties to even), or as it is. No weight other than 0 becomes 0: it becomes the smallest one of its sign.
    """
    raise NotImplementedError("compiled code only")


@overload(pack, jit_options={"forceinline": True, "error_model": "numpy"})
def _pack(w, rounding, negative, l_target):
    """Choose by the type of `rounding`, that is once, when a kernel is compiled."""
    return _pack_16_bits if rounding.dtype == types.float32 else _pack_float


def _pack_16_bits(w, rounding, negative, l_target):
    g = float32(w * (rounding[1] if negative else rounding[0]))
    q = int32(np.floor(float32(g + float32(0.5))))
    q = min(max(q, int32(-32767)), int32(32767))
    if q == 0 and w != float32(0.0):
        q = int32(-1) if negative else int32(1)
    return uint32(uint32(q << int32(16)) | uint32(l_target & 0xFFFF))


def _pack_float(w, rounding, negative, l_target):
    # A sum of 1.5 2^52 units and less than 2^51 units has whole units for its last bit.
    magic = rounding[1] if negative else rounding[0]
    r = float32((float64(w) + magic) - magic)
    if r == float32(0.0) and w != float32(0.0):
        unit = float32(magic * float64(2.0**-52 / 1.5))
        r = -unit if negative else unit
    return uint64(uint64(uint32(bits_of(r))) << uint64(32)) | uint64(l_target & 0xFFFF)


@numba.njit(cache=True, error_model="numpy")
def pack_all(records, w, rounding, targets):
    """Write the records of listed synapses: float32 weights, int64 targets."""
    for i in range(w.shape[0]):
        records[i] = pack(w[i], rounding, w[i] < float32(0.0), targets[i])


def weights_in(records: np.ndarray) -> np.ndarray:
    """Return the weights in records: float64, whole numbers of grid steps or rounded float32 numbers."""
    if records.dtype == np.uint32:
        return (records.view(np.int32) >> 16).astype(np.float64)
    return (records >> np.uint64(32)).astype(np.uint32).view(np.float32).astype(np.float64)


@numba.njit(forceinline=True)
def draw_synapse(word_w, word_d, weights, delays, first_delay, last_delay):
    """Return (weight, whether it is negative, delay in steps) of one synapse; `weights`, `delays` are tables."""
    w = weights[0] if weights.shape[0] == 1 else from_table(weights, word_w)
    d = delays[0] if delays.shape[0] == 1 else from_table(delays, word_d)
    steps = np.int64(np.floor(np.float32(d + np.float32(0.5))))
    return w, w < np.float32(0.0), min(max(steps, first_delay), last_delay)
