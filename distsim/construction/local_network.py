"""All that one rank owns: its neurons, and the synapses onto them, stored by source and delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from distsim.construction import kernels
from distsim.construction.columns import TARGET_BLOCK_BITS, Column, Edges, block_sizes, columns, count, draw
from distsim.construction.plastic_synapses import PlasticSynapses, build_plastic
from distsim.construction.sources import SourceGroup, source_groups, spiking_projections
from distsim.construction.weights import Representation, representation
from distsim.network import Network
from distsim.partitioners.base import Partition
from distsim.registry import models


@dataclass
class LocalNetwork:
    """All that one rank owns; the union over ranks is the same network for any number of ranks.

    Synapses are stored by block of sources, in a block by group (receptor and block of 65,536 local
    targets), source and delay; a run of synapses of one source and delay is a segment. The record of
    a synapse has the local target's low 16 bits and the weight, see `records.pack`.

    Attributes
    ----------
    gids : np.ndarray
        int64 [n_local], ascending: populations are contiguous ranges of the local index.
    ranges : dict
        Population name to (first, last + 1) local index.
    representation : Representation
        How weights and the input are kept.
    n_planes, stride : int
        Rows of the input array and their length.
    synapses : np.ndarray
        uint32 or uint64 [n_synapses] records.
    offsets : np.ndarray
        uint32, per block the ends of its segments, relative to the block's first synapse.
    block_base, block_offset : np.ndarray
        int64 [n_blocks], where a block's synapses and offsets begin.
    block_size, block_group : np.ndarray
        int64 [n_blocks], sources in a block; number of its source group.
    group_delay, group_targets : np.ndarray
        int64 [n_groups, 2] first delay and number of delays; [n_groups, 2] range in `target_base`.
    target_base : np.ndarray
        int64, position in the flat input array of every receptor and block of targets of a group.
    n_synapses_by_projection : np.ndarray
        int64 [n_projections], synapses on this rank.
    outdegrees : dict
        Projection index to {source: uint32 [size of source]}, synapses of each source on this rank: with the
        spikes of a source they tell its events.
    plastic : PlasticSynapses
        Those whose weights change, stored apart.
    """

    gids: np.ndarray
    ranges: dict[str, tuple[int, int]]
    representation: Representation
    groups: dict[str, SourceGroup]
    n_planes: int
    stride: int
    synapses: np.ndarray
    offsets: np.ndarray
    block_base: np.ndarray
    block_offset: np.ndarray
    block_size: np.ndarray
    block_group: np.ndarray
    group_delay: np.ndarray
    group_targets: np.ndarray
    target_base: np.ndarray
    n_synapses_by_projection: np.ndarray
    outdegrees: dict[int, dict[str, np.ndarray]]
    plastic: PlasticSynapses

    @property
    def grids(self) -> dict[str, np.ndarray]:
        """Population name to float64 [n_receptors]: what one of input is, in the weight's unit."""
        return self.representation.grids

    @property
    def n_bytes(self) -> int:
        """Bytes of the synapses, their index and their sources' out-degrees."""
        outdegrees = sum(a.nbytes for by_source in self.outdegrees.values() for a in by_source.values())
        return self.synapses.nbytes + self.offsets.nbytes + outdegrees + self.plastic.n_bytes


def local_ranges(network: Network, gids: np.ndarray) -> dict[str, tuple[int, int]]:
    """Return each population's range of local indices: (first, last + 1)."""
    return {
        name: tuple(int(i) for i in np.searchsorted(gids, [p.first_gid, p.first_gid + p.size]))  # type: ignore[misc]
        for name, p in network.populations.items()
    }


