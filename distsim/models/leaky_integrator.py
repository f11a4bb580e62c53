"""Leaky integrator: a readout that never spikes.

    tau_m dV/dt = -(V - E_L) + R (I_e + I + I_syn),    dI_syn/dt = -I_syn / tau_syn,    R = tau_m / C_m

Integrated exactly (I constant during a step). A spike adds its weight (pA, of either sign) to I_syn at the end
of the step in which it arrives. With `iaf_psc_exp` and a threshold out of reach V is the same.
"""

from __future__ import annotations

import numpy as np

from distsim.models.base import propagator_exp
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return the propagator of a step."""
    return {
        "P22": float(np.exp(-dt / p["tau_m"])),
        "P20": float(-np.expm1(-dt / p["tau_m"]) * p["tau_m"] / p["C_m"]),
        "P21": propagator_exp(p["tau_m"], p["tau_syn"], p["C_m"], dt),
        "decay": float(np.exp(-dt / p["tau_syn"])),
    }


@neuron_model(
    parameters={
        "C_m": Parameter(250.0, "pF", "membrane capacitance", above=0.0),
        "tau_m": Parameter(20.0, "ms", "membrane time constant", above=0.0),
        "tau_syn": Parameter(2.0, "ms", "time constant of the synaptic current", above=0.0),
        "E_L": Parameter(0.0, "mV", "value at rest"),
        "I_e": Parameter(0.0, "pA", "constant input current"),
    },
    state={
        "V_m": Parameter(0.0, "mV", "the integral"),
        "I_syn": Parameter(0.0, "pA", "synaptic current"),
    },
    receptors={"spikes": ("pA", 0)},
    derived=derived,
)
def leaky_integrator(V_m, I_syn, spikes, I, P22, P20, P21, decay, E_L, I_e):
    """Advance one neuron by one step."""
    V = E_L + (V_m - E_L) * P22 + (I_e + I) * P20 + I_syn * P21
    return V, I_syn * decay + spikes, False


VARIANT = leaky_integrator
