"""Hodgkin-Huxley neuron with alpha-shaped currents (NEST's hh_psc_alpha).

    C_m dV/dt = -g_Na m^3 h (V - E_Na) - g_K n^4 (V - E_K) - g_L (V - E_L) + I_e + I + I_ex + I_in
    dx/dt = alpha_x(V) (1 - x) - beta_x(V) x    for x = m, h, n
    dI_x/dt = dI_x - I_x / tau_syn_x,    ddI_x/dt = -dI_x / tau_syn_x

The synaptic currents are integrated exactly, V and the gates by the classical Runge-Kutta method of fourth
order in two steps of dt / 2. A spike is told at the step after the peak of V where that is above 0 mV, and
t_ref keeps the same peak from being told twice; V goes on unchanged. Spikes agree with NEST's adaptive
integration to the step. A spike that arrives adds its weight (pA) times e / tau_syn_x to dI_x: the weight
is the current's peak, tau_syn_x later.

Hodgkin AL, Huxley AF (1952). A quantitative description of membrane current and its application to
conduction and excitation in nerve. J Physiol 117:500-544. doi:10.1113/jphysiol.1952.sp004764
Gerstner W, Kistler W (2002). Spiking neuron models. Cambridge University Press.
"""

from __future__ import annotations

import math

import numpy as np

from distsim.models.base import refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter

