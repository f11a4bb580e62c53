"""Files and folders that are whole under their final name; what distsim has not written is never replaced or removed.

Whatever is written goes to a new name beside its target first, made exclusively, so that no file or symbolic link that
is there already can be hit. A target may be replaced only where it is a regular file that begins as ours do.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distsim.errors import InputError

# What Zarr's local store writes into its folders, and nothing else.
ZARR_FILE = re.compile(r"(zarr\.json|\d+|(zarr|\d+)\.[0-9a-f]{32}\.partial)")
# How a file begins that may be replaced: anyhow, where its name is ours in a folder of our own; as HDF5 does.
ANYTHING = re.compile(b"")
HDF5 = re.compile(rb"\x89HDF\r\n\x1a\n")
HEAD_BYTES = 4096


def part_pattern(names: str) -> re.Pattern[str]:
    """Return what the names of files are like before they are whole, from a pattern of their final names."""
    return re.compile(rf"\.({names})(\.[0-9a-f]{{8}})?\.part")


def part_name(store: Path) -> Path:
    """Return the name of a Zarr store while all ranks write to it, in a run folder that one run holds."""
    return store.with_name(f".{store.name}.part")


def found_there(path: Path) -> str | None:
    """Return what stands under a name, in a word or two; None where nothing does. Links are not followed."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = ((stat.S_ISREG, "a file"), (stat.S_ISDIR, "a folder"), (stat.S_ISLNK, "a symbolic link"))
    return next((text for is_kind, text in kinds if is_kind(mode)), "a special file")


def check_target(path: Path, replaces: re.Pattern[bytes] | None) -> None:
    """Refuse a target that is there and is not a file of our own kind.

    Parameters
    ----------
    path : Path
    replaces : pattern or None
        What a file begins with that may be replaced; None where nothing may be there.

    Raises
    ------
    InputError
        For a folder, a symbolic link, a special file, and a file that begins otherwise.
    """
    there = found_there(path)
    if there is None:
        return
    if replaces is None or there != "a file":
        wanted = "nothing" if replaces is None else "nothing or an earlier file of this kind"
        raise InputError(str(path), f"expected {wanted} under this name, found {there}")
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        if not replaces.match(file.read(HEAD_BYTES)):
            raise InputError(str(path), "expected nothing or an earlier file of this kind under this name, "
                                        "found a file that is something else")  # fmt: skip


@contextmanager
def whole(path: Path, replaces: re.Pattern[bytes] | None = None, *, lasting: bool = True) -> Iterator[Path]:
    """Give a new, empty file beside a target to write to; synced and renamed at the end, removed where that fails.

    Parameters
    ----------
    path : Path
        The target.
    replaces : pattern or None
        What a file begins with that may be replaced: `ANYTHING` for names in a folder that is ours; None where
        nothing may be there.
    lasting : bool
        Whether to return only when it is on the disk.

    Raises
    ------
    InputError
        Where the target is there and is not a file of our own kind.
    OSError
        Where it cannot be written; nothing is left.
    """
    check_target(path, replaces)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield part
        if lasting:
            sync(part)
        check_target(path, replaces)
        os.replace(part, path)
        if lasting:
            sync(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a new, empty folder beside a target to write to; renamed at the end, removed where that fails.

    Raises
    ------
    InputError
        Where something stands under the final name.
    """
    check_target(path, None)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    os.mkdir(part)
    try:
        yield part
        for file in part.rglob("*"):
            sync(file)
        check_target(path, None)
        os.rename(part, path)
        sync(path.parent)
    except BaseException:
        # This very call has made it, so all that is in it is ours.
        shutil.rmtree(part)
        raise


def check_regular(path: Path, kind: str = "a file") -> None:
    """Refuse what is there and is not a file, or not a folder where `kind` says so; links are not followed."""
    there = found_there(path)
    if there not in (None, kind):
        raise InputError(str(path), f"expected {kind} that a run wrote, found {there}")


def remove_file(path: Path) -> None:
    """Remove a file of ours, if it is there; refuse anything else."""
    check_regular(path)
    path.unlink(missing_ok=True)


def remove_store(path: Path) -> None:
    """Remove a Zarr store of ours, if it is there.

    Raises
    ------
    InputError
        Where anything is in it that Zarr does not write; nothing is removed then.
    """
    check_regular(path, "a folder")
    if found_there(path) is None:
        return
    for place, folders, files in os.walk(path):
        for name in (*folders, *files):
            kind = found_there(Path(place) / name)
            if kind != ("a folder" if name in folders else "a file") or (
                name in files and not ZARR_FILE.fullmatch(name)
            ):
                raise InputError(str(Path(place) / name), "expected nothing but Zarr's files here, it is not removed")
    shutil.rmtree(path)


def remove_if_empty(*folders: Path) -> None:
    """Remove folders that are empty; leave all others."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def sync(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
