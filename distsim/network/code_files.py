"""Files of Python that a config would run: ``model: path/to/mine.py:name`` is code, run when the config is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from distsim import registry
from distsim.errors import LONGEST_LINE, InputError, one_line

# Keys under which a file may be named.
KEYS = ("model", "synapse")


def code_files(data: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield place and ``file.py:name`` of everything in plain data of a config that would run a file's code."""
    if isinstance(data, dict):
        for key, value in data.items():
            where = f"{place}.{key}" if place else str(key)
            if key in KEYS and isinstance(value, str) and ".py:" in value:
                yield where, value
            yield from code_files(value, where)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            if isinstance(value, dict):
                yield from code_files(value, f"{place}.{i}")


def stop_before_code(data: Any) -> None:
    """With ``--no-code``, print a line for each file that a config would run, and refuse the config if there is one.

    Raises
    ------
    InputError
        With the place of the first one.
    """
    if not registry.code_refused():
        return
    named = list(code_files(data))
    files: dict[str, list[str]] = {}
    for place, name in named:
        files.setdefault(name.rpartition(":")[0], []).append(place)
    for path, places in files.items():
        print(one_line(f"would run {path}: {', '.join(places)}", LONGEST_LINE))
    for place, name in named:
        raise InputError(place, f"expected a shipped model with --no-code, got {name}: its file was not run")
