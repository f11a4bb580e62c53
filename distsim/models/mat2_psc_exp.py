"""Neuron with an adaptive threshold of two time constants and no reset (NEST's mat2_psc_exp).

    C_m dV/dt = -C_m (V - E_L) / tau_m + I_e + I + I_syn_ex + I_syn_in,    dI_syn_x/dt = -I_syn_x / tau_syn_x
    threshold = omega + V_th_alpha_1 + V_th_alpha_2,    dV_th_alpha_k/dt = -V_th_alpha_k / tau_k

Where V is at or above the threshold and the last spike is t_ref or more ago, the neuron spikes, and the two
parts of the threshold grow by alpha_1 and alpha_2; V goes on unchanged. Integrated exactly (I constant
during a step); agrees with NEST to rounding. A spike adds its weight (pA) to the current of its sign at the
end of the step in which it arrives.

Kobayashi R, Tsubo Y, Shinomoto S (2009). Made-to-order spiking neuron model equipped with a
multi-timescale adaptive threshold. Front Comput Neurosci 3:9. doi:10.3389/neuro.10.009.2009
"""

from __future__ import annotations

import numpy as np

from distsim.models.base import propagator_exp, refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return the propagator of a step and the refractory period in steps."""
    return {
        "P22": float(np.exp(-dt / p["tau_m"])),
        "P20": float(-np.expm1(-dt / p["tau_m"]) * p["tau_m"] / p["C_m"]),
        "P21_ex": propagator_exp(p["tau_m"], p["tau_syn_ex"], p["C_m"], dt),
        "P21_in": propagator_exp(p["tau_m"], p["tau_syn_in"], p["C_m"], dt),
        "decay_ex": float(np.exp(-dt / p["tau_syn_ex"])),
        "decay_in": float(np.exp(-dt / p["tau_syn_in"])),
        "decay_1": float(np.exp(-dt / p["tau_1"])),
        "decay_2": float(np.exp(-dt / p["tau_2"])),
        "refractory_steps": float(refractory_steps(p["t_ref"], dt)),
    }


@neuron_model(
    parameters={
        "C_m": Parameter(100.0, "pF", "membrane capacitance", above=0.0),
        "tau_m": Parameter(5.0, "ms", "membrane time constant", above=0.0),
        "E_L": Parameter(-70.0, "mV", "resting potential"),
        "t_ref": Parameter(2.0, "ms", "refractory period", at_least=0.0, at_most=3000.0),
        "tau_syn_ex": Parameter(1.0, "ms", "time constant of the excitatory current", above=0.0),
        "tau_syn_in": Parameter(3.0, "ms", "time constant of the inhibitory current", above=0.0),
        "tau_1": Parameter(10.0, "ms", "short time constant of the threshold", above=0.0),
        "tau_2": Parameter(200.0, "ms", "long time constant of the threshold", above=0.0),
        "alpha_1": Parameter(37.0, "mV", "growth of the fast part of the threshold"),
        "alpha_2": Parameter(2.0, "mV", "growth of the slow part of the threshold"),
        "omega": Parameter(-51.0, "mV", "threshold at rest"),
        "I_e": Parameter(0.0, "pA", "constant input current"),
    },
    state={
        "V_m": Parameter(-70.0, "mV", "membrane potential"),
        "I_syn_ex": Parameter(0.0, "pA", "excitatory synaptic current"),
        "I_syn_in": Parameter(0.0, "pA", "inhibitory synaptic current"),
        "V_th_alpha_1": Parameter(0.0, "mV", "fast part of the threshold"),
        "V_th_alpha_2": Parameter(0.0, "mV", "slow part of the threshold"),
    },
    receptors={"exc": ("pA", +1), "inh": ("pA", -1)},
    derived=derived,
)
def mat2_psc_exp(
    V_m, I_syn_ex, I_syn_in, V_th_alpha_1, V_th_alpha_2, exc, inh, I, refractory, P22, P20, P21_ex, P21_in, decay_ex,
    decay_in, decay_1, decay_2, E_L, I_e, alpha_1, alpha_2, omega, refractory_steps,
):  # fmt: skip
    """Advance one neuron by one step."""
    V = E_L + (V_m - E_L) * P22 + (I_e + I) * P20 + I_syn_ex * P21_ex + I_syn_in * P21_in
    fast, slow = V_th_alpha_1 * decay_1, V_th_alpha_2 * decay_2
    spiked = (refractory == 0) & (omega + slow + fast <= V)
    fast = fast + alpha_1 if spiked else fast
    slow = slow + alpha_2 if spiked else slow
    left = np.int32(refractory_steps) if spiked else np.int32(max(refractory - 1, 0))
    return V, I_syn_ex * decay_ex + exc, I_syn_in * decay_in + inh, fast, slow, left, spiked


VARIANT = mat2_psc_exp
