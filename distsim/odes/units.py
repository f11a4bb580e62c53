"""Units of equations: every unit is a power of mV, ms and pA, in which all is computed.

NEST's units are such powers: nS = pA / mV, pF = pA ms / mV. What a user gives in others is converted.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

from distsim.errors import InputError, shown
from distsim.units import UNIT_ERRORS

# Powers of mV, ms and pA.
Dimension = tuple[float, float, float]
NONE: Dimension = (0, 0, 0)
MS: Dimension = (0, 1, 0)
MV: Dimension = (1, 0, 0)
PA: Dimension = (0, 0, 1)
# Names of NEST's units, and of units that parameters may have; others are told in powers.
NAMES: dict[Dimension, str] = {NONE: "", MS: "ms", MV: "mV", PA: "pA", (-1, 0, 1): "nS", (-1, 1, 1): "pF",
                               (0, -1, 1): "pA/ms"}  # fmt: skip
# Names that Brian2 has for units and pint has not, or means otherwise.
BRIAN = {"1": "dimensionless", "amp": "ampere", "siemens": "siemens", "": "dimensionless"}


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


def unit(text: str, place: str) -> tuple[Dimension, float]:
    """Return a unit's dimension, and how many of distsim's unit of this dimension it is.

    Raises
    ------
    InputError
        For what is no unit, or none of volts, seconds and amperes.
    """
    import pint

    registry = _registry()
    try:
        one = (1.0 * registry.parse_units(BRIAN.get(text.strip(), text.strip()))).to_base_units()
    except (pint.errors.PintError, *UNIT_ERRORS):
        raise InputError(place, f"expected a unit such as mV, pA or 1/ms, got {shown(text)}") from None
    found = {str(k): float(v) for k, v in one.dimensionality.items()}
    mass, length = found.pop("[mass]", 0.0), found.pop("[length]", 0.0)
    time, current = found.pop("[time]", 0.0), found.pop("[current]", 0.0)
    # A volt is kg m^2 / (A s^3).
    if found or length != 2.0 * mass:
        raise InputError(place, f"expected a unit of volts, seconds and amperes, got '{text}'")
    volts, seconds, amperes = mass, time + 3.0 * mass, current + mass
    factor = float(one.magnitude) * 1e3**volts * 1e3**seconds * 1e12**amperes
    # Powers of ten come out to the last bit.
    return (volts, seconds, amperes), float(f"{factor:.14g}")


def name(dimension: Dimension) -> str:
    """Return how to call a dimension's unit in messages."""
    if dimension in NAMES:
        return NAMES[dimension] or "no unit"
    powers = zip(("mV", "ms", "pA"), dimension, strict=True)
    return " ".join(f"{n}^{p:g}" if p != 1 else n for n, p in powers if p)


def times(a: Dimension, b: Dimension, power: float = 1.0) -> Dimension:
    """Return the dimension of a b^power."""
    x, y, z = (p + power * q for p, q in zip(a, b, strict=True))
    return x, y, z


class Checker:
    """The dimension of an expression, given those of the names in it; the first mismatch is raised.

    Parameters
    ----------
    known : dict
        Name to dimension.
    place : str
        For messages.
    """

    def __init__(self, known: dict[str, Dimension], place: str):
        self.known, self.place = known, place

    def of(self, node: ast.AST) -> Dimension | None:
        """Return the dimension; None for the number 0, which has any."""
        match node:
            case ast.Constant(value=number):
                return None if number == 0 else NONE
            case ast.Name(id=id_):
                return self.known[id_]
            case ast.UnaryOp(operand=operand):
                return self.of(operand)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                return self._same([left, right], node)
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
                a, b = self.of(left) or NONE, self.of(right) or NONE
                return times(a, b, 1.0 if isinstance(op, ast.Mult) else -1.0)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right, node)
            case ast.Compare(left=left, comparators=others):
                self._same([left, *others], node)
                return NONE
            case ast.BoolOp(values=values):
                for value in values:
                    self.of(value)
                return NONE
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.of(test)
                return self._same([body, orelse], node)
            case ast.Call(func=ast.Name(id=function), args=args):
                return self._call(function, args, node)
        raise InputError(self.place, f"'{ast.unparse(node)}' is not understood")

    def _same(self, nodes: list[ast.expr], whole: ast.AST) -> Dimension | None:
        found = [(node, d) for node in nodes if (d := self.of(node)) is not None]
        for node, dimension in found[1:]:
            if dimension != found[0][1]:
                first, other = ast.unparse(found[0][0]), ast.unparse(node)
                raise InputError(
                    self.place, f"'{first}' is in {name(found[0][1])} and '{other}' in {name(dimension)}, "
                                f"in '{ast.unparse(whole)}'"
                )  # fmt: skip
        return found[0][1] if found else None

    def _power(self, left: ast.expr, right: ast.expr, whole: ast.AST) -> Dimension:
        base = self.of(left) or NONE
        if (self.of(right) or NONE) != NONE:
            raise InputError(self.place, f"expected an exponent without unit in '{ast.unparse(whole)}'")
        if base == NONE:
            return NONE
        try:
            exponent = float(ast.literal_eval(right))
        except (ValueError, TypeError):
            raise InputError(self.place, f"expected a number as exponent in '{ast.unparse(whole)}'") from None
        return times(NONE, base, exponent)

    def _call(self, function: str, args: list[ast.expr], whole: ast.AST) -> Dimension | None:
        if function in ("min", "max", "clip"):
            return self._same(args, whole)
        if function == "abs":
            return self.of(args[0])
        if function == "sqrt":
            return times(NONE, self.of(args[0]) or NONE, 0.5)
        for argument in args:
            if (found := self.of(argument) or NONE) != NONE:
                raise InputError(self.place, f"expected no unit in '{ast.unparse(whole)}', got {name(found)}")
        return NONE
