"""Integrate-and-fire neuron of the Neuromorphic Intermediate Representation (NIR's IF).

    dv/dt = r I,    a spike where v >= v_threshold

NIR's numbers have no units: times count in ms here, weights and generators' currents are I. A spike that
arrives is an impulse of its weight: v jumps by r w. At a spike v becomes v_reset, or with `subtract` = 1 it
falls by v_threshold - v_reset (what snnTorch calls reset by subtraction). Integrated exactly.

Pedersen JE et al. (2024). Neuromorphic intermediate representation: a unified instruction set for
interoperable brain-inspired computing. Nat Commun 15:8122. doi:10.1038/s41467-024-52259-9
"""

from __future__ import annotations

from distsim.models.scalar import neuron_model
from distsim.registry import Parameter

# What the spiking neurons of NIR share.
SPIKING = {
    "r": Parameter(1.0, "", "resistance"),
    "v_threshold": Parameter(1.0, "", "threshold"),
    "v_reset": Parameter(0.0, "", "reset value"),
    "subtract": Parameter(0.0, "", "1: a spike subtracts v_threshold - v_reset, 0: v becomes v_reset", at_least=0.0,
                          at_most=1.0),
}  # fmt: skip


@neuron_model(
    parameters=SPIKING,
    state={"v": Parameter(0.0, "", "membrane potential")},
    receptors={"spikes": ("", 0)},
)
def nir_if(v, spikes, I, dt, r, v_threshold, v_reset, subtract):
    """Advance one neuron by one step."""
    V = v + r * (dt * I + spikes)
    spiked = v_threshold <= V
    after = V - (v_threshold - v_reset) if subtract > 0.5 else v_reset
    return (after if spiked else V), spiked


VARIANT = nir_if
