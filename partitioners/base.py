"""What every partitioner gives: the neurons of each rank, as a few arithmetic ranges of gids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from distsim.network import Network


@dataclass(frozen=True)
class Partition:
    """Which rank owns which neuron.

    Attributes
    ----------
    pieces : tuple of tuple of range
        For every rank the ranges of gids that it owns, disjoint, together all gids. Ranges, not
        arrays: a partition of 1e9 neurons over 1e4 ranks stays small.
    """

    pieces: tuple[tuple[range, ...], ...]

    @property
    def n_ranks(self) -> int:
        """Number of ranks."""
        return len(self.pieces)

    def gids(self, rank: int) -> np.ndarray:
        """Return the gids that `rank` owns: int64, ascending."""
        arrays = [np.arange(p.start, p.stop, p.step, dtype=np.int64) for p in self.pieces[rank] if len(p)]
        return np.sort(np.concatenate(arrays)) if arrays else np.empty(0, dtype=np.int64)

    def n_neurons(self, rank: int) -> int:
        """Return how many neurons `rank` owns."""
        return sum(len(p) for p in self.pieces[rank])


class Partitioner(Protocol):
    """Deals neurons to ranks; pure and deterministic, so that all ranks agree without talking."""

    def partition(self, network: Network, n_ranks: int) -> Partition:
        """Return the partition of a resolved network over `n_ranks` ranks."""
        ...
