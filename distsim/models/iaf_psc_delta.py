"""Leaky integrate-and-fire neuron with delta-shaped synaptic currents (NEST's iaf_psc_delta).

    dV/dt = -(V - E_L) / tau_m + I / C_m,  and V jumps by the weight (mV) where a spike arrives.

Spikes that arrive in the refractory period are lost, as with NEST's ``refractory_input = false``.
"""

from __future__ import annotations

import numba
import numpy as np

from distsim.models.base import BLOCK, KERNEL, NeuronModel, pick_up, refractory_steps
from distsim.registry import Declaration, Parameter, Receptor

DECLARATION = Declaration(
    "iaf_psc_delta",
    parameters={
        "C_m": Parameter(250.0, "pF", "membrane capacitance", above=0.0),
        "tau_m": Parameter(10.0, "ms", "membrane time constant", above=0.0),
        "E_L": Parameter(-70.0, "mV", "resting potential"),
        "V_th": Parameter(-55.0, "mV", "spike threshold"),
        "V_reset": Parameter(-70.0, "mV", "reset potential"),
        "t_ref": Parameter(2.0, "ms", "refractory period", at_least=0.0, at_most=3000.0),
        "I_e": Parameter(0.0, "pA", "constant input current"),
    },
    state={"V_m": Parameter(-70.0, "mV", "membrane potential")},
    receptors=(Receptor("spikes", "mV", 0),),
)


def constants(params: dict[str, float], dt: float) -> list[float]:
    """Return P33, P30, I_e, theta, V_reset (both relative to E_L) and the refractory period in steps."""
    tau, e_l = params["tau_m"], params["E_L"]
    return [
        float(np.exp(-dt / tau)),
        float(-np.expm1(-dt / tau) * tau / params["C_m"]),
        params["I_e"],
        params["V_th"] - e_l,
        params["V_reset"] - e_l,
        float(refractory_steps(params["t_ref"], dt)),
    ]


@numba.njit(forceinline=True)
def step(V, r, x, current, P33, P30, I_e, theta, V_reset, r_spike):
    """Advance one neuron by one step: return (V, r, spiked)."""
    V_next = P33 * V + P30 * (I_e + current) + x
    V = V_next if r == 0 else V
    spiked = theta <= V
    V = V_reset if spiked else V
    r = np.int32(r_spike) if spiked else np.int32(r - (r > 0))
    return V, r, spiked


@numba.njit(**KERNEL)
def update(state, refractory, inputs, currents, first, last, c, grids, spikes, n):
    """Advance neurons first to last by one step; see `NeuronModel.update`."""
    P33, P30, I_e, theta, V_reset, r_spike = c[0], c[1], c[2], c[3], c[4], np.int32(c[5])
    grid = grids[0]
    mask = np.empty(BLOCK + 8, np.uint8)
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        # Slices count from 0: the compiler then knows that no index is negative, and makes vector code.
        V, r, x, current = state[0, start:stop], refractory[start:stop], inputs[0, start:stop], currents[start:stop]
        for i in range(stop - start):
            V[i], r[i], spiked = step(
                V[i], r[i], grid * V.dtype.type(x[i]), current[i], P33, P30, I_e, theta, V_reset, r_spike
            )
            mask[i] = spiked
        n = pick_up(mask, start, stop, spikes, n)
    return n


VARIANT = NeuronModel(DECLARATION, constants, step, update, lambda params: {"V_m": params["E_L"]})
