"""Delivery of spikes: the recent spikes, and how they reach this step's input.

No ring buffer: spikes wait, not their effects. At step t and for every delay d, the sources that
spiked at t - d deliver their segment d of synapses into this step's input, which stays in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numba import float64, int32, types, uint32, uint64
from numba.extending import overload

from distsim.construction.kernels import BLOCK, BLOCK_BITS
from distsim.simulation.prefetch import prefetch
from distsim.synapses.arithmetic import float_of

# Delays that a spike's places in the index are copied for at a time.
WINDOW = 16
# Segments that are listed before they are delivered, and from the one that is delivered to the one
# that is fetched; bytes of a cache line.
BATCH = 2048
AHEAD = 8
LINE = 64
# Of an entry of the history.
HISTORY_BYTES = 5 * 8 + 4 * (WINDOW + 1)


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
    """The spikes of the last steps: one entry for every receptor and block of targets that one reaches.

    A step's entries lie together, older steps first; `slots` says where. What a spike needs of the
    index of segments, one number per delay, lies `WINDOW` steps apart in memory that is not in any
    cache, so it is copied for `WINDOW` delays at once, and so that a delay's numbers of all entries
    of a step lie side by side.

    Attributes
    ----------
    source : np.ndarray
        int64, number of the source: what a checkpoint keeps, the rest follows from it.
    row : np.ndarray
        int64, where the source's row of the index begins.
    base : np.ndarray
        int64, first synapse of its block.
    target : np.ndarray
        int64, first place of its targets in the flat input.
    delays : np.ndarray
        int64, smallest delay and number of delays of the source, in the low and high 32 bits.
    window : np.ndarray
        uint32 [WINDOW + 1 per entry], ends of segments of the current window of delays.
    slots : np.ndarray
        int64 [n_slots, 2], where a step's entries begin and end; slot = step modulo n_slots.
    tail : np.ndarray
        int64 [1], end of the newest entries.
    """

    source: np.ndarray
    row: np.ndarray
    base: np.ndarray
    target: np.ndarray
    delays: np.ndarray
    window: np.ndarray
    slots: np.ndarray
    tail: np.ndarray


def empty_history(max_delay: int, interval: int) -> History:
    """Return a history that remembers `max_delay` steps while `interval` more are added."""
    n = 1024
    source, row, base, target, delays = (np.empty(n, np.int64) for _ in range(5))
    window = np.empty(n * (WINDOW + 1), np.uint32)
    slots = np.zeros((max_delay + interval + 1, 2), np.int64)
    return History(source, row, base, target, delays, window, slots, np.zeros(1, np.int64))


@numba.njit(error_model="numpy")
def room_for(history, step, n_new):
    """Return the history with room for n_new more: live entries moved to the front, or larger arrays."""
    source, row, base, target, delays, window, slots, tail = history
    capacity = row.shape[0]
    if tail[0] + n_new <= capacity:
        return history
    # The slot that `step` reuses holds the oldest spikes, which no delay reaches any more.
    n_slots = slots.shape[0]
    oldest = tail[0]
    for s in range(n_slots):
        if s != step % n_slots and slots[s, 1] > slots[s, 0]:
            oldest = min(oldest, slots[s, 0])
    live = tail[0] - oldest
    if 2 * (live + n_new) > capacity:
        capacity = 4 * (live + n_new)
    moved = History(
        np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity, np.int64),
        np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity * (WINDOW + 1), np.uint32),
        slots, tail,
    )  # fmt: skip
    for i in range(live):
        moved.source[i] = source[oldest + i]
        moved.row[i], moved.base[i] = row[oldest + i], base[oldest + i]
        moved.target[i], moved.delays[i] = target[oldest + i], delays[oldest + i]
    for i in range(live * (WINDOW + 1)):
        moved.window[i] = window[oldest * (WINDOW + 1) + i]
    for s in range(n_slots):
        slots[s, 0] = max(slots[s, 0] - oldest, 0)
        slots[s, 1] = max(slots[s, 1] - oldest, 0)
    tail[0] = live
    return moved


@numba.njit(error_model="numpy")
def add_spikes(history, net, sources, n_sources, n):
    """Write the entries of n_sources spikes from place n on; return the place behind them."""
    _, _, block_base, block_offset, block_size, block_group, group_delay, group_targets, target_base = net
    numbers, rows, bases, targets, delays, _, _, _ = history
    for i in range(n_sources):
        block = sources[i] >> BLOCK_BITS
        group = block_group[block]
        first_delay, n_delays = group_delay[group, 0], group_delay[group, 1]
        first = group_targets[group, 0]
        for k in range(first, group_targets[group, 1]):
            row = (k - first) * block_size[block] + (sources[i] & (BLOCK - 1))
            numbers[n] = sources[i]
            rows[n] = block_offset[block] + row * n_delays
            bases[n] = block_base[block]
            targets[n] = target_base[k]
            delays[n] = first_delay | (n_delays << 32)
            n += 1
    return n


@numba.njit(error_model="numpy")
def _copy_window(window, offsets, row, delays, first, n, d):
    """Copy the ends of the segments of delays d ... d + WINDOW - 1 for n entries from `first` on."""
    address = np.uintp(offsets.ctypes.data)
    for i in range(n):
        low, n_delays = delays[first + i] & 0xFFFFFFFF, delays[first + i] >> 32
        at = row[first + i] + min(max(d - low, 0), n_delays)
        prefetch(address + np.uintp(4 * at))
        prefetch(address + np.uintp(4 * at + 4 * WINDOW))
    start = first * (WINDOW + 1)
    for i in range(n):
        low, n_delays = delays[first + i] & 0xFFFFFFFF, delays[first + i] >> 32
        for r in range(WINDOW + 1):
            at = row[first + i] + min(max(d + r - low, 0), n_delays)
            window[uint64(start + r * n + i)] = offsets[uint64(at)]


@numba.njit(cache=True, error_model="numpy")
def deliver(inp, net, history, t, min_delay, max_delay, scratch):
    """Deliver into the input of step t all spikes that arrive there.

    Parameters
    ----------
    inp : int32 or float64 [n_planes * stride]
        Added to.
    net : Connectome
    history : History
    t, min_delay, max_delay : int
        Step; smallest and largest delay in steps.
    scratch : int64 [3, BATCH]

    Returns
    -------
    int
        Synaptic events.
    """
    # Fields of a tuple are unpacked once: taken inside a loop they cost a reference count each.
    synapses, offsets = net.synapses, net.offsets
    _, row, base, target, delays, window, slots, _ = history
    starts, lengths, targets = scratch[0], scratch[1], scratch[2]
    n_slots = slots.shape[0]
    events = np.int64(0)
    n = 0
    for d in range(min_delay, min(max_delay, t - 1) + 1):
        slot = (t - d) % n_slots
        first = slots[slot, 0]
        n_entries = slots[slot, 1] - first
        # List the segments of delay d of the sources that spiked at t - d.
        r = (d - min_delay) % WINDOW
        if r == 0:
            _copy_window(window, offsets, row, delays, first, n_entries, d)
        at = first * (WINDOW + 1) + r * n_entries
        for i in range(n_entries):
            if n == starts.shape[0]:
                events += _deliver_listed(inp, synapses, starts, lengths, targets, n)
                n = 0
            begin, end = window[uint64(at + i)], window[uint64(at + n_entries + i)]
            starts[n] = base[first + i] + np.int64(begin)
            lengths[n] = np.int64(end - begin)
            targets[n] = target[first + i]
            n += end > begin
    return events + _deliver_listed(inp, synapses, starts, lengths, targets, n)


def arriving(record):
    """Return the weight in a record, see `records.pack`: int32 grid steps, or float64 in its own unit."""
    raise NotImplementedError("compiled code only")


@overload(arriving, jit_options={"forceinline": True, "error_model": "numpy"})
def _arriving(record):
    """Choose by the type of the record, that is once, when a kernel is compiled."""
    if record == types.uint32:
        return lambda record: int32(record) >> int32(16)
    return lambda record: float64(float_of(int32(record >> uint64(32))))


@numba.njit(error_model="numpy")
def _deliver_listed(inp, synapses, starts, lengths, targets, n):
    """Deliver n listed segments, fetching those a few places ahead; return the number of synapses."""
    address, size = np.uintp(synapses.ctypes.data), synapses.itemsize
    events = np.int64(0)
    for i in range(n):
        if i + AHEAD < n:
            for line in range(0, lengths[i + AHEAD] + LINE // size - 1, LINE // size):
                prefetch(address + np.uintp(size * (starts[i + AHEAD] + line)))
        start, target, length = uint64(starts[i]), uint64(targets[i]), lengths[i]
        for k in range(length):
            record = synapses[start + uint64(k)]
            inp[target + uint64(record & uint32(0xFFFF))] += arriving(record)
        events += length
    return events


def recent_spikes(history: History, net: Connectome, t: int, max_delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps, sources), int64, of the spikes that step t + 1 or a later one may still need.

    The same on every rank.
    """
    steps, sources = [], []
    n_entries = np.maximum(net.group_targets[:, 1] - net.group_targets[:, 0], 1)
    for step in range(max(1, t - max_delay + 1), t + 1):
        first, last = history.slots[step % history.slots.shape[0]]
        numbers = history.source[first:last]
        # A spike has an entry for every block of targets, one behind the other.
        i, kept = 0, []
        while i < numbers.shape[0]:
            kept.append(numbers[i])
            i += n_entries[net.block_group[numbers[i] >> BLOCK_BITS]]
        sources.append(np.array(kept, np.int64))
        steps.append(np.full(len(kept), step, np.int64))
    nothing = np.empty(0, np.int64)
    return np.concatenate([nothing, *steps]), np.concatenate([nothing, *sources])


@numba.njit(cache=True, error_model="numpy")
def recall(history, net, steps, sources, t, min_delay):
    """Return the history that `recent_spikes` told of, as it is at the end of step t.

    `steps` ascending. Windows of the index that are in use are copied again.
    """
    slots, tail = history.slots, history.tail
    n_slots = slots.shape[0]
    most_entries = 1
    for group in range(net.group_targets.shape[0]):
        most_entries = max(most_entries, net.group_targets[group, 1] - net.group_targets[group, 0])
    i, n = 0, steps.shape[0]
    while i < n:
        step, first = steps[i], i
        while i < n and steps[i] == step:
            i += 1
        history = room_for(history, step, (i - first) * most_entries)
        slot = step % n_slots
        slots[slot, 0] = tail[0]
        tail[0] = add_spikes(history, net, sources[first:i], i - first, tail[0])
        slots[slot, 1] = tail[0]
        # The delay with which these spikes arrive next, and where its window began.
        d = t + 1 - step
        r = (d - min_delay) % WINDOW
        if d >= min_delay and r != 0:
            n_entries = slots[slot, 1] - slots[slot, 0]
            _copy_window(history.window, net.offsets, history.row, history.delays, slots[slot, 0], n_entries, d - r)
    return history
