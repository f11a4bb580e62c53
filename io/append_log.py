"""Append-only files: what a rank records reaches the operating system at once, and a killed run loses none of it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import numpy as np

# Seconds that a rank of a dying run is given to let go of its file.
PATIENCE = 5.0


class AppendLog:
    """A new file of fixed-size records that one process appends to, locked as long as it lives.

    Parameters
    ----------
    path : Path
        New file.
    record_bytes : int
        Size of a record.
    header : bytes
        What stands before the first record.

    Raises
    ------
    OSError
        Where the file exists or cannot be made.
    """

    def __init__(self, path: Path, record_bytes: int, header: bytes = b""):
        self.path, self.record_bytes = path, record_bytes
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        lock(self._file)
        self._whole = 0
        self._write(header)

    def append(self, records: np.ndarray) -> None:
        """Append whole records.

        Raises
        ------
        OSError
            Where the disk is full; the file then ends with the last whole record.
        """
        if records.nbytes:
            self._write(memoryview(np.ascontiguousarray(records).data).cast("B"))

    def _write(self, data: bytes | memoryview) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            os.ftruncate(self._file, self._whole + written // self.record_bytes * self.record_bytes)
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._whole += len(data)

    def sync(self) -> None:
        """Return when everything appended is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def lock(file: int) -> None:
    """Lock an open file for this process, until it closes it or dies.

    Raises
    ------
    BlockingIOError
        Where another process has it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        # A file system without locks: runs into one folder are then told apart by its creation alone.
        return


def shorten(path: Path, n_bytes: int) -> None:
    """Cut a file that no process writes any more.

    Raises
    ------
    BlockingIOError
        Where a process still has it after some seconds.
    """
    with open(path, "rb+") as file:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                lock(file.fileno())
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        file.truncate(n_bytes)
        os.fsync(file.fileno())
