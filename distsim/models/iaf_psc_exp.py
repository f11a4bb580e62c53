"""Leaky integrate-and-fire neuron with exponential synaptic currents (NEST's iaf_psc_exp).

    dV/dt = -(V - E_L) / tau_m + (I_ex + I_in + I_e + I) / C_m,    dI_x/dt = -I_x / tau_syn_x,

integrated exactly on the grid of steps (Rotter & Diesmann 1999, doi:10.1007/s004220050570).
"""

from __future__ import annotations

import numba
import numpy as np

from distsim.models.base import BLOCK, KERNEL, NeuronModel, pick_up, propagator_exp, refractory_steps
from distsim.models.iaf_psc_delta import DECLARATION as DELTA
from distsim.registry import Declaration, Parameter, Receptor

DECLARATION = Declaration(
    "iaf_psc_exp",
    parameters=DELTA.parameters
    | {
        "tau_syn_ex": Parameter(2.0, "ms", "time constant of excitatory currents", above=0.0),
        "tau_syn_in": Parameter(2.0, "ms", "time constant of inhibitory currents", above=0.0),
    },
    state=DELTA.state
    | {
        "I_syn_ex": Parameter(0.0, "pA", "excitatory synaptic current"),
        "I_syn_in": Parameter(0.0, "pA", "inhibitory synaptic current"),
    },
    receptors=(Receptor("ex", "pA", +1), Receptor("in", "pA", -1)),
)


def constants(params: dict[str, float], dt: float) -> list[float]:
    """Return the propagators, I_e, theta and V_reset relative to E_L, the refractory period in steps."""
    tau, c_m, e_l = params["tau_m"], params["C_m"], params["E_L"]
    tau_ex, tau_in = params["tau_syn_ex"], params["tau_syn_in"]
    return [
        float(np.exp(-dt / tau)),
        propagator_exp(tau, tau_ex, c_m, dt),
        propagator_exp(tau, tau_in, c_m, dt),
        float(-np.expm1(-dt / tau) * tau / c_m),
        float(np.exp(-dt / tau_ex)),
        float(np.exp(-dt / tau_in)),
        params["I_e"],
        params["V_th"] - e_l,
        params["V_reset"] - e_l,
        float(refractory_steps(params["t_ref"], dt)),
    ]


@numba.njit(forceinline=True)
def step(
    V, I_ex, I_in, r, x_ex, x_in, current, P22, P21_ex, P21_in, P20, P11_ex, P11_in, I_e, theta, V_reset, r_spike
):  # fmt: skip
    """Advance one neuron by one step: return (V, I_ex, I_in, r, spiked).

    Input that arrives at the end of the step moves the membrane in the next one.
    """
    V_next = P22 * V + (P21_ex * I_ex + P21_in * I_in) + P20 * (I_e + current)
    V = V_next if r == 0 else V
    I_ex = P11_ex * I_ex + x_ex
    I_in = P11_in * I_in + x_in
    spiked = theta <= V
    V = V_reset if spiked else V
    r = np.int32(r_spike) if spiked else np.int32(r - (r > 0))
    return V, I_ex, I_in, r, spiked


@numba.njit(**KERNEL)
def update(state, refractory, inputs, currents, first, last, c, grids, spikes, n):
    """Advance neurons first to last by one step; see `NeuronModel.update`."""
    P22, P21_ex, P21_in, P20, P11_ex, P11_in = c[0], c[1], c[2], c[3], c[4], c[5]
    I_e, theta, V_reset, r_spike = c[6], c[7], c[8], np.int32(c[9])
    grid_ex, grid_in = grids[0], grids[1]
    mask = np.empty(BLOCK + 8, np.uint8)
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        # Slices count from 0: the compiler then knows that no index is negative, and makes vector code.
        V, I_ex, I_in = state[0, start:stop], state[1, start:stop], state[2, start:stop]
        x_ex, x_in = inputs[0, start:stop], inputs[1, start:stop]
        r, current = refractory[start:stop], currents[start:stop]
        for i in range(stop - start):
            V[i], I_ex[i], I_in[i], r[i], spiked = step(
                V[i], I_ex[i], I_in[i], r[i], grid_ex * V.dtype.type(x_ex[i]), grid_in * V.dtype.type(x_in[i]),
                current[i], P22, P21_ex, P21_in, P20, P11_ex, P11_in, I_e, theta, V_reset, r_spike,
            )  # fmt: skip
            mask[i] = spiked
        n = pick_up(mask, start, stop, spikes, n)
    return n


VARIANT = NeuronModel(DECLARATION, constants, step, update, lambda params: {"V_m": params["E_L"]})
