"""Spike log: an append-only file per rank, which loses nothing that was written when a run dies.

Little-endian pairs of uint32, (gid, step), in order of step; no header, so that any whole number of
records is a whole file.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

RECORD = np.dtype([("gid", "<u4"), ("step", "<u4")])


class SpikeLog:
    """Log of the spikes of one rank.

    Parameters
    ----------
    path : Path
        New file.
    """

    def __init__(self, path: Path):
        self.path = path
        self.n_records = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    def append(self, records: np.ndarray) -> None:
        """Append spikes: uint32 [n, 2] of (gid, step).

        Raises
        ------
        OSError
            Where the disk is full; the file then ends with the last whole record.
        """
        data = memoryview(np.ascontiguousarray(records, dtype="<u4").tobytes())
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            os.ftruncate(self._file, (self.n_records + written // RECORD.itemsize) * RECORD.itemsize)
            raise
        self.n_records += len(records)

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_log(path: Path) -> np.ndarray:
    """Return the records of a log, without reading them yet: RECORD [n]; a torn last record is left out."""
    n = path.stat().st_size // RECORD.itemsize
    if n == 0:
        return np.empty(0, dtype=RECORD)
    return np.memmap(path, dtype=RECORD, mode="r", shape=(n,))
