"""The first pass of construction: how many synapses each local target gets from each cell."""

from __future__ import annotations

import numpy as np

from distsim import rng
from distsim.construction import kernels
from distsim.errors import InputError
from distsim.network import Projection
from distsim.network.selection import shared_positions

# Targets are grouped into blocks of this many when a total is shared out among them.
TARGET_BLOCK = 1024


def own_among_sources(projection: Projection, start: int, stop: int) -> np.ndarray:
    """Return which of the targets [start, stop) are sources too and must not connect to themselves: bool."""
    found = np.zeros(stop - start, dtype=bool)
    if not projection.rule.autapses:
        for first, end in shared_positions(projection.pre, projection.post):
            found[max(first - start, 0) : max(end - start, 0)] = True
    return found


def allowed_pairs(projection: Projection) -> np.ndarray:
    """Return how many pairs of a source and a target each block of targets may connect: int64 [n_target_blocks]."""
    n_pre, n_post = len(projection.pre), len(projection.post)
    starts = np.arange(0, n_post, TARGET_BLOCK)
    stops = np.minimum(starts + TARGET_BLOCK, n_post)
    pairs = (stops - starts).astype(np.int64) * n_pre
    if not projection.rule.autapses:
        for first, end in shared_positions(projection.pre, projection.post):
            pairs -= np.maximum(np.minimum(stops, end) - np.maximum(starts, first), 0)
    return pairs


def shared_out(projection: Projection, seed: int, number: int) -> np.ndarray:
    """Share a projection's fixed total number out among blocks of targets, the same on every rank.

    Every allowed pair is equally likely, so a block's share follows the number of pairs that it may connect.

    Returns
    -------
    np.ndarray
        int64 [n_target_blocks]; multinomial, or multivariate hypergeometric without multapses.
    """
    rule, pairs = projection.rule, allowed_pairs(projection)
    draw = np.random.Generator(np.random.Philox(key=[seed, (number << 8) | rng.STREAM_INDEGREE]))
    if rule.multapses:
        return draw.multinomial(rule.n, pairs / max(pairs.sum(), 1))
    if pairs.sum() >= 10**9:
        raise InputError(
            f"network.projections '{projection.name}'.rule",
            "fixed_total_number without multapses is limited to 1e9 possible pairs",
        )
    return draw.multivariate_hypergeometric(pairs, rule.n, method="marginals")


def total_number_indegrees(projection, seed, number, positions) -> np.ndarray:
    """Return the in-degrees that a fixed total number gives the local targets.

    Parameters
    ----------
    positions : np.ndarray
        int64 [n_targets], positions of the local targets among the projection's targets, ascending.

    Returns
    -------
    np.ndarray
        int64 [n_targets]; over all ranks they add up to the rule's number exactly.
    """
    rule, n_pre, n_post = projection.rule, len(projection.pre), len(projection.post)
    totals = shared_out(projection, seed, number)
    indegree = np.zeros(positions.shape[0], dtype=np.int64)
    k = rng.key(seed, rng.STREAM_INDEGREE, number)
    for block in np.unique(positions // TARGET_BLOCK):
        start, stop = block * TARGET_BLOCK, min((block + 1) * TARGET_BLOCK, n_post)
        inside = np.flatnonzero((positions >= start) & (positions < stop))
        is_source = own_among_sources(projection, start, stop)
        if rule.multapses:
            first_index = np.full(stop - start, -1, dtype=np.int64)
            first_index[positions[inside] - start] = inside
            if is_source.any() and not is_source.all():
                kernels.count_unequal_indegrees(indegree, first_index, is_source, n_pre, block, int(totals[block]), k)
            else:
                kernels.count_indegrees(indegree, first_index, block, int(totals[block]), stop - start, k)
        else:
            draw = np.random.Generator(np.random.Philox(key=[seed, (number << 40) | (int(block) << 8) | 255]))
            degrees = draw.multivariate_hypergeometric(
                n_pre - is_source.astype(np.int64), int(totals[block]), method="marginals"
            )
            indegree[inside] = degrees[positions[inside] - start]
    return indegree


def indegrees(projection, seed, number, gids, positions, own) -> np.ndarray:
    """Return each local target's number of synapses in a projection: int64 [n_targets].

    `own` int64 [n_targets] is the target's own position among the sources, to be left out, or -1.
    """
    rule, n_pre = projection.rule, len(projection.pre)
    n = gids.shape[0]
    if rule.name == "fixed_indegree":
        return np.full(n, rule.indegree, dtype=np.int64)
    if rule.name == "fixed_total_number":
        return total_number_indegrees(projection, seed, number, positions)
    if rule.name == "pairwise_bernoulli":
        pairs = np.where(own >= 0, n_pre - 1, n_pre).astype(np.int64)
        if rule.p >= 1.0 or rule.p <= 0.0:
            return pairs if rule.p >= 1.0 else np.zeros(n, dtype=np.int64)
        found = np.zeros(n, dtype=np.int64)
        kernels.bernoulli_indegrees(found, gids, pairs, rule.p, rng.key(seed, rng.STREAM_INDEGREE, number))
        return found
    raise AssertionError(rule.name)


def cell_counts(projection, seed, number, gids, positions, own, cells, slices) -> tuple[np.ndarray, int]:
    """Return the synapses of every local target from every cell, and how their sources are chosen.

    Returns
    -------
    np.ndarray
        uint32 [n_targets, n_cells].
    int
        ``kernels.WITH_REPLACEMENT``, ``DISTINCT`` or ``EVERY``.
    """
    rule = projection.rule
    counts = np.zeros((gids.shape[0], len(cells)), dtype=np.uint32)
    if rule.name == "all_to_all":
        counts[:] = [cell.size for cell in cells]
        for c, cell in enumerate(cells):
            counts[(own >= cell.position) & (own < cell.position + cell.size), c] -= 1
        return counts, kernels.DISTINCT
    if rule.name == "one_to_one":
        for c, cell in enumerate(cells):
            inside = (positions >= cell.position) & (positions < cell.position + cell.size) & (own != positions)
            counts[inside, c] = 1
        return counts, kernels.EVERY
    distinct = rule.name == "pairwise_bernoulli" or not rule.multapses
    degrees = indegrees(projection, seed, number, gids, positions, own)
    n_pre = len(projection.pre)
    if distinct and (degrees > np.where(own >= 0, n_pre - 1, n_pre)).any():
        raise AssertionError(
            f"projection '{projection.name}': drew more distinct sources for a neuron than it can have"
        )
    kernels.count_cells(counts, gids, degrees, own, n_pre, slices, distinct, rng.key(seed, rng.STREAM_CELL, number))
    return counts, kernels.DISTINCT if distinct else kernels.WITH_REPLACEMENT
