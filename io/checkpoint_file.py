"""Checkpoint files: HDF5 behind one line that says version, step, length, and the sha256 of that and all that follows.

The line stands in HDF5's user block, so that h5py and h5dump open the file as it is, and every byte of
it, HDF5's own included, is covered by the checksum.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from distsim.errors import InputError
from distsim.io.whole_files import remove, whole

FORMAT = 1
MAGIC = b"distsim checkpoint"
LINE = re.compile(
    rb"(?P<start>" + MAGIC + rb" format=(?P<format>\d+) step=(?P<step>\d+) bytes=(?P<bytes>\d+))"
    rb" sha256=(?P<sha256>[0-9a-f]{64})\n"
)
USER_BLOCK = 512
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class CheckpointInfo:
    """What the first line of a whole checkpoint says."""

    path: Path
    step: int


class CheckpointWriter:
    """A checkpoint being written; see `write_checkpoint`."""

    def __init__(self, file: h5py.File):
        self._file = file

    def attribute(self, name: str, value: Any) -> None:
        """Keep a small value."""
        self._file.attrs[name] = value

    def array(self, name: str, values: np.ndarray) -> None:
        """Keep an array."""
        self._file.create_dataset(name, data=values)

    def blocks(self, name: str, size: int, dtype: Any, blocks: Iterable[tuple[int, np.ndarray]]) -> None:
        """Keep an array of `size`, given as (first place, values)."""
        dataset = self._file.create_dataset(name, (size,), dtype)
        for first, values in blocks:
            dataset[first : first + values.shape[0]] = values


def checkpoint_name(milliseconds: float) -> str:
    """Return the name of a checkpoint at a biological time (ms): ``t_1500.h5``, ``t_0.1.h5``."""
    return f"t_{f'{milliseconds:.6f}'.rstrip('0').rstrip('.')}.h5"


@contextmanager
def write_checkpoint(path: Path, step: int) -> Iterator[CheckpointWriter]:
    """Write a checkpoint: to a temporary name, with its checksum, synced, renamed.

    Raises
    ------
    OSError
        Where the disk is full; nothing is left.
    """
    with whole(path) as part:
        with h5py.File(part, "w", userblock_size=USER_BLOCK) as file:
            yield CheckpointWriter(file)
        start = MAGIC + f" format={FORMAT} step={step} bytes={part.stat().st_size - USER_BLOCK}".encode()
        line = start + f" sha256={_digest(part, start)}\n".encode()
        with open(part, "rb+") as raw:
            raw.write(line.ljust(USER_BLOCK, b"\0"))
            raw.flush()
            os.fsync(raw.fileno())


def _digest(path: Path, start: bytes) -> str:
    """Return the sha256 of the line's start and of the bytes behind the user block."""
    digest = hashlib.sha256(start)
    with open(path, "rb") as file:
        file.seek(USER_BLOCK)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check(path: Path) -> CheckpointInfo | str:
    """Return what a checkpoint says of itself, or what is wrong with it.

    Raises
    ------
    InputError
        Where a later version of distsim wrote it.
    """
    try:
        with open(path, "rb") as file:
            match = LINE.fullmatch(file.read(USER_BLOCK).rstrip(b"\0"))
        if match is None:
            return "its first line is damaged"
        if int(match["format"]) != FORMAT:
            problem = f"expected a checkpoint of format {FORMAT}, got format {match['format'].decode()}"
            raise InputError(str(path), problem)
        size = path.stat().st_size - USER_BLOCK
        if size != int(match["bytes"]):
            return f"it has {size} bytes instead of {match['bytes'].decode()}"
        if _digest(path, match["start"]) != match["sha256"].decode():
            return "its checksum is wrong"
        return CheckpointInfo(path, int(match["step"]))
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, the newest first, by the biological time in their names."""

    def time(path: Path) -> float:
        try:
            return float(path.stem.removeprefix("t_"))
        except ValueError:
            return -1.0

    return sorted((p for p in folder.glob("t_*.h5") if time(p) >= 0), key=time, reverse=True)


def newest(folder: Path) -> tuple[CheckpointInfo | None, list[str]]:
    """Return the newest whole checkpoint of a folder, and a line about each newer one that is not whole."""
    problems: list[str] = []
    for path in checkpoints(folder):
        found = check(path)
        if isinstance(found, CheckpointInfo):
            return found, problems
        problems.append(f"{path} is left out: {found}")
    return None, problems


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, and what an earlier run left half-written."""
    for path in checkpoints(folder)[keep:]:
        path.unlink(missing_ok=True)
    for path in folder.glob(".t_*.part"):
        remove(path)


class CheckpointReader:
    """A checkpoint open for reading; `read` takes only the places that are asked for."""

    def __init__(self, path: Path):
        self._file = h5py.File(path, "r")

    def __enter__(self) -> CheckpointReader:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def attribute(self, name: str) -> Any:
        """Return a small value."""
        return self._file.attrs[name]

    def array(self, name: str) -> np.ndarray:
        """Return an array."""
        return self._file[name][:]

    def places(self, name: str, places: np.ndarray) -> np.ndarray:
        """Return the values at ascending places, block by block of the file."""
        dataset = self._file[name]
        found = np.empty(places.shape[0], dataset.dtype)
        done = 0
        while done < places.shape[0]:
            first = int(places[done])
            n = int(np.searchsorted(places[done:], first + BLOCK_BYTES))
            block = dataset[first : int(places[done + n - 1]) + 1]
            found[done : done + n] = block[places[done : done + n] - first]
            done += n
        return found
