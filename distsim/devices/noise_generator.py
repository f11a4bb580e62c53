"""A Gaussian white-noise current, piecewise constant, independent for every target (NEST's noise_generator)."""

from distsim.registry import Declaration, Parameter

VARIANT = Declaration(
    "noise_generator",
    parameters={
        "mean": Parameter(0.0, "pA", "mean current"),
        "std": Parameter(0.0, "pA", "standard deviation of the current", at_least=0.0),
        "dt": Parameter(1.0, "ms", "interval between changes, a multiple of the step", above=0.0),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
)
