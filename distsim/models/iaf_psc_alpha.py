"""Leaky integrate-and-fire neuron with alpha-shaped synaptic currents (NEST's iaf_psc_alpha).

A spike of weight w at time 0 gives the current w (e / tau_syn) t exp(-t / tau_syn), which peaks at w
after tau_syn; integrated exactly on the grid of steps (Rotter & Diesmann 1999, doi:10.1007/s004220050570).
"""

from __future__ import annotations

import numba
import numpy as np

from distsim.models.base import BLOCK, KERNEL, NeuronModel, pick_up, propagator_alpha, propagator_exp, refractory_steps
from distsim.models.iaf_psc_exp import DECLARATION as EXP
from distsim.registry import Declaration, Parameter

DECLARATION = Declaration(
    "iaf_psc_alpha",
    parameters=EXP.parameters,
    state=EXP.state
    | {
        "dI_syn_ex": Parameter(0.0, "pA/ms", "rising part of the excitatory current"),
        "dI_syn_in": Parameter(0.0, "pA/ms", "rising part of the inhibitory current"),
    },
    receptors=EXP.receptors,
)


def constants(params: dict[str, float], dt: float) -> list[float]:
    """Return the propagators, I_e, theta and V_reset relative to E_L, the refractory period in steps."""
    tau, c_m, e_l = params["tau_m"], params["C_m"], params["E_L"]
    values = [float(np.exp(-dt / tau)), float(-np.expm1(-dt / tau) * tau / c_m)]
    for name in ("tau_syn_ex", "tau_syn_in"):
        tau_syn = params[name]
        values += [
            propagator_exp(tau, tau_syn, c_m, dt),
            propagator_alpha(tau, tau_syn, c_m, dt),
            float(np.exp(-dt / tau_syn)),
            float(dt * np.exp(-dt / tau_syn)),
            float(np.e / tau_syn),
        ]
    reset = params["V_reset"] - e_l
    return [*values, params["I_e"], params["V_th"] - e_l, reset, float(refractory_steps(params["t_ref"], dt))]


@numba.njit(forceinline=True)
def step(V, I_ex, I_in, dI_ex, dI_in, r, x_ex, x_in, current, P33, P30, ex, inh, I_e, theta, V_reset, r_spike):
    """Advance one neuron by one step: return (V, I_ex, I_in, dI_ex, dI_in, r, spiked).

    `ex`, `inh`: (P32, P31, P11, P21, jump of dI per unit of weight) of either receptor.
    """
    V_next = P33 * V + P30 * (I_e + current) + ((ex[0] * I_ex + ex[1] * dI_ex) + (inh[0] * I_in + inh[1] * dI_in))
    V = V_next if r == 0 else V
    I_ex = ex[3] * dI_ex + ex[2] * I_ex
    I_in = inh[3] * dI_in + inh[2] * I_in
    dI_ex = ex[2] * dI_ex + ex[4] * x_ex
    dI_in = inh[2] * dI_in + inh[4] * x_in
    spiked = theta <= V
    V = V_reset if spiked else V
    r = np.int32(r_spike) if spiked else np.int32(r - (r > 0))
    return V, I_ex, I_in, dI_ex, dI_in, r, spiked


@numba.njit(**KERNEL)
def update(state, refractory, inputs, currents, first, last, c, grids, spikes, n):
    """Advance neurons first to last by one step; see `NeuronModel.update`."""
    P33, P30 = c[0], c[1]
    ex, inh = (c[2], c[3], c[4], c[5], c[6]), (c[7], c[8], c[9], c[10], c[11])
    I_e, theta, V_reset, r_spike = c[12], c[13], c[14], np.int32(c[15])
    grid_ex, grid_in = grids[0], grids[1]
    mask = np.empty(BLOCK + 8, np.uint8)
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        # Slices count from 0: the compiler then knows that no index is negative, and makes vector code.
        V, I_ex, I_in = state[0, start:stop], state[1, start:stop], state[2, start:stop]
        dI_ex, dI_in = state[3, start:stop], state[4, start:stop]
        x_ex, x_in = inputs[0, start:stop], inputs[1, start:stop]
        r, current = refractory[start:stop], currents[start:stop]
        for i in range(stop - start):
            V[i], I_ex[i], I_in[i], dI_ex[i], dI_in[i], r[i], spiked = step(
                V[i], I_ex[i], I_in[i], dI_ex[i], dI_in[i], r[i], grid_ex * V.dtype.type(x_ex[i]),
                grid_in * V.dtype.type(x_in[i]), current[i], P33, P30, ex, inh, I_e, theta, V_reset, r_spike,
            )  # fmt: skip
            mask[i] = spiked
        n = pick_up(mask, start, stop, spikes, n)
    return n


VARIANT = NeuronModel(DECLARATION, constants, step, update, lambda params: {"V_m": params["E_L"]})
