"""A neuron model from one scalar step: the loop around it is written, compiled and kept on disk.

    @neuron_model(
        parameters={"tau": (10.0, "ms"), "theta": (15.0, "mV")},
        state={"V_m": (0.0, "mV")},
        receptors={"spikes": ("mV", 0)},
    )
    def leaky(V_m, spikes, dt, tau, theta):
        V_m += dt * (-V_m / tau) + spikes
        spiked = V_m >= theta
        return (0.0 if spiked else V_m), spiked

The arguments of the step are taken by name: state variables, what arrived at each receptor in this step,
``I`` the current of generators (pA), ``refractory`` the steps that a neuron still is refractory, ``dt``
(ms), parameters, and what `derived` makes of these. It returns the state in the order of its
declaration, ``refractory`` where it takes it, and whether the neuron spikes.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numba import types
from numba.core.errors import NumbaError

from distsim import generated_code
from distsim.errors import InputError
from distsim.models.base import NeuronModel
from distsim.models.generated import INLINED, source
from distsim.registry import Declaration, Parameter, Receptor, models

# Stands for the numbers of a step among the arguments of the functions that it calls, until all are known.
NUMBERS = "numbers_"
SPECIAL = ("I", "refractory", "dt", "spiked", "part")

Derived = Callable[..., dict[str, float]]


def neuron_model(
    *, parameters: dict[str, Any], state: dict[str, Any], receptors: dict[str, tuple[str, int]],
    derived: Derived | None = None, name: str | None = None, substeps: int = 1,
    calm: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], NeuronModel]:  # fmt: skip
    """Make a neuron model of the decorated scalar step and register it under its name.

    Parameters
    ----------
    parameters : dict
        Name to default, ``(default, unit)`` or `Parameter`. NEST's units; ``""`` where there is none.
    state : dict
        The same for state variables, in the order in which the step returns them.
    receptors : dict
        Name to (unit of a weight, sign of the weights that it takes where a projection names none: 1, -1, 0).
    derived : callable, optional
        ``derived(parameters, dt)`` returns further constants by name, computed once: propagators, steps.
    name : str, optional
        The function's name where not given.
    substeps : int
        How often the function is called in a step; `dt` is the whole step's. What arrives does so in the last of
        them, ``refractory`` is what it was at the beginning of the step, and ``spiked`` says whether the neuron
        has spiked in an earlier one, ``part`` which one it is.
    calm : callable, optional
        A neuron for which this function of state variables and constants is true before and after takes the step
        at once; only the others take it in parts. `derived` is then called ``derived(parameters, dt, parts)``.

    Raises
    ------
    InputError
        With the file and line of the function: an argument that is nothing known, a name that is taken twice,
        a wrong number of returned values.
    """

    def decorated(function: Callable[..., Any]) -> NeuronModel:
        step = Step.of(function, name or function.__name__)
        return Scalar(name or function.__name__, step, parameters, state, receptors, derived, substeps, calm).model()

    return decorated


def _parameter(value: Any) -> Parameter:
    if isinstance(value, Parameter):
        return value
    default, unit = value if isinstance(value, tuple) else (value, "")
    return Parameter(float(default), unit, "")


class _Literals(ast.NodeTransformer):
    """Makes arguments of a step's numbers such as 0.5, in the state's type: else all were in double precision.

    And makes `math.exp` and `np.exp` the exponential that turns into vector code, and of a product and a sum one
    operation. The functions of the same file that a step calls are taken along; they are given the same numbers.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self.values: dict[str, float] = {}
        self.known = known
        self.called: dict[str, ast.FunctionDef] = {}

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is not float:
            return node
        name = f"number_{len(self.values)}"
        self.values[name] = node.value
        return ast.Name(name, ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) in ("math.exp", "np.exp", "numpy.exp"):
            node.func = ast.Name("exp", ast.Load())
        elif ast.unparse(node.func) in ("np.int16", "numpy.int16"):
            # Refractory steps were 16-bit numbers once, and models were written so: more than 32,767 of them wrapped.
            node.func = ast.parse(ast.unparse(node.func).replace("int16", "int32"), mode="eval").body
        elif isinstance(node.func, ast.Name) and inspect.isfunction(self.known.get(node.func.id)):
            self.take(self.known[node.func.id])
            node.keywords.append(ast.keyword(None, ast.Name(NUMBERS, ast.Load())))
        return node

    def take(self, function: Callable[..., Any]) -> None:
        """Take a function along, once."""
        name = function.__name__
        if name == "<lambda>":
            at = function.__code__
            raise InputError(f"{at.co_filename}, line {at.co_firstlineno}", "expected `def` here, not a lambda")
        if name not in self.called:
            definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
            assert isinstance(definition, ast.FunctionDef)
            self.called[name] = definition
            self.visit(definition)
            # Those that it calls come before it.
            self.called[name] = self.called.pop(name)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _fused(node.left, node.op, node.right) or node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            value = _fused(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            if value is not None:
                return ast.Assign([node.target], value)
        return node

    def sources(self, step: ast.FunctionDef) -> tuple[str, str]:
        """Return the source of the functions that the step calls, and of the step, with the numbers as arguments."""
        texts = []
        for definition in (*self.called.values(), step):
            definition.args.args += [ast.arg(name) for name in self.values]
            text = ast.unparse(ast.fix_missing_locations(definition))
            texts.append(text.replace(f"**{NUMBERS}", ", ".join(self.values)))
        return "\n\n\n".join(INLINED + text for text in texts[:-1]), texts[-1]


def _fused(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr | None:
    """Return a b + c, a b - c or c - a b as one operation, or None where it is no such thing."""
    if not isinstance(op, ast.Add | ast.Sub):
        return None
    minus = isinstance(op, ast.Sub)
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
        a, b, c = left.left, left.right, ast.UnaryOp(ast.USub(), right) if minus else right
    elif isinstance(right, ast.BinOp) and isinstance(right.op, ast.Mult):
        a, b, c = ast.UnaryOp(ast.USub(), right.left) if minus else right.left, right.right, left
    else:
        return None
    return ast.Call(ast.Name("fused", ast.Load()), [a, b, c], [])


@dataclass(frozen=True)
class Step:
    """The source of a scalar step.

    Attributes
    ----------
    name, source : str
        Name and text of the function.
    place : str
        For messages: file, line and model.
    line : int
        Of the function in its file.
    known : dict
        What names mean where the function stands.
    shipped : bool
        Whether it is distsim's own, compiled when it is first used.
    """

    name: str
    source: str
    place: str
    line: int
    known: dict[str, Any]
    shipped: bool = False

    @classmethod
    def of(cls, function: Callable[..., Any], model: str) -> Step:
        """Return a function's source."""
        code = function.__code__
        place = f"{Path(code.co_filename).name}:{code.co_firstlineno}: {model}"
        try:
            source = textwrap.dedent(inspect.getsource(function))
        except OSError:
            raise InputError(place, "expected a function in a file: its source is compiled") from None
        shipped = function.__module__.startswith("distsim.models.")
        return cls(function.__name__, source, place, code.co_firstlineno, function.__globals__, shipped)


class Scalar:
    """A scalar step and what is declared of it, checked; `model` makes the neuron model."""

    def __init__(self, name: str, step: Step, parameters: dict[str, Any], state: dict[str, Any],
                 receptors: dict[str, tuple[str, int]], derived: Derived | None, substeps: int = 1,
                 calm: Callable[..., Any] | None = None):  # fmt: skip
        self.substeps, self.calm = substeps, calm
        self.name, self.step, self.place, self.derived = name, step, step.place, derived
        self.declaration = Declaration(
            name,
            parameters={n: _parameter(v) for n, v in parameters.items()},
            state={n: _parameter(v) for n, v in state.items()},
            receptors=tuple(Receptor(n, unit, sign) for n, (unit, sign) in receptors.items()),
        )
        self.receptors = list(receptors)
        self.defaults = {n: p.default for n, p in self.declaration.parameters.items()}
        self.more = list(self._derived(self.defaults, 0.1, substeps))
        self._check()

    def _check(self) -> None:
        """Refuse names that are nothing known or two things, and a step that returns something else."""
        kinds = [self.declaration.state, self.receptors, self.declaration.parameters, self.more, SPECIAL]
        known = [name for kind in kinds for name in kind]
        for name in known:
            if known.count(name) > 1:
                raise InputError(self.place, f"expected each name once, '{name}' is declared twice")
        tree = ast.parse(self.step.source).body[0]
        assert isinstance(tree, ast.FunctionDef)
        self.arguments = [argument.arg for argument in tree.args.args]
        for name in self.arguments:
            if name not in known:
                raise InputError(self.place, f"unknown argument '{name}' (known: {', '.join(known)})")
        self.results = [*self.declaration.state, *(["refractory"] if "refractory" in self.arguments else [])]
        missing = [name for name in self.declaration.state if name not in self.arguments]
        if missing:
            raise InputError(self.place, f"expected the state variable '{missing[0]}' among the arguments")
        for node in ast.walk(tree):
            if isinstance(node, ast.Return):
                n = len(node.value.elts) if isinstance(node.value, ast.Tuple) else 1
                if n != len(self.results) + 1:
                    line = self.step.line + node.lineno - 1
                    wanted = ", ".join([*self.results, "spiked"])
                    raise InputError(f"{self.place}, line {line}", f"expected to return {wanted}; got {n} values")
        tree.decorator_list = []
        literals = _Literals(self.step.known)
        tree = literals.visit(tree)
        if self.calm is not None:
            literals.take(self.calm)
            allowed = [*self.declaration.state, *self.declaration.parameters, *self.more]
            for name in inspect.signature(self.calm).parameters:
                if name not in allowed:
                    raise InputError(self.place, f"calm: unknown argument '{name}' (known: {', '.join(allowed)})")
        self.literals = literals.values
        self.called, self.bare = literals.sources(tree)

    def _derived(self, params: dict[str, float], dt: float, parts: int) -> dict[str, float]:
        """Return the derived constants of a step that is taken in so many parts."""
        if self.derived is None:
            return {}
        return self.derived(params, dt) if self.calm is None else self.derived(params, dt, parts)

    def constants(self, params: dict[str, float], dt: float) -> list[float]:
        """Return parameters, derived constants and dt, in the order of the generated loop."""
        found = [float(params[n]) for n in self.declaration.parameters]
        more = self._derived(params, dt, self.substeps)
        found += [*(float(more[n]) for n in self.more), dt]
        whole = self._derived(params, dt, 1) if self.calm is not None else {}
        return found + [float(whole[n]) for n in whole]

    def model(self) -> NeuronModel:
        """Return the neuron model; a user's is registered and compiled now, a shipped one's when it is used."""
        module = generated_code.module(self.name, source(self))
        model = NeuronModel(self.declaration, self.constants, module.step, module.update, lambda params: {})
        if not self.step.shipped:
            self._compile(module)
            models.add(self.name, model)
        return model

    def _compile(self, module: Any) -> None:
        """Compile a user's loop now, before any work: what cannot be compiled is told with its function."""
        real = types.float64
        signature = (real[:, ::1], types.int32[::1], types.int32[:, ::1], real[::1], types.int64, types.int64,
                     real[::1], real[::1], types.int32[::1], types.int64)  # fmt: skip
        try:
            module.update.compile(signature)
        except NumbaError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            why = next((line for line in lines if "Failed in" not in line), lines[0])
            raise InputError(self.place, f"cannot be compiled: {why}") from None
