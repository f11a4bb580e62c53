"""Lists of edges, checked: from a config, from Python, from CSV and .npz files."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from distsim.errors import InputError, unknown
from distsim.units import quantity, shown

COLUMNS = ("pre", "post", "weight", "delay")


def columns(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the columns of a list of edges as tuples of numbers, or the name of its file.

    Raises
    ------
    InputError
        For columns of different lengths, positions that are no whole numbers, delays of 0 or less.
    """
    if "file" in given:
        if set(given) != {"file"}:
            raise InputError(place, "expected either a file or lists, got both")
        if not isinstance(given["file"], str | Path):
            raise InputError(f"{place}.file", f"expected the name of a file, got {shown(given['file'])}")
        return {"file": str(given["file"])}
    found: dict[str, tuple[Any, ...]] = {}
    for name in COLUMNS:
        values = given.get(name)
        if values is None and name in ("weight", "delay"):
            continue
        here = f"{place}.{name}"
        if name not in given:
            raise InputError(here, "missing")
        if not isinstance(values, list | tuple | np.ndarray):
            raise InputError(here, f"expected a list, got {shown(values)}")
        unit = "ms" if name == "delay" else ""
        array = np.array([quantity(v, unit, f"{here}.{i}") for i, v in enumerate(values)])
        _check_column(name, array, here)
        found[name] = tuple(array.astype(np.int64).tolist() if name in ("pre", "post") else array.tolist())
        if len(found[name]) != len(found["pre"]):
            raise InputError(here, f"expected {len(found['pre'])} values as in pre, got {len(found[name])}")
    return found


def read(path: Path) -> dict[str, np.ndarray | None]:
    """Return the edges of a file: CSV with a header naming the columns, or .npz with arrays of these names.

    Returns
    -------
    dict
        ``pre`` and ``post`` int64 [n_edges], ``weight`` and ``delay`` float64 [n_edges] or None.

    Raises
    ------
    InputError
        Naming the file, for what cannot be read as edges.
    """
    try:
        stat = path.stat()
        return _read(path, (stat.st_mtime_ns, stat.st_size))
    except FileNotFoundError:
        raise InputError(str(path), "no such file") from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from None


@functools.lru_cache(maxsize=8)
def _read(path: Path, version: tuple[int, int]) -> dict[str, np.ndarray | None]:
    """Read a file once; `version` changes when the file does."""
    raw = _npz(path) if path.suffix == ".npz" else _csv(path)
    for name in raw:
        if name not in COLUMNS:
            raise unknown(str(path), "column", name, COLUMNS)
    found: dict[str, np.ndarray | None] = dict.fromkeys(COLUMNS)
    for name in COLUMNS:
        if name not in raw:
            if name in ("pre", "post"):
                raise InputError(str(path), f"expected a column '{name}'")
            continue
        values = raw[name]
        _check_column(name, values, f"{path}: {name}")
        found[name] = values.astype(np.int64 if name in ("pre", "post") else np.float64)
        if values.shape != raw["pre"].shape:
            raise InputError(f"{path}: {name}", f"expected {raw['pre'].size} values as in pre, got {values.size}")
    return found


def _csv(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            names = [name.strip() for name in file.readline().split(",")]
            rows = [line for line in file if line.strip()]
        table = np.loadtxt(rows, delimiter=",", ndmin=2) if rows else np.empty((0, len(names)))
    except UnicodeDecodeError:
        raise InputError(str(path), "expected CSV in UTF-8") from None
    except ValueError as error:
        raise InputError(str(path), f"expected numbers after the header: {' '.join(str(error).split())}") from None
    if table.shape[1] != len(names):
        raise InputError(str(path), f"expected {len(names)} columns as in the header, got {table.shape[1]}")
    return {name: table[:, i] for i, name in enumerate(names)}


def _npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: np.asarray(file[name]) for name in file.files}
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile):
        raise InputError(str(path), "expected an .npz file of plain arrays") from None
    for name, values in found.items():
        if values.ndim != 1 or values.dtype.kind not in "iuf":
            raise InputError(f"{path}: {name}", "expected a list of numbers")
    return found


def _check_column(name: str, values: np.ndarray, place: str) -> None:
    """Refuse numbers that this column cannot have."""
    if not np.isfinite(values).all():
        raise InputError(place, "expected finite numbers")
    if name in ("pre", "post"):
        wrong = values[(values < 0) | (values != np.floor(values)) | (values >= 2**53)]
        if wrong.size:
            raise InputError(place, f"expected whole numbers of 0 or more, got {wrong[0]:g}")
    if name == "delay" and (values <= 0.0).any():
        raise InputError(place, f"expected delays above 0 ms, got {values.min():g}")
