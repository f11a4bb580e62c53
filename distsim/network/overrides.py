"""Overrides of single config keys from the command line, ``a.b.c=value``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from distsim.errors import InputError, shown, unknown
from distsim.network import yaml_file

SECTIONS = ("network", "simulation", "output", "checkpoint")
# Mappings that a file may leave out: an override may begin them, anything else must be there.
OPTIONAL_MAPPINGS = re.compile(
    r"(network|simulation|output|checkpoint|network\.(params|populations|devices)"
    r"|network\.populations\.[^.]+\.(params|init)|network\.devices\.[^.]+\.params)"
)


def apply_overrides(data: dict[str, Any], overrides: Iterable[str]) -> set[str]:
    """Change `data` in place as the overrides say, in their order.

    Parameters
    ----------
    data : dict
        The config as read from its file.
    overrides : iterable of str
        ``a.b.c=value``; an index picks from a list.

    Returns
    -------
    set of str
        Names that an override added to ``network.params``.

    Raises
    ------
    InputError
        For text that is no override, and for a path that leads nowhere, with the nearest known key.
    """
    fresh = set()
    for text in overrides:
        path, equals, value_text = text.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise InputError(f"--set {text}", "expected key=value, such as simulation.seed=7")
        known = _params(data)
        if keys[:2] == ["network", "params"] and len(keys) == 3 and keys[2] not in known:
            fresh.add(keys[2])
        _set(data, keys, yaml_file.load(value_text, f"--set {path}"))
    return fresh


def _params(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``network.params`` as far as there are such."""
    network = data.get("network")
    params = network.get("params") if isinstance(network, dict) else None
    return params if isinstance(params, dict) else {}


def check_new_params(data: dict[str, Any], names: set[str]) -> None:
    """Refuse a new ``network.params`` name that no expression uses: it would change nothing."""
    if not names:
        return
    used = {word for text in _expressions(data["network"]) for word in re.findall(r"[^\W\d]\w*", text)}
    for name in sorted(names - used):
        known = set(_params(data)) - names
        raise unknown(f"--set network.params.{name}", "parameter", name, known)


def _set(data: dict[str, Any], keys: list[str], value: Any) -> None:
    """Put `value` at the path `keys`, beginning optional mappings on the way."""
    place: list[str] = []
    node: Any = data
    for key in keys[:-1]:
        place.append(key)
        if isinstance(node, list):
            node = node[_index(node, key, place)]
        elif isinstance(node, dict):
            if node.get(key) is None:
                if not OPTIONAL_MAPPINGS.fullmatch(".".join(place)):
                    known = SECTIONS if node is data else node
                    raise unknown(f"--set {'.'.join(place)}", "key", key, known)
                node[key] = {}
            node = node[key]
    last = keys[-1]
    if isinstance(node, list):
        node[_index(node, last, keys)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        inside = ".".join(keys[:-1])
        raise InputError(f"--set {'.'.join(keys)}", f"'{inside}' is the value {shown(node)} and holds no keys")


def _index(node: list[Any], key: str, place: list[str]) -> int:
    """Return the index that `key` spells into the list `node`."""
    if not re.fullmatch("[0-9]{1,9}", key) or int(key) >= len(node):
        raise InputError(f"--set {'.'.join(place)}", f"expected an index from 0 to {len(node) - 1}, got '{key}'")
    return int(key)


def _expressions(node: Any) -> Iterable[str]:
    """Yield every ``=...`` text in the nested data."""
    if isinstance(node, str):
        if node.startswith("="):
            yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _expressions(value)
