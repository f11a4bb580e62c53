"""What a synapse model is: traces of spikes on both sides, and what a spike of either side does to the weight.

    synapse_model(
        "stdp_additive",
        parameters={"tau_plus": (20.0, "ms"), "tau_minus": (20.0, "ms"), "A": (0.1, ""), "w_max": (5.0, "")},
        pre={"x": "tau_plus"},
        post={"y": "tau_minus"},
        on_pre=lambda w, y, A: w - A * y,
        on_post=lambda w, x, A: w + A * x,
    )

`on_pre` is what the arrival of a presynaptic spike does, `on_post` that of a postsynaptic one. Their
arguments are taken by name: ``w``, the size of the weight; traces, as they are just before the spike;
state variables of the synapse; parameters, and what `derived` makes of them. They return the new ``w``,
followed by the state variables where there are some.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.registry import Declaration, Parameter, synapses

Derived = Callable[[dict[str, float], float], dict[str, float]]
Traces = dict[str, "str | tuple[str, str]"]
# Parameters that may be declared under either name bound the weight from below and above.
LOWER, UPPER = ("w_min", "Wmin"), ("w_max", "Wmax")
# Largest weight where a rule has no bound of its own, in largest initial weights.
ROOM = 8.0
# What a voltage-based rule sees of the target's potential: at every step in which it is high enough, and at arrivals.
LTP, LTD = "ltp", "ltd"
# The parameters that it needs for that, and the state variables of its targets.
THRESHOLDS = ("theta_plus", "theta_minus", "delay_u_bars", "u_ref_squared", "A_LTD_const")
POTENTIALS = ("V_m", "u_bar_plus", "u_bar_minus", "u_bar_bar")


@dataclass(frozen=True)
class Trace:
    """An exponentially decaying trace of a side's spikes.

    Attributes
    ----------
    name, tau : str
        Its name in rules; the parameter that is its time constant.
    nearest : bool
        Whether a spike sets it to one (the nearest spike counts) or adds one (all do).
    """

    name: str
    tau: str
    nearest: bool = False


@dataclass(frozen=True)
class Step:
    """A rule's function: where it stands, its arguments, and its source with arithmetic in single precision."""

    place: str
    arguments: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class SynapseModel:
    """A synapse model.

    Attributes
    ----------
    declaration : Declaration
        Name and parameters.
    pre, post : tuple of Trace
    state : dict of str to float
        State variables of every synapse besides the weight, and their initial values.
    on_pre, on_post : Step or None
    derived : callable or None
    short_term : bool
        Whether the source's release (Tsodyks & Markram) scales what arrives.
    modulated : str or None
        The state variable that is the eligibility for a third factor, see `stdp_dopamine_synapse`.
    voltage : bool
        Whether the target's potential counts in place of its spikes, see `clopath_synapse`.
    """

    declaration: Declaration
    pre: tuple[Trace, ...] = ()
    post: tuple[Trace, ...] = ()
    state: dict[str, float] = field(default_factory=dict)
    on_pre: Step | None = None
    on_post: Step | None = None
    derived: Derived | None = None
    short_term: bool = False
    modulated: str | None = None
    voltage: bool = False

    @property
    def target_state(self) -> tuple[str, ...]:
        """State variables that the model of its targets must have."""
        return POTENTIALS if self.voltage else ()

    @property
    def at_post(self) -> list[str]:
        """Names of what `on_post` sees of the target."""
        return [LTP] if self.voltage else [t.name for t in self.post]

    @property
    def at_pre(self) -> list[str]:
        """Names of what `on_pre` sees of the target."""
        return [LTD] if self.voltage else [t.name for t in self.post]

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.declaration.name

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by name."""
        return self.declaration.parameters

    def constants(self, params: dict[str, float], dt: float) -> dict[str, float]:
        """Return parameters and what is derived from them, by the names that functions use."""
        more = self.derived(params, dt) if self.derived is not None else {}
        return {_argument(n): float(v) for n, v in params.items()} | {n: float(v) for n, v in more.items()}

    def bounds(self, params: dict[str, float], largest: float) -> tuple[float, float]:
        """Return the smallest and largest size of a weight, given the largest initial one."""
        low = next((params[n] for n in LOWER if n in params), 0.0)
        high = next((params[n] for n in UPPER if n in params), math.inf)
        return low, high if math.isfinite(high) else ROOM * largest


def synapse_model(
    name: str, *, parameters: dict[str, Any], pre: Traces | None = None, post: Traces | None = None,
    state: dict[str, float] | None = None, on_pre: Callable[..., Any] | None = None,
    on_post: Callable[..., Any] | None = None, derived: Derived | None = None, short_term: bool = False,
    modulated: str | None = None, voltage: bool = False,
) -> SynapseModel:  # fmt: skip
    """Make a synapse model of what a spike of either side does, and register it under its name.

    Parameters
    ----------
    name : str
    parameters : dict
        Name to default, ``(default, unit)`` or `Parameter`. ``w_min`` or ``Wmin`` and ``w_max`` or ``Wmax`` bound
        the size of the weight, which else lies between 0 and 8 times the largest initial one. A name that
        Python keeps for itself is written with an underscore behind it in functions: ``lambda_``.
    pre, post : dict, optional
        Trace to the parameter that is its time constant, or ``(parameter, "nearest")`` where a spike sets it to
        one in place of adding one.
    state : dict, optional
        State variables of every synapse (float32) and their initial values.
    on_pre, on_post : callable, optional
        What the arrival of a presynaptic spike, and of a postsynaptic one, does; see the module.
    derived : callable, optional
        ``derived(parameters, dt)`` returns further constants by name.
    voltage : bool
        Whether the target's potential counts in place of its spikes: `on_post` is done at every step in which ``ltp``
        is above zero, `on_pre` sees ``ltd``; see `clopath_synapse`, whose thresholds are declared as parameters.

    Returns
    -------
    SynapseModel

    Raises
    ------
    InputError
        With file and line of the function: arguments that are nothing known, a wrong number of returned values.
    """
    declared = {n: _parameter(v) for n, v in parameters.items()}
    missing = [n for n in THRESHOLDS if voltage and n not in declared]
    if missing or (voltage and post):
        raise InputError(name, f"expected the parameters {', '.join(THRESHOLDS)}, and no `post`, with voltage=True")
    traces = [tuple(Trace(n, *_kind(n, t, declared)) for n, t in (side or {}).items()) for side in (pre, post)]
    known = {"w", *(t.name for side in traces for t in side), *(state or {})} | {_argument(n) for n in declared}
    if derived is not None:
        known |= set(derived({n: p.default for n, p in declared.items()}, 0.1))
    first, second = (
        None if function is None else _step(function, kind, sorted({*known, *more}), list(state or {}))
        for function, kind, more in (
            (on_pre, "on_pre", [LTD] if voltage else []), (on_post, "on_post", [LTP] if voltage else [])
        )
    )  # fmt: skip
    declaration = Declaration(name, declared)
    model = SynapseModel(
        declaration, traces[0], traces[1], dict(state or {}), first, second, derived, short_term, modulated, voltage
    )
    frame = inspect.currentframe()
    module = frame.f_back.f_globals.get("__name__", "") if frame is not None and frame.f_back is not None else ""
    if not module.startswith("distsim.synapses."):
        synapses.add(name, model)
    return model


def _parameter(value: Any) -> Parameter:
    if isinstance(value, Parameter):
        return value
    default, unit = value if isinstance(value, tuple) else (value, "")
    return Parameter(float(default), unit, "")


def _argument(name: str) -> str:
    """Return a parameter's name as an argument: a keyword gets an underscore."""
    return f"{name}_" if name == "lambda" else name


