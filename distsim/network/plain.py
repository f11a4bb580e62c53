"""Networks as plain data: brought into it, copied, compared."""

from __future__ import annotations

import dataclasses
from typing import Any

from distsim.errors import InputError
from distsim.network.declarations import Device, Population, Projection, Recorder
from distsim.network.distributions import Distribution
from distsim.network.rules import Rule

# What a network consists of.
DECLARED = ("name", "scale", "params", "populations", "devices", "projections", "recorders")


def synapse_data(value: Any) -> Any:
    """Return a synapse model as plain data; a `SynapseModel` by its name."""
    if isinstance(value, dict):
        return plain({k: synapse_data(v) if k == "model" else v for k, v in value.items()})
    return value if isinstance(value, str) else getattr(value, "name", value)


def plain(value: Any) -> Any:
    """Return a copy in lists, dicts, text and numbers of Python's own."""
    if isinstance(value, Distribution):
        return value.to_dict()
    if isinstance(value, Rule):
        raise InputError("rule", "expected plain data, such as from fixed_indegree(100)")
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def copied(value: Any) -> Any:
    """Return a copy of plain data and declarations down to the last list; a list of numbers in one go."""
    if isinstance(value, dict):
        return {k: copied(v) for k, v in value.items()}
    if isinstance(value, list):
        nested = not {bool, int, float, str}.issuperset(map(type, value))
        return [copied(v) for v in value] if nested else value[:]
    if isinstance(value, Population | Device | Projection | Recorder):
        return dataclasses.replace(value, **{k: copied(v) for k, v in vars(value).items()})
    return value


def difference(a: Any, b: Any, place: str = "network") -> str | None:
    """Return the place where two networks, or parts of them, first differ; None where they are equal.

    Lists of numbers are compared in one go, so that a list of edges costs some nanoseconds an edge.
    """
    if a is b:
        return None
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(a, dict) and isinstance(b, dict):
        # Populations are numbered in their order; that of parameters means nothing.
        ordered = any(isinstance(value, Population | Device) for value in a.values())
        if (list(a) if ordered else set(a)) != (list(b) if ordered else set(b)):
            return place
        pairs = [(f"{place}.{key}", a[key], b[key]) for key in a]
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b) or {int, float}.issuperset(map(type, a)):
            return None if a == b else place
        pairs = [(f"{place}.{i}", x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    elif isinstance(a, Population | Device | Projection | Recorder) and type(a) is type(b):
        pairs = [(f"{place}.{name}", x, getattr(b, name)) for name, x in vars(a).items()]
    elif hasattr(a, "populations") and hasattr(b, "populations"):
        pairs = [(f"{place}.{name}", getattr(a, name), getattr(b, name)) for name in DECLARED]
    else:
        try:
            return None if a == b else place
        except ValueError:
            # An array, which plain data has not.
            return place
    return next((found for where, x, y in pairs if (found := difference(x, y, where)) is not None), None)
