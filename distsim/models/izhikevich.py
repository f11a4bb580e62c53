"""Izhikevich's simple model (NEST's izhikevich with ``consistent_integration``).

    dV/dt = 0.04 V^2 + 5 V + 140 - U + I_e + I,    dU/dt = a (b V - U);    V >= V_th: V = c, U = U + d

Forward Euler with the simulation's step, as NEST; V jumps by the weight (mV) where a spike arrives.
Izhikevich (2003) doi:10.1109/TNN.2003.820440.
"""

from __future__ import annotations

from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


@neuron_model(
    parameters={
        "a": Parameter(0.02, "", "rate of the recovery variable (1/ms)"),
        "b": Parameter(0.2, "", "sensitivity of the recovery variable to V"),
        "c": Parameter(-65.0, "mV", "reset potential"),
        "d": Parameter(8.0, "mV", "jump of the recovery variable at a spike"),
        "V_th": Parameter(30.0, "mV", "spike threshold"),
        "V_min": Parameter(-3e38, "mV", "lower bound of V; none by default"),
        "I_e": Parameter(0.0, "pA", "constant input current"),
    },
    state={
        "V_m": Parameter(-65.0, "mV", "membrane potential"),
        "U_m": Parameter(-13.0, "mV", "recovery variable; b V_m of the defaults, as NEST starts"),
    },
    receptors={"spikes": ("mV", 0)},
)
def izhikevich(V_m, U_m, spikes, I, dt, a, b, c, d, V_th, V_min, I_e):
    """Advance one neuron by one step."""
    V = V_m + dt * (0.04 * V_m * V_m + 5.0 * V_m + 140.0 - U_m + I + I_e) + spikes
    U = U_m + dt * a * (b * V_m - U_m)
    V = max(V, V_min)
    spiked = V_th <= V
    return (c if spiked else V), (U + d if spiked else U), spiked


VARIANT = izhikevich
