"""Plastic synapses of one rank: weights of their own, stored by target population, source and delay.

Static synapses of all projections share blocks of sources, so that a spike finds them in a few runs. A
plastic synapse needs its target's spikes at hand instead, so that all targets of a *part* (one
projection onto up to 65,536 local neurons of one population) have their recent spikes side by side.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from distsim.construction import kernels
from distsim.construction.columns import Column, Edges, columns, count, draw, record_type
from distsim.construction.records import weights_in
from distsim.construction.sources import SourceGroup
from distsim.construction.tables import constant_weight, weight_bounds
from distsim.construction.weights import Representation, as_drawn, whole
from distsim.network import Network, Projection

# Targets of a part: their numbers have 16 bits.
PART = 1 << 16


@dataclass
class Part:
    """Plastic synapses of one projection onto one run of local neurons.

    Attributes
    ----------
    number : int
        Index of the projection.
    post : int
        Which of the projection's target slices.
    population : str
        Of the targets.
    sign : int
        Of the weights, which are stored as sizes.
    plane : int
        Receptor at which they arrive.
    target_first, n_targets : int
        Local neurons.
    first_delay, n_delays : int
        In steps.
    first, n : int
        Its synapses in the rank's arrays.
    ends : np.ndarray
        uint32 [n_sources, n_delays], where a segment ends, relative to `first`; sources by their position
        among the projection's. The end of a segment is the beginning of the next.
    """

    number: int
    post: int
    population: str
    sign: int
    plane: int
    target_first: int
    n_targets: int
    first_delay: int
    n_delays: int
    first: int
    n: int
    ends: np.ndarray


@dataclass
class PlasticSynapses:
    """All plastic synapses of a rank.

    Attributes
    ----------
    parts : list of Part
    target : np.ndarray
        uint16 [n_synapses], target relative to its part's first.
    weight : np.ndarray
        float32 [n_synapses], size of the weight.
    """

    parts: list[Part]
    target: np.ndarray
    weight: np.ndarray

    @property
    def n_bytes(self) -> int:
        """Bytes of synapses and index, with the 16 bits of each that say which postsynaptic spikes it has seen."""
        return (
            self.target.nbytes + self.weight.nbytes + 2 * self.target.shape[0] + sum(p.ends.nbytes for p in self.parts)
        )


def plastic_projections(network: Network) -> list[tuple[int, Projection]]:
    """Return (index, projection) of those whose weights change."""
    return [(i, p) for i, p in enumerate(network.projections) if p.is_plastic]


def sign_of(projection: Projection) -> int:
    """Return the sign of a plastic projection's weights; those drawn with the other one begin at the lower bound."""
    low, high = weight_bounds(projection)
    return -1 if low + high < 0.0 else 1


def build_plastic(
    network: Network, gids: np.ndarray, how: Representation, groups: dict[str, SourceGroup], outdegrees, n_synapses,
    dt: float, seed: int,
) -> PlasticSynapses:  # fmt: skip
    """Build the plastic synapses onto the neurons `gids`, without communication.

    Parameters
    ----------
    network : Network
        Resolved.
    gids : np.ndarray
        int64 [n_local], ascending.
    how : Representation
        Of the static synapses.
    groups : dict
        Source groups.
    outdegrees : dict
        As in `LocalNetwork`; grows.
    n_synapses : np.ndarray
        int64 [n_projections]; grows.
    dt : float
    seed : int

    Returns
    -------
    PlasticSynapses
    """
    pieces = [
        piece
        for c in columns(network, plastic_projections(network), gids, as_drawn, groups, dt)
        for piece in _pieces(c, how.static == "int16" and constant_weight(c.projection) is not None)
    ]
    counted = [_count(column, groups, seed) for column in pieces]
    total = sum(int(per_cell.sum()) for per_cell, _ in counted)
    target, weight = np.empty(total, np.uint16), np.empty(total, np.float32)
    parts, first = [], 0
    for column, (per_cell, edges) in zip(pieces, counted, strict=True):
        part = _part(column, first, int(per_cell.sum()), dt)
        _fill(part, column, per_cell, edges, groups, outdegrees[column.number], target, weight, seed)
        # The counts of cells are of use here alone.
        column.counts = np.zeros((0, 0), np.uint32)
        n_synapses[column.number] += part.n
        parts.append(part)
        first += part.n
    return PlasticSynapses(parts, target, weight)


