"""Short-term depression and facilitation (NEST's tsodyks2_synapse).

    at the k-th spike, a time h after the one before:
    u_k = U + u_(k-1) (1 - U) exp(-h / tau_fac)
    x_k = 1 + (x_(k-1) - x_(k-1) u_(k-1) - 1) exp(-h / tau_rec)

What arrives is w u x. At the first spike u = U and x = 1. Synapses of one source share u and x, which are
therefore kept with the source: a synapse needs no more than a static one of 32 bits of weight.

Tsodyks M, Uziel A, Markram H (2000). Synchrony generation in recurrent networks with frequency-dependent
synapses. J Neurosci 20:RC50. doi:10.1523/JNEUROSCI.20-01-j0003.2000
Fuhrmann G, Segev I, Markram H, Tsodyks M (2002). Coding of temporal information by activity-dependent
synapses. J Neurophysiol 87:140-148. doi:10.1152/jn.00258.2001
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model

VARIANT = synapse_model(
    "tsodyks2_synapse",
    parameters={
        "U": Parameter(0.5, "", "share of the resources that a spike uses at rest", at_least=0.0, at_most=1.0),
        "tau_fac": Parameter(0.0, "ms", "time constant of facilitation", at_least=0.0),
        "tau_rec": Parameter(800.0, "ms", "time constant of recovery from depression", above=0.0),
    },
    short_term=True,
)
