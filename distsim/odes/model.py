"""`equations`: a neuron model from differential equations, as they stand in a paper."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from distsim.errors import InputError, unknown
from distsim.models.base import NeuronModel, refractory_steps
from distsim.models.scalar import Scalar, Step
from distsim.odes import parsing, units
from distsim.odes.integration import System
from distsim.registry import Parameter

SPECIAL = ("I", "dt", "t", "refractory", "spiked", "part", "held")


def equations(
    name: str, text: str, *, parameters: dict[str, Any], receptors: dict[str, tuple[str, int]], threshold: str,
    reset: str = "", refractory: str | None = None, method: str | None = None, state: dict[str, Any] | None = None,
) -> NeuronModel:  # fmt: skip
    """Make a neuron model of differential equations and register it under its name.

    Parameters
    ----------
    name : str
    text : str
        Lines ``dx/dt = ... : unit`` and subexpressions ``x = ... : unit``; ``#`` begins a comment. ``(unless
        refractory)`` behind a unit holds a variable while the neuron is refractory. ``I`` is the current of
        generators (pA).
    parameters : dict
        Name to ``(default, unit)``; a number has no unit.
    receptors : dict
        Name to (variable that a weight is added to, sign of the weights that it takes where a projection names no
        receptor: 1, -1, or 0 for both). A conductance takes the size of negative weights.
    threshold : str
        Condition under which the neuron spikes, such as ``"V_m > V_th"``.
    reset : str
        Statements, such as ``"V_m = V_reset; w += b"``.
    refractory : str, optional
        Time in which the neuron does not spike again, of parameters. Without a marked equation the variables in the
        threshold that the reset sets are held.
    method : {"exact", "rk4", "rk2", "euler", "exponential_euler"}, optional
        Where not given, what is linear is integrated exactly, the rest by ``"rk4"``.
    state : dict, optional
        Variable to its initial value, or (value, unit); ``E_L`` for ``V_m`` where there is one, else 0.

    Returns
    -------
    NeuronModel

    Raises
    ------
    InputError
        With file, model and line of the text: syntax, unknown names, units that do not match, missing equations.
    """
    frame = sys._getframe(1)
    place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}: {name}"
    declared, dimensions = _parameters(parameters, place)
    found = parsing.equations(text, place)
    model = _Model(name, place, declared, dimensions, found)
    model.check()
    initial = model.initial(state or {})
    ports = model.receptors(receptors)
    clamped = model.clamped(threshold, reset, refractory)
    source, derived = model.source(ports, threshold, reset, refractory, clamped, method)
    step = Step(name, source, place, frame.f_lineno, {})
    taken = {port: (units.NAMES.get(model.dimensions[variable], ""), sign) for port, (variable, sign) in ports.items()}
    return Scalar(name, step, declared, initial, taken, derived).model()


def _parameters(given: dict[str, Any], place: str) -> tuple[dict[str, Parameter], dict[str, units.Dimension]]:
    """Return parameters in distsim's units, and their dimensions."""
    declared, dimensions = {}, {}
    for name, value in given.items():
        number, unit = value if isinstance(value, tuple) else (value, "")
        dimension, factor = units.unit(unit, f"{place}, parameter '{name}'")
        label = units.NAMES.get(dimension, "")
        doc = "" if dimension in units.NAMES else f"in {units.name(dimension)}"
        declared[name] = Parameter(float(number) * factor, label, doc)
        dimensions[name] = dimension
    return declared, dimensions


