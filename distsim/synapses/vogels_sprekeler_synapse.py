"""Symmetric STDP of inhibitory synapses that balances excitation (NEST's vogels_sprekeler_synapse).

    post spike:  w <- w + eta x
    pre spike:   w <- w + eta (y - alpha)

w is the size of the weight, of whichever sign; x and y are traces of presynaptic and postsynaptic spikes,
both with the time constant `tau`. alpha = 2 r tau holds the target at the rate r.

Vogels TP, Sprekeler H, Zenke F, Clopath C, Gerstner W (2011). Inhibitory plasticity balances excitation and
inhibition in sensory pathways and memory networks. Science 334:1569-1573. doi:10.1126/science.1211095
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def on_pre(w, y, eta, alpha, Wmax):
    """Potentiate by the target's recent spikes, depress by a constant."""
    return min(w + eta * y, Wmax) - alpha * eta


def on_post(w, x, eta):
    """Potentiate."""
    return w + eta * x


VARIANT = synapse_model(
    "vogels_sprekeler_synapse",
    parameters={
        "tau": Parameter(20.0, "ms", "time constant of both traces", above=0.0),
        "eta": Parameter(0.001, "", "size of a change, in the weight's unit", at_least=0.0),
        "alpha": Parameter(0.12, "", "depression at a presynaptic spike, in eta", at_least=0.0),
        "Wmax": Parameter(1.0, "", "largest size of a weight", above=0.0),
    },
    pre={"x": "tau"},
    post={"y": "tau"},
    on_pre=on_pre,
    on_post=on_post,
)
