"""Triplet STDP (NEST's stdp_triplet_synapse).

    post spike:  w <- w + r1 (Aplus + Aplus_triplet o2)
    pre spike:   w <- w - o1 (Aminus + Aminus_triplet r2)

r1 and r2 are traces of the presynaptic spikes (`tau_plus`, `tau_plus_triplet`), o1 and o2 of the
postsynaptic ones (`tau_minus`, `tau_minus_triplet`); o2 and r2 are taken as they are just before the
spike. The time constants of the postsynaptic side are parameters of the neuron in NEST.

Pfister JP, Gerstner W (2006). Triplets of spikes in a model of spike timing-dependent plasticity.
J Neurosci 26:9673-9682, equations 3 and 4. doi:10.1523/JNEUROSCI.1425-06.2006
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def on_pre(w, o1, r2, Aminus, Aminus_triplet):
    """Depress."""
    return w - o1 * (Aminus + Aminus_triplet * r2)


def on_post(w, r1, o2, Aplus, Aplus_triplet):
    """Potentiate."""
    return w + r1 * (Aplus + Aplus_triplet * o2)


VARIANT = synapse_model(
    "stdp_triplet_synapse",
    parameters={
        "tau_plus": Parameter(16.8, "ms", "time constant of the first presynaptic trace", above=0.0),
        "tau_plus_triplet": Parameter(101.0, "ms", "time constant of the second presynaptic trace", above=0.0),
        "tau_minus": Parameter(20.0, "ms", "time constant of the first postsynaptic trace", above=0.0),
        "tau_minus_triplet": Parameter(110.0, "ms", "time constant of the second postsynaptic trace", above=0.0),
        "Aplus": Parameter(5e-10, "", "potentiation of pairs, in the weight's unit"),
        "Aplus_triplet": Parameter(0.0062, "", "potentiation of triplets"),
        "Aminus": Parameter(0.007, "", "depression of pairs"),
        "Aminus_triplet": Parameter(0.00023, "", "depression of triplets"),
        "Wmax": Parameter(100.0, "", "largest weight", above=0.0),
    },
    pre={"r1": "tau_plus", "r2": "tau_plus_triplet"},
    post={"o1": "tau_minus", "o2": "tau_minus_triplet"},
    on_pre=on_pre,
    on_post=on_post,
)
