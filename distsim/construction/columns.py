"""Columns: one projection onto one local population, and how a block of sources draws from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from distsim import rng
from distsim.construction import kernels
from distsim.construction.counting import cell_counts
from distsim.construction.records import pack_all
from distsim.construction.sources import Cell, SourceGroup, cells
from distsim.construction.tables import delay_table, receptor_planes, table
from distsim.network import Network, Projection
from distsim.network.delays import drawn_delay

TARGET_BLOCK_BITS = 16
# Of a population and its planes of positive and negative weights: how weights are rounded, see `records.pack`.
Rounding = Callable[[str, tuple[int, int]], np.ndarray]


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
    rounding: np.ndarray
    planes: tuple[int, int]
    cells: list[Cell]
    dt: float = 0.1
    counts: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint32))
    mode: int = 0
    first_post: int = 0
    n_post_slice: int = 0


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


def positions_of_sources(projection: Projection, cell: Cell) -> np.ndarray:
    """Return each source's own position among the targets, -1 where it is none: int64 [cell.size]."""
    own = np.full(cell.size, -1, dtype=np.int64)
    first = 0
    for source in projection.pre.slices:
        if first <= cell.position < first + len(source):
            index = source.start + cell.position - first + np.arange(cell.size)
            position = 0
            for target in projection.post.slices:
                inside = (index >= target.start) & (index < target.stop) & (source.name == target.name)
                own[inside] = index[inside] - target.start + position
                position += len(target)
        first += len(source)
    return own


def columns(network: Network, projections, gids, rounding: Rounding, groups, dt: float) -> list[Column]:
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
                    projection,
                    number,
                    targets,
                    np.arange(lo, hi, dtype=np.int64),
                    targets - first_gid + position,
                    own_positions(network, projection, targets),
                    weights,
                    delays,
                    rounding(part.name, planes),
                    planes,
                    cut,
                    dt,
                    first_post=position,
                    n_post_slice=size,
                )
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


def count(column: Column, i: int, groups, per_block: np.ndarray, listed: dict[int, Edges], seed: int) -> None:
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


def record_type(rounding: np.ndarray) -> type[np.unsignedinteger[Any]]:
    """Return the type of the records of weights that are rounded so."""
    return np.uint32 if rounding.dtype == np.float32 else np.uint64


def block_sizes(group: SourceGroup) -> list[int]:
    return [min(kernels.BLOCK, group.size - i * kernels.BLOCK) for i in range(group.n_blocks)]


def draw(column, c, listed, group, shape, seed, out, n) -> int:
    """Draw one column's synapses from its cell `c` behind the n that the block already has.

    `out`: slots, records, and the out-degrees of the block's sources in this projection, which grow.
    """
    slots, records, outdegree = out
    cell = column.cells[c]
    n_target_blocks, size, first_delay, n_delays = shape
    slot_of = np.array([group.planes.index(p) if p in group.planes else 0 for p in column.planes], dtype=np.int64)
    if listed is not None:
        return _place_edges(column, cell, listed, slot_of, shape, seed, out, n)
    if column.projection.rule.name == "fixed_outdegree":
        return _outdegrees(column, cell, seed, None, (slots, records, n, outdegree, slot_of, shape), 1)
    if column.mode == kernels.EVERY:
        own = np.where(column.counts[:, c] > 0, column.positions - cell.position, -1)
    else:
        own = column.own - cell.position
        own[(column.own < 0) | (own < 0) | (own >= cell.size)] = -1
    drawn = kernels.draw_cells(
        slots, records, n, outdegree, column.counts, c, column.mode, cell.first, cell.size, own, column.gids,
        column.local, column.weights, column.delays, column.rounding, slot_of, n_target_blocks, size, first_delay,
        n_delays, rng.key(seed, rng.STREAM_CELL, column.number), rng.key(seed, rng.STREAM_SYNAPSE, column.number),
    )  # fmt: skip
    if drawn < 0:
        raise AssertionError(
            f"projection '{column.projection.name}': counted more synapses from sources {cell.position} to "
            f"{cell.position + cell.size - 1} onto a neuron than it can have"
        )
    return drawn


def _outdegrees(column, cell, seed, per_block, out, emit) -> int:
    """Count (emit 0) or write (emit 1) the targets that the sources of a cell choose."""
    rule = column.projection.rule
    n_post = len(column.projection.post)
    local_of = np.full(column.n_post_slice, -1, dtype=np.int64)
    local_of[column.positions - column.first_post] = column.local
    own = np.full(cell.size, -1, dtype=np.int64)
    if not rule.autapses:
        own = positions_of_sources(column.projection, cell)
    nothing = np.empty(0, dtype=np.uint32)
    slots, records, n, drawn, slot_of, shape = out or (
        nothing, np.empty(0, record_type(column.rounding)), 0, nothing, np.zeros(2, np.int64), (1, 1, 1, 1)
    )  # fmt: skip
    draw_all: Any = kernels.draw_outdegrees
    return draw_all(
        slots, records, n, drawn, np.zeros(1, np.int64) if per_block is None else per_block, cell.block, emit,
        cell.position, cell.size, cell.first, rule.outdegree, own, n_post, column.first_post, local_of,
        not rule.multapses, column.weights, column.delays, column.rounding, slot_of, *shape,
        rng.key(seed, rng.STREAM_OUTDEGREE, column.number),
    )  # fmt: skip


def _place_edges(column, cell, listed, slot_of, shape, seed, out, n) -> int:
    """Write the listed edges of one block; weights and delays that are not listed are drawn by edge."""
    slots, records, outdegree = out
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
        delay = values(None, drawn_delay(column.projection.delay, column.dt), 1)
        steps = np.floor(delay / column.dt + 0.5 + 1e-9)
    target = listed.target[here]
    plane = np.where(weight < 0, slot_of[1], slot_of[0]) * n_target_blocks + (target >> TARGET_BLOCK_BITS)
    steps = np.clip(steps.astype(np.int64), first_delay, first_delay + n_delays - 1)
    np.add.at(outdegree, listed.source[here], np.uint32(1))
    m = here.shape[0]
    slots[n : n + m] = (plane * size + listed.source[here]) * n_delays + steps - first_delay
    pack_all(records[n : n + m], weight, column.rounding, target)
    return n + m
