"""Spikes at given times, sent through synapses like a neuron's (NEST's spike_generator)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from distsim.errors import InputError
from distsim.registry import Parameter, SpikeSource


def check(params: dict[str, Any], size: int, place: str) -> None:
    """Raise InputError unless there is one ascending list of times, or one per generator."""
    given = params["spike_times"]
    nested = bool(given) and isinstance(given[0], list)
    if any(isinstance(one, list) != nested for one in given):
        raise InputError(f"{place}.spike_times", "expected numbers, or one list of numbers per generator")
    if nested and len(given) != size:
        raise InputError(f"{place}.spike_times", f"expected {size} lists, one per generator, got {len(given)}")
    for one in given if nested else [given]:
        if any(b < a for a, b in pairwise(one)):
            raise InputError(f"{place}.spike_times", "expected times in ascending order")


def times(params: dict[str, Any], size: int) -> list[list[float]]:
    """Return the spikes of each generator; one list is that of all."""
    given = params["spike_times"]
    return given if given and isinstance(given[0], list) else [given] * size


VARIANT = SpikeSource(
    "spike_generator",
    parameters={
        "spike_times": Parameter([], "ms", "times of the spikes; a list per generator where size > 1", above=0.0),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
    times=times,
    check=check,
)
