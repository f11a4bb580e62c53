"""Files of SONATA circuits, checked as they are read: JSON configs with their manifests, tables of types, HDF5.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from distsim.errors import InputError, plain_text, shown, unknown
from distsim.io.sonata_spikes import MAGIC, VERSION
from distsim.units import LARGEST

NULL = ("NULL", "null", "None", "")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def readable(reader: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a reader makes of a file; an InputError where it is not there or something else."""
    if isinstance(path, str | Path):
        plain_text(str(path), "file")
        # A pipe would be waited for, a device read for ever.
        if Path(path).exists() and not Path(path).is_file():
            raise InputError(str(path), "expected a file")
    try:
        return reader(path, *args, **kwargs)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(str(path), "no such file") from None
    except (OSError, ValueError, LookupError, RuntimeError, RecursionError, csv.Error) as error:
        raise InputError(str(path), f"cannot be read: {' '.join(str(error).split())[:200]}") from None


# ------------------------------------------------------------------ JSON


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, in which no key stands twice and numbers are numbers."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            key = next(k for i, (k, _) in enumerate(pairs) if k in dict(pairs[:i]))
            raise InputError(str(path), f"key {shown(key)} appears twice")
        return found

    def constant(name: str) -> float:
        raise InputError(str(path), f"expected numbers, got {name}")

    def read(p: Path) -> Any:
        return json.loads(Path(p).read_text("utf-8"), object_pairs_hook=once, parse_constant=constant)

    return mapping(readable(read, path), str(path))


def mapping(value: Any, place: str) -> dict[str, Any]:
    """Return a value that has to be an object of JSON."""
    if not isinstance(value, dict):
        raise InputError(place, f"expected a JSON object, got {shown(value)}")
    for key in value:
        plain_text(key, place)
    return value


def sequence(value: Any, place: str) -> list[Any]:
    """Return a value that has to be a list of JSON."""
    if not isinstance(value, list):
        raise InputError(place, f"expected a list, got {shown(value)}")
    return value


def text(value: Any, place: str) -> str:
    """Return a value that has to be text."""
    if value is None:
        raise InputError(place, "missing")
    plain_text(value, place)
    return str(value)


