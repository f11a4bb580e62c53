"""Files of SONATA circuits: configs with their manifests, HDF5 tables of nodes and edges, tables of types."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from distsim.errors import InputError

NULL = ("NULL", "null", "None", "")


def numbers(table: pd.DataFrame, column: str, default: float) -> np.ndarray:
    if column not in table:
        return np.full(len(table), default)
    return table[column].to_numpy(dtype=np.float64)


def runs(ids: np.ndarray) -> list[list[int]]:
    """Return ascending ids as runs [start, stop]."""
    edges = [0, *(np.flatnonzero(np.diff(ids) != 1) + 1).tolist(), len(ids)]
    return [[int(ids[a]), int(ids[b - 1]) + 1] for a, b in pairwise(edges) if b > a]


def joined(group: h5py.Group, kind: str, types: pd.DataFrame) -> pd.DataFrame:
    """Return all nodes or edges of a population with their own attributes before those of their types."""
    type_ids = group[f"{kind}_type_id"][:]
    if f"{kind}_id" in group and not np.array_equal(group[f"{kind}_id"][:], np.arange(len(type_ids))):
        raise InputError(f"{group.file.filename}: {group.name}/{kind}_id", "expected ids in order, from 0")
    missing = sorted(set(type_ids.tolist()) - set(types.index.tolist()))
    if missing:
        raise InputError(f"{group.file.filename}: {group.name}", f"expected types for the ids {missing[:5]}")
    table = types.reindex(type_ids).reset_index(drop=True)
    table[f"{kind}_type_id"] = type_ids
    if f"{kind}_group_id" not in group:
        return table
    group_ids, places = group[f"{kind}_group_id"][:], group[f"{kind}_group_index"][:].astype(np.int64)
    for number in np.unique(group_ids):
        rows = np.flatnonzero(group_ids == number)
        for column, dataset in group.get(str(number), {}).items():
            if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1:
                continue
            values = dataset.asstr()[:] if h5py.check_string_dtype(dataset.dtype) else dataset[:]
            own = values[places[rows]]
            if len(rows) == len(table):
                table[column] = own
            else:
                old = table[column] if column in table else pd.Series(np.nan, index=table.index, dtype=object)
                merged = old.astype(object).to_numpy()
                merged[rows] = own
                table[column] = merged
    return table


def types_table(config: Path, path: Any, index: str, place: str) -> pd.DataFrame:
    """Return a table of types by id."""
    if not isinstance(path, str) or path in NULL:
        return pd.DataFrame(index=pd.Index([], name=index))
    table = readable(pd.read_csv, path, sep=r"\s+", quotechar='"', keep_default_na=False, na_values=[])
    if index not in table:
        raise InputError(f"{config}: {place}", f"expected a column {index} in {path}")
    return table.set_index(index)


def open_hdf5(path: Any, place: str) -> h5py.File:
    if not isinstance(path, str):
        raise InputError(place, "missing")
    return readable(h5py.File, path, "r")


def readable(reader: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a reader makes of a file; an InputError where it is not there or something else."""
    try:
        return reader(path, *args, **kwargs)
    except FileNotFoundError:
        raise InputError(str(path), "no such file") from None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(str(path), f"cannot be read: {' '.join(str(error).split())[:200]}") from None


def read_json(path: Path) -> dict[str, Any]:
    found = readable(lambda p: json.loads(Path(p).read_text(encoding="utf-8")), path)
    if not isinstance(found, dict):
        raise InputError(str(path), "expected a JSON object")
    return found


def read_config(path: Path) -> dict[str, Any]:
    """Return a config with the names of its manifest put in, paths relative to it."""
    data = read_json(path)
    names: dict[str, str] = {"${configdir}": str(path.resolve().parent), "$workingdir": "."}
    for key, value in data.pop("manifest", {}).items():
        name = key if key.startswith("$") else f"${key}"
        for other, text in names.items():
            value = value.replace(other, text)
        names[name] = value

    def put_in(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: put_in(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [put_in(v, key) for v in value]
        if not isinstance(value, str):
            return value
        for name in sorted(names, key=len, reverse=True):
            value = value.replace(name, names[name]).replace("${" + name[1:] + "}", names[name])
        is_path = key.endswith(("_file", "_dir")) or (key in ("network", "simulation") and value.endswith(".json"))
        return str(path.resolve().parent / value) if is_path and value not in NULL else value

    return {k: v if k == "distsim" else put_in(v, k) for k, v in data.items()}
