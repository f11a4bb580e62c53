"""The synapses of a LocalNetwork one by one, out of their packed records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distsim.construction import build
from distsim.construction.decode import decoded
from distsim.network import Network
from distsim.registry import partitioners


@dataclass
class Synapses:
    """All synapses of a network: pre and post positions, receptor, weight, delay in steps; sorted."""

    pre: np.ndarray
    post: np.ndarray
    plane: np.ndarray
    weight: np.ndarray
    delay: np.ndarray

    def __len__(self) -> int:
        return self.pre.shape[0]

    def table(self) -> np.ndarray:
        """Return all of them as one sorted array, for comparisons."""
        columns = np.stack([self.pre, self.post, self.plane, self.weight, self.delay], axis=1)
        return columns[np.lexsort(columns.T)]


def synapses_of(
    net: Network, n_ranks: int = 1, partitioner: str = "balanced", dt: float = 0.1, seed: int = 3,
    weights: str = "auto",
) -> Synapses:  # fmt: skip
    """Build the network on pretended ranks and return the union of their synapses.

    Sources are numbered by gid; generators follow the neurons.
    """
    network = net.resolved()
    partition = partitioners.get(partitioner).partition(network, n_ranks)
    parts = [
        _decode(network, build(network, partition, rank, dt=dt, seed=seed, weights=weights)) for rank in range(n_ranks)
    ]
    return Synapses(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _decode(network: Network, local) -> tuple[np.ndarray, ...]:
    """Return the columns of `Synapses` for one rank."""
    first, sources = 0, {}
    for name, group in local.groups.items():
        sources[name] = first
        first += group.size
    owner = np.empty(local.gids.shape[0], dtype=np.int64)
    for i, (low, high) in enumerate(local.ranges.values()):
        owner[low:high] = i
    grids = np.zeros((len(local.ranges), local.n_planes))
    for i, name in enumerate(local.ranges):
        grids[i, : local.grids[name].shape[0]] = local.grids[name]
    found = [
        (sources[b.source] + b.pre, local.gids[b.target], b.plane, b.weight * grids[owner[b.target], b.plane], b.delay)
        for b in decoded(local)
    ]
    return tuple(np.concatenate(c) for c in zip(*found, strict=True))
