"""All that one rank owns: its neurons, and the synapses onto them, stored by source and delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from distsim import rng
from distsim.construction import kernels
from distsim.construction.counting import cell_counts
from distsim.construction.sources import Cell, SourceGroup, cells, source_groups, spiking_projections
from distsim.construction.tables import (
    CURRENT_GENERATORS,
    WEIGHT_LIMIT,
    delay_table,
    receptor_planes,
    table,
    weight_bounds,
    weight_grids,
)
from distsim.network import Network, Projection
from distsim.partitioners.base import Partition
from distsim.registry import models

TARGET_BLOCK_BITS = 16


@dataclass
class LocalNetwork:
    """All that one rank owns; the union over ranks is the same network for any number of ranks.

    Synapses are stored by block of sources, in a block by group (receptor and block of 65,536 local
    targets), source and delay; a run of synapses of one source and delay is a segment. The record of
    a synapse is 32 bits: the local target's low 16 bits, and the weight on the receptor's grid.

    Attributes
    ----------
    gids : np.ndarray
        int64 [n_local], ascending: populations are contiguous ranges of the local index.
    ranges : dict
        Population name to (first, last + 1) local index.
    grids : dict
        Population name to float64 [n_receptors], one grid step in the weight's unit.
    n_planes, stride : int
        Rows of the input array and their length.
    synapses : np.ndarray
        uint32 [n_synapses] records.
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
    """

    gids: np.ndarray
    ranges: dict[str, tuple[int, int]]
    grids: dict[str, np.ndarray]
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

    @property
    def n_bytes(self) -> int:
        """Bytes of the synapses and their index."""
        return self.synapses.nbytes + self.offsets.nbytes


@dataclass
class Column:
    """One projection onto one population's local targets: what a source block draws from it."""

    projection: Projection
    number: int
    gids: np.ndarray
    local: np.ndarray
    positions: np.ndarray
    own: np.ndarray
    weights: np.ndarray
    delays: np.ndarray
    grid: np.ndarray
    planes: tuple[int, int]
    cells: list[Cell]
    dt: float = 0.1
    counts: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint32))
    mode: int = 0
    first_post: int = 0
    n_post_slice: int = 0


def local_ranges(network: Network, gids: np.ndarray) -> dict[str, tuple[int, int]]:
    """Return each population's range of local indices: (first, last + 1)."""
    return {
        name: tuple(int(i) for i in np.searchsorted(gids, [p.first_gid, p.first_gid + p.size]))  # type: ignore[misc]
        for name, p in network.populations.items()
    }


def own_positions(network: Network, projection: Projection, gids: np.ndarray) -> np.ndarray:
    """Return each target's position among the sources where an autapse is to be left out, else -1."""
    own = np.full(gids.shape[0], -1, dtype=np.int64)
    if getattr(projection.rule, "autapses", True):
        return own
    position = 0
    for part in projection.pre.slices:
        if part.name in network.populations:
            first = network.populations[part.name].first_gid + part.start
            inside = (gids >= first) & (gids < first + part.stop - part.start)
            own[inside] = gids[inside] - first + position
        position += part.stop - part.start
    return own


def columns(network: Network, projections, gids, grids, groups, dt: float) -> list[Column]:
    """Return the (number, projection) pairs' parts onto each local population, with tables; nothing drawn yet."""
    found = []
    for number, projection in projections:
        delays = delay_table(projection.delay, dt)
        weights = table(projection.weight)
        cut, _ = cells(projection, groups)
        position = 0
        for part in projection.post.slices:
            size = part.stop - part.start
            first_gid = network.populations[part.name].first_gid + part.start
            lo, hi = (int(i) for i in np.searchsorted(gids, [first_gid, first_gid + size]))
            planes = receptor_planes(network, projection, part.name)
            targets = gids[lo:hi]
            found.append(
                Column(
                    projection, number, targets, np.arange(lo, hi, dtype=np.int64),
                    targets - first_gid + position, own_positions(network, projection, targets),
                    weights, delays, (1.0 / grids[part.name][list(planes)]).astype(np.float32), planes, cut, dt,
                    first_post=position, n_post_slice=size,
                )  # fmt: skip
            )
            position += size
    return found


