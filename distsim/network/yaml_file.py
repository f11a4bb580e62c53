"""YAML as config files use it: the scalars of YAML 1.2, and no key twice.

PyYAML follows YAML 1.1, which reads ``1e3`` as text, ``on`` as a truth value, ``010`` as eight and
``1:30`` as ninety. Nobody means that in a config, so only YAML 1.2's core scalars are recognized.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from distsim.errors import InputError

_SCALARS = [
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
]


# Levels of lists and mappings in each other, and how many nodes the uses of anchors may add to those written.
DEEPEST = 100
MOST_ADDED = 100_000


class _Loader(yaml.SafeLoader):
    """Safe loader with YAML 1.2 scalars that refuses a repeated key, and anchors that expand to very much."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            self._measure(node)
        return node

    def _measure(self, root: yaml.Node) -> None:
        """Refuse a document that is too deep, or too large once each use of an anchor is a copy of its own."""
        sizes: dict[int, int | None] = {}
        written = 0

        def size(node: yaml.Node, depth: int) -> int:
            nonlocal written
            if isinstance(node, yaml.ScalarNode):
                written += 1
                return 1
            if id(node) in sizes:
                found = sizes[id(node)]
                if found is None:
                    raise _refused("an anchor that contains itself", node)
                return found
            if depth > DEEPEST:
                raise _refused(f"expected at most {DEEPEST} levels of lists and mappings", node)
            sizes[id(node)] = None
            written += 1
            children = node.value if isinstance(node, yaml.SequenceNode) else [n for pair in node.value for n in pair]
            sizes[id(node)] = total = 1 + sum(size(child, depth + 1) for child in children)
            return total

        if size(root, 1) > written + MOST_ADDED:
            raise _refused(f"expected anchors whose uses add at most {MOST_ADDED} values", root)

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        # Before merges: a key may override one that comes in with `<<`.
        seen = set()
        for key_node, _ in getattr(node, "written", node.value) or ():
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "expected a plain key", key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key_node.value}' appears twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # An anchored node is flattened once for each use: keep what was written for the check above.
        if not hasattr(node, "written"):
            node.written = list(node.value)  # type: ignore[attr-defined]
        super().flatten_mapping(node)


def _refused(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    """Return the error that a node is refused with, where it stands."""
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


# Only what a tag of YAML 1.2's core can make: no dates, bytes, sets.
_Loader.yaml_constructors = {
    tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in ("map", "seq", "str", "int", "float", "bool", "null")
}  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Safe dumper that quotes by the loader's rules and writes shared parts out in full."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern, _first in _SCALARS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), ["" if c == "\0" else c for c in _first])


def load(text: str, place: str) -> Any:
    """Return the data in a YAML text; `place` names it in errors, which carry line and column."""
    try:
        return _unshared(yaml.load(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{place}, line {mark.line + 1}, column {mark.column + 1}" if mark else place
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError(where, f"YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{place}, line {line}", f"YAML: {error.reason}") from None
    except RecursionError:
        raise InputError(place, f"YAML: expected at most {DEEPEST} levels of lists and mappings") from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # A tag such as !!float before text that is none.
        raise InputError(place, f"YAML: {error or type(error).__name__}") from None


def _unshared(data: Any) -> Any:
    """Return a copy in which an anchor's uses are apart: changing one leaves the others."""
    if isinstance(data, dict):
        return {key: _unshared(value) for key, value in data.items()}
    return [_unshared(value) for value in data] if isinstance(data, list) else data


def dump(data: Any) -> str:
    """Return `data` as YAML, mappings in their order; `load` of it gives the data back exactly."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
