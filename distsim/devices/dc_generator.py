"""A constant current into every target (NEST's dc_generator)."""

from distsim.registry import CurrentSource, Parameter

VARIANT = CurrentSource(
    "dc_generator",
    parameters={
        "amplitude": Parameter(0.0, "pA", "current"),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
    changes=lambda params, dt: [(0.0, params["amplitude"])],
)
