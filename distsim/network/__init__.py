"""What to simulate: plain data, checked, of no size; no MPI, nothing compiled."""

from distsim.network.distributions import exponential, lognormal, normal, uniform
from distsim.network.network import Device, Network, Population, Projection, Recorder
from distsim.network.rules import (
    all_to_all,
    edges,
    fixed_indegree,
    fixed_outdegree,
    fixed_total_number,
    one_to_one,
    pairwise_bernoulli,
)
from distsim.network.selection import Selection, Slice

__all__ = [
    "Device", "Network", "Population", "Projection", "Recorder", "Selection", "Slice", "all_to_all", "edges",
    "exponential", "fixed_indegree", "fixed_outdegree", "fixed_total_number", "lognormal", "normal", "one_to_one",
    "pairwise_bernoulli", "uniform",
]  # fmt: skip
