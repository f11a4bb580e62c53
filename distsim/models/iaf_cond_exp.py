"""Leaky integrate-and-fire neuron with exponential conductances (NEST's iaf_cond_exp).

    C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I,    dg_x/dt = -g_x / tau_syn_x

The conductances are integrated exactly, the membrane by the classical fourth-order Runge-Kutta method
with the simulation's step. Against a step a hundred times finer V_m is off by less than 1 nV with the
default parameters and inputs of tens of nS. A spike adds its weight (nS) to a conductance at the end of
the step in which it arrives; a negative weight goes to ``inh`` with its size, as in NEST.
"""

from __future__ import annotations

import numpy as np

from distsim.models.base import refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return 1 / C_m, the decay of the conductances over half a step, and the refractory period in steps."""
    return {
        "per_C": 1.0 / p["C_m"],
        "half_ex": float(np.exp(-0.5 * dt / p["tau_syn_ex"])),
        "half_in": float(np.exp(-0.5 * dt / p["tau_syn_in"])),
        "refractory_steps": float(refractory_steps(p["t_ref"], dt)),
    }


@neuron_model(
    parameters={
        "C_m": Parameter(250.0, "pF", "membrane capacitance", above=0.0),
        "g_L": Parameter(16.6667, "nS", "leak conductance", above=0.0),
        "E_L": Parameter(-70.0, "mV", "resting potential"),
        "E_ex": Parameter(0.0, "mV", "excitatory reversal potential"),
        "E_in": Parameter(-85.0, "mV", "inhibitory reversal potential"),
        "V_th": Parameter(-55.0, "mV", "spike threshold"),
        "V_reset": Parameter(-60.0, "mV", "reset potential"),
        "t_ref": Parameter(2.0, "ms", "refractory period", at_least=0.0, at_most=3000.0),
        "tau_syn_ex": Parameter(0.2, "ms", "time constant of the excitatory conductance", above=0.0),
        "tau_syn_in": Parameter(2.0, "ms", "time constant of the inhibitory conductance", above=0.0),
        "I_e": Parameter(0.0, "pA", "constant input current"),
    },
    state={
        "V_m": Parameter(-70.0, "mV", "membrane potential"),
        "g_ex": Parameter(0.0, "nS", "excitatory conductance"),
        "g_in": Parameter(0.0, "nS", "inhibitory conductance"),
    },
    receptors={"exc": ("nS", +1), "inh": ("nS", -1)},
    derived=derived,
)
def iaf_cond_exp(
    V_m, g_ex, g_in, exc, inh, I, refractory, dt, per_C, g_L, E_L, E_ex, E_in, V_th, V_reset, I_e, half_ex, half_in,
    refractory_steps,
):  # fmt: skip
    """Advance one neuron by one step."""
    ex_half, in_half = g_ex * half_ex, g_in * half_in
    ex_end, in_end = ex_half * half_ex, in_half * half_in
    # dV/dt = driven - rate V at the beginning, the middle and the end of the step; the k are increments over it.
    per_step = dt * per_C
    steady, x, y = (g_L * E_L + I_e + I) * per_step, g_ex * per_step, g_in * per_step
    driven, rate = steady + x * E_ex + y * E_in, (g_L * per_step + x) + y
    x, y = x * half_ex, y * half_in
    driven_half, rate_half = steady + x * E_ex + y * E_in, (g_L * per_step + x) + y
    x, y = x * half_ex, y * half_in
    driven_end, rate_end = steady + x * E_ex + y * E_in, (g_L * per_step + x) + y
    k1 = driven - rate * V_m
    k2 = driven_half - rate_half * (V_m + 0.5 * k1)
    k3 = driven_half - rate_half * (V_m + 0.5 * k2)
    k4 = driven_end - rate_end * (V_m + k3)
    V = V_m + 1.0 / 6.0 * (k1 + k4 + 2.0 * (k2 + k3))
    V = V_reset if refractory > 0 else V
    spiked = refractory == 0 and V_th <= V
    V = V_reset if spiked else V
    left = np.int32(refractory_steps) if spiked else np.int32(max(refractory - 1, 0))
    return V, ex_end + exc, in_end - inh, left, spiked


VARIANT = iaf_cond_exp