def _pieces(column: Column, small: bool) -> list[Column]:
    """Cut a column into pieces of up to 65,536 targets, numbered from zero; none where no target is here.

    `small`: all weights are one, and the records with which the network is drawn as it is are those of 16 bits.
    """
    rounding = whole(column.projection) if small else column.rounding
    found = []
    for begin in range(0, column.gids.shape[0], PART):
        here = slice(begin, begin + PART)
        found.append(
            dataclasses.replace(
                column, gids=column.gids[here], local=column.local[here], positions=column.positions[here],
                own=column.own[here], rounding=rounding,
            )
        )  # fmt: skip
    return found


def _count(column: Column, groups, seed: int) -> tuple[np.ndarray, Edges | None]:
    """Return the synapses of a piece by cell, and its listed edges where it has some."""
    per_block = np.zeros(sum(g.n_blocks for g in groups.values()), np.int64)
    listed: dict[int, Edges] = {}
    count(column, 0, groups, per_block, listed, seed)
    if column.counts.size:
        return column.counts.sum(axis=0, dtype=np.int64), None
    # Cells of one block that several slices of a population share: their counts are not told apart here.
    blocks = [c.block for c in column.cells]
    return np.array([per_block[b] if b not in blocks[:i] else 0 for i, b in enumerate(blocks)]), listed.get(0)


def _part(column: Column, first: int, n: int, dt: float) -> Part:
    projection = column.projection
    sign = sign_of(projection)
    low, high = projection.delay_steps_bounds(dt)
    # The slice by its first position among the targets.
    firsts = np.cumsum([0, *(len(s) for s in projection.post.slices)])
    post = int(np.searchsorted(firsts, column.first_post, side="right")) - 1
    n_sources = len(projection.pre)
    return Part(
        number=column.number, post=post, population=projection.post.slices[post].name,
        sign=sign, plane=column.planes[1 if sign < 0 else 0],
        target_first=int(column.local[0]), n_targets=column.gids.shape[0], first_delay=low, n_delays=high - low + 1,
        first=first, n=n, ends=np.zeros((n_sources, high - low + 1), np.uint32),
    )  # fmt: skip


def _fill(part: Part, column: Column, per_cell, edges, groups, outdegrees, target, weight, seed: int) -> None:
    """Draw a piece's synapses cell by cell and put them into place."""
    # Targets count from the part's first; all arrive at the one receptor that the sign chooses.
    column.local = column.local - part.target_first
    if edges is not None:
        edges.target = edges.target - part.target_first
    by_block: dict[int, int] = {}
    for c, cell in enumerate(column.cells):
        by_block[cell.block] = by_block.get(cell.block, 0) + int(per_cell[c])
    room = max(by_block.values(), default=0)
    slots, records = np.empty(room, np.uint32), np.empty(room, record_type(column.rounding))
    begin, constant = part.first, constant_weight(column.projection)
    for c, cell in enumerate(column.cells):
        name = _source_of(column.projection, cell.position)
        size = cell.first + cell.size
        group = SourceGroup(name, size, cell.block, 1, part.first_delay, part.n_delays, [part.plane])
        block_first = (cell.block - groups[name].first_block) * kernels.BLOCK
        out = (slots, records, outdegrees[name][block_first : block_first + size])
        n = draw(column, c, edges, group, (1, size, part.first_delay, part.n_delays), seed, out, 0)
        ends = np.empty(size * part.n_delays + 1, np.uint32)
        placed = np.empty_like(records[:n])
        kernels.sort_block(placed, ends, slots, records, n)
        target[begin : begin + n] = placed & placed.dtype.type(0xFFFF)
        weight[begin : begin + n] = part.sign * (weights_in(placed) if constant is None else constant)
        rows = ends[1:].reshape(size, part.n_delays)[cell.first :]
        part.ends[cell.position : cell.position + cell.size] = rows + np.uint32(begin - part.first)
        begin += n
    if begin != part.first + part.n:
        raise AssertionError(f"projection {part.number}: counted {part.n} synapses, drew {begin - part.first}")


def _source_of(projection: Projection, position: int) -> str:
    """Return the population or generator of a source, given its position among the projection's."""
    for part in projection.pre.slices:
        if position < len(part):
            return part.name
        position -= len(part)
    raise AssertionError("position beyond the sources")
