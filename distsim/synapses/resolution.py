"""Whether the weights of a learning rule resolve its smallest changes.

A weight in single precision lies on a grid of some 1e-7 of itself. A change d is rounded to that grid's step u: what is
off is at most u / (2 d) of it, always the same where all changes are alike, and below u / 2 nothing is learned at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.notices import warn
from distsim.registry import synapses
from distsim.synapses.base import LTD, LTP, Step, SynapseModel

if TYPE_CHECKING:
    from distsim.network import Projection

# Steps of the grid below which a change is told: at this many at most 1 % of it is off.
ENOUGH = 50.0
# What counts for a potential in place of a trace of one: 10 mV above threshold, at potentiation two of them.
POTENTIALS = {LTD: 10.0, LTP: 100.0}


def smallest_change(model: SynapseModel, params: dict[str, float], dt: float, weight: float) -> float:
    """Return the smallest change of a weight, in its unit, that one spike makes by the rule at this weight.

    Each of the rule's functions is taken with traces of zero and of one. With a third factor the change is that of one
    spike of the transmitter after one pairing.

    Parameters
    ----------
    model : SynapseModel
    params : dict
        The rule's parameters.
    dt : float
        Step (ms).
    weight : float
        Size of the weight.

    Returns
    -------
    float
        Infinity where nothing changes, or where the rule cannot be evaluated at this weight.
    """
    names = {t.name for t in (*model.pre, *model.post)} | set(POTENTIALS)
    found = []
    for step in (model.on_pre, model.on_post):
        for trace in (0.0, 1.0):
            values = {n: trace * POTENTIALS.get(n, 1.0) for n in names}
            values |= model.constants(params, dt) | model.state | {"w": weight}
            found.append(_change(step, values, model.modulated, list(model.state)))
    smallest = min((c for c in found if c > 0.0 and math.isfinite(c)), default=math.inf)
    if model.modulated is None:
        return smallest
    # One spike of the transmitter raises n by 1 / tau_n; c n goes on until either has decayed.
    return smallest * params["tau_c"] / (params["tau_c"] + params["tau_n"])


def _change(step: Step | None, values: dict[str, float], modulated: str | None, state: list[str]) -> float:
    """Return by how much a rule's function changes the weight, or the eligibility where a third factor acts on that."""
    if step is None:
        return 0.0
    place: dict[str, Any] = {"np": np, "float32": float, "int32": int, "exp": math.exp, "exp2": math.exp2, "power": pow}
    try:
        exec(step.source, place)
        function = next(v for k, v in place.items() if k in ("on_pre", "on_post"))
        result = function(*(values[a] for a in step.arguments))
        after = result if isinstance(result, tuple) else (result,)
        i = 0 if modulated is None else 1 + state.index(modulated)
        before = values["w"] if modulated is None else values[modulated]
        return abs(float(after[i]) - before)
    except (ArithmeticError, ValueError, TypeError, NameError, KeyError):
        return math.inf


def warn_of_small_changes(projection: Projection, dt: float, place: str) -> None:
    """Warn where a plastic projection's weights, in single precision, do not resolve what its rule changes."""
    model, params = synapses.get(projection.synapse.model), projection.synapse.params
    weight = _typical_weight(projection, model)
    change, unit = smallest_change(model, params, dt, weight), float(np.spacing(np.float32(weight)))
    if change < ENOUGH * unit:
        off = min(1.0, unit / (2.0 * change))
        warn(
            place,
            f"{model.name} changes a weight of {weight:.3g} by {change:.2g} a spike, {change / unit:.2g} of the "
            f"smallest step that single precision takes there: up to {off:.0%} of what is learned may be off; "
            "use precision: float64",
        )


def _typical_weight(projection: Projection, model: SynapseModel) -> float:
    """Return the mean size of the initial weights; half of the largest one where they are zero."""
    listed = projection.rule.columns["weight"] if projection.rule.name == "edges" else None
    size = np.abs(listed).mean() if listed is not None and listed.size else abs(projection.weight.mean())
    low, high = model.bounds(projection.synapse.params, float(size))
    return float(min(max(size, low), high)) or 0.5 * high or 1.0
