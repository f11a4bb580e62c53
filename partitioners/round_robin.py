"""Round robin: neurons are dealt like cards, NEST's way."""

from __future__ import annotations

from distsim.network import Network
from distsim.partitioners.base import Partition


class RoundRobin:
    """Neuron i goes to rank i modulo the number of ranks: every population is spread over all ranks."""

    def partition(self, network: Network, n_ranks: int) -> Partition:
        """Return every n_ranks-th gid for each rank."""
        n = network.n_neurons
        return Partition(tuple((range(r, n, n_ranks),) for r in range(n_ranks)))


VARIANT = RoundRobin()