def _kind(name: str, value: Any, declared: dict[str, Parameter]) -> tuple[str, bool]:
    """Return the time constant's parameter and whether only the nearest spike counts."""
    tau, how = value if isinstance(value, tuple) else (value, "all")
    if tau not in declared or how not in ("all", "nearest"):
        known = ", ".join(declared)
        raise InputError(f"trace '{name}'", f"expected a parameter ({known}), alone or with 'nearest', got {value!r}")
    return tau, how == "nearest"


def _step(function: Callable[..., Any], kind: str, known: list[str], state: list[str]) -> Step:
    """Return a rule's function, checked, with its numbers and powers in single precision."""
    code = function.__code__
    place = f"{Path(code.co_filename).name}:{code.co_firstlineno}: {kind}"
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except OSError:
        raise InputError(place, "expected a function in a file: its source is compiled") from None
    arguments = list(inspect.signature(function).parameters)
    for name in arguments:
        if name not in known:
            raise InputError(place, f"unknown argument '{name}' (known: {', '.join(known)})")
    tree = _definition(source, place, kind)
    for node in ast.walk(tree):
        if isinstance(node, ast.Return):
            n = len(node.value.elts) if isinstance(node.value, ast.Tuple) else 1
            if n != 1 + len(state):
                raise InputError(place, f"expected to return {', '.join(['w', *state])}; got {n} values")
    tree.name = kind
    tree = ast.fix_missing_locations(_SinglePrecision().visit(tree))
    return Step(place, tuple(arguments), ast.unparse(tree))


def _definition(source: str, place: str, kind: str) -> ast.FunctionDef:
    """Return the definition in a function's source; of a lambda, a function that returns its value."""
    try:
        tree = ast.parse(source).body[0]
    except SyntaxError:
        # A lambda in the middle of a call: its source begins with the line on which it stands.
        tree = ast.parse(f"({source.partition('=')[2].strip().rstrip(',')})").body[0]
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list, tree.returns = [], None
        return tree
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    if len(found) != 1:
        raise InputError(place, "expected a function, or one lambda on a line of its own")
    body: list[ast.stmt] = [ast.Return(found[0].body)]
    definition = ast.parse(f"def {kind}(): pass").body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.args, definition.body = found[0].args, body
    return definition


class _SinglePrecision(ast.NodeTransformer):
    """Numbers become float32, powers and exponentials the polynomials that turn into vector code."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) not in (int, float):
            return node
        return ast.Call(ast.Name("float32", ast.Load()), [ast.Constant(node.value)], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if not isinstance(node.op, ast.Pow):
            return self.generic_visit(node)
        base = self.visit(node.left)
        if isinstance(node.right, ast.Constant) and type(node.right.value) is int:
            return ast.BinOp(base, ast.Pow(), node.right)
        return ast.Call(ast.Name("power", ast.Load()), [base, self.visit(node.right)], [])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "exp":
            node.func = ast.Name("exp", ast.Load())
        return node
