"""Names and paths that users write: a name in a config never becomes a path outside the output folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distsim.errors import InputError, plain_text, shown

# Bytes of UTF-8. Two populations and some words make the name of a file, which has 255 at most.
LONGEST = 100


def check_name(name: Any, place: str) -> str:
    """Return a name that is the name of a file or folder in any folder, and of a group in HDF5.

    Raises
    ------
    InputError
        For no text, an empty one, ``.`` and ``..``, a slash, what cannot be printed, and more than 100 bytes.
    """
    plain_text(name, place)
    problem = None
    if not name or name in (".", ".."):
        problem = "a name"
    elif "/" in name:
        problem = "a name without '/'"
    elif not name.isprintable():
        problem = "a name of characters that can be printed"
    elif len(name.encode()) > LONGEST:
        problem = f"a name of at most {LONGEST} bytes"
    if problem is not None:
        raise InputError(place, f"expected {problem}, got {shown(name)}")
    return name


def check_path(path: str | Path, place: str) -> Path:
    """Return a path that is there and can be written down; an InputError for an empty one, NUL, control characters."""
    plain_text(str(path), place)
    if not str(path):
        raise InputError(place, "expected a path, got nothing")
    return Path(path)
