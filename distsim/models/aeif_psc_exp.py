"""Adaptive exponential integrate-and-fire neuron with exponential currents (NEST's aeif_psc_exp).

    C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - w + I_e + I + I_syn_ex + I_syn_in
    tau_w dw/dt = a (V - E_L) - w,    dI_syn_x/dt = -I_syn_x / tau_syn_x

Where V reaches V_peak the neuron spikes: V becomes V_reset, w grows by b. The synaptic currents are
integrated exactly, V and w by the classical Runge-Kutta method of fourth order, as in `aeif_cond_exp`.
Spikes agree with NEST's adaptive integration to the step. A spike adds its weight (pA) to the current of
its sign at the end of the step in which it arrives.

Brette R, Gerstner W (2005). Adaptive exponential integrate-and-fire model as an effective description of
neuronal activity. J Neurophysiol 94:3637-3642. doi:10.1152/jn.00686.2005
"""

from __future__ import annotations

import math

import numpy as np

from distsim.models.aeif_cond_exp import PARAMETERS, calm, derived
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


@neuron_model(
    parameters=PARAMETERS,
    state={
        "V_m": Parameter(-70.6, "mV", "membrane potential"),
        "w": Parameter(0.0, "pA", "adaptation current"),
        "I_syn_ex": Parameter(0.0, "pA", "excitatory synaptic current"),
        "I_syn_in": Parameter(0.0, "pA", "inhibitory synaptic current"),
    },
    receptors={"exc": ("pA", +1), "inh": ("pA", -1)},
    derived=derived,
    substeps=8,
    calm=calm,
)
def aeif_psc_exp(
    V_m, w, I_syn_ex, I_syn_in, exc, inh, I, refractory, spiked, h, per_C, per_tau_w, per_Delta, g_L, E_L, V_th,
    Delta_T, V_peak, V_reset, a, b, I_e, half_ex, half_in, refractory_steps,
):  # fmt: skip
    """Advance one neuron by a part of the step."""
    held = (refractory > 0) | (spiked & (refractory_steps > 0.0))
    free = 0.0 if held else per_C
    V0 = V_reset if held else V_m
    current = I_e + I + g_L * E_L
    ex_half, in_half = I_syn_ex * half_ex, I_syn_in * half_in
    ex_end, in_end = ex_half * half_ex, in_half * half_in
    V = min(V0, V_peak)
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k1 = (current - g_L * V + up - w + I_syn_ex + I_syn_in) * free
    l1 = (a * (V - E_L) - w) * per_tau_w
    # Where the exponential alone reaches V_peak in this part, it does so after Delta_T (1 - exp(...)) / V'.
    room = Delta_T * (1.0 - math.exp((V - V_peak) * per_Delta))
    soars = (room <= h * up * per_C) & (free > 0.0)
    left_over = h - min(h, room / k1) if soars else 0.0
    V, x = min(V0 + 0.5 * h * k1, V_peak), w + 0.5 * h * l1
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k2 = (current - g_L * V + up - x + ex_half + in_half) * free
    l2 = (a * (V - E_L) - x) * per_tau_w
    V, x = min(V0 + 0.5 * h * k2, V_peak), w + 0.5 * h * l2
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k3 = (current - g_L * V + up - x + ex_half + in_half) * free
    l3 = (a * (V - E_L) - x) * per_tau_w
    V, x = min(V0 + h * k3, V_peak), w + h * l3
    up = g_L * Delta_T * math.exp((V - V_th) * per_Delta)
    k4 = (current - g_L * V + up - x + ex_end + in_end) * free
    l4 = (a * (V - E_L) - x) * per_tau_w
    V = V0 + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    x = w + h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    crossed = soars | ((V_peak <= V) & (free > 0.0))
    x = x + b if crossed else x
    up = g_L * Delta_T * math.exp((V_reset - V_th) * per_Delta)
    onward = left_over * (current - g_L * V_reset + up - x + ex_end + in_end) * per_C
    V_after = V_reset + onward if refractory_steps < 0.5 else V_reset
    told = spiked | crossed
    left = np.int32(refractory_steps) if told else np.int32(max(refractory - 1, 0))
    return (V_after if crossed else V), x, ex_end + exc, in_end + inh, left, told


VARIANT = aeif_psc_exp
