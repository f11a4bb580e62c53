"""What a simulation recorded so far, of all ranks: from memory, from the logs of a run that goes, from its files.

Each rank reads what it recorded itself, rank 0 what earlier sessions left; all of it then goes to every rank in pieces
of bounded size. So nothing depends on how soon one machine sees the files of another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from distsim.communication import Communicator, SerialCommunicator
from distsim.errors import InputError, unknown
from distsim.io.reports import LFP, LFP_DELAY_MS, Frames, LoggedFrames, Report, read_state_log
from distsim.io.run import Run
from distsim.io.sonata_spikes import timestamps
from distsim.io.spike_log import let_go, place_of, read_log
from distsim.simulation.memory import check_fits
from distsim.simulation.recording import Recording
from distsim.units import quantity

# Bytes that each rank needs for a spike while all ranks' are put together: 8 of its key, sorted, and 16 of its time
# and neuron, with as much again for copies on the way (measured: 37 of one rank).
BYTES_PER_SPIKE = 40
# Of all ranks' parts of one message; spikes that are read at a time.
MESSAGE_BYTES = 1 << 27
WINDOW = 1 << 22
# Range of all gids.
EVERYTHING = (0, 2**32)
ADVICE = "ask for less with start= and stop="

Spikes = tuple[np.ndarray, np.ndarray]


def spikes(
    recording: Recording, population: str | None, start: float | None, stop: float | None, local: bool, complete: bool
) -> Spikes:
    """Return what `Simulation.spikes` says. Collective, but for `local`.

    Parameters
    ----------
    recording : Recording
    population, start, stop, local
        As in `Simulation.spikes`.
    complete : bool
        Whether there is a run folder that is complete: its files are read then, no logs.
    """
    populations, dt = recording.network.populations, recording.engine.dt
    if population is not None and population not in populations:
        raise unknown("spikes", "population", population, populations)
    if not recording.records_spikes:
        raise InputError("spikes", "expected recorded spikes, such as of net.record('spikes', ...)")
    window = _steps(start, stop, dt)
    chosen = EVERYTHING
    if population is not None:
        chosen = (populations[population].first_gid, populations[population].first_gid + populations[population].size)
    ranks: Communicator = SerialCommunicator() if local else recording.ranks
    own = recording.engine.local.gids if local else None
    if complete and recording.folder is not None:
        run = Run(recording.folder.path) if ranks.rank == 0 else None
        n = 0 if run is None else run.n_spikes(population, start, stop)
        _check(n, ranks)
        mine = np.empty(0, np.uint64) if run is None else _keys_of_run(run, start, stop, dt)
        mine = _of(mine, chosen, own)
    else:
        parts = _parts(recording, window, with_earlier=ranks.rank == 0)
        everything = chosen == EVERYTHING and own is None
        _check(sum(len(p) if everything else _count(p, chosen, own) for p in parts), ranks)
        mine = np.concatenate([np.empty(0, np.uint64), *(_of(keys, chosen, own) for keys in _pieces(parts))])
    keys = everywhere(ranks, mine)
    del mine
    keys.sort()
    times = timestamps(keys >> np.uint64(32), dt)
    return times, (keys & np.uint64(0xFFFFFFFF)).astype(np.int64) - (0 if population is None else chosen[0])


def _check(n_mine: int, ranks: Communicator) -> None:
    n = sum(ranks.allgather(n_mine))
    check_fits(n * BYTES_PER_SPIKE, ranks, "spikes", f"{n:,} spikes", ADVICE)


def _count(part: np.ndarray, chosen: tuple[int, int], own: np.ndarray | None) -> int:
    return sum(_of(keys, chosen, own).shape[0] for keys in _pieces([part]))


def _steps(start: float | None, stop: float | None, dt: float) -> tuple[int, int]:
    """Return the first step with start <= t, and the first with stop <= t, as `Run.spikes` chooses by times."""

    def first(time: float | None, name: str, otherwise: int) -> int:
        if time is None:
            return otherwise
        if isinstance(time, float) and math.isinf(time):
            return 2**32 if time > 0.0 else 0
        time = quantity(time, "ms", name)
        step = max(int(min(time / dt, 2.0**32)) - 2, 0)
        while step < 2**32 and round(step * dt, 9) < time - 1e-9:
            step += 1
        return step

    return first(start, "start", 0), first(stop, "stop", 2**32)


def _parts(recording: Recording, window: tuple[int, int], with_earlier: bool) -> list[np.ndarray]:
    """Return this rank's records of a window of steps, RECORD [n] each, those of earlier sessions too where asked."""
    folder = recording.folder
    if folder is None:
        logs = recording.kept_spikes()
    else:
        logs = [read_log(folder.spike_log())]
        if with_earlier:
            logs += [read_log(path) for path in folder.spike_logs(folder.kept)]
    return [log[place_of(log, window[0]) : place_of(log, window[1])] for log in logs]


