"""Input that comes from no synapse: Poisson drives begin each step's input, currents hold until they change."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from distsim.devices.noise_generator import standard_normal
from distsim.devices.poisson_generator import LANES, draw_counts


class Drives(NamedTuple):
    """Poisson drives as arrays; a drive is a set of connections with one rate, delay and device.

    Attributes
    ----------
    zeroed : np.ndarray
        int64 [n, 2], ranges of the flat input that no drive overwrites.
    kind : np.ndarray
        int64 [n_drives]: STORE or ADD onto a run of targets with one weight, SCATTER one by one.
    elements : np.ndarray
        int64 [n_drives, 2], range of its connections in `lo`, `hi`, `counts`.
    place : np.ndarray
        int64 [n_drives], first place in the flat input of STORE and ADD.
    weight : np.ndarray
        int32 or float64 [n_drives], weight of STORE and ADD in the unit of the input, which has the same type.
    targets, weights : np.ndarray
        int64, type of the input, per connection: place in the flat input and weight of SCATTER.
    projection : np.ndarray
        int64 [n_drives], whose events they are.
    lo, hi : np.ndarray
        uint32, counter words of the random numbers of each connection.
    window : np.ndarray
        int64 [n_drives, 2], first step with input and the first without again.
    keys : np.ndarray
        uint32 [n_drives, 4].
    first, n_thresholds, table_range, tail_range, table, tail : np.ndarray
        Tables of `poisson_generator.thresholds`, one after the other.
    counts : np.ndarray
        uint8 [8, n_connections], spikes of each connection in the current eight steps.
    drawn : np.ndarray
        int64 [n_drives], the eight steps that `counts` holds, or -1.
    """

    zeroed: np.ndarray
    kind: np.ndarray
    elements: np.ndarray
    place: np.ndarray
    weight: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    projection: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    window: np.ndarray
    keys: np.ndarray
    first: np.ndarray
    n_thresholds: np.ndarray
    table_range: np.ndarray
    tail_range: np.ndarray
    table: np.ndarray
    tail: np.ndarray
    counts: np.ndarray
    drawn: np.ndarray


STORE, ADD, SCATTER = 0, 1, 2


@numba.njit(forceinline=True)
def _clear(array, first, last):
    """Set a range to 0; a loop, because the error messages of a slice would cost a second of compilation."""
    part = array[first:last]
    for i in range(part.shape[0]):
        part[i] = 0


@numba.njit(cache=True, error_model="numpy")
def begin_input(inp, drives, t, events):
    """Begin the input of step t with the drives' spikes; events int64 [n_projections] grows by their number."""
    # Fields of a tuple are unpacked once: taken inside a loop they cost a reference count each.
    (zeroed, kind, elements, places, on_input, all_targets, all_weights, projections, lo, hi, window, keys, firsts,
     n_thresholds, table_range, tail_range, all_tables, all_tails, all_counts, drawn) = drives  # fmt: skip
    for k in range(zeroed.shape[0]):
        _clear(inp, zeroed[k, 0], zeroed[k, 1])
    block, lane = t // LANES, t % LANES
    for k in range(kind.shape[0]):
        first, last, place = elements[k, 0], elements[k, 1], places[k]
        if t < window[k, 0] or t >= window[k, 1]:
            if kind[k] == STORE:
                _clear(inp, place, place + last - first)
            continue
        if drawn[k] != block:
            table = all_tables[table_range[k, 0] : table_range[k, 1]]
            tail = all_tails[tail_range[k, 0] : tail_range[k, 1]]
            counts = all_counts[:, first:last]
            draw_counts(counts, lo[first:last], hi[first:last], block, keys[k], firsts[k], table, n_thresholds[k], tail)
            drawn[k] = block
        if kind[k] == SCATTER:
            n = _scatter(inp, all_targets[first:last], all_weights[first:last], all_counts[lane, first:last])
        else:
            out = inp[place : place + last - first]
            n = _weigh(out, all_counts[lane, first:last], on_input[k], kind[k] == ADD)
        events[projections[k]] += n


