"""Expressions as source text, and what in them is constant: computed once, not at every step."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any


class Constants:
    """Sub-expressions of parameters and dt alone, each under a name.

    Parameters
    ----------
    symbols : dict
        Parameters by name; ``dt`` among them.
    """

    def __init__(self, symbols: dict[str, Any]):
        self.symbols = symbols
        self.found: dict[Any, str] = {}

    def name(self, expr: Any) -> Any:
        """Return the symbol that stands for a constant expression."""
        import sympy

        if expr.is_Symbol or expr.is_Number:
            return expr
        name = self.found.setdefault(expr, f"constant_{len(self.found)}")
        return sympy.Symbol(name, real=True)

    def hoisted(self, expr: Any) -> Any:
        """Return an expression with its constant parts under names."""
        import sympy

        constant = set(self.symbols.values())
        if not expr.args or expr.free_symbols <= constant:
            return self.name(expr) if expr.free_symbols else expr
        if isinstance(expr, (sympy.Add, sympy.Mul)):
            fixed = [a for a in expr.args if a.free_symbols <= constant]
            rest = [self.hoisted(a) for a in expr.args if not a.free_symbols <= constant]
            together = self.name(expr.func(*fixed)) if fixed else None
            return expr.func(*rest) if together is None else expr.func(together, *rest)
        return expr.func(*(self.hoisted(a) for a in expr.args))

    def values(self) -> Callable[[dict[str, float]], dict[str, float]]:
        """Return the function that computes all of them from parameters and dt."""
        import sympy

        names, found = list(self.symbols), list(self.found.items())
        compute = sympy.lambdify([self.symbols[n] for n in names], [e for e, _ in found], modules="numpy")

        def values(given: dict[str, float]) -> dict[str, float]:
            results = compute(*(given[n] for n in names))
            return {name: float(value) for (_, name), value in zip(found, results, strict=True)}

        return values


class _Numbers(ast.NodeTransformer):
    """Whole numbers as floats, but for exponents: else all were computed in double precision."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(float(node.value)) if type(node.value) is int else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        node.left = self.visit(node.left)
        if not (isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant)):
            node.right = self.visit(node.right)
        return node


def text(expr: Any) -> str:
    """Return sympy's expression as source."""
    from sympy.printing.pycode import pycode

    tree = ast.parse(pycode(expr, fully_qualified_modules=True), mode="eval")
    return ast.unparse(ast.fix_missing_locations(_Numbers().visit(tree)))


def lines(targets: list[str], exprs: list[Any], prefix: str) -> list[str]:
    """Return assignments of expressions to names; what they share is computed once, under names with the prefix."""
    import sympy

    shared, reduced = sympy.cse(exprs, symbols=sympy.numbered_symbols(prefix, real=True))
    found = [f"{symbol} = {text(expr)}" for symbol, expr in shared]
    return found + [f"{target} = {text(expr)}" for target, expr in zip(targets, reduced, strict=True)]
