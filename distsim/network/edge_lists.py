"""Explicit edges: their columns, from lists or from a file."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from distsim.errors import InputError, plain_text, shown
from distsim.units import LARGEST, quantity


def read_columns(data: dict[str, Any], place: str) -> dict[str, np.ndarray | None]:
    """Return the columns pre, post (int64), weight (float64), delay (float64 ms), the last two or None.

    Parameters
    ----------
    data : dict
        Of ``pre``, ``post``, ``weight``, ``delay``, ``file``; one number in place of a weight or delay is that of all
        edges, also beside a file without such a column.
    place : str
        For messages.

    Raises
    ------
    InputError
        For a file that cannot be read, missing columns, columns of unequal length, what is no number.
    """
    columns = {k: v for k, v in data.items() if k != "file"}
    if "file" in data:
        listed = _read_edges(data["file"], place)
        if twice := [name for name in columns if name in listed or name in ("pre", "post")]:
            raise InputError(f"{place}.{twice[0]}", "expected it in the file alone, or here alone")
        columns |= listed
    found: dict[str, np.ndarray | None] = {}
    for name in ("pre", "post", "weight", "delay"):
        values = columns.get(name)
        if values is None and name in ("pre", "post"):
            raise InputError(place, f"expected a column '{name}'")
        if name in ("weight", "delay") and isinstance(values, int | float | str):
            one = quantity(values, "ms" if name == "delay" else "", f"{place}.{name}")
            values = np.full(len(columns["pre"]), one)
        found[name] = None if values is None else _column(values, f"{place}.{name}", name in ("pre", "post"))
    lengths = {name: len(a) for name, a in found.items() if a is not None}
    if len(set(lengths.values())) > 1:
        raise InputError(place, f"expected columns of equal length, got {lengths}")
    return found


def _column(values: Any, place: str, whole_numbers: bool) -> np.ndarray:
    """Return a column of an edge list as int64 or float64."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(place, "expected a list of numbers") from None
    if array.ndim != 1 or not (np.abs(array) <= LARGEST).all():
        raise InputError(place, "expected a list of finite numbers")
    if whole_numbers and (array != np.floor(array)).any():
        raise InputError(place, "expected whole numbers")
    if whole_numbers and array.size and (array.min() < 0 or array.max() > 2**53):
        raise InputError(place, f"expected whole numbers from 0 on, got {array.min():g} to {array.max():g}")
    return array.astype(np.int64) if whole_numbers else array


def _read_edges(path: Any, place: str) -> dict[str, Any]:
    """Return the columns of a CSV file with a header, or of a NumPy .npz file."""
    place = f"{place}.file"
    plain_text(path, place)
    try:
        if not Path(path).is_file():
            raise InputError(place, f"cannot read {shown(path)}: no such file")
        if Path(path).suffix == ".npz":
            return _npz_columns(path, place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which has no columns
            table: Any = np.genfromtxt(path, delimiter=",", names=True, dtype=np.float64, ndmin=1)
    except InputError:
        raise
    except Exception as error:
        # Whatever the readers of NumPy and zip meet: OSError, ValueError, BadZipFile, zlib.error, EOFError, ...
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(place, f"cannot read {shown(path)}: {why}") from None
    return {name: table[name] for name in table.dtype.names or ()}


def _npz_columns(path: str, place: str) -> dict[str, Any]:
    """Return the columns of a .npz file, none of which may claim to be larger than it is."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                if dtype.hasobject or math.prod(shape) * dtype.itemsize > entry.file_size:
                    raise InputError(place, f"expected {entry.filename} of numbers, as many as its header says")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name in ("pre", "post", "weight", "delay")}
