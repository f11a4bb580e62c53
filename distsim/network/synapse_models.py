"""Which synapse model a projection has, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from distsim.errors import InputError, shown, unknown
from distsim.network import checks
from distsim.network.declarations import Synapse
from distsim.registry import models, synapses
from distsim.units import quantity

if TYPE_CHECKING:
    from distsim.network.declarations import Projection
    from distsim.network.network import Network
    from distsim.network.selection import Selection

STATIC = ("static", "static_synapse")


def synapse_model(
    net: Network, p: Projection, pre: Selection, post: Selection, evaluate: Callable[[Any, str], Any], place: str
) -> str | Synapse:
    """Return ``"static"``, or the synapse model with all its parameters.

    Parameters
    ----------
    net : Network
    p : Projection
        As written: ``synapse`` is a name, or a mapping of ``model`` and parameters.
    pre, post : Selection
        Its sources and targets.
    evaluate : callable
        Of a value and its place.
    place : str
        For messages.

    Raises
    ------
    InputError
    """
    place = f"{place}.synapse"
    given = {"model": p.synapse} if isinstance(p.synapse, str) else dict(checks.mapping(p.synapse, place))
    name = given.pop("model", None)
    if not isinstance(name, str):
        raise InputError(f"{place}.model", f"expected the name of a synapse model, got {shown(name)}")
    if name in STATIC:
        if given:
            raise InputError(f"{place}.{next(iter(given))}", "expected none: a static synapse has no parameters")
        return "static"
    if name not in synapses and ".py:" not in name:
        raise unknown(f"{place}.model", "synapse model", name, ["static", *synapses.names()])
    model = synapses.get(name, f"{place}.model")
    device = net.devices.get(pre.slices[0].name)
    if device is not None and not device.spikes:
        raise InputError(place, f"expected 'static': a {device.model} has a connection, no synapse")
    _check_targets(net, model.target_state, post, place)
    axonal = quantity(evaluate(given.pop("axonal_delay", 0.0), f"{place}.axonal_delay"), "ms", f"{place}.axonal_delay")
    if not axonal >= 0.0:
        raise InputError(f"{place}.axonal_delay", f"expected a time of at least 0 ms, got {axonal:g}")
    transmitter: Any = given.pop("transmitter", None) if model.modulated else None
    releasing = [*net.populations, *(n for n, d in net.devices.items() if d.spikes)]
    if model.modulated and transmitter not in releasing:
        problem = f"expected the population that releases it ({', '.join(releasing)}), got {shown(transmitter)}"
        raise InputError(f"{place}.transmitter", problem)
    params = checks.parameters(model.declaration, given, evaluate, place)
    low, high = model.bounds(params, float("inf"))
    if not 0.0 <= low < high:
        raise InputError(
            place, f"expected bounds of the size of a weight with 0 <= lower < upper, got {low:g}, {high:g}"
        )
    return Synapse(name, params, axonal, transmitter)


def _check_targets(net: Network, needed: tuple[str, ...], post: Selection, place: str) -> None:
    """Raise where a rule does not find the state variables that it needs in its targets."""
    for target in post.slices:
        kind = net.populations[target.name].model
        missing = [name for name in needed if name not in models.get(kind).declaration.state]
        if missing:
            raise InputError(
                f"{place}.model",
                f"expected targets whose model has the state variables {', '.join(needed)}; "
                f"{kind} of '{target.name}' has no {missing[0]}",
            )


def check_grid(p: Projection, index: int, dt: float) -> None:
    """Raise where the axonal share of a plastic projection's delays leaves no step for the dendrite."""
    synapse = p.synapse
    if not isinstance(synapse, Synapse):
        return
    place = f"network.projections.{index}.synapse.axonal_delay"
    steps = checks.to_steps(synapse.axonal_delay, dt)
    if abs(steps * dt - synapse.axonal_delay) > 1e-6 * dt:
        raise InputError(place, f"expected a multiple of dt = {dt:g} ms, got {synapse.axonal_delay:g}")
    smallest = p.delay_steps_bounds(dt)[0]
    delay = synapse.params["transmitter_delay"] if synapse.transmitter is not None else None
    if delay is not None and checks.to_steps(delay, dt) > checks.LARGEST_DELAY_STEPS:
        place = f"network.projections.{index}.synapse.transmitter_delay"
        raise InputError(
            place, f"expected a delay of at most {checks.LARGEST_DELAY_STEPS} steps of {dt:g} ms, got {delay:g}"
        )
    if delay is not None and checks.to_steps(delay, dt) <= steps:
        place = f"network.projections.{index}.synapse.transmitter_delay"
        raise InputError(place, f"expected a step of {dt:g} ms more than axonal_delay, or longer, got {delay:g}")
    if steps >= smallest:
        raise InputError(
            place, f"expected at least one step of {dt:g} ms less than the smallest delay, {smallest * dt:g} ms, "
                   f"which it is part of; got {synapse.axonal_delay:g}"
        )  # fmt: skip
