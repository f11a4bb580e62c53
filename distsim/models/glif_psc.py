"""Generalised leaky integrate-and-fire neuron of the Allen Institute with alpha currents (NEST's glif_psc).

    C_m dV/dt = -g (V - E_L) + I + I_1 + I_2 + I_syn_ex + I_syn_in
    dI_j/dt = -asc_decay_j I_j,    dth_spike/dt = -th_spike_decay th_spike
    dth_voltage/dt = th_voltage_index (V - E_L) - th_voltage_decay th_voltage
    threshold = V_th + th_spike + th_voltage

Where V is above the threshold the neuron spikes; for t_ref it then stands still. Three switches make the five
levels of the model:

    level                     spike_dependent_threshold  after_spike_currents  adapting_threshold
    1  LIF                    0                          0                     0
    2  LIF-R                  1                          0                     0
    3  LIF-ASC                0                          1                     0
    4  LIF-R-ASC              1                          1                     0
    5  LIF-R-ASC-A            1                          1                     1

Reset: V becomes V_reset; with a spike-dependent threshold E_L + voltage_reset_fraction (V - E_L) +
voltage_reset_add with V of the step before, and th_spike grows by th_spike_add. After-spike currents become
asc_amp_j + asc_r_j I_j exp(-asc_decay_j t_ref). Integrated exactly, but for the after-spike currents, which count
with their mean over a step, as in NEST; agrees with NEST to rounding. There are two receptors, as many as NEST
would be told. A spike adds its weight (pA) times e / tau_syn to the rise of a current at the end of the step.

Teeter C et al. (2018). Generalized leaky integrate-and-fire models classify multiple neuron types. Nat Commun
9:709. doi:10.1038/s41467-017-02717-4
"""

from __future__ import annotations

import numpy as np

