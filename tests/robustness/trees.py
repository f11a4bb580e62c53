"""A config as a tree that can be broken: paths into it, changes at a path, and its text in YAML with whatever stands in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.robustness.hostile import Raw

Path = tuple[Any, ...]


class Pairs(list[tuple[Any, Any]]):
    """A mapping in which a key may come twice."""


def paths(node: Any, begin: Path = ()) -> Iterator[Path]:
    """Yield the paths of everything below a node."""
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in below:
        yield (*begin, key)
        yield from paths(value, (*begin, key))


def at(tree: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for key in path:
        tree = tree[key]
    return tree


def put(tree: Any, path: Path, value: Any) -> None:
    """Change what stands at a path, in place."""
    at(tree, path[:-1])[path[-1]] = value


def drop(tree: Any, path: Path) -> None:
    """Remove what stands at a path, in place."""
    del at(tree, path[:-1])[path[-1]]


def with_pairs(tree: Any, path: Path, pairs: Pairs) -> Any:
    """Return the tree with a mapping written out as pairs."""
    if not path:
        return pairs
    tree = copy.copy(tree)
    tree[path[0]] = with_pairs(tree[path[0]], path[1:], pairs)
    return tree


def dotted(path: Path) -> str:
    """Return a path as an override writes it."""
    return ".".join(map(str, path))


def text(tree: Any) -> str:
    """Return a tree as YAML, a line for each key of the first two levels."""
    if not isinstance(tree, dict | Pairs):
        return _flow(tree) + "\n"
    return "".join(f"{_key(k)}: {_flow(v)}\n" for k, v in _items(tree))


def _items(node: Any) -> list[tuple[Any, Any]]:
    return list(node.items()) if isinstance(node, dict) else list(node)


def _key(key: Any) -> str:
    if isinstance(key, Raw):
        return str(key)
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else str(key)


def _flow(node: Any) -> str:
    if isinstance(node, Raw):
        return str(node)
    if isinstance(node, dict | Pairs):
        return "{" + ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in _items(node)) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_flow, node)) + "]"
    return json.dumps(node, ensure_ascii=False)
