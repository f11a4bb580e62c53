"""STDP gated by dopamine (NEST's stdp_dopamine_synapse): a pairing leaves a trace that a later reward makes count.

    dw/dt = c (n - b),   dc/dt = -c / tau_c + A_plus x at postsynaptic spikes, - A_minus y at presynaptic ones,
    dn/dt = -n / tau_n + 1 / tau_n at every spike of the transmitter's population

x and y are the traces of presynaptic and postsynaptic spikes. The projection names the population that
releases dopamine: ``synapse: {model: stdp_dopamine_synapse, transmitter: dopamine}``. Its spikes reach all
synapses after `transmitter_delay`, on every rank: NEST's volume transmitter. `tau_minus` is a parameter of
the target neuron in NEST, here of the synapse.

Izhikevich EM (2007). Solving the distal reward problem through linkage of STDP and dopamine signaling.
Cereb Cortex 17:2443-2452. doi:10.1093/cercor/bhl152
Potjans W, Morrison A, Diesmann M (2010). Enabling functional neural circuit simulations with distributed
computing of neuromodulated plasticity. Front Comput Neurosci 4:141. doi:10.3389/fncom.2010.00141
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def on_pre(w, c, y, A_minus):
    """Leave a negative trace."""
    return w, c - A_minus * y


def on_post(w, c, x, A_plus):
    """Leave a positive trace."""
    return w, c + A_plus * x


VARIANT = synapse_model(
    "stdp_dopamine_synapse",
    parameters={
        "tau_plus": Parameter(20.0, "ms", "time constant of the presynaptic trace", above=0.0),
        "tau_minus": Parameter(20.0, "ms", "time constant of the postsynaptic trace", above=0.0),
        "A_plus": Parameter(1.0, "", "trace of a postsynaptic spike after a presynaptic one"),
        "A_minus": Parameter(1.5, "", "trace of a presynaptic spike after a postsynaptic one"),
        "tau_c": Parameter(1000.0, "ms", "time constant of the eligibility", above=0.0),
        "tau_n": Parameter(200.0, "ms", "time constant of dopamine", above=0.0),
        "b": Parameter(0.0, "", "dopamine without effect"),
        "Wmin": Parameter(0.0, "", "smallest weight", at_least=0.0),
        "Wmax": Parameter(200.0, "", "largest weight", above=0.0),
        "transmitter_delay": Parameter(1.0, "ms", "from the transmitter's spikes to the synapses", above=0.0),
    },
    pre={"x": "tau_plus"},
    post={"y": "tau_minus"},
    state={"c": 0.0},
    on_pre=on_pre,
    on_post=on_post,
    modulated="c",
)
