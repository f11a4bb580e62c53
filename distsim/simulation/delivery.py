"""Delivery of spikes: the recent spikes, and how they reach this step's input.

No ring buffer: spikes wait, not their effects. At step t and for every delay d, the sources that
spiked at t - d deliver their segment d of synapses into this step's input, which stays in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numba import int32, uint32, uint64

from distsim.construction.kernels import BLOCK, BLOCK_BITS
from distsim.simulation.prefetch import prefetch

# Spikes that are looked up together: their places in the index are fetched while the list is made.
BATCH = 2048
# Segments between the one that is delivered and the one that is fetched; cache lines fetched of it.
AHEAD = 12
LINE = 16


class Connectome(NamedTuple):
    """The synapses of a `LocalNetwork` as arrays; see there."""

    synapses: np.ndarray
    offsets: np.ndarray
    block_base: np.ndarray
    block_offset: np.ndarray
    block_size: np.ndarray
    block_group: np.ndarray
    group_delay: np.ndarray
    group_targets: np.ndarray
    target_base: np.ndarray


class History(NamedTuple):
    """The spikes of the last steps, of all neurons that this rank hears of.

    Attributes
    ----------
    sources : np.ndarray
        uint32, block of the source and index in the block; older steps first.
    slots : np.ndarray
        int64 [n_slots, 2], where a step's spikes begin and end; slot = step modulo n_slots.
    tail : np.ndarray
        int64 [1], end of the newest spikes.
    """

    sources: np.ndarray
    slots: np.ndarray
    tail: np.ndarray


def empty_history(max_delay: int, interval: int) -> History:
    """Return a history that remembers `max_delay` steps while `interval` more are added."""
    n_slots = max_delay + interval + 1
    return History(np.empty(1024, np.uint32), np.zeros((n_slots, 2), np.int64), np.zeros(1, np.int64))


@numba.njit(inline="always")
def room_for(sources, slots, tail, step, n_new):
    """Return the sources with room for n_new more: live ones moved to the front, or a larger array."""
    if tail[0] + n_new <= sources.shape[0]:
        return sources
    # The slot that step reuses holds the oldest spikes, which no delay reaches any more.
    n_slots = slots.shape[0]
    oldest = tail[0]
    for s in range(n_slots):
        if s != step % n_slots and slots[s, 1] > slots[s, 0]:
            oldest = min(oldest, slots[s, 0])
    live = tail[0] - oldest
    roomy = sources
    if 2 * (live + n_new) > sources.shape[0]:
        roomy = np.empty(4 * (live + n_new), np.uint32)
    for i in range(live):
        roomy[i] = sources[oldest + i]
    for s in range(n_slots):
        slots[s, 0] = max(slots[s, 0] - oldest, 0)
        slots[s, 1] = max(slots[s, 1] - oldest, 0)
    tail[0] = live
    return roomy


@numba.njit(cache=True, error_model="numpy")
def deliver(inp, net, history, t, min_delay, max_delay, scratch):
    """Deliver into the input of step t all spikes that arrive there.

    Parameters
    ----------
    inp : int32 [n_planes * stride]
        Added to.
    net : Connectome
    history : History
    t, min_delay, max_delay : int
        Step; smallest and largest delay in steps.
    scratch : int64 [3, BATCH + number of target blocks]

    Returns
    -------
    int
        Synaptic events.
    """
    # Fields of a tuple are unpacked once: taken inside a loop they cost a reference count each.
    synapses, offsets, block_base, block_offset, block_size, block_group, group_delay, group_targets, target_base = net
    sources, slots, _ = history
    starts, lengths, targets = scratch[0], scratch[1], scratch[2]
    n_slots = slots.shape[0]
    synapses_address, offsets_address = np.uintp(synapses.ctypes.data), np.uintp(offsets.ctypes.data)
    room = starts.shape[0] - np.int64(target_base.shape[0])
    events = np.int64(0)
    d, last_d = min_delay, min(max_delay, t - 1)
    j = slots[(t - d) % n_slots, 0]
    while d <= last_d:
        # 1. Where in the index are the segments? A batch of places is listed and fetched.
        m = 0
        while d <= last_d and m < room:
            stop = slots[(t - d) % n_slots, 1]
            while j < stop and m < room:
                source = sources[uint64(j)]
                j += 1
                block = uint64(source >> uint32(BLOCK_BITS))
                group = uint64(block_group[block])
                d_first, n_delays = group_delay[group, 0], group_delay[group, 1]
                if d < d_first or d >= d_first + n_delays:
                    continue
                index = np.int64(source & uint32(BLOCK - 1))
                for k in range(group_targets[group, 0], group_targets[group, 1]):
                    row = (k - group_targets[group, 0]) * block_size[block] + index
                    place = block_offset[block] + row * n_delays + d - d_first
                    prefetch(offsets_address + np.uintp(4 * place))
                    starts[m] = place
                    lengths[m] = block_base[block]
                    targets[m] = target_base[k]
                    m += 1
            if j >= stop:
                d += 1
                j = slots[(t - d) % n_slots, 0]
        # 2. Which of them hold synapses?
        n = 0
        for i in range(m):
            place = uint64(starts[i])
            first, last = offsets[place], offsets[place + uint64(1)]
            starts[n] = lengths[i] + np.int64(first)
            lengths[n] = np.int64(last - first)
            targets[n] = targets[i]
            n += last > first
        # 3. Deliver them; those a few places ahead are fetched.
        for i in range(n):
            if i + AHEAD < n:
                for line in range(0, lengths[i + AHEAD] + LINE - 1, LINE):
                    prefetch(synapses_address + np.uintp(4 * (starts[i + AHEAD] + line)))
            start, target, length = uint64(starts[i]), uint64(targets[i]), lengths[i]
            for k in range(length):
                record = synapses[start + uint64(k)]
                inp[target + uint64(record & uint32(0xFFFF))] += int32(record) >> int32(16)
            events += length
    return events
