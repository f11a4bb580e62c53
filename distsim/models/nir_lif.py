"""Leaky integrate-and-fire neuron of the Neuromorphic Intermediate Representation (NIR's LIF).

    tau dv/dt = v_leak - v + r I,    a spike where v >= v_threshold

NIR's numbers have no units: times count in ms here, weights and generators' currents are I. A spike that
arrives is an impulse of its weight: v jumps by r w / tau. At a spike v becomes v_reset, or with `subtract` = 1
it falls by v_threshold - v_reset. Integrated exactly (I constant during a step).

Pedersen JE et al. (2024). Neuromorphic intermediate representation: a unified instruction set for
interoperable brain-inspired computing. Nat Commun 15:8122. doi:10.1038/s41467-024-52259-9
"""

from __future__ import annotations

import numpy as np

from distsim.models.nir_if import SPIKING
from distsim.models.scalar import neuron_model
from distsim.registry import Parameter


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return the decay of a step and the jump per weight."""
    return {"decay": float(np.exp(-dt / p["tau"])), "jump": p["r"] / p["tau"]}


@neuron_model(
    parameters=SPIKING
    | {
        "tau": Parameter(20.0, "ms", "time constant", above=0.0),
        "v_leak": Parameter(0.0, "", "value at rest"),
    },
    state={"v": Parameter(0.0, "", "membrane potential")},
    receptors={"spikes": ("", 0)},
    derived=derived,
)
def nir_lif(v, spikes, I, decay, jump, r, v_leak, v_threshold, v_reset, subtract):
    """Advance one neuron by one step."""
    rest = v_leak + r * I
    V = rest + (v - rest) * decay + jump * spikes
    spiked = v_threshold <= V
    after = V - (v_threshold - v_reset) if subtract > 0.5 else v_reset
    return (after if spiked else V), spiked


VARIANT = nir_lif
