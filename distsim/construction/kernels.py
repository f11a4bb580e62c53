"""Compiled construction: how many synapses, then which, drawn on the target's rank.

Sources are cut into blocks of `BLOCK` (a constant of the random network, not of the machine). For
every local target it is drawn first how many of its synapses come from each block (a cell), then,
block by block, which ones. The working set of a block fits into the cache, so that the final array
is filled at the speed of the cache instead of one memory miss per synapse, and only one block is
ever held twice.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import uint32

from distsim.construction.records import draw_synapse, pack
from distsim.rng import below, threefry4x32

BLOCK_BITS = 10
BLOCK = 1 << BLOCK_BITS
CHUNK = 256

# How the sources of a cell are chosen, given their number.
WITH_REPLACEMENT, DISTINCT, EVERY = 0, 1, 2  # EVERY: the one source that one_to_one names


@numba.njit(error_model="numpy")
def fill_blocks(w0, w1, w2, w3, gid, cell, first, n, k):
    """Write n consecutive Threefry blocks for counter (gid, cell, first + j) into four word arrays."""
    k0, k1, k2, k3 = k[0], k[1], k[2], k[3]
    lo = uint32(gid)
    hi = uint32(np.uint64(gid) >> np.uint64(32))
    c = uint32(cell)
    f = uint32(first)
    for j in range(n):
        x0, x1, x2, x3 = threefry4x32(lo, hi, c, uint32(f + uint32(j)), k0, k1, k2, k3)
        w0[j] = x0
        w1[j] = x1
        w2[j] = x2
        w3[j] = x3


@numba.njit(forceinline=True)
def cell_of(index, slices):
    """Return the cell of position `index` in the concatenated sources.

    `slices` int64 [n, 4]: end position, first position, first source, first cell of each slice.
    """
    s = 0
    while index >= slices[s, 0]:
        s += 1
    source = slices[s, 2] + index - slices[s, 1]
    return slices[s, 3] + (source >> BLOCK_BITS) - (slices[s, 2] >> BLOCK_BITS)


@numba.njit(cache=True, error_model="numpy")
def count_indegrees(indegree, first_index, block, total, n_block, k):
    """Add to each local target's in-degree the synapses that `total` draws give it inside one block.

    `first_index` int64 [n_block]: local position of each target of the block, -1 where not local.
    """
    w0, w1 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    w2, w3 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    done = np.int64(0)
    hits = np.zeros(n_block, np.int64)
    while done < total:
        n = min(CHUNK, (total - done + 3) >> 2)
        fill_blocks(w0, w1, w2, w3, block, 0, done >> 2, n, k)
        full = min(n, (total - done) >> 2)
        for j in range(full):
            hits[below(w0[j], n_block)] += 1
            hits[below(w1[j], n_block)] += 1
            hits[below(w2[j], n_block)] += 1
            hits[below(w3[j], n_block)] += 1
        done += 4 * full
        if full < n:
            rest = total - done
            hits[below(w0[full], n_block)] += 1
            if rest > 1:
                hits[below(w1[full], n_block)] += 1
            if rest > 2:
                hits[below(w2[full], n_block)] += 1
            done = total
    for i in range(n_block):
        if first_index[i] >= 0:
            indegree[first_index[i]] += hits[i]


@numba.njit(cache=True, error_model="numpy")
def count_unequal_indegrees(indegree, first_index, is_source, n_pre, block, total, k):
    """Do what `count_indegrees` does for a block of targets of which some are sources too, and not of themselves.

    Draws pairs until `total` of them are allowed: a target that `is_source` (bool [n_block]) can take one source
    less than the others, which stands for the one of `n_pre` that is itself.
    """
    n_block = is_source.shape[0]
    hits = np.zeros(n_block, np.int64)
    w0, w1 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    w2, w3 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    done, first = np.int64(0), np.int64(0)
    while done < total:
        n = min(CHUNK, total - done)
        fill_blocks(w0, w1, w2, w3, block, 0, first, n, k)
        first += n
        for j in range(n):
            i = below(w0[j], n_block)
            if not is_source[i] or below(w1[j], n_pre) != 0:
                hits[i] += 1
                done += 1
    for i in range(n_block):
        if first_index[i] >= 0:
            indegree[first_index[i]] += hits[i]


@numba.njit(cache=True, error_model="numpy")
def count_cells(counts, gids, indegree, own, n_pre, slices, distinct, k):
    """Draw for every target how many of its `indegree` sources lie in each cell.

    counts uint32 [n_targets, n_cells] is added to; `own` int64 [n_targets] is the target's own
    position among the sources, to be left out, or -1; `distinct` forbids the same source twice.
    """
    w0, w1 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    w2, w3 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    words = np.empty(4 * CHUNK, np.uint32)
    taken = np.zeros((n_pre >> 3) + 1 if distinct else 1, np.uint8)
    for t in range(gids.shape[0]):
        wanted = indegree[t]
        invert = False
        if distinct:
            taken[:] = 0
            available = n_pre - (1 if own[t] >= 0 else 0)
            # Draw the smaller of the set and its complement: fewer rejections.
            invert = 2 * wanted > available
            if invert:
                wanted = available - wanted
                for i in range(n_pre):
                    if i != own[t]:
                        counts[t, cell_of(i, slices)] += 1
        block = np.int64(0)
        while wanted > 0:
            n = min(CHUNK, (wanted + 3) >> 2)
            fill_blocks(w0, w1, w2, w3, gids[t], 0, block, n, k)
            block += n
            for j in range(n):
                words[4 * j] = w0[j]
                words[4 * j + 1] = w1[j]
                words[4 * j + 2] = w2[j]
                words[4 * j + 3] = w3[j]
            for j in range(4 * n):
                i = below(words[j], n_pre)
                if wanted == 0 or i == own[t]:
                    continue
                if distinct:
                    bit = np.uint8(1 << (i & 7))
                    if taken[i >> 3] & bit:
                        continue
                    taken[i >> 3] |= bit
                if invert:
                    counts[t, cell_of(i, slices)] -= 1
                else:
                    counts[t, cell_of(i, slices)] += 1
                wanted -= 1


@numba.njit(cache=True, error_model="numpy")
def bernoulli_indegrees(indegree, gids, n_pairs, p, k):
    """Draw Binomial(n_pairs[t], p) per target by geometric skips (exact, any n, cost of n p draws)."""
    log_q = np.log1p(-p)
    for t in range(gids.shape[0]):
        position = np.int64(-1)
        found = np.int64(0)
        j = 0
        while True:
            g = np.uint64(gids[t])
            x0, x1, _, _ = threefry4x32(
                uint32(g), uint32(g >> np.uint64(32)), uint32(1), uint32(j), k[0], k[1], k[2], k[3]
            )
            j += 1
            # 53 random bits in (0, 1): a skip may be longer than 2**32 pairs.
            u = (np.float64(x0) * 2097152.0 + np.float64(x1 >> uint32(11)) + 0.5) / 9007199254740992.0
            skip = np.floor(np.log(u) / log_q)
            if skip >= np.float64(n_pairs[t] - position - 1):
                break
            position += 1 + np.int64(skip)
            found += 1
        indegree[t] = found


@numba.njit(error_model="numpy")
def choose_distinct(chosen, taken, n, size, own, gid, cell, k, w0, w1, w2, w3):
    """Choose n distinct of `size` sources, leaving out `own`, uniformly; ascending into `chosen`.

    Returns how many were chosen: n, or fewer where there are not so many.
    """
    taken[:size] = 0
    available = size - (1 if own >= 0 else 0)
    invert = 2 * n > available
    wanted = available - n if invert else n
    block = 0
    while wanted > 0:
        m = min(CHUNK, wanted)
        fill_blocks(w0, w1, w2, w3, gid, cell, block, m, k)
        block += m
        for j in range(m):
            i = below(w0[j], size)
            if wanted > 0 and i != own and taken[i] == 0:
                taken[i] = 1
                wanted -= 1
    c = 0
    for i in range(size):
        if i != own and (taken[i] == 0) == invert:
            chosen[c] = i
            c += 1
    return c


@numba.njit(cache=True, error_model="numpy")
def draw_cells(
    slots, records, n, outdegree, counts, cell, mode, first, size, own, gids, local, weights, delays, rounding, groups,
    n_target_blocks, block_size, first_delay, n_delays, k_cell, k_synapse,
):  # fmt: skip
    """Draw the synapses of one cell column (a source block's part of one projection); return the new n.

    Returns -1 where a target is to get more synapses from distinct sources than there are sources for it: then the
    counts are wrong, and going on would read sources that nobody chose.

    outdegree uint32 [block_size] grows by the synapses of each source of the block.

    slots uint32: place of a synapse in the block's table of segments; records uint32 or uint64, see
    `records.pack`. `own` int64 [n_targets] is the target's own position in the cell or -1; groups int64 [2]
    the receptor slots of positive and negative weights. With mode EVERY (one_to_one) `own` is the only source instead.
    """
    w0, w1 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    w2, w3 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    chosen = np.empty(BLOCK, np.int64)
    taken = np.empty(BLOCK, np.uint8)
    last_delay = first_delay + n_delays - 1
    for t in range(gids.shape[0]):
        wanted = np.int64(counts[t, cell])
        if wanted == 0:
            continue
        if mode == DISTINCT:
            # Counter 0 of this stream has drawn the counts of the cells.
            found = choose_distinct(chosen, taken, wanted, size, own[t], gids[t], cell + 1, k_cell, w0, w1, w2, w3)
            if found != wanted:
                return np.int64(-1)
        elif mode == EVERY:
            if wanted != 1 or own[t] < 0:
                return np.int64(-1)
            chosen[0] = own[t]
        target_block = local[t] >> 16
        done = np.int64(0)
        block = np.int64(0)
        while done < wanted:
            m = min(CHUNK, wanted - done)
            fill_blocks(w0, w1, w2, w3, gids[t], cell, block, m, k_synapse)
            block += m
            for j in range(m):
                i = below(w0[j], size) if mode == WITH_REPLACEMENT else chosen[done]
                if mode == WITH_REPLACEMENT and i == own[t]:
                    continue
                w, negative, steps = draw_synapse(w1[j], w2[j], weights, delays, first_delay, last_delay)
                group = groups[1 if negative else 0] * n_target_blocks + target_block
                slots[n] = (group * block_size + first + i) * n_delays + steps - first_delay
                records[n] = pack(w, rounding, negative, local[t])
                outdegree[first + i] += uint32(1)
                n += 1
                done += 1
    return n


@numba.njit(cache=True, error_model="numpy")
def draw_outdegrees(
    slots, records, n, drawn, per_block, block_of, emit, source_first, n_sources, first, outdegree, own,
    n_post, post_first, local_of, distinct, weights, delays, rounding, groups, n_target_blocks, block_size,
    first_delay, n_delays, k,
):  # fmt: skip
    """Draw `outdegree` targets for each of n_sources sources; keep those that are local.

    Counts them (emit 0: per_block[block_of] grows) or writes them (emit 1: drawn, uint32 [block_size],
    grows by the synapses of each source). `own` int64 [n_sources] is
    each source's own position among the targets, to be left out, or -1.
    """
    w0, w1 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    w2, w3 = np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    taken = np.zeros(n_post if distinct else 1, np.uint8)
    last_delay = first_delay + n_delays - 1
    for s in range(n_sources):
        if distinct:
            taken[:] = 0
        wanted = outdegree
        block = np.int64(0)
        while wanted > 0:
            m = min(CHUNK, wanted)
            fill_blocks(w0, w1, w2, w3, source_first + s, 0, block, m, k)
            block += m
            for j in range(m):
                i = below(w0[j], n_post)
                if i == own[s] or (distinct and taken[i]):
                    continue
                if distinct:
                    taken[i] = 1
                wanted -= 1
                l = local_of[i - post_first] if 0 <= i - post_first < local_of.shape[0] else -1
                if l < 0:
                    continue
                if emit == 0:
                    per_block[block_of] += 1
                    continue
                w, negative, steps = draw_synapse(w1[j], w2[j], weights, delays, first_delay, last_delay)
                group = groups[1 if negative else 0] * n_target_blocks + (l >> 16)
                slots[n] = (group * block_size + first + s) * n_delays + steps - first_delay
                records[n] = pack(w, rounding, negative, l)
                drawn[first + s] += uint32(1)
                n += 1
    return n


@numba.njit(cache=True, error_model="numpy")
def sort_block(synapses, offsets, slots, records, n):
    """Sort a block's records by slot into their final place; offsets uint32 [n_slots + 1] is filled.

    A counting sort: stable, so that inside a segment the targets stay in ascending order.
    """
    n_slots = offsets.shape[0] - 1
    for s in range(n_slots + 1):
        offsets[s] = 0
    for i in range(n):
        offsets[slots[i] + 1] += uint32(1)
    # offsets[s + 1] becomes the start of slot s, is moved along by the filling, and ends as its end.
    start = np.int64(0)
    for s in range(n_slots):
        count = offsets[s + 1]
        offsets[s + 1] = uint32(start)
        start += count
    for i in range(n):
        s = np.int64(slots[i]) + 1
        place = offsets[s]
        synapses[place] = records[i]
        offsets[s] = uint32(place + uint32(1))
