"""The third factor of a learning rule: a modulator that spikes of a population release, the same everywhere.

    dc/dt = -c / tau_c + pairings,   dn/dt = -n / tau_n + releases / tau_n,   dw/dt = c (n - b)

Between pairings the eligibility c decays, so that from step u to step s the weight changes by c(u) D(u, s)
with D(u, s) = exp(u / tau_c) (G(s) - G(u)) and G the integral of exp(-r / tau_c) (n(r) - b) since an origin.
G is one table for all synapses of a projection: no synapse ever goes through the releases one by one.
The origin moves along, for the exponential not to leave the range of numbers.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import float32

from distsim.synapses.arithmetic import exp2

# Places in a projection's row, which the table of G follows; a power of two long.
ORIGIN, CLOSED, KNOWN, LEVEL, BASELINE, DT, TAU_C, TAU_N, TABLE = range(9)


def row(size: int, params: dict[str, float], dt: float) -> np.ndarray:
    """Return the row of a projection at step 0, with a table for `size` steps or more."""
    found = np.zeros(TABLE + (1 << max(size - 1, 1).bit_length()))
    found[[BASELINE, DT, TAU_C, TAU_N]] = params["b"], dt, params["tau_c"], params["tau_n"]
    return found


@numba.njit(error_model="numpy")
def extend(m, n_released, step):
    """Extend the table to `step`, one after the last, at which `n_released` spikes release."""
    size = m.shape[0] - TABLE
    known = np.int64(m[KNOWN])
    while known < step:
        # n decays and exp(-r / tau_c) does: both integrals over a step in closed form.
        dt, tau_c, tau_n = m[DT], m[TAU_C], m[TAU_N]
        both = 1.0 / tau_c + 1.0 / tau_n
        gain = -m[LEVEL] * math.expm1(-dt * both) / both + m[BASELINE] * tau_c * math.expm1(-dt / tau_c)
        start = math.exp(-(known - m[ORIGIN]) * dt / tau_c)
        m[TABLE + ((known + 1) & (size - 1))] = m[TABLE + (known & (size - 1))] + start * gain
        m[LEVEL] *= math.exp(-dt / tau_n)
        known += 1
    m[LEVEL] += n_released / m[TAU_N]
    m[KNOWN] = known


@numba.njit(error_model="numpy")
def move_origin(m, origin):
    """Let G begin at a later step; entries before it are not asked for any more."""
    if origin <= m[ORIGIN]:
        return
    size = m.shape[0] - TABLE
    base = m[TABLE + (origin & (size - 1))]
    factor = math.exp((origin - m[ORIGIN]) * m[DT] / m[TAU_C])
    for s in range(origin, np.int64(m[KNOWN]) + 1):
        at = TABLE + (s & (size - 1))
        m[at] = (m[at] - base) * factor
    m[ORIGIN] = origin


@numba.njit(forceinline=True, error_model="numpy")
def between(m, u, s):
    """Return D(u, s), the change of a weight from step u to step s per eligibility at u."""
    size = m.shape[0] - TABLE
    u = max(u, np.int64(m[ORIGIN]))
    if s <= u:
        return float32(0)
    growth = math.exp((u - m[ORIGIN]) * m[DT] / m[TAU_C])
    return float32(growth * (m[TABLE + (s & (size - 1))] - m[TABLE + (u & (size - 1))]))


@numba.njit(forceinline=True, error_model="numpy")
def decay(m, n_steps):
    """Return what is left of the eligibility after some steps."""
    return exp2(-float32(float32(min(n_steps, 1 << 30)) * float32(m[DT] / m[TAU_C] * 1.4426950408889634)))
