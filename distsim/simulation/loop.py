"""The main loop, compiled: deliver, update, exchange.

Update number t takes every neuron from (t-1) dt to t dt. A communication interval is as many steps
as the smallest delay: what is fired inside it reaches nobody before its end.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numba import uint32

from distsim.communication.exchange import allgather_spikes
from distsim.construction.kernels import BLOCK_BITS
from distsim.devices.base import begin_input, next_change, set_currents
from distsim.simulation.delivery import add_spikes, deliver, room_for
from distsim.simulation.plasticity import append_posts, take_in
from distsim.simulation.states import sample
from distsim.simulation.voltages import note_voltages
from distsim.timers import seconds

# Places in the arrays of counts and phases.
N_COUNTS = 3
NEURON_UPDATES, WORDS_SENT, MESSAGES = range(N_COUNTS)
N_PHASES = 5
DRIVE, DELIVER, UPDATE, EXCHANGE, RECORD = range(N_PHASES)


class Neurons(NamedTuple):
    """The neurons of this rank as arrays; populations are runs of the local index.

    Attributes
    ----------
    state : np.ndarray
        float [n_state, stride].
    refractory : np.ndarray
        int32 [stride], steps left.
    inputs : np.ndarray
        int32 or float64 [n_planes, stride], this step's input in units of `grids`; `flat_input` is the same memory.
    currents : np.ndarray
        float [stride], current of generators (pA).
    gids : np.ndarray
        uint32 [n_local], ascending.
    recorded : np.ndarray
        uint8 [n_local].
    ranges : np.ndarray
        int64 [n_populations, 2].
    model : np.ndarray
        int64 [n_populations], which of the update functions.
    constants, grids : np.ndarray
        float [n_populations, ...], see `NeuronModel`.
    """

    state: np.ndarray
    refractory: np.ndarray
    inputs: np.ndarray
    flat_input: np.ndarray
    currents: np.ndarray
    gids: np.ndarray
    recorded: np.ndarray
    ranges: np.ndarray
    model: np.ndarray
    constants: np.ndarray
    grids: np.ndarray


class Sources(NamedTuple):
    """How a gid becomes a source of synapses, and the spikes that generators emit.

    Attributes
    ----------
    first_gid : np.ndarray
        int64 [n_populations + 1].
    first_block : np.ndarray
        int64 [n_populations].
    steps : np.ndarray
        int64, steps of the spikes of generators, ascending.
    sources : np.ndarray
        uint32, their sources.
    """

    first_gid: np.ndarray
    first_block: np.ndarray
    steps: np.ndarray
    sources: np.ndarray


class Tally(NamedTuple):
    """What is counted and timed.

    Attributes
    ----------
    counts : np.ndarray
        int64 [N_COUNTS], of this rank.
    spikes : np.ndarray
        int64 [n_populations], of this rank's neurons.
    external : np.ndarray
        int64 [n_projections], events of Poisson generators on this rank.
    fired : np.ndarray
        int64 [n_sources], spikes of every source of synapses; the same on every rank.
    seconds : np.ndarray
        float64 [N_PHASES], of this rank.
    """

    counts: np.ndarray
    spikes: np.ndarray
    external: np.ndarray
    fired: np.ndarray
    seconds: np.ndarray


# Without Python's lock, so that threads go on meanwhile: a notebook's messages, the command line's watch for Ctrl-C.
@numba.njit(cache=True, error_model="numpy", nogil=True)
def advance(
    t, n_steps, interval, min_delay, max_delay, updates, neurons, connectome, history, sources, drives,
    current_net, probes, collective, cap, log, tally, scratch, clock, learn, plastic, flight, rings,
):  # fmt: skip
    """Advance this rank by n_steps from step t. Collective.

    Returns
    -------
    status : int
        0, or MPI's error code.
    history : History
        With the new spikes, perhaps in a larger array.
    cap : int
        Spikes that a message has room for.
    log, n_logged : np.ndarray, int
        uint32, pairs of gid and step of the recorded spikes of this rank, in order of step; their number.
    flight, rings : Flight, Rings
        As they are now, perhaps in larger arrays.
    """
    timespec = np.zeros(2, np.int64)
    ranges, model, gids, recorded = neurons.ranges, neurons.model, neurons.gids, neurons.recorded
    state, refractory, inputs, currents = neurons.state, neurons.refractory, neurons.inputs, neurons.currents
    constants, grids = neurons.constants, neurons.grids
    counts, n_spikes, external, n_fired_by_source, phases = tally
    flat_input, n_local, n_populations = neurons.flat_input, gids.shape[0], ranges.shape[0]
    fired = np.empty(n_local + 1, np.int32)
    outgoing = np.empty(n_local + 1024, np.uint32)
    per_lag = np.zeros(interval, np.int64)
    change = next_change(current_net, t)
    if change < t + 1 or t == 0:
        change = t + 1
    n_logged = 0
    last = t + n_steps
    has_plastic = plastic.kind_pre.shape[0] > 0
    mark = seconds(clock, timespec)
    while t < last:
        lags = min(interval, last - t)
        n_out = 0
        for lag in range(lags):
            t += 1
            # Drive: the spikes of Poisson generators begin this step's input.
            begin_input(flat_input, drives, t, external)
            if t >= change:
                set_currents(currents, current_net, t)
                change = next_change(current_net, t)
            now = seconds(clock, timespec)
            phases[DRIVE] += now - mark
            mark = now

            # Deliver: the spikes of neurons that arrive at t.
            deliver(flat_input, connectome, history, t, min_delay, max_delay, scratch)
            if has_plastic:
                flight = take_in(
                    flight, plastic, history, connectome.group_targets, connectome.block_group, t, min_delay
                )  # fmt: skip
                learn[0](flat_input, t, min_delay, plastic, flight, rings)
            now = seconds(clock, timespec)
            phases[DELIVER] += now - mark
            mark = now

            # Update: every population by its model's step.
            n_fired = 0
            for p in range(n_populations):
                n = updates[model[p]](
                    state, refractory, inputs, currents, ranges[p, 0], ranges[p, 1], constants[p], grids[p],
                    fired, n_fired,
                )  # fmt: skip
                n_spikes[p] += n - n_fired
                n_fired = n
            counts[NEURON_UPDATES] += n_local
            outgoing = _room(outgoing, n_out, n_fired)
            log = _room(log, 2 * n_logged, 2 * n_fired)
            for i in range(n_fired):
                gid = gids[fired[i]]
                outgoing[n_out + i] = gid
                if recorded[fired[i]]:
                    log[2 * n_logged] = gid
                    log[2 * n_logged + 1] = uint32(t)
                    n_logged += 1
            if has_plastic:
                rings = append_posts(rings, plastic, fired, n_fired, t)
                rings = note_voltages(rings, plastic, state, t)
            n_out += n_fired
            per_lag[lag] = n_fired
            now = seconds(clock, timespec)
            phases[UPDATE] += now - mark
            mark = now
            if sample(probes, state, t):
                now = seconds(clock, timespec)
                phases[RECORD] += now - mark
                mark = now

        # Exchange: all ranks' spikes of the interval become history.
        status, received, words, cap, n_sent, n_messages = allgather_spikes(
            collective, outgoing, n_out, per_lag, interval, cap
        )
        if status != 0:
            return status, history, cap, log, n_logged, flight, rings
        counts[WORDS_SENT] += n_sent
        counts[MESSAGES] += n_messages
        history = remember(
            history, connectome, sources, received, words, collective.n_ranks, interval, lags, t - lags,
            n_fired_by_source,
        )  # fmt: skip
        now = seconds(clock, timespec)
        phases[EXCHANGE] += now - mark
        mark = now
    return 0, history, cap, log, n_logged, flight, rings


@numba.njit(forceinline=True)
def _room(array, n, n_new):
    """Return the array with room for n_new more behind the first n."""
    # Loops, not slices: a slice's error messages would cost seconds of compilation.
    if n + n_new <= array.shape[0]:
        return array
    larger = np.empty(2 * (n + n_new), np.uint32)
    for i in range(n):
        larger[i] = array[i]
    return larger


@numba.njit(forceinline=True)
def _after(values, x):
    """Return how many of the ascending values are <= x."""
    low, high = 0, values.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(error_model="numpy")
def remember(history, net, sources, received, words, n_ranks, interval, lags, t, fired):
    """Add the spikes of steps t + 1 ... t + lags, of all ranks and of generators, to the history; count them."""
    slots, tail = history.slots, history.tail
    first_gid, first_block, steps, generated = sources
    n_slots = slots.shape[0]
    most_entries = 1
    for group in range(net.group_targets.shape[0]):
        most_entries = max(most_entries, net.group_targets[group, 1] - net.group_targets[group, 0])
    place = np.empty(n_ranks, np.int64)
    for rank in range(n_ranks):
        place[rank] = rank * words + 1 + interval
    g = _after(steps, t)
    for lag in range(lags):
        step = t + 1 + lag
        n_new = _after(steps, step) - g
        for rank in range(n_ranks):
            n_new += np.int64(received[rank * words + 1 + lag])
        history = room_for(history, step, n_new * most_entries)
        spiked = np.empty(n_new, np.int64)
        n = 0
        for rank in range(n_ranks):
            for _ in range(np.int64(received[rank * words + 1 + lag])):
                gid = np.int64(received[place[rank]])
                place[rank] += 1
                p = _after(first_gid, gid) - 1
                spiked[n] = (first_block[p] << BLOCK_BITS) + gid - first_gid[p]
                n += 1
        while g < steps.shape[0] and steps[g] == step:
            spiked[n] = generated[g]
            g += 1
            n += 1
        for i in range(n):
            fired[spiked[i]] += 1
        slots[step % n_slots, 0] = tail[0]
        tail[0] = add_spikes(history, net, spiked, n, tail[0])
        slots[step % n_slots, 1] = tail[0]
    return history