class Edges:
    """The explicit edges of a column that end on this rank, in order of block."""

    def __init__(self, column: Column, blocks: np.ndarray):
        listed = column.projection.rule.columns
        order = np.flatnonzero(
            (listed["post"] >= column.first_post) & (listed["post"] < column.first_post + column.n_post_slice)
        )
        local_of = np.full(column.n_post_slice, -1, dtype=np.int64)
        local_of[column.positions - column.first_post] = column.local
        target = local_of[listed["post"][order] - column.first_post]
        order, target = order[target >= 0], target[target >= 0]
        starts = np.array([c.position for c in column.cells])
        cell = np.searchsorted(starts, listed["pre"][order], side="right") - 1
        self.block = np.array([c.block for c in column.cells], dtype=np.int64)[cell]
        first = np.array([c.first for c in column.cells], dtype=np.int64)[cell]
        self.source = listed["pre"][order] - starts[cell] + first
        self.target = target
        self.index = order
        self.weight, self.delay = listed.get("weight"), listed.get("delay")
        np.add.at(blocks, self.block, 1)


def build(
    network: Network,
    partition: Partition,
    rank: int,
    *,
    dt: float,
    seed: int,
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
    progress : callable, optional
        Called with the fraction of synapses that are in place.

    Returns
    -------
    LocalNetwork
    """
    gids = partition.gids(rank)
    ranges = local_ranges(network, gids)
    grids = weight_grids(network, dt)
    groups = source_groups(network, dt)
    n_local = gids.shape[0]
    n_planes = max(len(models.get(p.model).declaration.receptors) for p in network.populations.values())
    stride = -(-max(n_local, 1) // 16) * 16
    n_target_blocks = max(1, (n_local + (1 << TARGET_BLOCK_BITS) - 1) >> TARGET_BLOCK_BITS)

    # Count: synapses of every block of sources on this rank.
    parts = columns(network, spiking_projections(network), gids, grids, groups, dt)
    n_blocks = sum(g.n_blocks for g in groups.values())
    per_block = np.zeros(n_blocks, dtype=np.int64)
    by_projection = np.zeros(len(network.projections), dtype=np.int64)
    listed: dict[int, Edges] = {}
    for i, column in enumerate(parts):
        before = per_block.sum()
        _count(column, i, groups, per_block, listed, seed)
        by_projection[column.number] += per_block.sum() - before

    # Fill: block by block, draw, then sort into place.
    base = np.concatenate([[0], np.cumsum(per_block)])
    n_slots = np.array(
        [
            len(g.planes) * n_target_blocks * size * g.n_delays
            for g in groups.values()
            for size in _block_sizes(g)
        ],
        dtype=np.int64,
    )
    block_offset = np.concatenate([[0], np.cumsum(n_slots + 1)])
    synapses = np.empty(int(base[-1]), dtype=np.uint32)
    # numpy asks for huge pages for memory that it does not get zeroed; every place is written below.
    offsets = np.empty(int(block_offset[-1]), dtype=np.uint32)
    slots = np.empty(int(per_block.max(initial=0)), dtype=np.uint32)
    records = np.empty_like(slots)
    by_block: dict[int, list[tuple[int, Column, int]]] = {}
    for i, column in enumerate(parts):
        for c, cell in enumerate(column.cells):
            by_block.setdefault(cell.block, []).append((i, column, c))
    for group in groups.values():
        for b, size in enumerate(_block_sizes(group), start=group.first_block):
            n = 0
            shape = (n_target_blocks, size, group.first_delay, group.n_delays)
            for i, column, c in by_block.get(b, []):
                if column.gids.shape[0]:
                    n = _draw(column, c, listed.get(i), group, shape, seed, (slots, records), n)
            kernels.sort_block(
                synapses[base[b] : base[b + 1]], offsets[block_offset[b] : block_offset[b + 1]], slots, records, n
            )
            if n != per_block[b]:
                raise AssertionError(f"block {b}: counted {per_block[b]} synapses, drew {n}")
            if progress:
                progress(float(base[b + 1]) / max(float(base[-1]), 1.0))

    targets = [[p * stride + (t << TARGET_BLOCK_BITS) for p in g.planes for t in range(n_target_blocks)] for g in groups.values()]  # fmt: skip
    ends = np.cumsum([0] + [len(t) for t in targets])
    return LocalNetwork(
        gids=gids, ranges=ranges, grids=grids, groups=groups, n_planes=n_planes, stride=stride,
        synapses=synapses, offsets=offsets, block_base=base[:-1], block_offset=block_offset[:-1],
        block_size=np.array([s for g in groups.values() for s in _block_sizes(g)], dtype=np.int64),
        block_group=np.repeat(np.arange(len(groups)), [g.n_blocks for g in groups.values()]).astype(np.int64),
        group_delay=np.array([[g.first_delay, g.n_delays] for g in groups.values()], dtype=np.int64),
        group_targets=np.stack([ends[:-1], ends[1:]], axis=1).astype(np.int64),
        target_base=np.array([b for t in targets for b in t], dtype=np.int64),
        n_synapses_by_projection=by_projection,
    )  # fmt: skip


def _count(column: Column, i: int, groups, per_block: np.ndarray, listed: dict[int, Edges], seed: int) -> None:
    """Add a column's synapses to the number that each block of sources has on this rank."""
    if column.projection.rule.name == "edges":
        listed[i] = Edges(column, per_block)
    elif column.projection.rule.name == "fixed_outdegree":
        for cell in column.cells:
            _outdegrees(column, cell, seed, per_block, None, 0)
    else:
        _, slices = cells(column.projection, groups)
        column.counts, column.mode = cell_counts(
            column.projection, seed, column.number, column.gids, column.positions, column.own, column.cells, slices
        )
        np.add.at(per_block, [c.block for c in column.cells], column.counts.sum(axis=0, dtype=np.int64))


def connections_of(network: Network, projection: Projection, number: int, gids, grids, groups, dt: float, seed: int):
    """Return a projection's connections onto local neurons one by one; for the few that devices have.

    Returns
    -------
    source, target, plane, weight, delay : np.ndarray
        int64: position among the sources, local neuron, receptor, weight on the receptor's grid (a
        float in its own unit where the source is a current generator), delay in steps.
    """
    kind = network.devices[projection.pre.slices[0].name].model
    if kind in CURRENT_GENERATORS:
        largest = max(abs(b) for b in weight_bounds(projection)) or 1.0
        grids = {name: np.full_like(grid, largest / WEIGHT_LIMIT) for name, grid in grids.items()}
    parts = columns(network, [(number, projection)], gids, grids, groups, dt)
    per_block = np.zeros(sum(g.n_blocks for g in groups.values()), dtype=np.int64)
    listed: dict[int, Edges] = {}
    found: list[list[np.ndarray]] = [[np.empty(0, np.int64)] for _ in range(5)]
    n_target_blocks = (gids.shape[0] >> TARGET_BLOCK_BITS) + 1
    for i, column in enumerate(parts):
        per_block[:] = 0
        _count(column, i, groups, per_block, listed, seed)
        for c, cell in enumerate(column.cells):
            group = next(g for g in groups.values() if g.first_block <= cell.block < g.first_block + g.n_blocks)
            size = _block_sizes(group)[cell.block - group.first_block]
            out = (np.empty(per_block[cell.block], np.uint32), np.empty(per_block[cell.block], np.uint32))
            shape = (n_target_blocks, size, group.first_delay, group.n_delays)
            n = _draw(column, c, listed.get(i), group, shape, seed, out, 0) if column.gids.shape[0] else 0
            slot, record = (a[:n].astype(np.int64) for a in out)
            row, delay = np.divmod(slot, group.n_delays)
            plane_and_block, source = np.divmod(row, size)
            plane, target_block = np.divmod(plane_and_block, n_target_blocks)
            weight = record.astype(np.uint32).view(np.int32) >> 16
            if kind in CURRENT_GENERATORS:
                weight = projection.weight.mean() if projection.weight.is_constant else weight * (largest / WEIGHT_LIMIT)
            target = (target_block << TARGET_BLOCK_BITS) | (record & 0xFFFF)
            position = source - cell.first + cell.position
            for column_of, values in zip(found, (position, target, plane, weight, delay + group.first_delay), strict=True):
                column_of.append(np.broadcast_to(values, n))
    return [np.concatenate(f) for f in found]


def _block_sizes(group: SourceGroup) -> list[int]:
    return [min(kernels.BLOCK, group.size - i * kernels.BLOCK) for i in range(group.n_blocks)]


def _draw(column, c, listed, group, shape, seed, out, n) -> int:
    """Draw one column's synapses from its cell `c` behind the n that the block already has."""
    slots, records = out
    cell = column.cells[c]
    n_target_blocks, size, first_delay, n_delays = shape
    slot_of = np.array([group.planes.index(p) if p in group.planes else 0 for p in column.planes], dtype=np.int64)
    if listed is not None:
        return _place_edges(column, cell, listed, slot_of, shape, seed, out, n)
    if column.projection.rule.name == "fixed_outdegree":
        return _outdegrees(column, cell, seed, None, (slots, records, n, slot_of, shape), 1)
    if column.mode == kernels.EVERY:
        own = np.where(column.counts[:, c] > 0, column.positions - cell.position, -1)
    else:
        own = column.own - cell.position
        own[(column.own < 0) | (own < 0) | (own >= cell.size)] = -1
    return kernels.draw_cells(
        slots, records, n, column.counts, c, column.mode, cell.first, cell.size, own, column.gids, column.local,
        column.weights, column.delays, column.grid, slot_of, n_target_blocks, size, first_delay, n_delays,
        rng.key(seed, rng.STREAM_CELL, column.number), rng.key(seed, rng.STREAM_SYNAPSE, column.number),
    )  # fmt: skip


def _outdegrees(column, cell, seed, per_block, out, emit) -> int:
    """Count (emit 0) or write (emit 1) the targets that the sources of a cell choose."""
    rule = column.projection.rule
    n_post = len(column.projection.post)
    local_of = np.full(column.n_post_slice, -1, dtype=np.int64)
    local_of[column.positions - column.first_post] = column.local
    own = -(2**40)
    if not rule.autapses and column.projection.pre == column.projection.post:
        own = cell.position
    nothing = np.empty(0, dtype=np.uint32)
    slots, records, n, slot_of, shape = out or (nothing, nothing, 0, np.zeros(2, np.int64), (1, 1, 1, 1))
    return kernels.draw_outdegrees(
        slots, records, n, np.zeros(1, np.int64) if per_block is None else per_block, cell.block, emit,
        cell.position, cell.size, cell.first, rule.outdegree, own, n_post, column.first_post, local_of,
        not rule.multapses, column.weights, column.delays, column.grid, slot_of, *shape,
        rng.key(seed, rng.STREAM_OUTDEGREE, column.number),
    )  # fmt: skip


def _place_edges(column, cell, listed, slot_of, shape, seed, out, n) -> int:
    """Write the listed edges of one block; weights and delays that are not listed are drawn by edge."""
    slots, records = out
    n_target_blocks, size, first_delay, n_delays = shape
    here = np.flatnonzero(
        (listed.block == cell.block) & (listed.source >= cell.first) & (listed.source < cell.first + cell.size)
    )
    index = listed.index[here]

    def values(given, distribution, draw):
        if given is not None:
            return given[index].astype(np.float64)
        return distribution.ppf(rng.uniforms(seed, rng.STREAM_SYNAPSE, column.number, index, draw))

    weight = values(listed.weight, column.projection.weight, 0).astype(np.float32)
    if listed.delay is not None:
        steps = np.floor(listed.delay[index] / column.dt + 0.5 + 1e-9)
    else:
        delay = values(None, column.projection.delay.truncated(column.dt), 1)
        steps = np.floor(delay / column.dt + 0.5 + 1e-9)
    negative = weight < 0
    grid = np.where(negative, column.grid[1], column.grid[0]).astype(np.float32)
    q = np.clip(np.floor(weight * grid + np.float32(0.5)), -32767, 32767).astype(np.int64)
    target = listed.target[here]
    plane = np.where(negative, slot_of[1], slot_of[0]) * n_target_blocks + (target >> TARGET_BLOCK_BITS)
    steps = np.clip(steps.astype(np.int64), first_delay, first_delay + n_delays - 1)
    m = here.shape[0]
    slots[n : n + m] = (plane * size + listed.source[here]) * n_delays + steps - first_delay
    records[n : n + m] = ((q & 0xFFFF) << 16) | (target & 0xFFFF)
    return n + m
