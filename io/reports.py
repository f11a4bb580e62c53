"""Reports: what is recorded of states, the logs that ranks keep of it, and all ranks' frames put together.

A log begins with one line of JSON that says which columns of the report the rank has, from which frame
on; frames of fixed size follow. So a log tells what it holds whatever partition the run had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from distsim.errors import InputError, shown
from distsim.io.append_log import AppendLog
from distsim.io.spike_log import let_go

PLAIN, MEAN, LFP = "plain", "mean", "lfp"
# The LFP proxy: excitatory currents arrive 6 ms late, inhibitory ones weigh 1.65
# (Mazzoni et al. 2015, doi:10.1371/journal.pcbi.1004584).
LFP_DELAY_MS, LFP_INHIBITION = 6.0, 1.65
FORMAT = "distsim states 1"
# Bytes of the first line of a log, at most.
LONGEST_HEADER = 1 << 26
# Bytes of a block of frames that is in memory at a time.
BLOCK_BYTES = 1 << 26


@dataclass(frozen=True)
class Column:
    """Neurons start to stop (exclusive) of a population; the nodes they are, where these are others."""

    population: str
    start: int
    stop: int
    node_population: str = ""
    node_ids: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Name of the population of nodes."""
        return self.node_population or self.population


@dataclass(frozen=True)
class Report:
    """One quantity, recorded of some neurons at one interval.

    Attributes
    ----------
    name : str
        Of the file or group.
    variable, unit : str
    kind : {"plain", "mean", "lfp"}
    every_steps : int
    dt : float
        Step (ms).
    columns : tuple of Column
    quantum : float
        One integer step of a sum, in the unit.
    """

    name: str
    variable: str
    unit: str
    kind: str
    every_steps: int
    dt: float
    columns: tuple[Column, ...]
    quantum: float

    @property
    def every_ms(self) -> float:
        """Time between frames (ms)."""
        return round(self.every_steps * self.dt, 9)

    @property
    def width(self) -> int:
        """Values of a frame, all ranks together."""
        if self.kind == LFP:
            return 1
        return len(self.columns) if self.kind == MEAN else sum(c.stop - c.start for c in self.columns)

    def outputs(self) -> list[Output]:
        """Return where the values of a frame go, a population of nodes each.

        The mean over the k-th part of a population has node id k; the LFP has node id 0 of a population ``lfp``.
        """
        if self.kind == LFP:
            return [Output("lfp", np.zeros(1, np.int64), np.zeros(1, np.int64))]
        edges = np.cumsum([0, *(1 if self.kind == MEAN else c.stop - c.start for c in self.columns)])
        found = []
        for name in dict.fromkeys(c.name for c in self.columns):
            mine = [i for i, c in enumerate(self.columns) if c.name == name]
            places = np.concatenate([np.arange(edges[i], edges[i + 1]) for i in mine])
            if self.kind == MEAN:
                ids = np.arange(len(mine))
            else:
                ids = np.concatenate([_node_ids(self.columns[i]) for i in mine])
            order = np.argsort(ids, kind="stable")
            found.append(Output(name, ids[order], places[order]))
        return found


@dataclass(frozen=True)
class Output:
    """A population of nodes in a report: int64 ids, ascending, and their places in a frame."""

    population: str
    node_ids: np.ndarray
    places: np.ndarray


def _node_ids(column: Column) -> np.ndarray:
    return np.array(column.node_ids, np.int64) if column.node_ids else np.arange(column.start, column.stop)


class StateLog(AppendLog):
    """Log of one report on one rank.

    Parameters
    ----------
    path : Path
        New file.
    columns : np.ndarray
        int64, columns of the report's frames, ranks together, that this rank has, in its order.
    dtype : str
        ``"<f4"`` values or ``"<i8"`` partial sums.
    first_frame : int
        Number of the first frame that will be appended; frame f is of step (f + 1) every.
    """

    def __init__(self, path: Path, columns: np.ndarray, dtype: str, first_frame: int):
        header = {"format": FORMAT, "dtype": dtype, "first_frame": first_frame, "columns": _runs(columns)}
        super().__init__(path, max(1, len(columns) * np.dtype(dtype).itemsize), json.dumps(header).encode() + b"\n")


def _runs(columns: np.ndarray) -> list[list[int]]:
    """Return columns as runs [start, stop)."""
    ends = np.flatnonzero(np.diff(columns) != 1) + 1
    edges = [0, *ends.tolist(), len(columns)]
    return [[int(columns[a]), int(columns[b - 1]) + 1] for a, b in pairwise(edges) if b > a]


@dataclass(frozen=True)
class LoggedFrames:
    """Frames of one log: [n_frames, n_columns] as they lie on the disk, and the columns they are."""

    first_frame: int
    columns: np.ndarray
    values: np.ndarray


