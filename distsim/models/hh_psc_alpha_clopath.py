"""Hodgkin-Huxley neuron whose potential voltage-based plasticity sees (NEST's hh_psc_alpha_clopath).

    tau_u_bar_plus du_bar_plus/dt = V - u_bar_plus,    tau_u_bar_minus du_bar_minus/dt = V - u_bar_minus
    tau_u_bar_bar du_bar_bar/dt = u_bar_minus - u_bar_bar

and `hh_psc_alpha` besides, with the same integration; the low-passed potentials are linear in V, which Simpson's
rule takes inside a step. They begin at -65 mV (in NEST at 0 mV). Spikes agree with NEST's adaptive integration to
the step.

Clopath C, Buesing L, Vasilaki E, Gerstner W (2010). Connectivity reflects coding: a model of voltage-based
STDP with homeostasis. Nat Neurosci 13:344-352. doi:10.1038/nn.2479
Hodgkin AL, Huxley AF (1952). A quantitative description of membrane current and its application to
conduction and excitation in nerve. J Physiol 117:500-544. doi:10.1113/jphysiol.1952.sp004764
"""

from __future__ import annotations

import math  # noqa: F401, the step's functions are compiled here

import numpy as np

from distsim.models import hh_psc_alpha as hodgkin_huxley
from distsim.models.aeif_psc_delta_clopath import LOW_PASS, filtered, filters, low_passed
from distsim.models.hh_psc_alpha import PARAMETERS, STATE, SUBSTEPS, half_step, ratio, slopes  # noqa: F401
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return what `hh_psc_alpha` derives, and the decay of the low-passed potentials."""
    return hodgkin_huxley.derived(p, dt) | filters(p, dt / SUBSTEPS)


@neuron_model(
    parameters=PARAMETERS
    | LOW_PASS
    | {"tau_u_bar_plus": Parameter(114.0, "ms", "time constant of u_bar_plus", above=0.0)},
    state=STATE | low_passed(-65.0),
    receptors={"exc": ("pA", +1), "inh": ("pA", -1)},
    derived=derived,
    substeps=SUBSTEPS,
)
def hh_psc_alpha_clopath(
    V_m, Act_m, Inact_h, Act_n, I_syn_ex, I_syn_in, dI_syn_ex, dI_syn_in, V_before, u_bar_plus, u_bar_minus,
    u_bar_bar, exc, inh, I, refractory, spiked, part, h, h2, per_C, E_L, g_Na, g_K, g_L, E_Na, E_K, I_e, half_ex,
    half_in, rise_ex, rise_in, refractory_steps, half_plus, half_minus, half_bar, sixth_plus, sixth_minus, sixth_bar,
):  # fmt: skip
    """Advance one neuron by half a step."""
    middle, V, m, hh, n, ex_end, in_end = half_step(
        V_m, Act_m, Inact_h, Act_n, I_syn_ex, I_syn_in, dI_syn_ex, dI_syn_in, I_e + I, h, h2, per_C, E_L, g_Na, g_K,
        g_L, E_Na, E_K, half_ex, half_in,
    )  # fmt: skip
    plus = filtered(u_bar_plus, V_m, middle, V, half_plus, sixth_plus)
    minus = filtered(u_bar_minus, V_m, middle, V, half_minus, sixth_minus)
    bar = filtered(u_bar_bar, u_bar_minus, 0.5 * (u_bar_minus + minus), minus, half_bar, sixth_bar)
    before = V_m if part == 0 else V_before
    told = (refractory == 0) & (part == 1) & (V >= 0.0) & (before > V)
    left = np.int32(refractory_steps) if told else np.int32(max(refractory - 1, 0))
    dex, din = half_ex * half_ex * dI_syn_ex + exc * rise_ex, half_in * half_in * dI_syn_in + inh * rise_in
    return V, m, hh, n, ex_end, in_end, dex, din, before, plus, minus, bar, left, told


VARIANT = hh_psc_alpha_clopath
