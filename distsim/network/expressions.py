"""Expressions in a network: text that begins with ``=`` is computed from ``network.params``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from distsim.errors import InputError, shown, unknown

# Characters of an expression: what a bomb would need more of, and no formula does.
LONGEST = 1000
LARGEST = 1e300


def _number(value: Any) -> Any:
    """Return what an operation gave where it is a number of a size that the next one can take in no time."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | float):
        raise TypeError(f"expected numbers, got {shown(value)}")
    if not abs(value) <= LARGEST:
        raise OverflowError("a result is too large")
    return value


def _power(base: float, exponent: float) -> float:
    """Return a power in floating point, a whole number where it is one: without the digits of 4000000**4000000."""
    result = _number(float(base) ** float(exponent))
    both_whole = isinstance(base, int) and isinstance(exponent, int)
    return int(result) if both_whole and exponent >= 0 and abs(result) < 2**53 else result


def _round(value: float, digits: int = 0) -> float:
    """Return a rounded number; whole where no digits are asked for."""
    return round(value, max(-300, min(300, digits))) if digits else round(value)


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose results are numbers of a bounded size."""
    return lambda *arguments: _number(function(*arguments))


_COMPUTING: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "min": min, "max": max, "round": _round, "abs": abs,
}  # fmt: skip
FUNCTIONS = {name: _checked(function) for name, function in _COMPUTING.items()}
_ARITHMETIC: dict[Any, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: _power, ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}  # fmt: skip
_COMPARISONS: dict[Any, Callable[..., Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Not: operator.not_,
}  # fmt: skip
OPERATORS = {kind: _checked(function) for kind, function in _ARITHMETIC.items()} | _COMPARISONS
PARTS = (ast.Expression, ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp, ast.Call, ast.IfExp, ast.Compare, ast.BoolOp,
         ast.Load, ast.And, ast.Or, *OPERATORS)  # fmt: skip


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

    try:
        formula = _parsed(" ".join(value[1:].split()))
        evaluator = simpleeval.SimpleEval(OPERATORS, FUNCTIONS, {**params, "pi": math.pi, "e": math.e})
        result = evaluator.eval(value, previously_parsed=formula)
    except simpleeval.NameNotDefined as error:
        raise unknown(place, "name in expression", error.name, params) from None
    except RecursionError:
        raise InputError(place, f"cannot compute {shown(value)}: it is nested too deeply") from None
    except (simpleeval.InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError, MemoryError) as error:
        # The parser of Python meets too many brackets with a MemoryError.
        why = getattr(error, "msg", None) or str(error) or "it is nested too deeply"
        why = "the result is too large" if isinstance(error, OverflowError) else why
        raise InputError(place, f"cannot compute {shown(value)}: {' '.join(why.split())}") from None
    if isinstance(result, bool) or not isinstance(result, (int, float)) or not math.isfinite(result):
        raise InputError(place, f"expected {shown(value)} to give a finite number, got {shown(result)}")
    return result


def _parsed(text: str) -> ast.expr:
    """Return the one formula that text is, of numbers, names, operators and functions alone."""
    if len(text) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} characters, got {len(text)}")
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, PARTS):
            raise ValueError("expected numbers, names, operators and " + ", ".join(FUNCTIONS))
        if isinstance(node, ast.Call) and node.keywords:
            raise ValueError("expected no named arguments")
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool) or not isinstance(node.value, int | float):
                raise ValueError(f"expected numbers, got {shown(node.value)}")
            _number(node.value)
    return tree.body
