"""Leaky integrate-and-fire neuron with alpha-shaped conductances (NEST's iaf_cond_alpha).

    C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I
    dg_x/dt = dg_x - g_x / tau_syn_x,    ddg_x/dt = -dg_x / tau_syn_x

The conductances are integrated exactly, the membrane by the classical fourth-order Runge-Kutta method
with the simulation's step. Against a step a hundred times finer V_m is off by less than 1 nV with the
default parameters and inputs of tens of nS. A spike adds its weight (nS) times e / tau_syn_x to dg_x at the
end of the step in which it arrives: the weight is the peak of the conductance, tau_syn_x later. A negative
weight goes to ``inh`` with its size, as in NEST.
"""

from __future__ import annotations

import numpy as np

from distsim.models.base import refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return 1 / C_m, half a step, the decay of conductances over it, their rise, and the refractory period."""
    return {
        "per_C": 1.0 / p["C_m"],
        "half_ex": float(np.exp(-0.5 * dt / p["tau_syn_ex"])),
        "half_in": float(np.exp(-0.5 * dt / p["tau_syn_in"])),
        "h": 0.5 * dt,
        "rise_ex": float(np.e / p["tau_syn_ex"]),
        "rise_in": float(np.e / p["tau_syn_in"]),
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
        "dg_ex": Parameter(0.0, "", "rise of the excitatory conductance (nS/ms)"),
        "dg_in": Parameter(0.0, "", "rise of the inhibitory conductance (nS/ms)"),
    },
    receptors={"exc": ("nS", +1), "inh": ("nS", -1)},
    derived=derived,
)
def iaf_cond_alpha(
    V_m, g_ex, g_in, dg_ex, dg_in, exc, inh, I, refractory, dt, h, per_C, g_L, E_L, E_ex, E_in, V_th, V_reset, I_e,
    half_ex, half_in, rise_ex, rise_in, refractory_steps,
):  # fmt: skip
    """Advance one neuron by one step."""
    ex_half, in_half = half_ex * (g_ex + h * dg_ex), half_in * (g_in + h * dg_in)
    ex_end, in_end = half_ex * half_ex * (g_ex + dt * dg_ex), half_in * half_in * (g_in + dt * dg_in)
    current = I_e + I
    k1 = (-g_L * (V_m - E_L) - g_ex * (V_m - E_ex) - g_in * (V_m - E_in) + current) * per_C
    V = V_m + 0.5 * dt * k1
    k2 = (-g_L * (V - E_L) - ex_half * (V - E_ex) - in_half * (V - E_in) + current) * per_C
    V = V_m + 0.5 * dt * k2
    k3 = (-g_L * (V - E_L) - ex_half * (V - E_ex) - in_half * (V - E_in) + current) * per_C
    V = V_m + dt * k3
    k4 = (-g_L * (V - E_L) - ex_end * (V - E_ex) - in_end * (V - E_in) + current) * per_C
    V = V_m + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    V = V_reset if refractory > 0 else V
    spiked = refractory == 0 and V_th <= V
    V = V_reset if spiked else V
    left = np.int32(refractory_steps) if spiked else np.int32(max(refractory - 1, 0))
    rise_of_ex = half_ex * half_ex * dg_ex + exc * rise_ex
    rise_of_in = half_in * half_in * dg_in - inh * rise_in
    return V, ex_end, in_end, rise_of_ex, rise_of_in, left, spiked


VARIANT = iaf_cond_alpha