class _Model:
    """The equations of a model, and what is known of the names in them."""

    def __init__(self, name: str, place: str, parameters: dict[str, Parameter],
                 dimensions: dict[str, units.Dimension], found: list[parsing.Equation]):  # fmt: skip
        self.name, self.place, self.parameters, self.equations = name, place, parameters, found
        self.state = [e.name for e in found if e.differential]
        if not self.state:
            raise InputError(place, "expected at least one equation 'dx/dt = ...'")
        self.dimensions = {**dimensions, "I": units.PA, "dt": units.MS}
        for e in found:
            if e.name in self.dimensions or e.name in SPECIAL or not e.name.isidentifier():
                raise InputError(e.place, f"expected a new name, '{e.name}' is taken")
            self.dimensions[e.name] = units.unit(e.unit or "", f"{e.place}, unit of '{e.name}'")[0]

    def check(self) -> None:
        """Check names and units of all equations."""
        known = list(self.dimensions)
        for i, e in enumerate(self.equations):
            parsing.check_names(e.right, known, e.place)
            later = [a.name for a in self.equations[i:] if not a.differential]
            if not e.differential and (early := [n for n in parsing.names(e.right) if n in later]):
                raise InputError(e.place, f"expected '{early[0]}' to be defined in an earlier line")
            right = units.Checker(self.dimensions, e.place).of(e.right)
            own = self.dimensions[e.name]
            wanted = units.times(own, units.MS, -1.0) if e.differential else own
            if right is not None and right != wanted:
                left = f"d{e.name}/dt" if e.differential else e.name
                problem = f"'{left}' is in {units.name(wanted)} and '{ast.unparse(e.right)}' in {units.name(right)}"
                raise InputError(e.place, problem)

    def initial(self, given: dict[str, Any]) -> dict[str, Parameter]:
        """Return the state variables with their initial values."""
        for variable in given:
            if variable not in self.state:
                raise unknown(f"{self.place}, state", "variable", variable, self.state)
        found = {}
        for variable in self.state:
            rest = self.parameters["E_L"].default if variable == "V_m" and "E_L" in self.parameters else 0.0
            value = given.get(variable, rest)
            number, unit = value if isinstance(value, tuple) else (value, None)
            dimension, factor = (self.dimensions[variable], 1.0) if unit is None else units.unit(unit, self.place)
            if dimension != self.dimensions[variable]:
                wanted = units.name(self.dimensions[variable])
                raise InputError(
                    f"{self.place}, state", f"expected '{variable}' in {wanted}, got {units.name(dimension)}"
                )
            found[variable] = Parameter(float(number) * factor, units.NAMES.get(dimension, ""), "")
        return found

    def receptors(self, given: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """Return the receptors, checked."""
        for port, (variable, _) in given.items():
            if variable not in self.state:
                raise unknown(f"{self.place}, receptor '{port}'", "variable", variable, self.state)
        return given

    def _checked(self, node: ast.expr, what: str) -> ast.expr:
        parsing.check_names(node, list(self.dimensions), f"{self.place}, {what}")
        return node

    def clamped(self, threshold: str, reset: str, refractory: str | None) -> list[str]:
        """Return the variables that are held while the neuron is refractory."""
        marked = [e.name for e in self.equations if e.clamped]
        if refractory is None and marked:
            raise InputError(self.place, f"expected 'refractory': '{marked[0]}' is to be held meanwhile")
        if refractory is None or marked:
            return marked
        seen = parsing.names(parsing.expression(threshold, f"{self.place}, threshold"))
        return [n for n, _ in parsing.assignments(reset, f"{self.place}, reset") if n in seen and n in self.state]

    def source(self, ports, threshold: str, reset: str, refractory: str | None, clamped: list[str],
               method: str | None) -> tuple[str, Any]:  # fmt: skip
        """Return the scalar step as source, and ``derived``."""
        import sympy

        symbols = {n: sympy.Symbol(n, real=True) for n in self.dimensions}
        for e in self.equations:
            if not e.differential:
                symbols[e.name] = parsing.symbolic(e.right, symbols)
        right = {e.name: parsing.symbolic(e.right, symbols) for e in self.equations if e.differential}
        caps = self._caps(threshold, reset, symbols)
        system = System(right, symbols, list(self.parameters), clamped, caps, self.place)
        body = ["held = refractory > 0"] if refractory is not None else []
        body += system.step(method)
        condition = self._condition(threshold)
        body += self._arrivals(ports, refractory, early=True, seen=parsing.names(condition))
        new = symbols | {n: sympy.Symbol(f"new_{n}", real=True) for n in self.state}
        for e in self.equations:
            if not e.differential:
                new[e.name] = parsing.symbolic(e.right, new)
        # A condition on sizes turns into vector code where it is one comparison.
        told = system.written(parsing.symbolic(condition, new))
        body.append(f"spiked_now = {told}" if refractory is None else f"spiked_now = (refractory == 0) & ({told})")
        body += self._reset(system, reset, new)
        body += self._arrivals(ports, refractory, early=False, seen=parsing.names(condition))
        results = [f"new_{n}" for n in self.state]
        derived = system.numbers()
        if refractory is not None:
            body.append("left = np.int32(refractory_steps) if spiked_now else np.int32(max(refractory - 1, 0))")
            results.append("left")
            derived = self._with_period(derived, refractory)
        body.append(f"return {', '.join([*results, 'spiked_now'])}")
        more = list(derived({n: p.default for n, p in self.parameters.items()}, 0.1))
        used = set(re.findall(r"[A-Za-z_]\w*", "\n".join(body)))
        taken = [n for n in (*ports, "I", "refractory", "dt", *self.parameters, *more) if n in used]
        head = f"def {self.name}({', '.join([*self.state, *taken])}):"
        return "\n    ".join([head, *body]) + "\n", derived

    def _caps(self, threshold: str, reset: str, symbols: dict[str, Any]) -> dict[str, Any]:
        """Return the value at which a variable is reset, where the threshold says so: ``V_m > V_peak``."""
        match self._condition(threshold):
            case ast.Compare(left=ast.Name(id=variable), ops=[ast.Gt() | ast.GtE()], comparators=[value]):
                resets = [n for n, _ in parsing.assignments(reset, self.place)]
                if variable in resets and not set(parsing.names(value)) & {*self.state, "I"}:
                    return {variable: parsing.symbolic(value, symbols)}
        return {}

    def _condition(self, threshold: str) -> ast.expr:
        place = f"{self.place}, threshold"
        node = self._checked(parsing.expression(threshold, place), "threshold")
        if not isinstance(node, (ast.Compare, ast.BoolOp)):
            raise InputError(place, f"expected a condition such as 'V_m > V_th', got '{threshold}'")
        units.Checker(self.dimensions, place).of(node)
        return node

    def _arrivals(self, ports, refractory: str | None, early: bool, seen: list[str]) -> list[str]:
        """Return the lines that add what arrives: to variables of the threshold before it is looked at, else after."""
        found = []
        for port, (variable, sign) in ports.items():
            if (variable in seen) != early:
                continue
            size = "-" if sign < 0 and self.dimensions[variable] == units.times(units.PA, units.MV, -1.0) else "+"
            arrived = f"new_{variable} {size} {port}"
            # What arrives at a membrane that stands still is lost, as in iaf_psc_delta.
            lost = early and refractory is not None
            found.append(
                f"new_{variable} = new_{variable} if held else {arrived}" if lost else f"new_{variable} = {arrived}"
            )
        return found

    def _reset(self, system: System, reset: str, new: dict[str, Any]) -> list[str]:
        place, found = f"{self.place}, reset", []
        for variable, node in parsing.assignments(reset, place):
            if variable not in self.state:
                raise unknown(place, "variable", variable, self.state)
            self._checked(node, "reset")
            dimension = units.Checker(self.dimensions, place).of(node)
            if dimension is not None and dimension != self.dimensions[variable]:
                wanted = units.name(self.dimensions[variable])
                raise InputError(
                    place, f"'{variable}' is in {wanted} and '{ast.unparse(node)}' in {units.name(dimension)}"
                )
            value = system.written(parsing.symbolic(node, new))
            found.append(f"new_{variable} = {value} if spiked_now else new_{variable}")
        return found

    def _with_period(self, derived: Any, refractory: str) -> Any:
        """Return ``derived`` with the refractory period in steps."""
        place = f"{self.place}, refractory"
        node = parsing.expression(refractory, place)
        parsing.check_names(node, list(self.parameters), place)
        dimension = units.Checker(self.dimensions, place).of(node)
        if dimension is not None and dimension != units.MS:
            raise InputError(place, f"expected a time, '{refractory}' is in {units.name(dimension)}")
        import sympy

        symbols = {n: sympy.Symbol(n, real=True) for n in self.parameters}
        compute = sympy.lambdify(list(symbols.values()), parsing.symbolic(node, symbols), modules="numpy")

        def whole(p: dict[str, float], dt: float) -> dict[str, float]:
            period = float(np.float64(compute(*(p[n] for n in symbols))))
            return derived(p, dt) | {"refractory_steps": float(refractory_steps(period, dt))}

        return whole
