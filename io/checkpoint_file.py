"""Checkpoint files: HDF5 behind one line that says version, step, length, and the sha256 of that and all that follows.

The line stands in HDF5's user block, so that h5py and h5dump open the file as it is, and every byte of
it, HDF5's own included, is covered by the checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from distsim.errors import InputError
from distsim.io.append_log import Logged
from distsim.io.whole_files import check_regular, part_pattern, remove_file, whole

# 2: knows the logs of the run.
FORMAT = 2
MAGIC = b"distsim checkpoint"
OURS = re.compile(MAGIC)
LINE = re.compile(
    rb"(?P<start>" + MAGIC + rb" format=(?P<format>\d+) step=(?P<step>\d+) bytes=(?P<bytes>\d+))"
    rb" sha256=(?P<sha256>[0-9a-f]{64})\n"
)
USER_BLOCK = 512
BLOCK_BYTES = 1 << 22
# A checkpoint by its biological time (ms), and the one at the end of a run, which is there until the run is complete.
NAME = re.compile(r"t_(?P<time>\d+(\.\d+)?)(?P<end>\.end)?\.h5")
PART = part_pattern(NAME.pattern)


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

    def logs(self, logs: list[Logged]) -> None:
        """Keep what all logs of the run are like at this moment."""
        text = json.dumps([astuple(log) for log in logs])
        self._file.create_dataset("logs", data=np.frombuffer(text.encode(), np.uint8))

    def blocks(self, name: str, size: int, dtype: Any, blocks: Iterable[tuple[int, np.ndarray]]) -> None:
        """Keep an array of `size`, given as (first place, values)."""
        dataset = self._file.create_dataset(name, (size,), dtype)
        for first, values in blocks:
            dataset[first : first + values.shape[0]] = values


def checkpoint_name(milliseconds: float, end: bool = False) -> str:
    """Return the name of a checkpoint at a biological time (ms): ``t_1500.h5``, ``t_0.1.h5``; ``t_1500.end.h5``."""
    return f"t_{f'{milliseconds:.6f}'.rstrip('0').rstrip('.')}{'.end' if end else ''}.h5"


@contextmanager
def write_checkpoint(path: Path, step: int, replaces: re.Pattern[bytes] = OURS) -> Iterator[CheckpointWriter]:
    """Write a checkpoint: to a temporary name, with its checksum, synced, renamed.

    It may stand in the place of an earlier checkpoint, in a run's own folder also of one that is damaged (`ANYTHING`).

    Raises
    ------
    InputError
        Where something stands under the name that is no checkpoint.
    OSError
        Where the disk is full; nothing is left.
    """
    with whole(path, replaces) as part:
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
    found = [(match, path) for path in folder.glob("t_*.h5") if (match := NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found, key=lambda f: (float(f[0]["time"]), f[0]["end"] or ""), reverse=True)]


def newest(folder: Path) -> tuple[CheckpointInfo | None, list[str]]:
    """Return the newest whole checkpoint of a folder, and a line about each newer one that is not whole.

    Raises
    ------
    InputError
        Where one is a symbolic link, or of another format.
    """
    problems: list[str] = []
    paths = checkpoints(folder)
    for path in paths:
        check_regular(path)
    for path in paths:
        found = check(path)
        if isinstance(found, CheckpointInfo):
            return found, problems
        problems.append(f"{path} is left out: {found}")
    return None, problems


def prune(written: Path, keep: int) -> None:
    """Remove all checkpoints before one that was just written but the newest `keep`, and what was left half-written.

    Those that are newer are none that a run went on from, and do not count.
    """
    found = checkpoints(written.parent)
    until_now = found[found.index(written) :]
    ends = [path for path in until_now[1:] if path.name.endswith(".end.h5")]
    for path in [*ends, *[path for path in until_now if path not in ends][keep:]]:
        remove_file(path)
    remove_parts(written.parent)


def remove_ends(folder: Path) -> None:
    """Remove the checkpoints at the end of a run that is complete now."""
    for path in checkpoints(folder):
        if path.name.endswith(".end.h5"):
            remove_file(path)


def remove_parts(folder: Path) -> None:
    """Remove checkpoints that an earlier run left half-written."""
    for path in folder.glob(".t_*.part"):
        if PART.fullmatch(path.name):
            remove_file(path)


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

    def logs(self) -> list[Logged]:
        """Return what all logs of the run were like.

        Raises
        ------
        InputError
            Where the file does not say.
        """
        try:
            return [Logged(str(n), int(b), int(c)) for n, b, c in json.loads(self._file["logs"][:].tobytes())]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(self._file.filename, "expected a checkpoint that knows the logs of its run") from None

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
