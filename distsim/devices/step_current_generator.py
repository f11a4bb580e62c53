"""A current that changes at given times (NEST's step_current_generator)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from distsim.errors import InputError
from distsim.registry import CurrentSource, Parameter


def check(params: dict[str, Any], size: int, place: str) -> None:
    """Raise InputError unless there is a value for every time, times ascending."""
    times, values = params["amplitude_times"], params["amplitude_values"]
    if len(times) != len(values):
        raise InputError(f"{place}.amplitude_values", f"expected {len(times)} values, one per time, got {len(values)}")
    if any(b <= a for a, b in pairwise(times)):
        raise InputError(f"{place}.amplitude_times", "expected times in strictly ascending order")


def changes(params: dict[str, Any], dt: float) -> list[tuple[float, float]]:
    """Return times of change and currents from then on."""
    return list(zip(params["amplitude_times"], params["amplitude_values"], strict=True))


VARIANT = CurrentSource(
    "step_current_generator",
    parameters={
        "amplitude_times": Parameter([], "ms", "times of change, increasing", above=0.0),
        "amplitude_values": Parameter([], "pA", "current from each of these times on"),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
    changes=changes,
    check=check,
)
