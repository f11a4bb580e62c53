"""What a run writes into its folder, by name; a folder that came from elsewhere must not lead a run out of it.

``config.sha256`` says what the config was like when the run wrote it: with one that somebody has changed since, a run
that goes on would join spikes of two networks, or end elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.io.append_log import lock, open_own
from distsim.io.checkpoint_file import remove_ends
from distsim.io.run import read_summary
from distsim.io.whole_files import (
    ANYTHING,
    check_regular,
    found_there,
    part_pattern,
    remove_file,
    remove_if_empty,
    whole,
)
from distsim.notices import warn

LOCK = ".lock"
CONFIG, CONFIG_DIGEST = "config.yaml", "config.sha256"
SUMMARY, PROGRESS = "summary.json", "progress.json"
LOG = re.compile(r"(spikes|states\.(?P<report>[^/\0]+))\.(?P<session>\d{1,9})\.(?P<rank>\d{1,9})\.log")
# Files and stores before they are whole.
PARTS = part_pattern(
    r"config\.yaml|config\.sha256|summary\.json|progress\.json|spikes\.h5|states(_.+)?\.h5|(spikes|states)\.zarr"
)


def check_own(folder: Path) -> None:
    """Refuse a run folder in which something that a run wrote is a link, or is no file.

    Raises
    ------
    InputError
        With the name of what it is.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in ("checkpoints", "job"):
                check_regular(Path(entry.path), "a folder")
            elif entry.name in (LOCK, CONFIG, CONFIG_DIGEST, SUMMARY, PROGRESS) or LOG.fullmatch(entry.name):
                check_regular(Path(entry.path))


def logs(folder: Path) -> list[Path]:
    """Return whatever is called as a log in a run folder."""
    return sorted(path for path in folder.glob("*.log") if LOG.fullmatch(path.name))


def session_of(log: str) -> int:
    """Return the session that wrote a log, by its name; an InputError for a name that no log has."""
    match = LOG.fullmatch(log)
    if match is None:
        raise InputError("logs of the checkpoint", f"expected names such as spikes.0.0.log, found {log[:80]!r}")
    return int(match["session"])


def left_by_a_start(folder: Path) -> set[str]:
    """Return the names of what is in a folder of a run that ended before its first step.

    Its lock is there, its config as it wrote it, and logs without a record: nothing that somebody would miss.
    """
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    left = {name for name in found if name in (LOCK, CONFIG_DIGEST) or PARTS.fullmatch(name)}
    if {LOCK, CONFIG, CONFIG_DIGEST} <= found and _digest(folder) in _digests(folder):
        left |= {CONFIG} | {path.name for path in logs(folder) if _has_no_record(path)}
    return left


def _has_no_record(log: Path) -> bool:
    """Return whether there is nothing in a log of spikes, or nothing after the line that begins one of states."""
    check_regular(log)
    with open(log, "rb") as file:
        if log.name.startswith("states."):
            file.readline()
        return not file.read(1)


def summary_to_resume(folder: Path) -> dict[str, Any] | None:
    """Return the summary of a folder whose run is complete, None where one can go on; refuse links in it.

    What a run has not come to remove that died after its summary is removed now.
    """
    check_own(folder)
    summary = read_summary(folder)
    if summary is not None and found_there(folder / LOCK):
        with open(open_own(folder / LOCK, os.O_RDWR), "rb+") as held, contextlib.suppress(BlockingIOError):
            lock(held.fileno())
            clear(folder)
    return summary


def clear(folder: Path) -> None:
    """Remove what a run that is complete needs no more; the lock at last."""
    for path in logs(folder):
        remove_file(path)
    remove_ends(folder / "checkpoints")
    remove_if_empty(folder / "checkpoints")
    for name in (CONFIG_DIGEST, PROGRESS, LOCK):
        remove_file(folder / name)


@contextmanager
def told_of(folder: Path, config: str) -> Iterator[None]:
    """Keep the digest of a config that is written inside; that of the one that is there is among those kept, always."""
    new = hashlib.sha256(config.encode()).hexdigest()
    before = _digest(folder) if found_there(folder / CONFIG) else new
    _write_digests(folder, dict.fromkeys([before, new]))
    yield
    if before != new:
        _write_digests(folder, [new])


def _write_digests(folder: Path, digests: Iterable[str]) -> None:
    """Write which digests the config may have, as ``sha256sum -c`` reads them."""
    with whole(folder / CONFIG_DIGEST, ANYTHING) as part:
        part.write_text("".join(f"{digest}  {CONFIG}\n" for digest in digests), encoding="utf-8")


def check_config(folder: Path) -> None:
    """Refuse a config that somebody has changed since the run wrote it; warn where that cannot be told.

    Raises
    ------
    InputError
        For a config with another digest.
    """
    path = folder / CONFIG_DIGEST
    if found_there(path) is None:
        warn(str(folder), f"{CONFIG_DIGEST} is missing: whether {CONFIG} is as the run wrote it cannot be told")
        return
    if _digest(folder) not in _digests(folder):
        problem = f"expected it as the run wrote it, by {CONFIG_DIGEST}; what changes is said with --set"
        raise InputError(str(folder / CONFIG), problem)


def _digests(folder: Path) -> list[str]:
    lines = (folder / CONFIG_DIGEST).read_text(encoding="utf-8", errors="replace").splitlines()
    return [words[0] for line in lines if (words := line.split())]


def _digest(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(str(folder / CONFIG), f"cannot be read: {error.strerror or error}") from None
