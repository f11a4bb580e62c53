"""Adaptive exponential integrate-and-fire neuron with exponential conductances (NEST's aeif_cond_exp): AdEx.

    C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - w + I_e + I
                - g_ex (V - E_ex) - g_in (V - E_in)
    tau_w dw/dt = a (V - E_L) - w,    dg_x/dt = -g_x / tau_syn_x

Where V reaches V_peak the neuron spikes: V becomes V_reset, w grows by b. The conductances are integrated
exactly, V and w by the classical Runge-Kutta method of fourth order. Far from the upstroke, which takes some
hundredths of a millisecond, that is one step of dt; else it is eight of dt / 8, at whose ends spikes are
looked for. A neuron without refractory period (the default) goes on from V_reset in the same step.
Spikes agree with NEST's adaptive integration to the step. A spike adds its weight (nS) to a conductance
at the end of the step in which it arrives; a negative weight goes to ``inh`` with its size.

Brette R, Gerstner W (2005). Adaptive exponential integrate-and-fire model as an effective description of
neuronal activity. J Neurophysiol 94:3637-3642. doi:10.1152/jn.00686.2005
"""

from __future__ import annotations

import math

import numpy as np

from distsim.models.base import refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter

# Parameters that AdEx neurons share, whatever their synapses.
PARAMETERS = {
    "C_m": Parameter(281.0, "pF", "membrane capacitance", above=0.0),
    "g_L": Parameter(30.0, "nS", "leak conductance", above=0.0),
    "E_L": Parameter(-70.6, "mV", "resting potential"),
    "V_th": Parameter(-50.4, "mV", "potential from which the upstroke begins"),
    "Delta_T": Parameter(2.0, "mV", "sharpness of the upstroke", above=0.0),
    "V_peak": Parameter(0.0, "mV", "potential at which a spike is told"),
    "V_reset": Parameter(-60.0, "mV", "reset potential"),
    "t_ref": Parameter(0.0, "ms", "refractory period", at_least=0.0, at_most=3000.0),
    "tau_w": Parameter(144.0, "ms", "time constant of adaptation", above=0.0),
    "a": Parameter(4.0, "nS", "adaptation below threshold"),
    "b": Parameter(80.5, "pA", "adaptation by a spike"),
    "I_e": Parameter(0.0, "pA", "constant input current"),
    "tau_syn_ex": Parameter(0.2, "ms", "time constant of excitatory synapses", above=0.0),
    "tau_syn_in": Parameter(2.0, "ms", "time constant of inhibitory synapses", above=0.0),
}


def calm(V_m, calm_below):
    """Return whether one part is as good as eight."""
    return V_m < calm_below


def derived(p: dict[str, float], dt: float, parts: int) -> dict[str, float]:
    """Return 1 / C_m, 1 / tau_w, a part of the step, the decay of synapses over its half, where V is calm."""
    h = dt / parts
    # Below this potential the exponential drives V by less than 0.08 of Delta_T in a step, and Runge-Kutta follows
    # the synapses where they decay by less than half a time constant.
    slow = dt <= 0.501 * min(p["tau_syn_ex"], p["tau_syn_in"])
    calm_below = p["V_th"] + p["Delta_T"] * math.log(0.08 * p["C_m"] / (p["g_L"] * dt)) if slow else -math.inf
    return {
        "per_C": 1.0 / p["C_m"],
        "per_tau_w": 1.0 / p["tau_w"],
        "per_Delta": 1.0 / p["Delta_T"],
        "h": h,
        "calm_below": calm_below,
        "half_ex": float(np.exp(-0.5 * h / p["tau_syn_ex"])),
        "half_in": float(np.exp(-0.5 * h / p["tau_syn_in"])),
        "refractory_steps": float(refractory_steps(p["t_ref"], dt)),
    }


@neuron_model(
    parameters=PARAMETERS
    | {
        "E_ex": Parameter(0.0, "mV", "excitatory reversal potential"),
        "E_in": Parameter(-85.0, "mV", "inhibitory reversal potential"),
    },
    state={
        "V_m": Parameter(-70.6, "mV", "membrane potential"),
        "w": Parameter(0.0, "pA", "adaptation current"),
        "g_ex": Parameter(0.0, "nS", "excitatory conductance"),
        "g_in": Parameter(0.0, "nS", "inhibitory conductance"),
    },
    receptors={"exc": ("nS", +1), "inh": ("nS", -1)},
    derived=derived,
    substeps=8,
    calm=calm,
)
def aeif_cond_exp(
    V_m, w, g_ex, g_in, exc, inh, I, refractory, spiked, h, per_C, per_tau_w, per_Delta, g_L, E_L, V_th, Delta_T,
    V_peak, V_reset, a, b, I_e, E_ex, E_in, half_ex, half_in, refractory_steps,
):  # fmt: skip
    """Advance one neuron by a part of the step."""
    held = (refractory > 0) | (spiked & (refractory_steps > 0.0))
    free = 0.0 if held else per_C
    V0 = V_reset if held else V_m
    current = I_e + I + g_L * E_L
    ex_half, in_half = g_ex * half_ex, g_in * half_in
    ex_end, in_end = ex_half * half_ex, in_half * half_in
    V = min(V0, V_peak)
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k1 = (current - g_L * V + up - w - g_ex * (V - E_ex) - g_in * (V - E_in)) * free
    l1 = (a * (V - E_L) - w) * per_tau_w
    # Where the exponential alone reaches V_peak in this part, it does so after Delta_T (1 - exp(...)) / V'.
    room = Delta_T * (1.0 - math.exp((V - V_peak) * per_Delta))
    soars = (room <= h * up * per_C) & (free > 0.0)
    left_over = h - min(h, room / k1) if soars else 0.0
    V, x = min(V0 + 0.5 * h * k1, V_peak), w + 0.5 * h * l1
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k2 = (current - g_L * V + up - x - ex_half * (V - E_ex) - in_half * (V - E_in)) * free
    l2 = (a * (V - E_L) - x) * per_tau_w
    V, x = min(V0 + 0.5 * h * k2, V_peak), w + 0.5 * h * l2
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k3 = (current - g_L * V + up - x - ex_half * (V - E_ex) - in_half * (V - E_in)) * free
    l3 = (a * (V - E_L) - x) * per_tau_w
    V, x = min(V0 + h * k3, V_peak), w + h * l3
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k4 = (current - g_L * V + up - x - ex_end * (V - E_ex) - in_end * (V - E_in)) * free
    l4 = (a * (V - E_L) - x) * per_tau_w
    V = V0 + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    x = w + h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    crossed = soars | ((V_peak <= V) & (free > 0.0))
    x = x + b if crossed else x
    up = g_L * Delta_T * math.exp((V_reset - V_th) * per_Delta)
    onward = (
        left_over * (current - g_L * V_reset + up - x - ex_end * (V_reset - E_ex) - in_end * (V_reset - E_in)) * per_C
    )
    V_after = V_reset + onward if refractory_steps < 0.5 else V_reset
    told = spiked | crossed
    left = np.int32(refractory_steps) if told else np.int32(max(refractory - 1, 0))
    return (V_after if crossed else V), x, ex_end + exc, in_end - inh, left, told


VARIANT = aeif_cond_exp
