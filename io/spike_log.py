"""Spike log: an append-only file per rank and session, in order of step.

Little-endian pairs of uint32, (gid, step); no header, so that any whole number of records is a whole file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distsim.io.append_log import AppendLog, shorten

RECORD = np.dtype([("gid", "<u4"), ("step", "<u4")])


class SpikeLog(AppendLog):
    """Log of the spikes of one rank; `append` takes uint32 [n, 2] of (gid, step)."""

    def __init__(self, path: Path):
        super().__init__(path, RECORD.itemsize)

    def append(self, records: np.ndarray) -> None:
        """Append spikes: uint32 [n, 2] of (gid, step)."""
        super().append(records.astype("<u4", copy=False))


def read_log(path: Path) -> np.ndarray:
    """Return the records of a log, without reading them yet: RECORD [n]; a torn last record is left out."""
    n = path.stat().st_size // RECORD.itemsize
    if n == 0:
        return np.empty(0, dtype=RECORD)
    return np.memmap(path, dtype=RECORD, mode="r", shape=(n,))


def cut_spike_log(path: Path, last_step: int) -> None:
    """Leave out the spikes after `last_step`, which a resumed run will record again."""
    n = int(np.searchsorted(read_log(path)["step"], last_step, side="right"))
    shorten(path, n * RECORD.itemsize)