SUBSTEPS = 2


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return 1 / C_m, part and half of a step, decay of currents over the half, their rise, the refractory period."""
    h = dt / SUBSTEPS
    return {
        "per_C": 1.0 / p["C_m"],
        "h": h,
        "h2": 0.5 * h,
        "half_ex": float(np.exp(-0.5 * h / p["tau_syn_ex"])),
        "half_in": float(np.exp(-0.5 * h / p["tau_syn_in"])),
        "rise_ex": float(np.e / p["tau_syn_ex"]),
        "rise_in": float(np.e / p["tau_syn_in"]),
        "refractory_steps": float(refractory_steps(p["t_ref"], dt)),
    }


def ratio(y):
    """Return y / (1 - exp(-y)), by its series around 0, where the quotient would lose all digits."""
    series = 1.0 + 0.5 * y + y * y / 12.0 - y * y * y * y / 720.0
    near = (y > -0.05) & (y < 0.05)
    return series if near else y / (1.0 - math.exp(-(1.0 if near else y)))


def slopes(V, m, hh, n, current, per_C, E_L, g_Na, g_K, g_L, E_Na, E_K):
    """Return the derivatives of V, m, h and n."""
    alpha_n, beta_n = 0.1 * ratio((V + 55.0) / 10.0), 0.125 * math.exp(-(V + 65.0) / 80.0)
    alpha_m, beta_m = ratio((V + 40.0) / 10.0), 4.0 * math.exp(-(V + 65.0) / 18.0)
    alpha_h, beta_h = 0.07 * math.exp(-(V + 65.0) / 20.0), 1.0 / (1.0 + math.exp(-(V + 35.0) / 10.0))
    leak = g_L * (V - E_L) + g_K * n * n * n * n * (V - E_K) + g_Na * m * m * m * hh * (V - E_Na)
    return (
        (current - leak) * per_C, alpha_m * (1.0 - m) - beta_m * m, alpha_h * (1.0 - hh) - beta_h * hh,
        alpha_n * (1.0 - n) - beta_n * n,
    )  # fmt: skip


PARAMETERS = {
    "E_L": Parameter(-54.402, "mV", "leak reversal potential"),
    "C_m": Parameter(100.0, "pF", "membrane capacitance", above=0.0),
    "g_Na": Parameter(12000.0, "nS", "sodium peak conductance", at_least=0.0),
    "g_K": Parameter(3600.0, "nS", "potassium peak conductance", at_least=0.0),
    "g_L": Parameter(30.0, "nS", "leak conductance", at_least=0.0),
    "E_Na": Parameter(50.0, "mV", "sodium reversal potential"),
    "E_K": Parameter(-77.0, "mV", "potassium reversal potential"),
    "t_ref": Parameter(2.0, "ms", "time in which no second spike is told", at_least=0.0, at_most=3000.0),
    "tau_syn_ex": Parameter(0.2, "ms", "rise time of the excitatory current", above=0.0),
    "tau_syn_in": Parameter(2.0, "ms", "rise time of the inhibitory current", above=0.0),
    "I_e": Parameter(0.0, "pA", "constant input current"),
}
STATE = {
    "V_m": Parameter(-65.0, "mV", "membrane potential"),
    "Act_m": Parameter(0.05293248525724958, "", "activation m of sodium"),
    "Inact_h": Parameter(0.5961207535084603, "", "inactivation h of sodium"),
    "Act_n": Parameter(0.3176769140606974, "", "activation n of potassium"),
    "I_syn_ex": Parameter(0.0, "pA", "excitatory current"),
    "I_syn_in": Parameter(0.0, "pA", "inhibitory current"),
    "dI_syn_ex": Parameter(0.0, "", "rise of the excitatory current (pA/ms)"),
    "dI_syn_in": Parameter(0.0, "", "rise of the inhibitory current (pA/ms)"),
    "V_before": Parameter(-65.0, "mV", "membrane potential at the beginning of the step"),
}


def half_step(
    V_m, Act_m, Inact_h, Act_n, I_syn_ex, I_syn_in, dI_syn_ex, dI_syn_in, rest, h, h2, per_C, E_L, g_Na, g_K, g_L,
    E_Na, E_K, half_ex, half_in,
):  # fmt: skip
    """Return V in the middle and at the end of a part of the step, then gates and currents at its end."""
    ex_half, in_half = half_ex * (I_syn_ex + h2 * dI_syn_ex), half_in * (I_syn_in + h2 * dI_syn_in)
    ex_end = half_ex * half_ex * (I_syn_ex + h * dI_syn_ex)
    in_end = half_in * half_in * (I_syn_in + h * dI_syn_in)
    kV, km, kh, kn = slopes(
        V_m, Act_m, Inact_h, Act_n, rest + I_syn_ex + I_syn_in, per_C, E_L, g_Na, g_K, g_L, E_Na, E_K
    )
    lV, lm, lh, ln = slopes(
        V_m + h2 * kV, Act_m + h2 * km, Inact_h + h2 * kh, Act_n + h2 * kn, rest + ex_half + in_half, per_C, E_L, g_Na,
        g_K, g_L, E_Na, E_K,
    )  # fmt: skip
    pV, pm, ph, pn = slopes(
        V_m + h2 * lV, Act_m + h2 * lm, Inact_h + h2 * lh, Act_n + h2 * ln, rest + ex_half + in_half, per_C, E_L, g_Na,
        g_K, g_L, E_Na, E_K,
    )  # fmt: skip
    qV, qm, qh, qn = slopes(
        V_m + h * pV, Act_m + h * pm, Inact_h + h * ph, Act_n + h * pn, rest + ex_end + in_end, per_C, E_L, g_Na, g_K,
        g_L, E_Na, E_K,
    )  # fmt: skip
    sixth = h / 6.0
    V = V_m + sixth * (kV + 2.0 * lV + 2.0 * pV + qV)
    m = Act_m + sixth * (km + 2.0 * lm + 2.0 * pm + qm)
    hh = Inact_h + sixth * (kh + 2.0 * lh + 2.0 * ph + qh)
    n = Act_n + sixth * (kn + 2.0 * ln + 2.0 * pn + qn)
    return V_m + h2 * lV, V, m, hh, n, ex_end, in_end


@neuron_model(
    parameters=PARAMETERS,
    state=STATE,
    receptors={"exc": ("pA", +1), "inh": ("pA", -1)},
    derived=derived,
    substeps=SUBSTEPS,
)
def hh_psc_alpha(
    V_m, Act_m, Inact_h, Act_n, I_syn_ex, I_syn_in, dI_syn_ex, dI_syn_in, V_before, exc, inh, I, refractory, spiked,
    part, h, h2, per_C, E_L, g_Na, g_K, g_L, E_Na, E_K, I_e, half_ex, half_in, rise_ex, rise_in, refractory_steps,
):  # fmt: skip
    """Advance one neuron by half a step."""
    _, V, m, hh, n, ex_end, in_end = half_step(
        V_m, Act_m, Inact_h, Act_n, I_syn_ex, I_syn_in, dI_syn_ex, dI_syn_in, I_e + I, h, h2, per_C, E_L, g_Na, g_K,
        g_L, E_Na, E_K, half_ex, half_in,
    )  # fmt: skip
    before = V_m if part == 0 else V_before
    # The peak is looked for from one whole step to the next.
    told = (refractory == 0) & (part == 1) & (V >= 0.0) & (before > V)
    left = np.int32(refractory_steps) if told else np.int32(max(refractory - 1, 0))
    dex, din = half_ex * half_ex * dI_syn_ex + exc * rise_ex, half_in * half_in * dI_syn_in + inh * rise_in
    return V, m, hh, n, ex_end, in_end, dex, din, before, left, told


VARIANT = hh_psc_alpha
