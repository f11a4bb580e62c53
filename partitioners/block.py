"""Block: every rank owns one run of consecutive gids."""

from __future__ import annotations

from distsim.network import Network
from distsim.partitioners.base import Partition


class Block:
    """Consecutive gids in equal numbers: the simplest, and uneven where populations differ in cost."""

    def partition(self, network: Network, n_ranks: int) -> Partition:
        """Return runs of consecutive gids whose lengths differ by at most one."""
        n = network.n_neurons
        return Partition(tuple((range(n * r // n_ranks, n * (r + 1) // n_ranks),) for r in range(n_ranks)))


VARIANT = Block()
