"""Pair STDP of nearest neighbours, symmetric (NEST's stdp_nn_symm_synapse).

As `stdp_synapse`, but each presynaptic spike is paired with the last postsynaptic one alone, and each
postsynaptic spike with the last presynaptic one: a spike sets its trace to one.

Morrison A, Diesmann M, Gerstner W (2008). Phenomenological models of synaptic plasticity based on spike
timing. Biol Cybern 98:459-478, figure 7A. doi:10.1007/s00422-008-0233-1
"""

from __future__ import annotations

from distsim.synapses.base import synapse_model
from distsim.synapses.stdp_synapse import PARAMETERS, on_post, on_pre

VARIANT = synapse_model(
    "stdp_nn_symm_synapse",
    parameters=PARAMETERS,
    pre={"x": ("tau_plus", "nearest")},
    post={"y": ("tau_minus", "nearest")},
    on_pre=on_pre,
    on_post=on_post,
)