def build(
    network: Network,
    partition: Partition,
    rank: int,
    *,
    dt: float,
    seed: int,
    weights: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> LocalNetwork:
    """Build what `rank` owns of a resolved network, without communication.

    Parameters
    ----------
    network : Network
        Resolved: no expressions, scale 1.
    partition : Partition
        Owner of every gid.
    rank : int
    dt : float
        Step (ms).
    seed : int
    weights : {"auto", "exact"}
        See `distsim.construction.weights.representation`.
    progress : callable, optional
        Called with the fraction of synapses that are in place.

    Returns
    -------
    LocalNetwork
    """
    gids = partition.gids(rank)
    ranges = local_ranges(network, gids)
    how = representation(network, dt, weights, tell=True)
    groups = source_groups(network, dt)
    n_local = gids.shape[0]
    n_planes = max(len(models.get(p.model).declaration.receptors) for p in network.populations.values())
    stride = -(-max(n_local, 1) // 16) * 16
    n_target_blocks = max(1, (n_local + (1 << TARGET_BLOCK_BITS) - 1) >> TARGET_BLOCK_BITS)

    # Count: synapses of every block of sources on this rank.
    spiking = spiking_projections(network)
    parts = columns(network, [(i, p) for i, p in spiking if not p.is_plastic], gids, how.rounding, groups, dt)
    n_blocks = sum(g.n_blocks for g in groups.values())
    per_block = np.zeros(n_blocks, dtype=np.int64)
    by_projection = np.zeros(len(network.projections), dtype=np.int64)
    listed: dict[int, Edges] = {}
    for i, column in enumerate(parts):
        before = per_block.sum()
        count(column, i, groups, per_block, listed, seed)
        by_projection[column.number] += per_block.sum() - before
    outdegrees = {
        number: {part.name: np.zeros(groups[part.name].size, np.uint32) for part in p.pre.slices}
        for number, p in spiking
    }

    # Fill: block by block, draw, then sort into place.
    base = np.concatenate([[0], np.cumsum(per_block)])
    n_slots = np.array(
        [len(g.planes) * n_target_blocks * size * g.n_delays for g in groups.values() for size in block_sizes(g)],
        dtype=np.int64,
    )
    block_offset = np.concatenate([[0], np.cumsum(n_slots + 1)])
    synapses = np.empty(int(base[-1]), dtype=how.record)
    # numpy asks for huge pages for memory that it does not get zeroed; every place is written below.
    offsets = np.empty(int(block_offset[-1]), dtype=np.uint32)
    slots = np.empty(int(per_block.max(initial=0)), dtype=np.uint32)
    records = np.empty(slots.shape[0], dtype=how.record)
    by_block: dict[int, list[tuple[int, Column, int]]] = {}
    for i, column in enumerate(parts):
        for c, cell in enumerate(column.cells):
            by_block.setdefault(cell.block, []).append((i, column, c))
    for group in groups.values():
        for b, size in enumerate(block_sizes(group), start=group.first_block):
            n = 0
            shape = (n_target_blocks, size, group.first_delay, group.n_delays)
            for i, column, c in by_block.get(b, []):
                if column.gids.shape[0]:
                    first = (b - group.first_block) * kernels.BLOCK
                    out = (slots, records, outdegrees[column.number][group.name][first : first + size])
                    n = draw(column, c, listed.get(i), group, shape, seed, out, n)
            kernels.sort_block(
                synapses[base[b] : base[b + 1]], offsets[block_offset[b] : block_offset[b + 1]], slots, records, n
            )
            if n != per_block[b]:
                raise AssertionError(f"block {b}: counted {per_block[b]} synapses, drew {n}")
            if progress:
                progress(float(base[b + 1]) / max(float(base[-1]), 1.0))

    plastic = build_plastic(network, gids, how, groups, outdegrees, by_projection, dt, seed)

    targets = [
        [plane * stride + (t << TARGET_BLOCK_BITS) for plane in g.planes for t in range(n_target_blocks)]
        for g in groups.values()
    ]
    ends = np.cumsum([0] + [len(t) for t in targets])
    return LocalNetwork(
        gids=gids, ranges=ranges, representation=how, groups=groups, n_planes=n_planes, stride=stride,
        synapses=synapses, offsets=offsets, block_base=base[:-1], block_offset=block_offset[:-1],
        block_size=np.array([s for g in groups.values() for s in block_sizes(g)], dtype=np.int64),
        block_group=np.repeat(np.arange(len(groups)), [g.n_blocks for g in groups.values()]).astype(np.int64),
        group_delay=np.array([[g.first_delay, g.n_delays] for g in groups.values()], dtype=np.int64),
        group_targets=np.stack([ends[:-1], ends[1:]], axis=1).astype(np.int64),
        target_base=np.array([b for t in targets for b in t], dtype=np.int64),
        n_synapses_by_projection=by_projection, outdegrees=outdegrees, plastic=plastic,
    )  # fmt: skip