from distsim.models.base import propagator_alpha, propagator_exp, refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return the propagators of a step, and what a spike does."""
    tau_m, per_C = p["C_m"] / p["g"], p["C_m"]
    found = {
        "P33": float(np.exp(-dt / tau_m)),
        "P30": float(-np.expm1(-dt / tau_m) / p["g"]),
        "phi": p["th_voltage_index"] / (p["th_voltage_decay"] - 1.0 / tau_m),
        "ratio": p["th_voltage_index"] / p["th_voltage_decay"],
        "decay_voltage": float(np.exp(-p["th_voltage_decay"] * dt)),
        "decay_spike": float(np.exp(-p["th_spike_decay"] * dt)),
        "kept_spike": float(np.exp(-p["th_spike_decay"] * p["t_ref"])),
        "refractory_steps": float(refractory_steps(p["t_ref"], dt)),
    }
    for side in ("ex", "in"):
        tau = p[f"tau_syn_{side}"]
        found |= {
            f"P31_{side}": propagator_alpha(tau_m, tau, per_C, dt),
            f"P32_{side}": propagator_exp(tau_m, tau, per_C, dt),
            f"P11_{side}": float(np.exp(-dt / tau)),
            f"rise_{side}": float(np.e / tau),
        }
    for j in (1, 2):
        k = p[f"asc_decay_{j}"]
        found |= {
            f"mean_{j}": float(-np.expm1(-k * dt) / (k * dt)),
            f"decay_{j}": float(np.exp(-k * dt)),
            f"kept_{j}": p[f"asc_r_{j}"] * float(np.exp(-k * p["t_ref"])),
        }
    return found


def _switch(doc: str) -> Parameter:
    return Parameter(0.0, "", f"1: {doc}", at_least=0.0, at_most=1.0)


@neuron_model(
    parameters={
        "C_m": Parameter(58.72, "pF", "membrane capacitance", above=0.0),
        "g": Parameter(9.43, "nS", "leak conductance", above=0.0),
        "E_L": Parameter(-78.85, "mV", "resting potential"),
        "V_th": Parameter(-51.68, "mV", "threshold at rest"),
        "V_reset": Parameter(-78.85, "mV", "reset potential"),
        "t_ref": Parameter(3.75, "ms", "refractory period", at_least=0.0, at_most=3000.0),
        "tau_syn_ex": Parameter(2.0, "ms", "rise time of the excitatory current", above=0.0),
        "tau_syn_in": Parameter(2.0, "ms", "rise time of the inhibitory current", above=0.0),
        "spike_dependent_threshold": _switch("spikes raise the threshold, and the reset depends on V"),
        "after_spike_currents": _switch("spikes leave currents behind"),
        "adapting_threshold": _switch("the threshold follows V"),
        "th_spike_add": Parameter(0.37, "mV", "growth of the threshold by a spike"),
        "th_spike_decay": Parameter(0.009, "", "its decay (1/ms)", above=0.0),
        "voltage_reset_fraction": Parameter(0.2, "", "share of V that is kept at a spike"),
        "voltage_reset_add": Parameter(18.51, "mV", "what is added to it"),
        "th_voltage_index": Parameter(0.005, "", "how the threshold follows V (1/ms)"),
        "th_voltage_decay": Parameter(0.09, "", "its decay (1/ms)", above=0.0),
        "asc_amp_1": Parameter(-9.18, "pA", "first after-spike current"),
        "asc_amp_2": Parameter(-198.94, "pA", "second after-spike current"),
        "asc_decay_1": Parameter(0.003, "", "decay of the first (1/ms)", above=0.0),
        "asc_decay_2": Parameter(0.1, "", "decay of the second (1/ms)", above=0.0),
        "asc_r_1": Parameter(1.0, "", "share of the first that is kept at a spike"),
        "asc_r_2": Parameter(1.0, "", "share of the second that is kept at a spike"),
    },
    state={
        "V_m": Parameter(-78.85, "mV", "membrane potential"),
        "threshold_spike": Parameter(0.0, "mV", "part of the threshold that spikes raise"),
        "threshold_voltage": Parameter(0.0, "mV", "part of the threshold that follows V"),
        "ASCurrent_1": Parameter(0.0, "pA", "first after-spike current"),
        "ASCurrent_2": Parameter(0.0, "pA", "second after-spike current"),
        "I_syn_ex": Parameter(0.0, "pA", "excitatory current"),
        "I_syn_in": Parameter(0.0, "pA", "inhibitory current"),
        "dI_syn_ex": Parameter(0.0, "", "rise of the excitatory current (pA/ms)"),
        "dI_syn_in": Parameter(0.0, "", "rise of the inhibitory current (pA/ms)"),
    },
    receptors={"exc": ("pA", +1), "inh": ("pA", -1)},
    derived=derived,
)
def glif_psc(
    V_m, threshold_spike, threshold_voltage, ASCurrent_1, ASCurrent_2, I_syn_ex, I_syn_in, dI_syn_ex, dI_syn_in, exc,
    inh, I, refractory, dt, g, E_L, V_th, V_reset, spike_dependent_threshold, after_spike_currents, adapting_threshold,
    th_spike_add, voltage_reset_fraction, voltage_reset_add, asc_amp_1, asc_amp_2, P33, P30, phi, ratio, decay_voltage,
    decay_spike, kept_spike, P31_ex, P32_ex, P11_ex, rise_ex, P31_in, P32_in, P11_in, rise_in, mean_1, decay_1, kept_1,
    mean_2, decay_2, kept_2, refractory_steps,
):  # fmt: skip
    """Advance one neuron by one step."""
    free = refractory == 0
    U = V_m - E_L
    current = I + after_spike_currents * (mean_1 * ASCurrent_1 + mean_2 * ASCurrent_2)
    synapses = P31_ex * dI_syn_ex + P32_ex * I_syn_ex + P31_in * dI_syn_in + P32_in * I_syn_in
    U_new = U * P33 + current * P30 + synapses
    one, two = ASCurrent_1 * decay_1, ASCurrent_2 * decay_2
    steady = current / g
    follows = phi * (U - steady)
    th_v = follows * P33 + decay_voltage * (threshold_voltage - follows - ratio * steady) + ratio * steady
    th_v = adapting_threshold * th_v
    th_s = threshold_spike * decay_spike
    spiked = free & (V_th - E_L + th_s + th_v < U_new)
    by_spike = spike_dependent_threshold > 0.5
    after = voltage_reset_fraction * U + voltage_reset_add if by_spike else V_reset - E_L
    U_end = after if spiked else U_new
    raised = th_s * kept_spike + th_spike_add if by_spike else th_s
    th_end = raised if spiked else th_s
    one_end = asc_amp_1 + one * kept_1 if spiked else one
    two_end = asc_amp_2 + two * kept_2 if spiked else two
    left = np.int32(refractory_steps) if spiked else np.int32(max(refractory - 1, 0))
    return (
        (E_L + U_end if free else V_m), (th_end if free else threshold_spike), (th_v if free else threshold_voltage),
        (one_end if free else ASCurrent_1), (two_end if free else ASCurrent_2),
        P11_ex * (I_syn_ex + dt * dI_syn_ex), P11_in * (I_syn_in + dt * dI_syn_in),
        P11_ex * dI_syn_ex + rise_ex * exc, P11_in * dI_syn_in + rise_in * inh, left, spiked,
    )  # fmt: skip


VARIANT = glif_psc
