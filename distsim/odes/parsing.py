"""The text of a model: equations, threshold, reset; and its expressions, which sympy then works with."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from distsim.errors import InputError, unknown

DERIVATIVE = re.compile(
    r"d(?P<name>\w+)\s*/\s*dt\s*=\s*(?P<right>[^:]+?)\s*(:\s*(?P<unit>.*?))?\s*(?P<flag>\(unless refractory\))?"
)
ALIAS = re.compile(r"(?P<name>\w+)\s*=\s*(?P<right>[^:=]+?)\s*(:\s*(?P<unit>.*?))?")
ASSIGNMENT = re.compile(r"(?P<name>\w+)\s*(?P<operator>\+|-|\*|/)?=\s*(?P<right>[^=].*)")
FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs", "min", "max", "clip")
COMPARISONS = {ast.Lt: "Lt", ast.LtE: "Le", ast.Gt: "Gt", ast.GtE: "Ge"}


@dataclass(frozen=True)
class Equation:
    """A line of the text.

    Attributes
    ----------
    name : str
    right : ast.expr
        Right-hand side.
    unit : str or None
        As written.
    place : str
        For messages.
    differential : bool
        Of a derivative; else a subexpression.
    clamped : bool
        Whether it is held while the neuron is refractory.
    """

    name: str
    right: ast.expr
    unit: str | None
    place: str
    differential: bool
    clamped: bool = False


def equations(text: str, place: str) -> list[Equation]:
    """Return the equations of a text, one to a line; a line that leaves a parenthesis open goes on in the next.

    Raises
    ------
    InputError
        With the number of the line.
    """
    found: list[Equation] = []
    waiting, begun = "", 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        begun = begun if waiting else number
        waiting = f"{waiting} {line}".strip()
        if waiting.count("(") > waiting.count(")"):
            continue
        where = f"{place}, line {begun}"
        if match := DERIVATIVE.fullmatch(waiting):
            right = expression(match["right"], where)
            found.append(Equation(match["name"], right, match["unit"], where, True, match["flag"] is not None))
        elif match := ALIAS.fullmatch(waiting):
            found.append(Equation(match["name"], expression(match["right"], where), match["unit"], where, False))
        else:
            raise InputError(where, f"expected 'dx/dt = ... : unit' or 'x = ... : unit', got '{waiting}'")
        waiting = ""
    if waiting:
        raise InputError(f"{place}, line {begun}", f"expected a closing parenthesis in '{waiting}'")
    return found


def assignments(text: str, place: str) -> list[tuple[str, ast.expr]]:
    """Return (variable, new value) of statements such as ``V_m = V_reset; w += b``."""
    found = []
    for statement in re.split(r"[;\n]", text):
        if not statement.strip():
            continue
        match = ASSIGNMENT.fullmatch(statement.strip())
        if match is None:
            raise InputError(place, f"expected statements such as 'V_m = V_reset; w += b', got '{statement.strip()}'")
        right = (
            match["right"] if match["operator"] is None else f"{match['name']} {match['operator']} ({match['right']})"
        )
        found.append((match["name"], expression(right, place)))
    return found


def expression(text: str, place: str) -> ast.expr:
    """Return the syntax tree of an expression."""
    try:
        return ast.parse(text.strip().replace("^", "**"), mode="eval").body
    except SyntaxError as error:
        raise InputError(place, f"'{text.strip()}' is no expression: {error.msg}") from None


def names(node: ast.AST) -> list[str]:
    """Return the names in an expression, functions not among them."""
    functions = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in functions]


def check_names(node: ast.AST, known: list[str], place: str) -> None:
    """Raise where an expression has a name, or a function, that is nothing known."""
    for n in ast.walk(node):
        if isinstance(n, ast.Call) and (not isinstance(n.func, ast.Name) or n.func.id not in FUNCTIONS):
            raise unknown(place, "function", ast.unparse(n.func), FUNCTIONS)
    for one in names(node):
        if one not in known:
            raise unknown(place, "name", one, known)


def symbolic(node: ast.AST, symbols: dict[str, Any]) -> Any:
    """Return an expression as sympy's, the names replaced; nothing of the text is evaluated as code."""
    import sympy

    def of(n: ast.AST) -> Any:
        match n:
            case ast.Constant(value=int() | float() as value):
                return sympy.Float(value) if isinstance(value, float) else sympy.Integer(value)
            case ast.Name(id=one):
                return symbols[one]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -of(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return of(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return sympy.Not(of(operand))
            case ast.BinOp(left=left, op=op, right=right):
                a, b = of(left), of(right)
                return {ast.Add: lambda: a + b, ast.Sub: lambda: a - b, ast.Mult: lambda: a * b,
                        ast.Div: lambda: a / b, ast.Pow: lambda: a**b}[type(op)]()  # fmt: skip
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                return getattr(sympy, COMPARISONS[type(op)])(of(left), of(right))
            case ast.BoolOp(op=op, values=values):
                return (sympy.And if isinstance(op, ast.And) else sympy.Or)(*(of(v) for v in values))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return sympy.Piecewise((of(body), of(test)), (of(orelse), True))
            case ast.Call(func=ast.Name(id=function), args=args):
                found = [of(a) for a in args]
                if function == "clip":
                    return sympy.Min(sympy.Max(found[0], found[1]), found[2])
                return getattr(sympy, {"abs": "Abs", "min": "Min", "max": "Max"}.get(function, function))(*found)
        raise ValueError(ast.unparse(n))

    return of(node)
