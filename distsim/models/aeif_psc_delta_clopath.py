"""AdEx neuron with delta synapses whose potential voltage-based plasticity sees (NEST's aeif_psc_delta_clopath).

    C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - w + z + I_e + I
    tau_w dw/dt = a (V - E_L) - w,    tau_z dz/dt = -z,    tau_V_th dV_th/dt = V_th_rest - V_th
    tau_u_bar_plus du_bar_plus/dt = V - u_bar_plus,    tau_u_bar_minus du_bar_minus/dt = V - u_bar_minus
    tau_u_bar_bar du_bar_bar/dt = u_bar_minus - u_bar_bar

Where V reaches V_peak the neuron spikes: w grows by b, z (the current of the depolarising afterpotential)
becomes I_sp, V_th becomes V_th_max, and V is held at V_clamp for t_clamp, which stands for the width of the
spike that the low-passed potentials see; then V becomes V_reset. V and w are integrated by the classical
Runge-Kutta method of fourth order as in `aeif_cond_exp`: a step of dt far from the upstroke, else eight of
dt / 8; the rest is linear and exact but for V inside a step, which Simpson's rule takes. Spikes agree with
NEST's adaptive integration to the step. A spike adds its weight (mV) to V at the end of the step in which it
arrives, unless V is held.

Clopath C, Buesing L, Vasilaki E, Gerstner W (2010). Connectivity reflects coding: a model of voltage-based
STDP with homeostasis. Nat Neurosci 13:344-352. doi:10.1038/nn.2479
"""

from __future__ import annotations

import math

import numpy as np

from distsim.models.aeif_cond_exp import PARAMETERS
from distsim.models.base import refractory_steps
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter

SHARED = ("C_m", "g_L", "E_L", "Delta_T", "V_reset", "t_ref", "tau_w", "a", "b", "I_e")
# Time constants and initial values of the low-passed potentials, for every model that voltage-based synapses see.
LOW_PASS = {
    "tau_u_bar_plus": Parameter(7.0, "ms", "time constant of u_bar_plus", above=0.0),
    "tau_u_bar_minus": Parameter(10.0, "ms", "time constant of u_bar_minus", above=0.0),
    "tau_u_bar_bar": Parameter(500.0, "ms", "time constant of u_bar_bar", above=0.0),
}


def low_passed(rest: float) -> dict[str, Parameter]:
    """Return the low-passed potentials as state variables that begin at rest (mV)."""
    return {
        "u_bar_plus": Parameter(rest, "mV", "low-passed potential that potentiation takes"),
        "u_bar_minus": Parameter(rest, "mV", "low-passed potential that depression takes"),
        "u_bar_bar": Parameter(rest, "mV", "low-passed u_bar_minus, for homeostasis"),
    }


def filters(p: dict[str, float], h: float) -> dict[str, float]:
    """Return the decay of the low-passed potentials over half of a step h, and the step in their time constants."""
    names = {"plus": "tau_u_bar_plus", "minus": "tau_u_bar_minus", "bar": "tau_u_bar_bar"}
    found = {f"half_{k}": float(np.exp(-0.5 * h / p[name])) for k, name in names.items()}
    return found | {f"sixth_{k}": h / p[name] / 6.0 for k, name in names.items()}


def filtered(u_bar, begin, middle, end, half, sixth):
    """Return a low-passed potential after a step, of the potential at its beginning, in its middle and at its end."""
    return half * (half * (u_bar + sixth * begin) + 4.0 * sixth * middle) + sixth * end


def calm(V_m, V_th, calm_margin):
    """Return whether one part is as good as eight."""
    return V_m < V_th + calm_margin


def derived(p: dict[str, float], dt: float, parts: int) -> dict[str, float]:
    """Return inverses, decays over half a part, where V is calm, and the steps for which V is held."""
    h = dt / parts
    clamp, held = max(refractory_steps(p["t_clamp"], dt), 1), refractory_steps(p["t_ref"], dt)
    return filters(p, h) | {
        "per_C": 1.0 / p["C_m"],
        "per_tau_w": 1.0 / p["tau_w"],
        "per_Delta": 1.0 / p["Delta_T"],
        "h": h,
        # Below V_th by that the exponential drives V by less than 0.08 of Delta_T in a step.
        "calm_margin": p["Delta_T"] * math.log(0.08 * p["C_m"] / (p["g_L"] * dt)),
        "half_z": float(np.exp(-0.5 * h / p["tau_z"])),
        "per_tau_z": 1.0 / p["tau_z"],
        "per_tau_th": 1.0 / p["tau_V_th"],
        "half_th": float(np.exp(-0.5 * h / p["tau_V_th"])),
        "reset_steps": float(held),
        "held_steps": float(clamp + held),
    }


