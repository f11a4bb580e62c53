"""Checks of a network's parts: whatever is wrong is told with its path before any work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.errors import InputError, plain_text, shown, unknown
from distsim.network.distributions import LARGEST_WEIGHT, SMALLEST_WEIGHT, Distribution, distribution
from distsim.registry import CurrentSource, Declaration, Parameter, devices, models
from distsim.units import quantity

if TYPE_CHECKING:
    from distsim.network.declarations import Device, Population, Projection, Recorder
    from distsim.network.network import Network
    from distsim.network.selection import Selection

Evaluate = Callable[[Any, str], Any]
# The quantiles nearest to 0 and 1 that a 32-bit draw can give.
LOWEST, HIGHEST = 2.0**-33, 1.0 - 2.0**-33
LARGEST_DELAY_STEPS = 30_000
# Spikes are recorded with 32 bits of gid and 32 of step.
MOST_NEURONS = LARGEST_STEP = 2**32 - 1
MOST_GENERATORS = 10_000_000
# Steps after which no time comes: whole numbers up to here are exact in double precision.
NEVER_STEPS = 2**53
# NEST's devices that record: here a line under recorders.
RECORDERS = ("voltmeter", "multimeter", "spike_recorder", "spike_detector", "weight_recorder", "spin_detector")


def mapping(value: Any, place: str) -> dict[str, Any]:
    """Return `value` as a mapping with text keys; nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(place, f"expected a mapping of names, got {shown(value)}")
    for key in value:
        plain_text(key, place)
    return value