def _pieces(parts: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the records as keys, uint64 (step << 32 | gid), some millions at a time."""
    for part in parts:
        for first in range(0, len(part), WINDOW):
            records = part[first : first + WINDOW]
            yield (records["step"].astype(np.uint64) << np.uint64(32)) | records["gid"]
            let_go(part)


def _of(keys: np.ndarray, chosen: tuple[int, int], own: np.ndarray | None) -> np.ndarray:
    """Return the keys of gids in the range `chosen`, and among a rank's own where these are given."""
    if chosen == EVERYTHING and own is None:
        return keys
    gids = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    wanted = (gids >= chosen[0]) & (gids < chosen[1])
    if own is not None:
        places = np.searchsorted(own, gids)
        wanted &= (places < own.shape[0]) & (own[np.minimum(places, own.shape[0] - 1)] == gids if own.size else False)
    return keys[wanted]


def _keys_of_run(run: Run, start: float | None, stop: float | None, dt: float) -> np.ndarray:
    """Return the spikes of a complete run's files as keys."""
    times, gids = run.spikes(None, start, stop)
    return (np.rint(times / dt).astype(np.uint64) << np.uint64(32)) | gids.astype(np.uint64)


def everywhere(ranks: Communicator, mine: np.ndarray) -> np.ndarray:
    """Return all ranks' numbers, rank after rank, on every rank, in messages of bounded size. Collective."""
    counts = ranks.allgather(len(mine))
    if len(counts) == 1:
        return mine
    found = np.empty(sum(counts), mine.dtype)
    places = np.cumsum([0, *counts[:-1]])
    share = max(1, MESSAGE_BYTES // mine.itemsize // ranks.n_ranks)
    for begin in range(0, max(counts), share):
        for place, piece in zip(places, ranks.allgather(mine[begin : begin + share]), strict=True):
            found[place + begin : place + begin + len(piece)] = piece
    return found


def states(
    recording: Recording, name: str, start: float | None, stop: float | None, complete: bool
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return what `Simulation.states` says. Collective."""
    names = [report.name for report in recording.engine.reports]
    if name not in names:
        raise unknown("states", "report", name, names)
    report = recording.engine.reports[names.index(name)]
    logs, ranks = [] if complete else _logged(recording, names.index(name)), recording.ranks
    # Frame f is of step (f + 1) every.
    first, last = (-(-step // report.every_steps) - 1 for step in _steps(start, stop, report.dt))
    begin = 0 if complete else min(ranks.allgather(min((log.first_frame for log in logs), default=2**62)))
    first, last = max(first, begin), min(last, recording.engine.step // report.every_steps)
    n = max(last - first, 0)
    n_bytes = n * (8.0 + 8.0 * report.width) + 2.0 * min(MESSAGE_BYTES, 8.0 * n * report.width)
    check_fits(n_bytes, ranks, "states", f"{n:,} samples of {report.width:,} values", ADVICE)
    if complete and recording.folder is not None:
        run = Run(recording.folder.path) if ranks.rank == 0 else None
        return {o.population: _of_run(run, ranks, name, o.population, start, stop) for o in report.outputs()}
    values = np.empty((n, report.width), np.float32)
    block = max(1, MESSAGE_BYTES // (8 * max(_columns(report), 1)))
    for at in range(first, last, block):
        upto = min(at + block, last)
        values[at - first : upto - first] = _read(report, logs, ranks, at, upto, begin)
    times = np.round((np.arange(first, first + n) + 1) * (report.every_steps * report.dt), 9)
    return {o.population: (times, o.node_ids, values[:, o.places]) for o in report.outputs()}


def _read(
    report: Report, logs: list[LoggedFrames], ranks: Communicator, first: int, last: int, begin: int
) -> np.ndarray:
    """Return frames first to last (exclusive) of all ranks' logs, which begin with frame `begin`. Collective."""
    # The proxy of the field potential needs earlier frames as well.
    late = min(round(LFP_DELAY_MS / report.every_ms), first - begin) if report.kind == LFP else 0
    mine = [part for log in logs if (part := _cut(log, first - late, last)) is not None]
    everyone = [part for of_rank in ranks.allgather(mine) for part in of_rank]
    # An empty log tells where the frames begin.
    everyone.append(LoggedFrames(first - late, np.empty(0, np.int64), np.empty((0, 0))))
    return Frames(report, everyone, last * report.every_steps).read(late, last - first + late)


def _of_run(
    run: Run | None, ranks: Communicator, name: str, population: str, start: float | None, stop: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a report of a population from a complete run's files, which rank 0 reads, on every rank. Collective."""
    empty: tuple[np.ndarray, ...] = (np.empty(0), np.empty(0, np.int64), np.empty((0, 0), np.float32))
    found = empty if run is None else run.states(name, population, start, stop)
    times, ids, values = (everywhere(ranks, np.ascontiguousarray(part).reshape(-1)) for part in found)
    return times, ids, values.reshape(times.shape[0], ids.shape[0])


def _columns(report: Report) -> int:
    return 2 * len(report.columns) if report.kind == LFP else report.width


def _logged(recording: Recording, k: int) -> list[LoggedFrames]:
    """Return this rank's frames of report k, those of earlier sessions too on rank 0."""
    report, folder = recording.engine.reports[k], recording.folder
    if folder is None:
        return [recording.kept_frames(k)]
    found = [read_state_log(folder.state_log(report))]
    if recording.ranks.rank == 0:
        found += [read_state_log(path) for path in folder.state_logs(folder.kept, report)]
    return [log for log in found if log is not None]


def _cut(log: LoggedFrames, first: int, last: int) -> LoggedFrames | None:
    """Return frames first to last (exclusive) of a log, in memory; None where it has none of them."""
    a, b = max(first, log.first_frame), min(last, log.first_frame + log.values.shape[0])
    if a >= b or not log.columns.shape[0]:
        return None
    return LoggedFrames(a, log.columns, np.array(log.values[a - log.first_frame : b - log.first_frame]))
