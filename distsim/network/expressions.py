"""Expressions in a network: text that begins with ``=`` is computed from ``network.params``."""

from __future__ import annotations

import math
from typing import Any

from distsim.errors import InputError, unknown

FUNCTIONS = {
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "min": min, "max": max, "round": round, "abs": abs,
}  # fmt: skip


def is_expression(value: Any) -> bool:
    """Return whether `value` is an expression."""
    return isinstance(value, str) and value.startswith("=")


def evaluate(value: Any, params: dict[str, Any], place: str) -> Any:
    """Return `value` with every expression in it, at any depth of dicts and lists, computed.

    Raises
    ------
    InputError
        For an expression that cannot be computed or names an unknown parameter.
    """
    if isinstance(value, dict):
        return {k: evaluate(v, params, f"{place}.{k}") for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [evaluate(v, params, place) for v in value]
    if not is_expression(value):
        return value
    import simpleeval

    evaluator = simpleeval.SimpleEval(names={**params, "pi": math.pi, "e": math.e}, functions=FUNCTIONS)
    try:
        result = evaluator.eval(value[1:].strip())
    except simpleeval.NameNotDefined as error:
        raise unknown(place, "name in expression", error.name, params) from None
    except (simpleeval.InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError) as error:
        raise InputError(place, f"cannot compute '{value}': {' '.join(str(error).split())}") from None
    if isinstance(result, bool) or not isinstance(result, (int, float)) or not math.isfinite(result):
        raise InputError(place, f"expected '{value}' to give a finite number, got {result!r}")
    return result