def sequence(value: Any, place: str) -> list[Any]:
    """Return `value` as a list; nothing is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(place, f"expected a list, got {shown(value)}")
    return value


def keys(value: Any, place: str, allowed: set[str], required: Iterable[str] = ()) -> dict[str, Any]:
    """Return `value` as a mapping that has all required keys and no unknown one."""
    found = mapping(value, place)
    for key in found:
        if key not in allowed:
            raise unknown(place, "key", key, allowed)
    for key in required:
        if key not in found:
            raise InputError(place, f"expected the key '{key}'")
    return found


def population(p: Population, evaluate: Evaluate, place: str) -> tuple[dict[str, float], dict[str, Distribution]]:
    """Return all parameters as numbers and all state variables as distributions, defaults filled in."""
    if not isinstance(p.model, str):
        raise InputError(f"{place}.model", f"expected the name of a neuron model, got {shown(p.model)}")
    declaration: Declaration = models.get(p.model, f"{place}.model").declaration
    params = parameters(declaration, p.params, evaluate, f"{place}.params")
    if not params.get("V_reset", -math.inf) < params.get("V_th", math.inf):
        raise InputError(
            f"{place}.params.V_reset",
            f"expected a reset potential below V_th = {params['V_th']:g} mV, got {params['V_reset']:g}",
        )
    init: dict[str, Distribution] = {}
    for name in p.init:
        if name not in declaration.state:
            raise unknown(f"{place}.init", "state variable", name, declaration.state)
    for name, variable in declaration.state.items():
        # A neuron whose start is not given starts at rest.
        at_rest = name == "V_m" and "E_L" in params and declaration.parameters["E_L"].default == variable.default
        default = params["E_L"] if at_rest else variable.default
        where = f"{place}.init.{name}"
        init[name] = distribution(evaluate(p.init.get(name, default), where), variable.unit, where)
    if p.weight_step is not None:
        names = [r.name for r in declaration.receptors]
        for name, step in mapping(p.weight_step, f"{place}.weight_step").items():
            if name not in names:
                raise unknown(f"{place}.weight_step", "receptor", name, names)
            number = quantity(step, "", f"{place}.weight_step.{name}")
            if not number > 0.0:
                raise InputError(f"{place}.weight_step.{name}", f"expected a number above 0, got {number:g}")
    if p.nodes is not None:
        _nodes(p, keys(p.nodes, f"{place}.nodes", {"population", "ids"}, ("population", "ids")), f"{place}.nodes")
    return params, init


def _nodes(p: Population, nodes: dict[str, Any], place: str) -> None:
    """Check which SONATA nodes a population is."""
    runs = sequence(nodes["ids"], f"{place}.ids")
    if not isinstance(nodes["population"], str) or not all(
        isinstance(r, list) and len(r) == 2 and all(type(i) is int for i in r) and 0 <= r[0] < r[1] <= MOST_NEURONS
        for r in runs
    ):
        raise InputError(f"{place}.ids", "expected the name of a population and runs [start, stop] of its ids")
    n = sum(stop - start for start, stop in runs)
    if n != p.size:
        raise InputError(f"{place}.ids", f"expected as many ids as neurons, {p.size}, got {n}")


def device(d: Device, size: int, evaluate: Evaluate, place: str) -> dict[str, Any]:
    """Return all parameters of a device, defaults filled in."""
    if not isinstance(d.model, str):
        raise InputError(f"{place}.model", f"expected the name of a device, got {shown(d.model)}")
    if d.model in RECORDERS:
        problem = (
            f"expected a generator: what is recorded stands under network.recorders (net.record), not in a {d.model}"
        )
        raise InputError(f"{place}.model", problem)
    kind = devices.get(d.model, f"{place}.model")
    params = parameters(kind, d.params, evaluate, f"{place}.params")
    if params["start"] > params["stop"]:
        raise InputError(
            f"{place}.params.stop", f"expected a time after start = {params['start']:g} ms, got {params['stop']:g}"
        )
    try:
        if kind.check is not None:
            kind.check(params, size, f"{place}.params")
        kind.examine(params, size, f"{place}.params")
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{place}.params", f"{d.model}: {type(error).__name__}: {error}") from None
    return params


def parameters(declaration: Declaration, given: dict[str, Any], evaluate: Evaluate, place: str) -> dict[str, Any]:
    """Return all declared parameters as numbers, or lists of numbers, defaults filled in."""
    for name in given:
        if name not in declaration.parameters:
            raise unknown(place, "parameter", name, declaration.parameters)
    found: dict[str, Any] = {}
    for name, parameter in declaration.parameters.items():
        where = f"{place}.{name}"
        value = evaluate(given.get(name, parameter.default), where)
        if isinstance(parameter.default, list):
            found[name] = numbers(value, parameter, where, depth=2 if name == "spike_times" else 1)
        elif name not in given and not math.isfinite(parameter.default):
            found[name] = parameter.default
        else:
            found[name] = bounded(value, parameter, where)
    return found


def numbers(value: Any, parameter: Parameter, place: str, depth: int) -> list[Any]:
    """Return a list of numbers, where depth is 2 also a list of such lists."""
    if not isinstance(value, list):
        raise InputError(place, f"expected a list of numbers, got {shown(value)}")
    return [
        numbers(v, parameter, place, depth - 1) if isinstance(v, list) and depth > 1 else bounded(v, parameter, place)
        for v in value
    ]


def bounded(value: Any, parameter: Parameter, place: str) -> float:
    """Return a number inside the parameter's bounds."""
    if value == math.inf and parameter.unit == "ms" and parameter.default == math.inf:
        return math.inf
    number = quantity(value, parameter.unit, place)
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.above is not None and not number > parameter.above:
        raise InputError(place, f"expected a number above {parameter.above:g}{unit}, got {number:g}")
    if parameter.at_least is not None and not number >= parameter.at_least:
        raise InputError(place, f"expected a number of at least {parameter.at_least:g}{unit}, got {number:g}")
    if parameter.at_most is not None and not number <= parameter.at_most:
        raise InputError(place, f"expected a number of at most {parameter.at_most:g}{unit}, got {number:g}")
    return number


def synapse(
    net: Network, p: Projection, pre: Selection, post: Selection, evaluate: Evaluate, place: str
) -> tuple[Distribution, Distribution]:
    """Return the distributions of weight and delay; check the receptor."""
    if p.name is not None:
        plain_text(p.name, f"{place}.name")
    unit = ""
    for part in post.slices:
        receptors = models.get(net.populations[part.name].model).declaration.receptors
        names = [r.name for r in receptors]
        if p.receptor is not None and p.receptor not in names:
            raise unknown(f"{place}.receptor", "receptor", p.receptor, names)
        units = {r.unit for r in receptors}
        if len(units) == 1:
            unit = units.pop()
    source = net.devices.get(pre.slices[0].name)
    if source is not None and isinstance(source.kind, CurrentSource):
        unit = ""  # a factor of the current
        if p.receptor is not None:
            raise InputError(
                f"{place}.receptor", f"expected none: the current of a {source.model} goes to the membrane"
            )
    weight = distribution(evaluate(p.weight, f"{place}.weight"), unit, f"{place}.weight")
    single_precision(weight, f"{place}.weight")
    delay = distribution(evaluate(p.delay, f"{place}.delay"), "ms", f"{place}.delay")
    if not np.isfinite(delay.ppf(np.array([0.5]))).all() or delay.bounds()[1] <= 0.0:
        raise InputError(f"{place}.delay", "expected a positive time in ms")
    return weight, delay


