"""Ways of breaking the files of a SONATA circuit: HDF5, tables of types, JSON, and bytes."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.robustness import trees

Break = Callable[[random.Random, Path], str]
# A dataset of nodes or edges that the format asks for, by what it is.
ID_COLUMNS = ("node_type_id", "edge_type_id", "source_node_id", "target_node_id")
GROUP_COLUMNS = ("node_group_id", "node_group_index", "edge_group_id", "edge_group_index")


def hdf5_files(folder: Path, kind: str = "") -> list[Path]:
    """Return the circuit's HDF5 files that hold nodes, edges or spikes; all where no kind is given."""
    found = []
    for path in sorted(folder.rglob("*.h5")):
        with h5py.File(path) as file:
            if not kind or kind in file:
                found.append(path)
    return found


def datasets(path: Path) -> list[str]:
    """Return the names of all datasets of a file."""
    found: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, thing: found.append(name) if isinstance(thing, h5py.Dataset) else None)
    return sorted(found)


def chosen(rng: random.Random, folder: Path, columns: tuple[str, ...]) -> tuple[Path, str]:
    """Return a file and a dataset of it whose last name is among `columns`, () for attributes of groups."""
    found = []
    for path in hdf5_files(folder):
        for name in datasets(path):
            last, inside = name.split("/")[-1], name.split("/")[-2]
            if last in columns or (not columns and inside.isdigit()):
                found.append((path, name))
    return rng.choice(found)


def replace(path: Path, name: str, values: Any, **options: Any) -> None:
    """Put other values into the place of a dataset; its attributes stay."""
    with h5py.File(path, "r+") as file:
        kept = dict(file[name].attrs)
        del file[name]
        made = file.create_dataset(name, data=values, **options)
        for key, value in kept.items():
            made.attrs[key] = value


def read(path: Path, name: str) -> np.ndarray:
    """Return the values of a dataset."""
    with h5py.File(path) as file:
        values: np.ndarray = file[name][:]
        return values


def changed(columns: tuple[str, ...], change: Callable[[random.Random, np.ndarray], Any]) -> Break:
    """Return what changes the values of one of these datasets."""

    def broken(rng: random.Random, folder: Path) -> str:
        path, name = chosen(rng, folder, columns)
        replace(path, name, change(rng, read(path, name)))
        return f"{path.name}/{name}"

    return broken


def one(value: Any, dtype: Any = None) -> Callable[[random.Random, np.ndarray], np.ndarray]:
    """Return what puts a value at one place."""

    def change(rng: random.Random, values: np.ndarray) -> np.ndarray:
        values = values.astype(dtype or values.dtype)
        values[rng.randrange(len(values))] = value(values) if callable(value) else value
        return values

    return change


def without(columns: tuple[str, ...]) -> Break:
    """Return what removes one of these datasets."""

    def broken(rng: random.Random, folder: Path) -> str:
        path, name = chosen(rng, folder, columns)
        with h5py.File(path, "r+") as file:
            del file[name]
        return f"{path.name}/{name}"

    return broken


def in_file(kind: str, change: Callable[[h5py.File, str], None]) -> Break:
    """Return what changes an open file that holds nodes, edges or spikes; it gets the name of one population."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = rng.choice(hdf5_files(folder, kind))
        with h5py.File(path, "r+") as file:
            population = rng.choice(sorted(file[kind]))
            change(file, f"{kind}/{population}")
        return f"{path.name}/{kind}/{population}"

    return broken


def in_root(name: str, value: Any) -> Break:
    """Return what gives the root of an HDF5 file an attribute."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = rng.choice(hdf5_files(folder))
        with h5py.File(path, "r+") as file:
            file.attrs[name] = value
        return f"{path.name}: {name}"

    return broken


def linked(columns: tuple[str, ...], link: Callable[[], Any]) -> Break:
    """Return what puts a link that leads nowhere into the place of a dataset."""

    def broken(rng: random.Random, folder: Path) -> str:
        path, name = chosen(rng, folder, columns)
        with h5py.File(path, "r+") as file:
            del file[name]
            file[name] = link()
        return f"{path.name}/{name}"

    return broken


def overlapping(rng: random.Random, folder: Path) -> str:
    """Let two nodes, or two edges, have the same row of a group's attributes."""
    path, name = chosen(rng, folder, ("node_group_index", "edge_group_index"))
    values = read(path, name)
    groups = read(path, name.replace("index", "id"))
    same = np.flatnonzero(groups == groups[0])
    if len(same) < 2:
        path, name = next((p, n) for p in hdf5_files(folder, "nodes") for n in datasets(p) if n.endswith("group_index"))
        values, groups = read(path, name), read(path, name.replace("index", "id"))
        same = np.flatnonzero(groups == groups[0])
    values[same[1]] = values[same[0]]
    replace(path, name, values)
    return f"{path.name}/{name}"


def twice(kind: str) -> Break:
    """Return what names a file of nodes, or of edges, twice, so that a population is there twice."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = folder / "circuit_config.json"
        data = json.loads(path.read_text())
        entries = data["networks"][kind]
        entries.append(dict(rng.choice(entries)))
        path.write_text(json.dumps(data))
        return f"circuit_config.json: networks.{kind}"

    return broken


def text(name: str, old: str, new: str) -> Break:
    """Return what changes the text of a file."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = folder / name
        before = path.read_text()
        after = before.replace(old, new, 1)
        if after == before:
            raise ValueError(f"{old!r} is not in {name}")
        path.write_text(after)
        return name

    return broken


