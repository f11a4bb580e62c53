"""Append-only files: what a rank records reaches the operating system at once, and a killed run loses none of it.

A log keeps a running CRC-32C of what was appended, so that a checkpoint can say what every log has to begin with, and
nothing is read for that.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np

from distsim.errors import InputError
from distsim.io.whole_files import check_regular

# Seconds that a rank of a dying run is given to let go of its file.
PATIENCE = 5.0
# Bytes whose checksum is taken at a time: they stay in the second-level cache for the writing that follows.
PIECE = 1 << 18
# Bytes of a log that are read at a time.
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class Logged:
    """A log as it was at some moment.

    Attributes
    ----------
    name : str
        Of the file in the run folder.
    n_bytes : int
    crc32c : int
        Of these bytes.
    """

    name: str
    n_bytes: int
    crc32c: int

    def problem(self, folder: Path, exactly: bool = False) -> str | None:
        """Return what is wrong with the log in a folder now, None where it begins with these bytes.

        `exactly`: it also has to end with them. All of these bytes are read.
        """
        path = folder / self.name
        try:
            file = open_own(path, os.O_RDONLY)
        except FileNotFoundError:
            return f"expected the log of {self.n_bytes} bytes that was recorded, it is missing"
        with open(file, "rb") as log:
            size = os.fstat(log.fileno()).st_size
            if size < self.n_bytes or (exactly and size > self.n_bytes):
                return f"expected {self.n_bytes} bytes as they were recorded, found {size}"
            crc, left = 0, self.n_bytes
            while left and (block := log.read(min(left, BLOCK_BYTES))):
                crc = google_crc32c.extend(crc, block)
                left -= len(block)
        return None if crc == self.crc32c else f"expected the {self.n_bytes} bytes that were recorded, found others"


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
        # An object and no number: where the simulation is given up, it is closed with the simulation.
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb", buffering=0)
        lock(self._file.fileno())
        self._whole, self._crc32c, self._broken = 0, 0, False
        self._write(np.frombuffer(header, np.uint8))

    def append(self, records: np.ndarray) -> None:
        """Append whole records.

        Raises
        ------
        OSError
            Where the disk is full; the file then ends with the last whole record and takes no more.
        """
        if records.nbytes:
            self._write(np.ascontiguousarray(records).reshape(-1).view(np.uint8))

    def _write(self, data: np.ndarray) -> None:
        written = 0
        try:
            if self._broken:
                raise OSError(0, "an earlier write failed, records are missing")
            for begin in range(0, len(data), PIECE):
                piece = data[begin : begin + PIECE]
                self._crc32c = google_crc32c.extend(self._crc32c, piece)
                while written < begin + len(piece):
                    written += self._file.write(piece[written - begin :].data)
        except OSError as error:
            if not self._broken:
                os.ftruncate(self._file.fileno(), self._whole + written // self.record_bytes * self.record_bytes)
            self._broken = True
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._whole += len(data)

    def logged(self) -> Logged:
        """Return the log as it is now.

        Raises
        ------
        OSError
            Where a write failed before: what it has is not all that was recorded.
        """
        if self._broken:
            raise OSError(0, "an earlier write failed, records are missing", str(self.path))
        return Logged(self.path.name, self._whole, self._crc32c)

    def sync(self) -> None:
        """Return when everything appended is on the disk."""
        if not self._file.closed:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()


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


def open_own(path: Path, flags: int) -> int:
    """Open a file of a run folder, made where `flags` say so: a regular file that has no other name.

    Raises
    ------
    InputError
        For a symbolic link, a second name of another file (a hard link), and whatever is no regular file: a folder
        that came from elsewhere must not lead a run out of it.
    OSError
        Where it cannot be opened.
    """
    check_regular(path)
    # O_NONBLOCK: opening a pipe would wait for its other end.
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(file)
        kind = "a file that has another name too (a hard link)" if stat.S_ISREG(found.st_mode) else "a special file"
        raise InputError(str(path), f"expected a file that a run wrote, found {kind}")
    return file


def shorten(path: Path, n_bytes: int) -> None:
    """Cut a file that no process writes any more.

    Raises
    ------
    BlockingIOError
        Where a process still has it after some seconds.
    """
    with open(open_own(path, os.O_RDWR), "rb+") as file:
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