@neuron_model(
    parameters={name: PARAMETERS[name] for name in SHARED}
    | {
        "V_peak": Parameter(33.0, "mV", "potential at which a spike is told"),
        "V_clamp": Parameter(33.0, "mV", "potential for t_clamp after a spike"),
        "t_clamp": Parameter(2.0, "ms", "duration of that, at least a step", above=0.0, at_most=1000.0),
        "V_th_rest": Parameter(-50.4, "mV", "potential from which the upstroke begins, at rest"),
        "V_th_max": Parameter(30.4, "mV", "V_th just after a spike"),
        "tau_V_th": Parameter(50.0, "ms", "time constant of V_th", above=0.0),
        "I_sp": Parameter(400.0, "pA", "current of the afterpotential just after a spike"),
        "tau_z": Parameter(40.0, "ms", "time constant of that current", above=0.0),
    }
    | LOW_PASS,
    state={
        "V_m": Parameter(-70.6, "mV", "membrane potential"),
        "w": Parameter(0.0, "pA", "adaptation current"),
        "z": Parameter(0.0, "pA", "current of the depolarising afterpotential"),
        "V_th": Parameter(-50.4, "mV", "potential from which the upstroke begins"),
    }
    | low_passed(-70.6),
    receptors={"spikes": ("mV", 0)},
    derived=derived,
    substeps=8,
    calm=calm,
)
def aeif_psc_delta_clopath(
    V_m, w, z, V_th, u_bar_plus, u_bar_minus, u_bar_bar, spikes, I, refractory, spiked, h, per_C, per_tau_w,
    per_Delta, g_L, E_L, Delta_T, V_peak, V_reset, V_clamp, V_th_rest, V_th_max, a, b, I_e, I_sp, half_z, half_th,
    per_tau_z, per_tau_th, half_plus, half_minus, half_bar, sixth_plus, sixth_minus, sixth_bar, reset_steps, held_steps,
):  # fmt: skip
    """Advance one neuron by a part of the step."""
    clamped = spiked | (refractory > reset_steps)
    held = clamped | (refractory > 0)
    free = 0.0 if held else per_C
    adapts = 0.0 if clamped else per_tau_w
    V0 = (V_clamp if clamped else V_reset) if held else min(V_m, V_peak)
    current = I_e + I + g_L * E_L
    z_half, th_half = z * half_z, V_th_rest + (V_th - V_th_rest) * half_th
    z_end, th_end = z_half * half_z, V_th_rest + (th_half - V_th_rest) * half_th
    up = g_L * Delta_T * math.exp((V0 - V_th) * per_Delta)
    k1 = (current - g_L * V0 + up - w + z) * free
    l1 = (a * (V0 - E_L) - w) * adapts
    # Where the exponential alone reaches V_peak in this part.
    room = Delta_T * (1.0 - math.exp((V0 - V_peak) * per_Delta))
    soars = (room <= h * up * per_C) & (free > 0.0)
    upstroke = min(h, room / k1) if soars else h
    left_over = h - upstroke
    V, x = min(V0 + 0.5 * h * k1, V_peak), w + 0.5 * h * l1
    V = V0 if held else V
    up = g_L * Delta_T * math.exp((V - th_half) * per_Delta)
    k2 = (current - g_L * V + up - x + z_half) * free
    l2 = (a * (V - E_L) - x) * adapts
    middle, x = min(V0 + 0.5 * h * k2, V_peak), w + 0.5 * h * l2
    middle = V0 if held else middle
    up = g_L * Delta_T * math.exp((middle - th_half) * per_Delta)
    k3 = (current - g_L * middle + up - x + z_half) * free
    l3 = (a * (middle - E_L) - x) * adapts
    V, x = min(V0 + h * k3, V_peak), w + h * l3
    V = V0 if held else V
    up = g_L * Delta_T * math.exp((V - th_end) * per_Delta)
    k4 = (current - g_L * V + up - x + z_end) * free
    l4 = (a * (V - E_L) - x) * adapts
    V = V0 + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    x = w + upstroke * l1 if soars else w + h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    end = V0 if held else min(V, V_peak)
    plus = filtered(u_bar_plus, V0, middle, end, half_plus, sixth_plus)
    minus = filtered(u_bar_minus, V0, middle, end, half_minus, sixth_minus)
    # The upstroke V0 - Delta_T log(1 - t / upstroke) has the mean V0 + Delta_T.
    area = ((V0 + Delta_T) * upstroke + V_clamp * left_over) * 6.0 / h
    plus = half_plus * half_plus * u_bar_plus + sixth_plus * area if soars else plus
    minus = half_minus * half_minus * u_bar_minus + sixth_minus * area if soars else minus
    bar = filtered(u_bar_bar, u_bar_minus, 0.5 * (u_bar_minus + minus), minus, half_bar, sixth_bar)
    V = V if held else V + spikes
    crossed = soars | ((V_peak <= V) & (free > 0.0))
    # The last step in which V is held at V_clamp ends at V_reset.
    after = V_clamp if spiked | (refractory > reset_steps + 1.0) else V_reset
    V = after if held else V
    told = spiked | crossed
    left = np.int32(held_steps) if told else np.int32(max(refractory - 1, 0))
    z_after, th_after = I_sp - I_sp * left_over * per_tau_z, V_th_max - (V_th_max - V_th_rest) * left_over * per_tau_th
    return (
        V_clamp if crossed else V, x + b if crossed else x, z_after if crossed else z_end,
        th_after if crossed else th_end, plus, minus, bar, left, told,
    )  # fmt: skip


VARIANT = aeif_psc_delta_clopath
