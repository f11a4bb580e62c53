"""A Gaussian white-noise current, piecewise constant, independent for every target (NEST's noise_generator)."""

from __future__ import annotations

import numba
import numpy as np
from numba import uint32

from distsim.registry import CurrentSource, Parameter
from distsim.rng import threefry4x32

VARIANT = CurrentSource(
    "noise_generator",
    parameters={
        "mean": Parameter(0.0, "pA", "mean current"),
        "std": Parameter(0.0, "pA", "standard deviation of the current", at_least=0.0),
        "dt": Parameter(1.0, "ms", "interval between changes, a multiple of the step", above=0.0),
        "start": Parameter(0.0, "ms", "first time", at_least=0.0),
        "stop": Parameter(float("inf"), "ms", "last time", at_least=0.0),
    },
    changes=lambda params, dt: [(0.0, params["mean"])],
    noise=lambda params: (params["std"], params["dt"]),
)


@numba.njit(forceinline=True)
def standard_normal(lo, hi, draw, key):
    """Return a standard normal number for counter (lo, hi, draw), by Box and Muller's transform."""
    d = np.uint64(draw)
    x0, x1, x2, _ = threefry4x32(
        lo, hi, uint32(d), uint32(d >> np.uint64(32)), key[0], key[1], key[2], key[3]
    )  # fmt: skip
    radius_u = (np.float64(x0) * 2097152.0 + np.float64(x1 >> uint32(11)) + 0.5) / 9007199254740992.0
    angle = 2.0 * np.pi * np.float64(x2) / 4294967296.0
    return np.sqrt(-2.0 * np.log(radius_u)) * np.cos(angle)