@numba.njit(error_model="numpy")
def _weigh(out, counts, weight, add):
    """Store, or add, weight times count for a run of targets; return the sum of the counts."""
    total, unit = np.int32(0), out.dtype.type
    if add:
        for i in range(counts.shape[0]):
            n = np.int32(counts[i])
            total = np.int32(total + n)
            out[i] = unit(out[i] + unit(weight * unit(n)))
    else:
        for i in range(counts.shape[0]):
            n = np.int32(counts[i])
            total = np.int32(total + n)
            out[i] = unit(weight * unit(n))
    return np.int64(total)


@numba.njit(error_model="numpy")
def _scatter(inp, targets, weights, counts):
    """Add weight times count target by target; return the sum of the counts."""
    total = np.int64(0)
    for i in range(counts.shape[0]):
        inp[targets[i]] += weights[i] * inp.dtype.type(counts[i])
        total += np.int64(counts[i])
    return total


class Currents(NamedTuple):
    """Connections of current generators as arrays.

    Attributes
    ----------
    target : np.ndarray
        int64 [n], local neuron, ascending by (target, projection, device): a fixed order of summation.
    weight : np.ndarray
        float64 [n], multiplies the current.
    lo, hi : np.ndarray
        uint32 [n], counter words of a noise current.
    device : np.ndarray
        int64 [n], row in the tables of devices.
    delay : np.ndarray
        int64 [n], steps.
    change_steps, change_values, change_range : np.ndarray
        int64, float64, int64 [n_devices, 2]: at which steps a device's current changes, to what (pA).
    noise_std : np.ndarray
        float64 [n_devices]; noise_every, noise_window int64: standard deviation (pA), steps between
        draws, steps [first, last) of a noise current.
    keys : np.ndarray
        uint32 [n_devices, 4].
    delays : np.ndarray
        int64, all different delays.
    """

    target: np.ndarray
    weight: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    device: np.ndarray
    delay: np.ndarray
    change_steps: np.ndarray
    change_values: np.ndarray
    change_range: np.ndarray
    noise_std: np.ndarray
    noise_every: np.ndarray
    noise_window: np.ndarray
    keys: np.ndarray
    delays: np.ndarray


@numba.njit(cache=True, error_model="numpy")
def next_change(net, t):
    """Return the first step after t at which some current changes, or a step that never comes."""
    found = np.int64(2**62)
    for delay in net.delays:
        u = t - delay
        for k in range(net.change_steps.shape[0]):
            if u < net.change_steps[k] < found - delay:
                found = net.change_steps[k] + delay
        for k in range(net.noise_std.shape[0]):
            if net.noise_std[k] > 0.0:
                first, last = net.noise_window[k, 0], net.noise_window[k, 1]
                every = net.noise_every[k]
                u_next = first if u < first else first + ((u - first) // every + 1) * every
                if u_next < last:
                    found = min(found, u_next + delay)
    return found


@numba.njit(cache=True, error_model="numpy")
def set_currents(currents, net, t):
    """Set the current into every neuron (pA) as it is in step t, in a fixed order of summation."""
    for i in range(currents.shape[0]):
        currents[i] = 0
    total = 0.0
    n = net.target.shape[0]
    for c in range(n):
        device = net.device[c]
        u = t - net.delay[c]
        value = 0.0
        for k in range(net.change_range[device, 0], net.change_range[device, 1]):
            if net.change_steps[k] <= u:
                value = net.change_values[k]
        if net.noise_std[device] > 0.0 and net.noise_window[device, 0] <= u < net.noise_window[device, 1]:
            draw = (u - net.noise_window[device, 0]) // net.noise_every[device]
            value += net.noise_std[device] * standard_normal(net.lo[c], net.hi[c], draw, net.keys[device])
        total += net.weight[c] * value
        if c + 1 == n or net.target[c + 1] != net.target[c]:
            currents[net.target[c]] = total
            total = 0.0
