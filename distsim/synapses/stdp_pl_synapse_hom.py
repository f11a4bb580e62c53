"""STDP with a power law (NEST's stdp_pl_synapse_hom).

    post spike:  w <- w + lambda w^mu x,        dx/dt = -x / tau_plus,   x <- x + 1 at presynaptic spikes
    pre spike:   w <- w - lambda alpha w y,     dy/dt = -y / tau_minus,  y <- y + 1 at postsynaptic spikes

All pairs of spikes count. `tau_minus` is a parameter of the target neuron in NEST, here of the synapse.

Morrison A, Aertsen A, Diesmann M (2007). Spike-timing-dependent plasticity in balanced random networks.
Neural Computation 19:1437-1467. doi:10.1162/neco.2007.19.6.1437
"""

from __future__ import annotations

import math

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def on_pre(w, y, lambda_, alpha):
    """Depress."""
    return w - lambda_ * alpha * w * y


def on_post(w, x, lambda_, mu):
    """Potentiate."""
    return w + lambda_ * w**mu * x


VARIANT = synapse_model(
    "stdp_pl_synapse_hom",
    parameters={
        "tau_plus": Parameter(20.0, "ms", "time constant of potentiation", above=0.0),
        "tau_minus": Parameter(20.0, "ms", "time constant of depression", above=0.0),
        "lambda": Parameter(0.1, "", "size of a change", at_least=0.0),
        "alpha": Parameter(1.0, "", "depression relative to potentiation", at_least=0.0),
        "mu": Parameter(0.4, "", "exponent of the weight in potentiation", at_least=0.0),
        "w_max": Parameter(math.inf, "", "largest weight; 8 times the largest initial one where not given", above=0.0),
    },
    pre={"x": "tau_plus"},
    post={"y": "tau_minus"},
    on_pre=on_pre,
    on_post=on_post,
)
