"""From derivatives to a step: exactly where they are linear, by a method of Runge's and Kutta's where they are not.

Variables that form a linear system with constant coefficients among themselves are taken by their propagator,
the exponential of the system's matrix (Rotter & Diesmann 1999, doi:10.1007/s004220050570), whatever the
others do; the others see their exact values at the beginning, the middle and the end of the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from distsim.errors import InputError
from distsim.odes.printing import Constants, lines, text

METHODS = ("exact", "rk4", "rk2", "euler", "exponential_euler")
# Nodes, weights of the stage before, and weights of the sum.
TABLEAUS: dict[str, tuple[list[float], list[float]]] = {
    "rk4": ([0.0, 0.5, 0.5, 1.0], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
    "rk2": ([0.0, 0.5], [0.0, 1.0]),
    "euler": ([0.0], [1.0]),
}
Numbers = Callable[[dict[str, float], float], dict[str, float]]


@dataclass
class System:
    """Derivatives of a model, with sympy's symbols.

    Attributes
    ----------
    right : dict
        State variable to its derivative.
    symbols : dict
        All names to symbols: state variables, parameters, ``I``, ``dt``.
    parameters : list of str
    clamped : list of str
        Variables that stand still while the neuron is refractory.
    caps : dict
        Variable to the value at which it is reset: no slope is taken beyond, where an upstroke would run away.
    place : str
        For messages.
    """

    right: dict[str, Any]
    symbols: dict[str, Any]
    parameters: list[str]
    clamped: list[str]
    caps: dict[str, Any]
    place: str
    derived: list[Numbers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.constants = Constants({n: self.symbols[n] for n in (*self.parameters, "dt")})
        self.state = [self.symbols[n] for n in self.right]

    def linear(self) -> list[str]:
        """Return the variables of the largest linear system with constant coefficients, in their order."""
        current = self.symbols["I"]
        variable = {*self.state, current}

        def affine(expr: Any) -> bool:
            slopes = [expr.diff(s) for s in variable]
            return all(not slope.free_symbols & variable for slope in slopes)

        found = [n for n, expr in self.right.items() if affine(expr)]
        while True:
            names = {self.symbols[n] for n in found}
            kept = [n for n in found if self.right[n].free_symbols & set(self.state) <= names]
            if kept == found:
                return found
            found = kept

    def step(self, method: str | None) -> list[str]:
        """Return the lines that compute ``new_x`` of every variable x.

        Raises
        ------
        InputError
            For an unknown method, and one that these equations do not allow.
        """
        if method is not None and method not in METHODS:
            raise InputError(self.place, f"expected a method ({', '.join(METHODS)}), got {method!r}")
        if method == "exponential_euler":
            return self._exponential_euler()
        linear = self.linear() if method in (None, "exact") else []
        rest = [n for n in self.right if n not in linear]
        if method == "exact" and rest:
            problem = f"is not linear with constant coefficients: d{rest[0]}/dt = {self.right[rest[0]]}"
            raise InputError(self.place, f"expected another method than 'exact': {rest[0]} {problem}")
        found = self._exact(linear, half=bool(rest))
        return found + (self._runge_kutta(rest, linear, method or "rk4") if rest else [])

    def _exact(self, names: list[str], half: bool) -> list[str]:
        """Return the lines for ``new_x``, and where others need it for ``half_x``, of a linear system."""
        if not names:
            return []
        found = []
        moved = [n for n in self.clamped if n in names]
        parts = [("new", 1.0)] + ([("half", 0.5)] if half else [])
        for prefix, share in parts:
            free = self._propagated(names, share, f"{prefix}_", [])
            held = self._propagated(names, share, f"{prefix}_held_", moved) if moved else free
            for n in names:
                still = n if n in moved else held[n]
                value = f"({still}) if held else ({free[n]})" if moved else free[n]
                found.append(f"{prefix}_{n} = {value}")
        return found

    def _propagated(self, names: list[str], share: float, prefix: str, still: list[str]) -> dict[str, str]:
        """Return the sum that propagates each variable over a share of the step."""
        import sympy

        current = self.symbols["I"]
        right = [sympy.Integer(0) if n in still else self.right[n] for n in names]
        columns = [self.symbols[n] for n in names]
        matrix = [[e.diff(s) for s in (*columns, current)] for e in right]
        constant = [e.subs(dict.fromkeys((*columns, current), 0)) for e in right]
        n = len(names)
        entries = [value for row, c in zip(matrix, constant, strict=True) for value in (*row, c)]
        compute = sympy.lambdify([self.symbols[p] for p in self.parameters], entries, modules="numpy")
        reached = np.eye(n + 2, dtype=bool)
        for i in range(n):
            reached[i] |= [bool(e != 0) for e in (*matrix[i], constant[i])]
        for _ in range(n):
            reached |= (reached.astype(int) @ reached.astype(int)) > 0
        wanted = [(i, j) for i in range(n) for j in range(n + 2) if reached[i, j]]

        def propagator(p: dict[str, float], dt: float) -> dict[str, float]:
            from scipy.linalg import expm

            # The current and the constant are two more variables that stay as they are.
            whole = np.zeros((n + 2, n + 2))
            whole[:n] = np.array(compute(*(p[name] for name in self.parameters)), float).reshape(n, n + 2)
            found = expm(whole * dt * share)
            return {f"{prefix}{i}_{j}": float(found[i, j]) for i, j in wanted}

        self.derived.append(propagator)
        factors = [*names, "I", ""]
        sums = {}
        for i, name in enumerate(names):
            terms = [f"{prefix}{i}_{j}" + f" * {factors[j]}" * bool(factors[j]) for j in range(n + 2) if reached[i, j]]
            sums[name] = " + ".join(terms)
        return sums

    def _runge_kutta(self, names: list[str], linear: list[str], method: str) -> list[str]:
        """Return the lines of an explicit method for the variables that are not taken exactly."""
        nodes, weights = TABLEAUS[method]
        found = []
        for stage, node in enumerate(nodes):
            at = {0.0: "{}", 0.5: "half_{}", 1.0: "new_{}"}[node]
            stands = {self.symbols[n]: self._symbol(at.format(n)) for n in linear}
            if stage > 0:
                stands |= {self.symbols[n]: self._symbol(f"stage_{n}") for n in names}
                moved = {n: f"{n} + {node} * dt * slope_{stage - 1}_{n}" for n in names}
                moved |= {n: f"min({moved[n]}, {self.written(cap)})" for n, cap in self.caps.items() if n in names}
                found += [f"stage_{n} = {value}" for n, value in moved.items()]
            slopes = [self.constants.hoisted(self.right[n]).subs(stands) for n in names]
            found += lines([f"slope_{stage}_{n}" for n in names], slopes, f"shared_{stage}_")
            found += [f"slope_{stage}_{n} = 0.0 if held else slope_{stage}_{n}" for n in names if n in self.clamped]
        for n in names:
            total = " + ".join(f"{w!r} * slope_{s}_{n}" for s, w in enumerate(weights) if w)
            found.append(f"new_{n} = {n} + dt * ({total})")
        return found

    def _exponential_euler(self) -> list[str]:
        """Return the lines of the exponential Euler method (Rush & Larsen 1978, doi:10.1109/TBME.1978.326270)."""
        import sympy

        found, dt = [], self.symbols["dt"]
        for n, expr in self.right.items():
            x = self.symbols[n]
            slope = sympy.simplify(expr.diff(x))
            if x in slope.free_symbols:
                raise InputError(
                    self.place, f"expected another method than 'exponential_euler': d{n}/dt is not linear in {n}"
                )
            rest = sympy.simplify(expr - slope * x)
            if slope == 0:
                new = x + dt * rest
            else:
                # The constant of the step that it relaxes to, and how far it gets.
                decay = sympy.exp(slope * dt)
                new = x * decay + rest * (decay - 1) / slope
            found += lines([f"new_{n}"], [self.constants.hoisted(new)], f"shared_{n}_")
            if n in self.clamped:
                found.append(f"new_{n} = {n} if held else new_{n}")
        return found

    def _symbol(self, name: str) -> Any:
        import sympy

        return sympy.Symbol(name, real=True)

    def numbers(self) -> Numbers:
        """Return ``derived(parameters, dt)`` of all that the lines take besides parameters and variables."""
        constants = self.constants.values()

        def derived(p: dict[str, float], dt: float) -> dict[str, float]:
            found = constants(p | {"dt": dt})
            for part in self.derived:
                found |= part(p, dt)
            return found

        return derived

    def written(self, expr: Any) -> str:
        """Return an expression of new values as source."""
        return text(self.constants.hoisted(expr))
