"""Tables of nodes and edges in the HDF5 files of SONATA; each dataset, index and reference is checked as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import h5py
import numpy as np
import pandas as pd
import psutil

from distsim.errors import InputError, plain_text, shown
from distsim.io.sonata_files import NULL, types_of

INTEGERS, NUMBERS, ALL = "iu", "iuf", "iufbSO"
# Attributes that mean something here: one value for each node or edge.
USED = (
    "model_type",
    "model_template",
    "dynamics_params",
    "syn_weight",
    "delay",
    "nsyns",
    "receptor",
    "weight_function",
)
AS_NUMBERS = ("syn_weight", "delay", "nsyns")
# Part of the machine's free memory that one dataset may take: a file may claim any size.
PART_OF_MEMORY = 8


def place_of(group: h5py.Group, name: str = "") -> str:
    """Return how messages call a group, or what is in it: the file and the path inside."""
    return f"{group.file.filename}: {group.name.rstrip('/')}{'/' if name else ''}{name}"


def subgroup(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group that has to be there."""
    found = _item(group, name)
    if found is None:
        raise InputError(place_of(group, name), "missing")
    if not isinstance(found, h5py.Group):
        raise InputError(place_of(group, name), "expected a group")
    return found


def populations(file: h5py.File, kind: str) -> Iterator[tuple[str, h5py.Group]]:
    """Yield name and group of the populations of ``/nodes`` or ``/edges``, one at least."""
    root = subgroup(file, kind)
    names = list(root)
    if not names:
        raise InputError(place_of(root), "expected a population")
    for name in names:
        plain_text(name, place_of(root))
        yield name, subgroup(root, name)


def _item(group: h5py.Group, name: str) -> Any:
    """Return what a name in a group is, None where there is no such; a link that leads nowhere is refused."""
    link = group.get(name, getlink=True)
    if link is None:
        return None
    try:
        return group[name]
    except (KeyError, OSError, RuntimeError):
        raise InputError(place_of(group, name), "expected data, got a link that leads nowhere") from None


def values(group: h5py.Group, name: str, kinds: str, length: int | None = None, where: str = "") -> np.ndarray:
    """Return a dataset of one dimension that has to be there, text as str.

    Parameters
    ----------
    group, name
        Where it stands.
    kinds : str
        Kinds of type that it may have, as NumPy has them.
    length : int, optional
        How long it has to be.
    where : str
        As long as what, for the message.
    """
    place, found = place_of(group, name), _item(group, name)
    if found is None:
        raise InputError(place, "missing")
    if not isinstance(found, h5py.Dataset):
        raise InputError(place, "expected a dataset, got a group")
    if found.ndim != 1:
        raise InputError(place, f"expected one dimension, got the shape {shown(found.shape)}")
    if length is not None and found.shape[0] != length:
        raise InputError(place, f"expected {length} values, as many as {where}, got {found.shape[0]}")
    is_text = h5py.check_string_dtype(found.dtype) is not None
    if not is_text and (found.dtype.kind not in kinds or found.dtype.kind == "O"):
        wanted = "whole numbers" if kinds == INTEGERS else "numbers"
        raise InputError(place, f"expected {wanted}, got the type {found.dtype}")
    if is_text and "S" not in kinds:
        raise InputError(place, "expected numbers, got text")
    if 8 * found.size > psutil.virtual_memory().available / PART_OF_MEMORY:
        raise InputError(place, f"expected data that fits in memory, got {found.size} values")
    try:
        return found.asstr()[:] if is_text else found[:]
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise InputError(place, f"cannot be read: {' '.join(str(error).split())[:120]}") from None


def indices(group: h5py.Group, name: str, bound: int, what: str, length: int | None = None, where: str = "") -> Any:
    """Return a dataset of whole numbers from 0 to below `bound` as int64."""
    found = values(group, name, INTEGERS, length, where)
    if len(found) and (found.min() < 0 or found.max() >= bound):
        wrong = found.min() if found.min() < 0 else found.max()
        raise InputError(place_of(group, name), f"expected {what} from 0 to {bound - 1}, got {wrong}")
    return found.astype(np.int64)


def joined(group: h5py.Group, kind: str, types: pd.DataFrame, types_file: str) -> pd.DataFrame:
    """Return all nodes or edges of a population with their own attributes before those of their types.

    Raises
    ------
    InputError
        For datasets that are missing or have another length, type or range than SONATA's, types that are not
        listed, nodes or edges that share a row of a group's attributes.
    """
    type_ids = indices(group, f"{kind}_type_id", 2**62, "types")
    n, first = len(type_ids), f"{kind}_type_id"
    if _item(group, f"{kind}_id") is not None:
        ids = values(group, f"{kind}_id", INTEGERS, n, first)
        if not np.array_equal(ids, np.arange(n)):
            raise InputError(place_of(group, f"{kind}_id"), "expected ids in order, from 0")
    listed = types_of(types, f"{kind}_type_id", group.name.rpartition("/")[2], types_file)
    missing = sorted(set(np.unique(type_ids).tolist()) - set(listed.index.tolist()))
    if missing:
        problem = f"expected types for the ids {missing[:5]} in {types_file}"
        raise InputError(place_of(group, f"{kind}_type_id"), problem)
    table = listed.reindex(type_ids).reset_index(drop=True)
    table[f"{kind}_type_id"] = type_ids
    group_ids = indices(group, f"{kind}_group_id", 2**32, "groups", n, first)
    places = indices(group, f"{kind}_group_index", 2**62, "rows", n, first)
    for number in np.unique(group_ids):
        rows = np.flatnonzero(group_ids == number)
        own = _attributes(group, kind, int(number), places[rows])
        for column, entries in own.items():
            if len(rows) == n:
                table[column] = entries
            else:
                old = table[column] if column in table else pd.Series(None, index=table.index, dtype=object)
                merged = old.astype(object).to_numpy(copy=True)
                merged[rows] = entries
                table[column] = merged
    return table


