"""Spikes at given times, sent through synapses like a neuron's (NEST's spike_generator)."""

from distsim.registry import Declaration, Parameter

VARIANT = Declaration(
    "spike_generator",
    parameters={
        "spike_times": Parameter([], "ms", "times of the spikes; a list per generator where size > 1", above=0.0),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
)
