"""What every neuron model is: a declaration, propagators, one scalar step, and a loop over neurons.

Conventions, those of NEST: update number t takes the state from (t-1) dt to t dt. The input of
update t is what arrives at t dt. A neuron that crosses threshold in update t spikes at t dt.
The membrane potential is kept relative to E_L, where 32-bit numbers are finest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from distsim.errors import InputError
from distsim.registry import Declaration

# Neurons are updated in blocks: a block's masks of spikes stay in the first-level cache.
BLOCK = 2048

# All whole numbers up to here are exact in single precision, in which a model's constants may be.
MOST_REFRACTORY_STEPS = 2**24

# error_model="numpy" and no fastmath: a vector lane and the scalar tail must round alike.
KERNEL: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}


@dataclass(frozen=True)
class NeuronModel:
    """A neuron model.

    Attributes
    ----------
    declaration : Declaration
        Parameters, state variables and receptors with units and defaults.
    constants : callable
        ``constants(params, dt) -> list of float``: what the scalar step needs of the parameters.
    step : callable
        One neuron, one step; the scalar function that the tests call in a bare loop.
    update : callable
        Compiled loop: ``update(state, refractory, inputs, currents, first, last, constants, grids,
        spikes, n) -> n``. state float [n_state, stride]; refractory int32 [stride], steps left;
        inputs int32 or float64 [n_planes, stride] in units of `grids`; currents float [stride] (pA);
        neurons first to last; spikes int32 gets the local indices of those that spike from place n.
    offsets : callable
        ``offsets(params) -> dict`` of state variable to what is added to the internal value.
    """

    declaration: Declaration
    constants: Callable[[dict[str, float], float], list[float]]
    step: Callable[..., Any]
    update: Callable[..., Any]
    offsets: Callable[[dict[str, float]], dict[str, float]]


@numba.njit(forceinline=True)
def pick_up(mask, start, stop, spikes, n):
    """Append the local indices of the block's neurons that spiked; return the new count.

    `mask` uint8 [BLOCK + 8] is looked at eight neurons at a time: few of them spike in a step.
    """
    for i in range(stop - start, stop - start + 8):
        mask[i] = 0
    words = mask.view(np.uint64)
    for w in range((stop - start + 7) >> 3):
        if words[w]:
            for i in range(8 * w, 8 * w + 8):
                if mask[i]:
                    spikes[n] = start + i
                    n += 1
    return n


def refractory_steps(t_ref: float, dt: float) -> int:
    """Return the refractory period in steps, rounded as NEST does.

    Raises
    ------
    InputError
        For more steps than a number in single precision counts.
    """
    if not t_ref / dt < MOST_REFRACTORY_STEPS:
        raise InputError("", f"expected a refractory period below {MOST_REFRACTORY_STEPS:,} steps of {dt:g} ms")
    return int(np.floor(t_ref / dt + 0.5))


def propagator_exp(tau_m: float, tau_syn: float, c_m: float, dt: float) -> float:
    """Return dV per unit of an exponential current after one step (mV/pA).

    Rotter & Diesmann (1999) doi:10.1007/s004220050570. For equal time constants the limit
    dt / C exp(-dt / tau); near them expm1 keeps the digits that the difference of two
    exponentials would lose.
    """
    rate = (tau_m - tau_syn) / (tau_m * tau_syn)  # 1 / tau_syn - 1 / tau_m
    if rate == 0.0:
        return dt / c_m * float(np.exp(-dt / tau_m))
    return float(-np.exp(-dt / tau_m) * np.expm1(-dt * rate) / (c_m * rate))


def propagator_alpha(tau_m: float, tau_syn: float, c_m: float, dt: float) -> float:
    """Return dV per unit of the derivative of an alpha current after one step (mV ms/pA).

    The integral of s exp(-s / tau_syn) exp(-(dt - s) / tau_m) / C over the step; a power series
    where the time constants nearly agree and the closed form would lose its digits.
    """
    rate = (tau_m - tau_syn) / (tau_m * tau_syn)
    x = rate * dt
    if abs(x) < 1e-3:
        series = 1 / 2 - x / 3 + x**2 / 8 - x**3 / 30 + x**4 / 144
    else:
        series = float((-np.expm1(-x) - x * np.exp(-x)) / x**2)
    return float(dt**2 / c_m * np.exp(-dt / tau_m) * series)
