"""Spike log: an append-only file per rank and session, in order of step.

Little-endian pairs of uint32, (gid, step); no header, so that any whole number of records is a whole file.
"""

from __future__ import annotations

import bisect
import mmap
from pathlib import Path

import numpy as np

from distsim.io.append_log import AppendLog

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


def place_of(log: np.ndarray, step: int, first: int = 0) -> int:
    """Return the first place, from `first` on, of a spike at or after a step, reading a handful of records.

    NumPy's searchsorted would copy all steps out of the records: a log may be larger than memory.
    """
    return bisect.bisect_left(log["step"], step, lo=first)


def let_go(*logs: np.ndarray) -> None:
    """Give back the memory of records that were read; they are read again where they are needed again."""
    for log in logs:
        mapped = getattr(log, "_mmap", None)
        if mapped is not None:
            mapped.madvise(mmap.MADV_DONTNEED)
