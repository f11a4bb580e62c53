"""Independent Poisson spike trains, one for every connection (NEST's poisson_generator)."""

from distsim.registry import Declaration, Parameter

VARIANT = Declaration(
    "poisson_generator",
    parameters={
        "rate": Parameter(0.0, "Hz", "mean rate of every train", at_least=0.0),
        "start": Parameter(0.0, "ms", "first time, relative to the start of the simulation", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
)
