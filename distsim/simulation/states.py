"""Recording of states: what is sampled, and the compiled sampling inside the loop.

Sums over many neurons are sums of integers: exact in any order, hence the same on any number of ranks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from distsim.io.reports import LFP, PLAIN, Column, Report
from distsim.network import Network
from distsim.network.checks import to_steps
from distsim.registry import models

# Weights of the LFP proxy: Mazzoni et al. (2015) doi:10.1371/journal.pcbi.1004584, "reference weighted sum".
LFP_CURRENTS = ("I_syn_ex", "I_syn_in")
# Largest size of a state variable in its unit that a sum has room for, as a power of two.
LARGEST_BITS = 20
SUM_BITS = 62
# About what a rank's frames take between two readings.
BUFFER_BYTES = 1 << 26


class Probes(NamedTuple):
    """What this rank samples, as arrays; a report has parts, a part is a variable of a run of neurons.

    Attributes
    ----------
    every : np.ndarray
        int64 [n_reports], steps between samples.
    parts : np.ndarray
        int64 [n_reports, 2], range of its parts.
    summed : np.ndarray
        uint8 [n_reports], whether parts are summed.
    width : np.ndarray
        int64 [n_reports], values in a frame of this rank.
    variable, first, last : np.ndarray
        int64 [n_parts], row of the state; local neurons.
    offset : np.ndarray
        float64 [n_parts], what is added to the internal value.
    per_unit : np.ndarray
        float64 [n_parts], integer steps in one unit of a summed variable.
    n_frames : np.ndarray
        int64 [n_reports], frames in the buffers.
    begin : np.ndarray
        int64 [n_reports], where a report's frames begin in its buffer.
    values : np.ndarray
        float32, frames of single neurons.
    sums : np.ndarray
        int64, frames of sums.
    """

    every: np.ndarray
    parts: np.ndarray
    summed: np.ndarray
    width: np.ndarray
    variable: np.ndarray
    first: np.ndarray
    last: np.ndarray
    offset: np.ndarray
    per_unit: np.ndarray
    n_frames: np.ndarray
    begin: np.ndarray
    values: np.ndarray
    sums: np.ndarray


@numba.njit(error_model="numpy")
def sample(probes, state, t):
    """Append a frame to every report that is due at step t; return whether any was."""
    any_due = False
    for k in range(probes.every.shape[0]):
        if t % probes.every[k] != 0:
            continue
        any_due = True
        at = probes.begin[k] + probes.n_frames[k] * probes.width[k]
        for part in range(probes.parts[k, 0], probes.parts[k, 1]):
            values = state[probes.variable[part], probes.first[part] : probes.last[part]]
            offset = probes.offset[part]
            if probes.summed[k]:
                per_unit = probes.per_unit[part]
                total = np.int64(0)
                for i in range(values.shape[0]):
                    total += np.int64(np.rint((np.float64(values[i]) + offset) * per_unit))
                probes.sums[at] = total
                at += 1
            else:
                out = probes.values[at : at + values.shape[0]]
                for i in range(values.shape[0]):
                    out[i] = np.float32(np.float64(values[i]) + offset)
                at += values.shape[0]
        probes.n_frames[k] += 1
    return any_due


def reports(network: Network, dt: float) -> list[Report]:
    """Return what a resolved network records besides spikes, recorders of one quantity and interval together."""
    grouped: dict[tuple[str, int, str], list[Any]] = {}
    for recorder in network.recorders:
        if recorder.record != "spikes":
            kind = LFP if recorder.record == "lfp" else recorder.reduce or PLAIN
            key = (recorder.record, to_steps(recorder.every, dt), kind)
            grouped.setdefault(key, []).extend(recorder.source.slices)
    names = [variable if kind in (PLAIN, LFP) else f"{variable}_{kind}" for variable, _, kind in grouped]
    found = []
    for (variable, every, kind), slices in grouped.items():
        name = variable if kind in (PLAIN, LFP) else f"{variable}_{kind}"
        if names.count(name) > 1:
            name = f"{name}_every_{every * dt:g}ms"
        columns = [
            _column(network, p, start, stop)
            for p in network.populations
            for start, stop in _joined([(s.start, s.stop) for s in slices if s.name == p])
        ]
        unit = "pA" if kind == LFP else _unit(network, columns[0].population, variable)
        n_largest = max(c.stop - c.start for c in columns)
        bits = SUM_BITS - LARGEST_BITS - int(np.ceil(np.log2(max(n_largest, 2))))
        found.append(Report(name, variable, unit, kind, every, dt, tuple(columns), 2.0**-bits))
    return found


def _column(network: Network, name: str, start: int, stop: int) -> Column:
    nodes = network.populations[name].nodes
    if nodes is None:
        return Column(name, start, stop)
    ids = np.concatenate([np.arange(*run) for run in nodes["ids"]])[start:stop]
    return Column(name, start, stop, nodes["population"], tuple(ids.tolist()))


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ascending ranges that do not overlap."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def _unit(network: Network, population: str, variable: str) -> str:
    return models.get(network.populations[population].model).declaration.state[variable].unit


def chunk_steps(found: list[Report], n_ranks: int, at_most: int) -> int:
    """Return how many steps may pass between two readings of the buffers, the same on all ranks: bounded memory."""
    per_step = sum((4 if r.kind == PLAIN else 8) * r.width / r.every_steps for r in found) / n_ranks
    return max(1, min(at_most, int(BUFFER_BYTES / per_step))) if per_step else at_most


def probes(network: Network, found: list[Report], gids: np.ndarray, n_steps: int) -> tuple[Probes, list[np.ndarray]]:
    """Return the probes of this rank with room for n_steps steps, and the columns of each report that it owns.

    Parameters
    ----------
    network : Network
        Resolved.
    found : list of Report
    gids : np.ndarray
        int64 [n_local], ascending.
    n_steps : int
        Most steps between two readings of the buffers.

    Returns
    -------
    Probes
    list of np.ndarray
        int64 [n_columns] per report, in the order of the frames.
    """
    parts: list[tuple[int, int, int, float, float]] = []
    part_range, widths, owned, n_values, n_sums = [], [], [], 0, 0
    begin = []
    for report in found:
        start, column, mine = len(parts), 0, []
        for c in report.columns:
            population = network.populations[c.population]
            model = models.get(population.model)
            lo, hi = np.searchsorted(gids, [population.first_gid + c.start, population.first_gid + c.stop])
            for variable in LFP_CURRENTS if report.kind == LFP else (report.variable,):
                k = list(model.declaration.state).index(variable)
                offset = model.offsets(population.params).get(variable, 0.0)
                parts.append((k, int(lo), int(hi), offset, 1.0 / report.quantum))
                if report.kind != PLAIN:
                    mine.append(np.array([column]))
                    column += 1
            if report.kind == PLAIN:
                mine.append(column + gids[lo:hi] - population.first_gid - c.start)
                column += c.stop - c.start
        part_range.append((start, len(parts)))
        owned.append(np.concatenate(mine).astype(np.int64))
        widths.append(owned[-1].shape[0])
        room = widths[-1] * (n_steps // report.every_steps + 1)
        begin.append(n_values if report.kind == PLAIN else n_sums)
        n_values, n_sums = (n_values + room, n_sums) if report.kind == PLAIN else (n_values, n_sums + room)
    columns: list[Any] = list(zip(*parts, strict=True)) if parts else [()] * 5
    n = len(found)
    return Probes(
        every=np.array([r.every_steps for r in found], np.int64),
        parts=np.array(part_range, np.int64).reshape(n, 2),
        summed=np.array([r.kind != PLAIN for r in found], np.uint8),
        width=np.array(widths, np.int64),
        variable=np.array(columns[0], np.int64),
        first=np.array(columns[1], np.int64),
        last=np.array(columns[2], np.int64),
        offset=np.array(columns[3], np.float64),
        per_unit=np.array(columns[4], np.float64),
        n_frames=np.zeros(n, np.int64),
        begin=np.array(begin, np.int64),
        values=np.empty(n_values, np.float32),
        sums=np.empty(n_sums, np.int64),
    ), owned


def frames(probe: Probes, k: int) -> np.ndarray:
    """Return the frames of report k since the buffers were last emptied: [n_frames, width]."""
    buffer = probe.sums if probe.summed[k] else probe.values
    n, width = int(probe.n_frames[k]), int(probe.width[k])
    return buffer[probe.begin[k] : probe.begin[k] + n * width].reshape(n, width)
