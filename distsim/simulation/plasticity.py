"""Plastic synapses while time goes on: what is known of sources and of targets, kept lazily.

A synapse is touched when a presynaptic spike arrives, and then catches up with the postsynaptic spikes
since it was last looked at. Sources keep the traces of their own spikes, targets a ring of recent
spikes with the traces just before each; between spikes nothing is computed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import float32

from distsim.construction.kernels import BLOCK, BLOCK_BITS
from distsim.synapses.arithmetic import exp2
from distsim.synapses.modulation import extend
from distsim.synapses.traces import ALL, NEAREST, RELEASE

# A step before every other, and the size of a ring at first.
NEVER = -(1 << 30)
FIRST_RING = 16


class Plastic(NamedTuple):
    """The plastic synapses of this rank and their sources.

    Attributes
    ----------
    part : np.ndarray
        int64 [n_parts, n_fields], see `distsim.synapses.generated.FIELDS`.
    constants : np.ndarray
        float32 or float64 [n_parts, n_constants]: bounds of the weight, the rule's own.
    arriving : np.ndarray
        float64 [n_parts, 2]: the input's units per unit of weight, and 1.5 2^52 times what all that arrives is a
        multiple of: what is added to that number and taken from it again is rounded.
    target : np.ndarray
        uint16 [n_synapses].
    weight : np.ndarray
        float32 or float64 [n_synapses], sizes.
    pointer : np.ndarray
        uint16 [n_synapses], how many of its target's spikes a synapse has seen, modulo 2^16.
    state : np.ndarray
        float32 or float64, further variables: part by part, variable by variable.
    stride : np.ndarray
        int64 [n_parts], synapses of a part.
    ends : np.ndarray
        uint32, ends of segments relative to their part's first synapse.
    kind_post : np.ndarray
        uint8 [n_parts, n_traces], of traces of targets, see `distsim.synapses.traces`.
    rate_post, rate_pre : np.ndarray
        float32 [n_parts or n_projections, n_traces], decay of traces as a power of two per step.
    kind_pre : np.ndarray
        int64 [n_projections, n_traces].
    block_first : np.ndarray
        int64 [n_blocks + 1], range in `senders` of each block of sources.
    senders : np.ndarray
        int64 [n, 4]: projection, first source in the block, number of sources, sender of the first.
    last : np.ndarray
        int64 [n_senders], step of a source's last spike.
    trace : np.ndarray
        float32 [n_senders, n_traces], just after it.
    release : np.ndarray
        float32 [n_projections], U of Tsodyks & Markram.
    every, read_until : np.ndarray
        int64 [1], steps between looks at silent synapses; [n_parts], all spikes before have been seen.
    updates : np.ndarray
        int64 [n_projections], updates of a weight by a spike of either side.
    fault : np.ndarray
        int64 [4], part, synapse, source and step of a weight that is no finite number; part -1 for none.
    modulated : np.ndarray
        uint8 [n_projections], whether there is a third factor.
    modulation : np.ndarray
        float64 [n_projections, ...], the third factor, see `distsim.synapses.modulation`.
    transmitters : np.ndarray
        int64 [n_projections, 3], first and last + 1 source that release it; steps from there to the synapses.
    voltages : Voltages
        What voltage-based rules see of their targets, see `distsim.simulation.voltages`.
    """

    part: np.ndarray
    constants: np.ndarray
    arriving: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    pointer: np.ndarray
    state: np.ndarray
    stride: np.ndarray
    ends: np.ndarray
    kind_post: np.ndarray
    rate_post: np.ndarray
    rate_pre: np.ndarray
    kind_pre: np.ndarray
    block_first: np.ndarray
    senders: np.ndarray
    last: np.ndarray
    trace: np.ndarray
    release: np.ndarray
    every: np.ndarray
    read_until: np.ndarray
    updates: np.ndarray
    fault: np.ndarray
    modulated: np.ndarray
    modulation: np.ndarray
    transmitters: np.ndarray
    voltages: Any


class Flight(NamedTuple):
    """Spikes on their way to plastic synapses, with what their source was before.

    Attributes
    ----------
    sender, previous : np.ndarray
        int64, the source; step of its spike before.
    after : np.ndarray
        float32 [..., n_traces], traces just after that.
    gain : np.ndarray
        float32, what the source releases; 1 without short-term plasticity.
    slots : np.ndarray
        int64 [n_slots, n_projections, 2], range of a step's spikes; slot = step modulo n_slots.
    tail : np.ndarray
        int64 [1], end of the newest.
    """

    sender: np.ndarray
    previous: np.ndarray
    after: np.ndarray
    gain: np.ndarray
    slots: np.ndarray
    tail: np.ndarray


class Rings(NamedTuple):
    """Recent spikes of the targets of plastic synapses.

    Attributes
    ----------
    n_posts : np.ndarray
        int64 [n_targets], spikes so far.
    step : np.ndarray
        int32 [n_targets size], spike number q at place q modulo size; size a power of two.
    trace : np.ndarray
        float32 [n_traces, n_targets size], just before the spike.
    """

    n_posts: np.ndarray
    step: np.ndarray
    trace: np.ndarray


@numba.njit(error_model="numpy")
def take_in(flight, net, history, group_targets, block_group, t, min_delay):
    """Take the spikes of step t - min_delay, of which the first arrive now, into flight; bring traces up to date."""
    s = t - min_delay
    if s < 1:
        return flight
    slots, n_projections = flight.slots, flight.slots.shape[1]
    slot = s % slots.shape[0]
    first, last = history.slots[s % history.slots.shape[0], 0], history.slots[s % history.slots.shape[0], 1]
    n, n_released = np.zeros(n_projections, np.int64), np.zeros(n_projections, np.int64)
    total = np.int64(0)
    for counting in (True, False):
        if not counting:
            flight = _room_in_flight(flight, s, total)
            for k in range(n_projections):
                slots[slot, k, 0] = flight.tail[0]
                flight.tail[0] += n[k]
                slots[slot, k, 1] = flight.tail[0]
                n[k] = slots[slot, k, 0]
        i = first
        while i < last:
            source = history.source[i]
            block, row = source >> BLOCK_BITS, source & (BLOCK - 1)
            # A spike has an entry for every block of static targets, one behind the other.
            group = block_group[block]
            i += max(group_targets[group, 1] - group_targets[group, 0], 1)
            if counting:
                for k in range(n_projections):
                    n_released[k] += net.transmitters[k, 0] <= source < net.transmitters[k, 1]
            for e in range(net.block_first[block], net.block_first[block + 1]):
                k, at = net.senders[e, 0], row - net.senders[e, 1]
                if 0 <= at < net.senders[e, 2]:
                    if counting:
                        total += 1
                    else:
                        _emit(flight, n[k], net, net.senders[e, 3] + at, k, s)
                    n[k] += 1
    for k in range(n_projections):
        if net.modulated[k]:
            extend(net.modulation[k], n_released[k], s + net.transmitters[k, 2])
    return flight


@numba.njit(error_model="numpy")
def _emit(flight, place, net, sender, projection, s):
    """Write a spike's entry, then let it change its source's traces."""
    flight.sender[place], flight.previous[place] = sender, net.last[sender]
    flight.gain[place] = 1.0
    gap = float32(min(s - net.last[sender], 1 << 30))
    for k in range(net.trace.shape[1]):
        flight.after[place, k] = net.trace[sender, k]
        kind = net.kind_pre[projection, k]
        decay = exp2(-gap * net.rate_pre[projection, k])
        if kind == ALL:
            net.trace[sender, k] = net.trace[sender, k] * decay + float32(1)
        elif kind == NEAREST:
            net.trace[sender, k] = 1.0
        elif kind == RELEASE:
            # Tsodyks & Markram: u facilitates, x recovers; both as they are when the vesicles are released.
            u, x = net.trace[sender, k], net.trace[sender, k + 1]
            x = float32(1) + (x - x * u - float32(1)) * exp2(-gap * net.rate_pre[projection, k + 1])
            u = net.release[projection] + u * (float32(1) - net.release[projection]) * decay
            net.trace[sender, k], net.trace[sender, k + 1] = u, x
            flight.gain[place] = u * x
    # The trace behind u is x, which is done already.
    net.last[sender] = s


@numba.njit(error_model="numpy")
def _room_in_flight(flight, step, n_new):
    """Return the flight with room for n_new more: live entries moved to the front, or larger arrays."""
    sender, previous, after, gain, slots, tail = flight
    capacity = sender.shape[0]
    if tail[0] + n_new <= capacity:
        return flight
    n_slots, n_projections = slots.shape[0], slots.shape[1]
    oldest = tail[0]
    for s in range(n_slots):
        for k in range(n_projections):
            if s != step % n_slots and slots[s, k, 1] > slots[s, k, 0]:
                oldest = min(oldest, slots[s, k, 0])
    live = tail[0] - oldest
    if 2 * (live + n_new) > capacity:
        capacity = 4 * (live + n_new)
    moved = Flight(
        np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty((capacity, after.shape[1]), np.float32),
        np.empty(capacity, np.float32), slots, tail,
    )  # fmt: skip
    for i in range(live):
        moved.sender[i], moved.previous[i], moved.gain[i] = sender[oldest + i], previous[oldest + i], gain[oldest + i]
        for k in range(after.shape[1]):
            moved.after[i, k] = after[oldest + i, k]
    for s in range(n_slots):
        for k in range(n_projections):
            slots[s, k, 0] = max(slots[s, k, 0] - oldest, 0)
            slots[s, k, 1] = max(slots[s, k, 1] - oldest, 0)
    tail[0] = live
    return moved


@numba.njit(error_model="numpy")
def append_posts(rings, net, fired, n_fired, t):
    """Append the spikes of step t to the rings of their neurons."""
    for p in range(net.part.shape[0]):
        first, n_targets, ring_first = net.part[p, 13], net.part[p, 5], net.part[p, 4]
        if net.part[p, 14] == 0:
            continue
        for i in range(n_fired):
            l = np.int64(fired[i]) - first
            if l < 0 or l >= n_targets:
                continue
            at = ring_first + l
            rings, place = place_in_ring(rings, net, p, at)
            size = rings.step.shape[0] // rings.n_posts.shape[0]
            before = at * size + ((rings.n_posts[at] - 1) & (size - 1))
            gap = float32(min(t - np.int64(rings.step[before]), 1 << 30))
            for k in range(rings.trace.shape[0]):
                value = rings.trace[k, before]
                value = float32(1) if net.kind_post[p, k] == NEAREST else value + float32(1)
                rings.trace[k, place] = value * exp2(-gap * net.rate_post[p, k])
            rings.step[place] = t
            rings.n_posts[at] += 1
    return rings


@numba.njit(error_model="numpy")
def place_in_ring(rings, net, p, at):
    """Return the rings, perhaps larger, and the place of the next entry of a target of part p."""
    size, q = rings.step.shape[0] // rings.n_posts.shape[0], rings.n_posts[at]
    # The place holds an entry that a synapse may still have to see, or the last one before those; at first
    # the last place is that one, a spike before every other.
    if q >= size - 1 and rings.step[at * size + ((q + 1) & (size - 1))] >= net.read_until[p]:
        rings = larger_rings(rings)
        size = 2 * size
    return rings, at * size + (q & (size - 1))


@numba.njit(error_model="numpy")
def larger_rings(rings):
    """Return rings of twice the size with the same spikes."""
    n_posts, step, trace = rings
    n, size = n_posts.shape[0], step.shape[0] // n_posts.shape[0]
    larger = Rings(
        n_posts, np.full(2 * n * size, NEVER, np.int32), np.zeros((trace.shape[0], 2 * n * size), np.float32)
    )
    for at in range(n):
        for q in range(max(n_posts[at] - size, 0), n_posts[at]):
            old, new = at * size + (q & (size - 1)), at * 2 * size + (q & (2 * size - 1))
            larger.step[new] = step[old]
            for k in range(trace.shape[0]):
                larger.trace[k, new] = trace[k, old]
    return larger