def read_state_log(path: Path) -> LoggedFrames | None:
    """Return the frames of a log, without reading them yet; None where it ends inside its header.

    Raises
    ------
    InputError
        Where it was written in another format, or its header is none.
    """
    with open(path, "rb") as file:
        line = file.readline(LONGEST_HEADER)
    if not line.endswith(b"\n") and len(line) < LONGEST_HEADER:
        return None
    first_frame, runs, dtype = _header(line, path)
    size = sum(b - a for a, b in runs) * dtype.itemsize
    n = (path.stat().st_size - len(line)) // size if size else 0
    # Columns that no frame has are not listed: a header may claim any number.
    columns = np.concatenate([np.empty(0, np.int64), *(np.arange(a, b) for a, b in (runs if n else ()))])
    columns = columns.astype(np.int64)
    values = (
        np.memmap(path, dtype=dtype, mode="r", offset=len(line), shape=(n, columns.shape[0]))
        if n
        else np.empty((0, columns.shape[0]), dtype)
    )
    return LoggedFrames(first_frame, columns, values)


def _header(line: bytes, path: Path) -> tuple[int, list[list[int]], np.dtype]:
    """Return the number of the first frame, the runs of columns and the type that a log's first line tells."""
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else line[:60]
        raise InputError(str(path), f"expected a first line of '{FORMAT}', got {shown(found)}")
    first, runs, dtype = header.get("first_frame"), header.get("columns"), header.get("dtype")
    whole = isinstance(runs, list) and all(
        isinstance(run, list) and len(run) == 2 and all(type(i) is int for i in run) and 0 <= run[0] < run[1] <= 2**40
        for run in runs
    )
    if type(first) is not int or not 0 <= first < 2**40 or not whole or dtype not in ("<f4", "<i8"):
        raise InputError(str(path), "expected a first line with first_frame, columns and dtype of a log of states")
    return first, list(runs or ()), np.dtype(dtype)


class Frames:
    """All ranks' and sessions' frames of a report, put together block by block.

    Parameters
    ----------
    report : Report
    logs : list of LoggedFrames
    n_steps : int
        Steps that were simulated; the first frame is the first that is logged.
    """

    def __init__(self, report: Report, logs: list[LoggedFrames], n_steps: int):
        self.report, self._logs = report, logs
        self._first = min((log.first_frame for log in logs), default=0)
        self.n_frames = max(n_steps // report.every_steps - self._first, 0)

    @classmethod
    def of_files(cls, report: Report, paths: list[Path], n_steps: int) -> Frames:
        """Return the frames of a report's logs."""
        logs = []
        width = 2 * len(report.columns) if report.kind == LFP else report.width
        for path in paths:
            log = read_state_log(path)
            if log is not None and log.columns.size and log.columns.max() >= width:
                raise InputError(str(path), f"expected columns below {width}, got {log.columns.max()}")
            logs += [] if log is None else [log]
        return cls(report, logs, n_steps)

    @property
    def block_frames(self) -> int:
        """Frames that are in memory at a time, at most."""
        return max(1, BLOCK_BYTES // (8 * max(self.report.width, 1)))

    def times(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """Return the times (ms) of frames first to last (exclusive)."""
        frames = self._first + np.arange(first, self.n_frames if last is None else last)
        return np.round((frames + 1) * (self.report.every_steps * self.report.dt), 9)

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (first frame, float32 [n, width]) in order of time."""
        for first in range(0, self.n_frames, self.block_frames):
            yield first, self.read(first, min(first + self.block_frames, self.n_frames))

    def read(self, first: int, last: int) -> np.ndarray:
        """Return frames first to last (exclusive): float32 [n, width]."""
        report = self.report
        if report.kind == PLAIN:
            return self._put_together(first, last, report.width, np.float32)
        if report.kind == MEAN:
            sizes = np.array([c.stop - c.start for c in report.columns])
            sums = self._put_together(first, last, report.width, np.int64)
            return (sums * (report.quantum / sizes)).astype(np.float32)
        # The LFP proxy: columns are the sums of excitatory and inhibitory currents of every part.
        late = round(LFP_DELAY_MS / report.every_ms)
        sums = self._put_together(max(first - late, 0), last, 2 * len(report.columns), np.int64) * report.quantum
        excitatory, inhibitory = sums[:, 0::2].sum(axis=1), sums[:, 1::2].sum(axis=1)
        n = last - first
        before = np.zeros(max(late - first, 0))
        arrived = np.concatenate([before, excitatory])[:n]
        return (arrived - LFP_INHIBITION * inhibitory[-n:])[:, None].astype(np.float32)

    def _put_together(self, first: int, last: int, width: int, dtype: type) -> np.ndarray:
        """Return frames of all logs: values in their columns, partial sums added up (integers: in any order)."""
        found: np.ndarray = np.zeros((last - first, width), dtype)
        for log in self._logs:
            begin = log.first_frame - self._first
            a, b = max(first, begin), min(last, begin + log.values.shape[0])
            if a < b and log.columns.shape[0]:
                part = log.values[a - begin : b - begin]
                if dtype is np.int64:
                    found[a - first : b - first, log.columns] += part
                else:
                    found[a - first : b - first, log.columns] = part
                let_go(log.values)
        return found
