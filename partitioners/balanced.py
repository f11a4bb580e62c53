"""Balanced: equal work and memory per rank, by synapses and expected events."""

from __future__ import annotations

import numpy as np

from distsim.network import Network
from distsim.partitioners.base import Partition

# Relative cost of a neuron for one biological second, from the measured kernels: a step of the
# update and the drive, and a synapse whose source fires at a few Hz.
COST_OF_NEURON = 10_000 * 1.0
COST_OF_SYNAPSE = 4 * 0.5


class Balanced:
    """Every population is shared out evenly; what does not divide goes to the rank with the least work."""

    def partition(self, network: Network, n_ranks: int) -> Partition:
        """Return runs of consecutive gids of every population, with nearly the same cost on each rank."""
        cost = neuron_costs(network)
        load = np.zeros(n_ranks)
        pieces: list[list[range]] = [[] for _ in range(n_ranks)]
        # Costly populations first: the cheap ones level what those leave uneven.
        for name in sorted(network.populations, key=lambda n: (-cost[n], n)):
            population = network.populations[name]
            shares = np.full(n_ranks, population.size // n_ranks, dtype=np.int64)
            shares[np.argsort(load, kind="stable")[: population.size % n_ranks]] += 1
            load += shares * cost[name]
            stops = population.first_gid + np.cumsum(shares)
            for rank, (stop, share) in enumerate(zip(stops.tolist(), shares.tolist(), strict=True)):
                if share:
                    pieces[rank].append(range(stop - share, stop))
        return Partition(tuple(tuple(p) for p in pieces))


def neuron_costs(network: Network) -> dict[str, float]:
    """Return the cost of one neuron of each population, from its mean number of incoming synapses."""
    incoming = dict.fromkeys(network.populations, 0.0)
    for projection in network.projections:
        n_pre, n_post = len(projection.pre), len(projection.post)
        if all(s.name in network.populations for s in projection.pre.slices):
            per_target = projection.rule.n_synapses(n_pre, n_post) / n_post
            for part in projection.post.slices:
                share = (part.stop - part.start) / network.populations[part.name].size
                incoming[part.name] += per_target * share
    return {name: COST_OF_NEURON + COST_OF_SYNAPSE * n for name, n in incoming.items()}


VARIANT = Balanced()
