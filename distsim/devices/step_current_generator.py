"""A current that changes at given times (NEST's step_current_generator)."""

from distsim.registry import Declaration, Parameter

VARIANT = Declaration(
    "step_current_generator",
    parameters={
        "amplitude_times": Parameter([], "ms", "times of change, increasing", above=0.0),
        "amplitude_values": Parameter([], "pA", "current from each of these times on"),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
)