def _attributes(group: h5py.Group, kind: str, number: int, places: np.ndarray) -> dict[str, np.ndarray]:
    """Return the attributes of the rows of one group, in the order in which the population has them."""
    n, where = len(places), f"{kind}s of group {number}"
    own = subgroup(group, str(number))
    if places.max(initial=0) >= max(n, 1):
        problem = f"expected rows from 0 to {n - 1} of the {where}, got {places.max()}"
        raise InputError(place_of(group, f"{kind}_group_index"), problem)
    counts = np.bincount(places, minlength=n)
    if (counts > 1).any():
        problem = f"expected a row for each of the {where}, row {int(counts.argmax())} belongs to several"
        raise InputError(place_of(group, f"{kind}_group_index"), problem)
    library = subgroup(own, "@library") if _item(own, "@library") is not None else {}
    found = {}
    for column in own:
        if column == "@library":
            continue
        item = _item(own, column)
        if isinstance(item, h5py.Group):
            if len(item):
                problem = "expected none: parameters of single nodes and edges are not simulated"
                raise InputError(place_of(own, column), problem)
            continue
        if not isinstance(item, h5py.Dataset) or item.ndim == 0 or item.shape[0] != n:
            raise InputError(place_of(own, column), f"expected {n} values, as many as {where}")
        if item.ndim > 1 and column not in USED:
            continue
        # A table of types is text throughout; a dataset has a type of its own, and numbers in quotes are none.
        entries = values(own, column, NUMBERS if column in AS_NUMBERS else ALL)
        if column in library:
            names = values(library, column, ALL)
            if entries.dtype.kind not in INTEGERS or entries.min(initial=0) < 0 or entries.max(initial=0) >= len(names):
                raise InputError(place_of(own, column), f"expected places in a library of {len(names)} names")
            entries = names[entries]
        found[column] = entries[places]
    return found


def numbers(table: pd.DataFrame, column: str, default: float, place: str, above: float = -np.inf) -> np.ndarray:
    """Return a column as finite numbers, the default where there is none or NULL."""
    if column not in table:
        return np.full(len(table), default)
    given = table[column]
    if given.dtype == bool:
        raise InputError(f"{place}: {column}", "expected numbers, got truth values")
    if given.dtype == object:
        given = given.where(~(given.isin(NULL) | given.map(lambda v: v is None)), default)
    try:
        found = given.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        wrong = next(v for v in given if isinstance(v, str) or not np.isscalar(v))
        raise InputError(f"{place}: {column}", f"expected numbers, got {shown(wrong)}") from None
    wrong = ~(np.abs(found) <= 1e100) | ~(found > above)
    if wrong.any():
        bound = f" above {above:g}" if np.isfinite(above) else ""
        raise InputError(f"{place}: {column}", f"expected finite numbers{bound}, got {found[wrong][0]:g}")
    return found


def only(rows: pd.DataFrame, column: str, place: str) -> Any:
    """Return what a column has in all rows of a type, None where it is not there; rows that differ are refused."""
    if column not in rows:
        return None
    first = rows[column].iloc[0]
    if (rows[column].astype(str) != str(first)).any():
        raise InputError(f"{place}: {column}", "expected one for all of a type: parameters are those of types")
    return None if isinstance(first, float) and np.isnan(first) else first


def runs(ids: np.ndarray) -> list[list[int]]:
    """Return ascending ids as runs [start, stop]."""
    edges = [0, *(np.flatnonzero(np.diff(ids) != 1) + 1).tolist(), len(ids)]
    return [[int(ids[a]), int(ids[b - 1]) + 1] for a, b in pairwise(edges) if b > a]


def check_index(group: h5py.Group, sizes: dict[str, int], n_edges: int) -> None:
    """Check the optional index of edges by node: pairs [start, stop) of ranges, and of edges."""
    if _item(group, "indices") is None:
        return
    root = subgroup(group, "indices")
    for direction in root:
        part = subgroup(root, direction)
        size = sizes.get(direction.partition("_")[0])
        if size is None:
            raise InputError(place_of(root, direction), "expected source_to_target or target_to_source")
        ranges = next((name for name in ("range_to_edge_id", "range_id_edge_id") if name in part), "range_to_edge_id")
        edges = _pairs(part, ranges, n_edges)
        nodes = _pairs(part, "node_id_to_ranges", edges)
        if nodes > size:
            raise InputError(place_of(part, "node_id_to_ranges"), f"expected at most {size} nodes, got {nodes}")


def _pairs(group: h5py.Group, name: str, bound: int) -> int:
    """Return the number of pairs [start, stop) in a dataset, which have to lie in 0 to `bound`; -1 means none."""
    found = _item(group, name)
    place = place_of(group, name)
    if (
        not isinstance(found, h5py.Dataset)
        or found.ndim != 2
        or found.shape[1] != 2
        or found.dtype.kind not in INTEGERS
    ):
        raise InputError(place, "expected pairs of whole numbers")
    pairs = found[:]
    pairs = pairs[pairs[:, 0] >= 0].astype(np.int64)
    if len(pairs) and ((pairs[:, 1] < pairs[:, 0]).any() or pairs[:, 1].max() > bound):
        raise InputError(place, f"expected pairs [start, stop) from 0 to {bound}")
    return int(found.shape[0])