def number(value: Any, place: str, at_least: float = -math.inf) -> float:
    """Return a value that has to be a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise InputError(place, f"expected a number, got {shown(value)}")
    if value < at_least:
        raise InputError(place, f"expected a number of at least {at_least:g}, got {value:g}")
    return float(value)


def read_config(path: Path) -> dict[str, Any]:
    """Return a config with the names of its manifest put in, paths relative to it.

    Raises
    ------
    InputError
        For names that the manifest does not define, or defines by themselves.
    """
    data = dict(read_json(path))
    manifest = {"configdir": str(path.resolve().parent), "workingdir": "."}
    for key, value in mapping(data.pop("manifest", {}), f"{path}: manifest").items():
        manifest[key.removeprefix("$").strip("{}")] = text(value, f"{path}: manifest.{key}")

    def replaced(value: str, place: str, inside: tuple[str, ...] = ()) -> str:
        def variable(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name in inside:
                raise InputError(place, f"expected a manifest without circles, '${name}' is defined by itself")
            if name not in manifest:
                raise unknown(place, "manifest variable", f"${name}", [f"${known}" for known in manifest])
            return replaced(manifest[name], f"{path}: manifest.${name}", (*inside, name))

        found = _VARIABLE.sub(variable, value)
        if len(found) > 10_000:
            raise InputError(place, "expected a path, got one of over 10,000 characters")
        return found

    for name in manifest:
        replaced(f"${name}", f"{path}: manifest.${name}")

    def put_in(value: Any, key: str, place: str) -> Any:
        if isinstance(value, dict):
            return {k: put_in(v, k, f"{place}.{k}") for k, v in value.items()}
        if isinstance(value, list):
            return [put_in(v, key, f"{place}.{i}") for i, v in enumerate(value)]
        if not isinstance(value, str):
            return value
        plain_text(value, place)
        value = replaced(value, place)
        is_path = key.endswith(("_file", "_dir")) or (key in ("network", "simulation") and value.endswith(".json"))
        return str(path.resolve().parent / value) if is_path and value not in NULL else value

    try:
        return {k: v if k == "distsim" else put_in(v, k, f"{path}: {k}") for k, v in data.items()}
    except RecursionError:
        raise InputError(str(path), "nested too deeply") from None


def inside(folder: Path, name: str, place: str) -> Path:
    """Return a file that a circuit names in a folder of its components; what leads out of it is refused."""
    found = folder / text(name, place)
    try:
        within = found.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        raise InputError(place, f"{shown(name)} is a link that leads to itself") from None
    if not within:
        raise InputError(place, f"expected a file in {folder}, got {shown(name)}")
    return found


# ------------------------------------------------------------------ tables of types


def types_table(path: Any, index: str, place: str) -> pd.DataFrame:
    """Return a table of types: a row each, in columns of numbers or text, `index` among them.

    Raises
    ------
    InputError
        For rows of another length than the header, columns that appear twice, ids that are no whole numbers.
    """
    if path is None or path in NULL:
        return pd.DataFrame({index: []}, dtype=np.int64)
    rows = readable(_rows, text(path, place))
    if not rows:
        raise InputError(str(path), f"expected a column {index}")
    header, *lines = rows
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{path}: {name}", "expected each column once")
    if index not in header:
        raise InputError(str(path), f"expected a column {index}, got {shown(header)}")
    for i, line in enumerate(lines):
        if len(line) != len(header):
            raise InputError(f"{path}, row {i + 1}", f"expected {len(header)} values, got {len(line)}")
    table = pd.DataFrame(lines, columns=header, dtype=object)
    for name in header:
        table[name] = _typed(table[name])
    ids = table[index]
    if len(ids) and (ids.dtype.kind != "i" or ids.min() < 0):
        raise InputError(f"{path}: {index}", "expected whole numbers from 0 on")
    table[index] = ids.astype(np.int64)
    return table


def _rows(path: str) -> list[list[str]]:
    """Return the rows of a table in which one or several spaces part the columns."""
    lines = (line.strip().replace("\t", " ") for line in Path(path).read_text("utf-8").splitlines())
    found = csv.reader((line for line in lines if line), delimiter=" ", skipinitialspace=True, strict=True)
    return list(found)


def _typed(column: pd.Series) -> pd.Series:
    """Return a column of text as whole numbers or numbers where it is such."""
    for kind in (np.int64, np.float64):
        try:
            return column.astype(kind)
        except (ValueError, TypeError, OverflowError):
            continue
    return column


def types_of(types: pd.DataFrame, index: str, population: str, place: str) -> pd.DataFrame:
    """Return the types of a population by id; a column ``population`` says whose a type is.

    Raises
    ------
    InputError
        Where an id appears twice.
    """
    if "population" in types:
        of = types["population"].astype(str)
        types = types[of.isin([population, *NULL])]
    repeated = types[index][types[index].duplicated()]
    if len(repeated):
        raise InputError(f"{place}: {index}", f"expected each id once, got {int(repeated.iloc[0])} twice")
    return types.set_index(index)


# ------------------------------------------------------------------ HDF5


def open_hdf5(path: Any, place: str) -> h5py.File:
    """Return an open file; what it says of its format has to be SONATA's."""
    file = readable(h5py.File, text(path, place), "r")
    try:
        readable(_check_format, file)
    except BaseException:
        file.close()
        raise
    return file


def _check_format(file: h5py.File) -> None:
    """Raise InputError where the file's attributes name another format; older files have none."""
    magic, version = file.attrs.get("magic"), file.attrs.get("version")
    if magic is not None and (np.size(magic) != 1 or np.ravel(magic)[0] != MAGIC):
        raise InputError(f"{file.filename}: magic", f"expected {MAGIC} (0x0A7A), got {shown(np.ravel(magic).tolist())}")
    if version is None:
        return
    parts = np.ravel(version)
    if len(parts) != 2 or parts.dtype.kind not in "iu" or parts[0] != VERSION[0]:
        raise InputError(f"{file.filename}: version", f"expected two numbers 0 and x, got {shown(parts.tolist())}")