def single_precision(weight: Distribution, place: str) -> None:
    """Raise InputError where weights have no size in single precision."""
    with np.errstate(all="ignore"):
        drawn = np.abs(weight.ppf(np.array([LOWEST, HIGHEST])))
    if not drawn.max() <= LARGEST_WEIGHT:
        raise InputError(place, f"expected weights of at most {LARGEST_WEIGHT:.3g}, got {drawn.max():.3g}")
    if weight.is_constant and 0.0 < drawn.max() < SMALLEST_WEIGHT:
        raise InputError(place, f"expected 0 or a weight of at least {SMALLEST_WEIGHT:.3g}, got {drawn.max():.3g}")


def recorder(
    net: Network, r: Recorder, source: Selection, evaluate: Evaluate, place: str
) -> tuple[float | None, str | None]:
    """Return the interval (ms) and the reduction of a recorder, checked."""
    if not isinstance(r.record, str):
        raise InputError(f"{place}.record", f"expected 'spikes', a state variable or 'lfp', got {shown(r.record)}")
    if r.record == "spikes":
        for name in ("every", "reduce"):
            if getattr(r, name) is not None:
                raise InputError(f"{place}.{name}", "expected none: every spike is recorded")
        return None, None
    for part in source.slices:
        model = net.populations[part.name].model
        state = models.get(model).declaration.state
        if r.record == "lfp" and not {"I_syn_ex", "I_syn_in"} <= set(state):
            raise InputError(f"{place}.from", f"expected neurons with synaptic currents, '{part.name}' is {model}")
        if r.record != "lfp" and r.record not in state:
            raise unknown(f"{place}.record", f"state variable of {model}", r.record, ["spikes", *state])
    if r.reduce not in (None, "mean"):
        raise InputError(f"{place}.reduce", f"expected 'mean', got {shown(r.reduce)}")
    if r.reduce is not None and r.record == "lfp":
        raise InputError(f"{place}.reduce", "expected none: the LFP is one value already")
    every = quantity(evaluate(1.0 if r.every is None else r.every, f"{place}.every"), "ms", f"{place}.every")
    if not every > 0.0:
        raise InputError(f"{place}.every", f"expected a time above 0 ms, got {every:g}")
    return every, r.reduce


def to_steps(time: float, dt: float) -> int:
    """Return a time (ms) as steps, rounded half up, `NEVER_STEPS` at most."""
    # The tolerance keeps 0.25 / 0.1 = 2.5 a tie although neither number is exact.
    return math.floor(max(-NEVER_STEPS, min(time / dt, NEVER_STEPS)) + 0.5 + 1e-9)


def grid(net: Network, dt: float) -> None:
    """Raise where times of recorders or devices do not fit steps of `dt` (ms)."""
    for i, r in enumerate(net.recorders):
        if r.every is not None:
            on_grid(r.every, dt, 1e-6 * dt, f"network.recorders.{i}.every", 1)
    for name, d in net.devices.items():
        for key, value in d.params.items():
            if devices.get(d.model).parameters[key].unit != "ms":
                continue
            for time in flat(value):
                if math.isfinite(time):
                    on_grid(time, dt, 1e-6 * max(dt, 1e-3 * time), f"network.devices.{name}.params.{key}")


def flat(value: Any) -> Iterable[float]:
    """Yield the numbers of a parameter: itself, or those in its lists."""
    if isinstance(value, list):
        for part in value:
            yield from flat(part)
    else:
        yield value


def on_grid(time: float, dt: float, tolerance: float, place: str, at_least: int = 0) -> None:
    """Raise where a time (ms) is no multiple of `dt`, or so late that no step is counted so far."""
    steps = to_steps(time, dt)
    if steps >= NEVER_STEPS:
        raise InputError(place, f"expected a time below 2^53 steps of dt = {dt:g} ms, got {time:g}")
    if steps < at_least or abs(steps * dt - time) > tolerance:
        raise InputError(place, f"expected a multiple of dt = {dt:g} ms, got {time:g}")
