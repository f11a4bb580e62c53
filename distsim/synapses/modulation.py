"""The third factor of a learning rule: a modulator that spikes of a population release, the same everywhere.

    dc/dt = -c / tau_c + pairings,   dn/dt = -n / tau_n + releases / tau_n,   dw/dt = c (n - b)

Between pairings the eligibility c decays, so that from step u to step s the weight changes by c(u) D(u, s)
with D(u, s) = exp(u / tau_c) (G(s) - G(u)) and G the integral of exp(-r / tau_c) (n(r) - b) since an origin.
G is one table for all synapses of a projection: no synapse ever goes through the releases one by one.
The origin moves along, for the exponential not to leave the range of numbers.

The weight stays in its bounds at every step. Where G only rises, or only falls, from u to s, bounding it at every
step or at s alone gives the same. G turns where n - b changes its sign: the table lists those steps, and a weight
that could reach a bound on the way is bounded at each of them. Whether it could is told by how far G rises and
falls in all between u and s, two differences of a table.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import float32

from distsim.synapses.arithmetic import exp2

# Places in a projection's row, which the table follows.
ORIGIN, CLOSED, KNOWN, LEVEL, BASELINE, DT, TAU_C, TAU_N, SENSE, TABLE = range(10)
# The table has four numbers for a step, so that one line of the cache holds them: G; how far it has gone up and down
# in all since the origin; the number of its turns before the step; and, in a ring of its own, at which step a turn was.
INTEGRAL, PATH, TURNS, TURN, WIDTH = range(5)


def row(size: int, params: dict[str, float], dt: float) -> np.ndarray:
    """Return the row of a projection at step 0, with a table for `size` steps or more, a power of two."""
    found = np.zeros(TABLE + WIDTH * (1 << max(size - 1, 1).bit_length()))
    found[[BASELINE, DT, TAU_C, TAU_N]] = params["b"], dt, params["tau_c"], params["tau_n"]
    return found


@numba.njit(forceinline=True, error_model="numpy")
def _place(m, step):
    """Return where the table's numbers for a step begin."""
    n_steps = (m.shape[0] - TABLE) // WIDTH
    return TABLE + WIDTH * (np.int64(step) & (n_steps - 1))


@numba.njit(error_model="numpy")
def extend(m, n_released, step):
    """Extend the table to `step`, one after the last, at which `n_released` spikes release."""
    known = np.int64(m[KNOWN])
    while known < step:
        # n decays and exp(-r / tau_c) does: both integrals over a step in closed form.
        dt, tau_c, tau_n = m[DT], m[TAU_C], m[TAU_N]
        both = 1.0 / tau_c + 1.0 / tau_n
        gain = -m[LEVEL] * math.expm1(-dt * both) / both + m[BASELINE] * tau_c * math.expm1(-dt / tau_c)
        change = math.exp(-(known - m[ORIGIN]) * dt / tau_c) * gain
        here, after = _place(m, known), _place(m, known + 1)
        turns = m[here + TURNS]
        if gain * m[SENSE] < 0.0:
            m[_place(m, np.int64(turns)) + TURN] = known
            turns += 1.0
        if gain != 0.0:
            m[SENSE] = math.copysign(1.0, gain)
        m[after + INTEGRAL] = m[here + INTEGRAL] + change
        m[after + PATH] = m[here + PATH] + abs(change)
        m[after + TURNS] = turns
        m[LEVEL] *= math.exp(-dt / tau_n)
        known += 1
    m[LEVEL] += n_released / m[TAU_N]
    m[KNOWN] = known


@numba.njit(error_model="numpy")
def move_origin(m, origin):
    """Let G begin at a later step; entries before it are not asked for any more."""
    if origin <= m[ORIGIN]:
        return
    integral, path = m[_place(m, origin) + INTEGRAL], m[_place(m, origin) + PATH]
    factor = math.exp((origin - m[ORIGIN]) * m[DT] / m[TAU_C])
    for s in range(origin, np.int64(m[KNOWN]) + 1):
        at = _place(m, s)
        m[at + INTEGRAL] = (m[at + INTEGRAL] - integral) * factor
        m[at + PATH] = (m[at + PATH] - path) * factor
    m[ORIGIN] = origin


@numba.njit(forceinline=True, error_model="numpy")
def driven(m, u, s, w, c, low, high):
    """Return the bounded weight at step s, float64, of a synapse with weight w and eligibility c at step u."""
    u = max(u, np.int64(m[ORIGIN]))
    weight = np.float64(w)
    if s <= u:
        return weight
    first, last = _place(m, u), _place(m, s)
    scale = np.float64(c) * math.exp((u - m[ORIGIN]) * m[DT] / m[TAU_C])
    whole = m[last + INTEGRAL] - m[first + INTEGRAL]
    # Turns at u itself count for nothing: those before step s, less those before the step after u.
    begin, end = m[_place(m, u + 1) + TURNS], m[last + TURNS]
    if end > begin:
        # Half of the path's length and of the change add up to how far G rises, and differ by how far it falls.
        path = m[last + PATH] - m[first + PATH]
        rise, fall = 0.5 * abs(scale) * (path + abs(whole)), 0.5 * abs(scale) * (path - abs(whole))
        if scale * whole < 0.0:
            rise, fall = fall, rise
        if weight + rise > high or weight - fall < low:
            return _bounded_at_turns(m, np.int64(begin), np.int64(end), first, last, weight, scale, low, high)
    return min(max(weight + scale * whole, np.float64(low)), np.float64(high))


@numba.njit(error_model="numpy")
def _bounded_at_turns(m, begin, end, first, last, weight, scale, low, high):
    """Return the weight after it went along G from place `first` to `last`, bounded at turns [begin, end) between."""
    before = m[first + INTEGRAL]
    for k in range(begin, end):
        level = m[_place(m, np.int64(m[_place(m, k) + TURN])) + INTEGRAL]
        weight = min(max(weight + scale * (level - before), np.float64(low)), np.float64(high))
        before = level
    return min(max(weight + scale * (m[last + INTEGRAL] - before), np.float64(low)), np.float64(high))


@numba.njit(forceinline=True, error_model="numpy")
def decay(m, n_steps):
    """Return what is left of the eligibility after some steps."""
    return exp2(-float32(float32(min(n_steps, 1 << 30)) * float32(m[DT] / m[TAU_C] * 1.4426950408889634)))
