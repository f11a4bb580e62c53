"""Leaky integrate-and-fire neuron with a synaptic current, of NIR (CubaLIF).

    tau_syn di/dt = -i + w_in S,    tau_mem dv/dt = v_leak - v + r (i + I),    a spike where v >= v_threshold

NIR's numbers have no units: times count in ms here. S is the spikes that arrive, impulses of their weights: i
jumps by w_in w / tau_syn at the end of the step; I is the generators' current. At a spike v becomes
v_reset, or with `subtract` = 1 it falls by v_threshold - v_reset. Integrated exactly (I constant during a step).

Pedersen JE et al. (2024). Neuromorphic intermediate representation: a unified instruction set for
interoperable brain-inspired computing. Nat Commun 15:8122. doi:10.1038/s41467-024-52259-9
"""

from __future__ import annotations

import numpy as np

from distsim.models.base import propagator_exp
from distsim.models.nir_if import SPIKING
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return the propagator of a step and the jump per weight."""
    return {
        "decay": float(np.exp(-dt / p["tau_mem"])),
        "decay_syn": float(np.exp(-dt / p["tau_syn"])),
        "gain": p["r"] * propagator_exp(p["tau_mem"], p["tau_syn"], p["tau_mem"], dt),
        "jump": p["w_in"] / p["tau_syn"],
    }


@neuron_model(
    parameters=SPIKING
    | {
        "tau_mem": Parameter(20.0, "ms", "time constant of the membrane", above=0.0),
        "tau_syn": Parameter(5.0, "ms", "time constant of the synaptic current", above=0.0),
        "w_in": Parameter(1.0, "", "factor of all that arrives"),
        "v_leak": Parameter(0.0, "", "value at rest"),
    },
    state={"v": Parameter(0.0, "", "membrane potential"), "i": Parameter(0.0, "", "synaptic current")},
    receptors={"spikes": ("", 0)},
    derived=derived,
)
def nir_cubalif(v, i, spikes, I, decay, decay_syn, gain, jump, r, v_leak, v_threshold, v_reset, subtract):
    """Advance one neuron by one step."""
    rest = v_leak + r * I
    V = rest + (v - rest) * decay + gain * i
    spiked = v_threshold <= V
    after = V - (v_threshold - v_reset) if subtract > 0.5 else v_reset
    return (after if spiked else V), i * decay_syn + jump * spikes, spiked


VARIANT = nir_cubalif