def onto_virtual(rng: random.Random, folder: Path) -> str:
    """Let edges end at another population, one of virtual nodes or one that is not there."""
    path = rng.choice(hdf5_files(folder, "edges"))
    with h5py.File(path, "r+") as file:
        name = rng.choice(sorted(file["edges"]))
        file[f"edges/{name}/target_node_id"].attrs["node_population"] = (
            "in" if (folder / "inputs.h5").exists() else "nobody"
        )
    return f"{path.name}: {name} ends at virtual nodes"


# ------------------------------------------------------------------ files as such


def any_file(rng: random.Random, folder: Path, suffixes: tuple[str, ...] = (".h5", ".csv", ".json")) -> Path:
    """Return a file of the circuit that is read."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix in suffixes]
    return rng.choice(files)


def as_file(suffixes: tuple[str, ...], change: Callable[[random.Random, Path], None]) -> Break:
    """Return what does something to a whole file."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = any_file(rng, folder, suffixes)
        change(rng, path)
        return str(path.relative_to(folder))

    return broken


def instead(data: bytes) -> Callable[[random.Random, Path], None]:
    """Return what writes other bytes into a file."""
    return lambda rng, path: path.write_bytes(data) and None


def remove(rng: random.Random, path: Path) -> None:
    """Remove a file."""
    path.unlink()


def as_folder(rng: random.Random, path: Path) -> None:
    """Put a folder into the place of a file."""
    path.unlink()
    path.mkdir()


def as_link(to: str) -> Callable[[random.Random, Path], None]:
    """Return what puts a symbolic link into the place of a file."""

    def change(rng: random.Random, path: Path) -> None:
        path.unlink()
        path.symlink_to(path.name if to == "itself" else to)

    return change


def as_pipe(rng: random.Random, path: Path) -> None:
    """Put a named pipe, at whose other end nobody is, into the place of a file."""
    path.unlink()
    os.mkfifo(path)


def cut(rng: random.Random, path: Path) -> None:
    """Cut a file somewhere; what is left is less than what is needed."""
    size = path.stat().st_size
    os.truncate(path, rng.randrange(1, size - 2) if path.suffix != ".h5" else rng.randrange(1, size // 2))


def flips(rng: random.Random, path: Path) -> None:
    """Change some bytes, in HDF5 those of the metadata at the beginning more often."""
    data = bytearray(path.read_bytes())
    first = min(len(data), 2048) if rng.random() < 0.5 else len(data)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        data[rng.randrange(first)] ^= rng.randrange(1, 256)
    path.write_bytes(data)


# ------------------------------------------------------------------ tables and JSON


def table(which: str, change: Callable[[random.Random, list[list[str]]], Any]) -> Break:
    """Return what changes the rows of a table of types, the first of which is its header."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = rng.choice(sorted((folder / "network").glob(f"{which}*.csv")))
        rows = [line.split() for line in path.read_text().splitlines()]
        rows = change(rng, rows) or rows
        path.write_text("\n".join(" ".join(row) for row in rows) + "\n")
        return path.name

    return broken


def cell(column: str, value: str) -> Callable[[random.Random, list[list[str]]], None]:
    """Return what puts a value into a column of a row; the column is added where it is not there."""

    def change(rng: random.Random, rows: list[list[str]]) -> None:
        if column not in rows[0]:
            rows[0].append(column)
            for row in rows[1:]:
                row.append("NULL")
        rng.choice(rows[1:])[rows[0].index(column)] = value

    return change


def in_json(name: str, change: Callable[[random.Random, Any], Any]) -> Break:
    """Return what changes a JSON file: in place, or to what the change returns."""

    def broken(rng: random.Random, folder: Path) -> str:
        path = rng.choice(sorted(folder.glob(name)))
        data = json.loads(path.read_text())
        found = change(rng, data)
        path.write_text(json.dumps(data if found is None else found))
        return str(path.relative_to(folder))

    return broken


def at(path: str, value: Any) -> Callable[[random.Random, Any], None]:
    """Return what puts a value at a path of a JSON file; ``*`` is any key."""

    def change(rng: random.Random, data: Any) -> None:
        keys = path.split(".")
        for key in keys[:-1]:
            data = data[int(key) if isinstance(data, list) else rng.choice(sorted(data)) if key == "*" else key]
        data[int(keys[-1]) if isinstance(data, list) else keys[-1]] = value

    return change


def gone(path: str) -> Callable[[random.Random, Any], None]:
    """Return what removes a key of a JSON file."""

    def change(rng: random.Random, data: Any) -> None:
        keys = path.split(".")
        for key in keys[:-1]:
            data = data[int(key) if isinstance(data, list) else rng.choice(sorted(data)) if key == "*" else key]
        data.pop(keys[-1])

    return change


def anywhere(rng: random.Random, data: Any) -> None:
    """Put something else at any path of a JSON file, or remove it."""
    path = rng.choice(list(trees.paths(data)))
    value = rng.choice([None, True, 0, -1, 1.5, 1e308, "", "x", "a\0b", [], {}, [[]], [None], {"a": 1}, 10**30, "../..", float("nan"),
                        "\ud800", "$BASE_DIR", "${x}", "/dev/zero", DROP])  # fmt: skip
    if value is DROP:
        trees.drop(data, path)
    else:
        trees.put(data, path, value)


DROP = object()
