"""Files and folders that are whole under their final name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def part_name(path: Path) -> Path:
    """Return the name under which a file is written until it is whole."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; synced and renamed at the end, removed where that fails."""
    part = part_name(path)
    remove(part)
    try:
        yield part
        sync(part)
        remove_folder = path.is_dir()
        if remove_folder:
            shutil.rmtree(path)
        os.replace(part, path)
        sync(path.parent)
    except BaseException:
        remove(part)
        raise


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
