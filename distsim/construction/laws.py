"""What is really drawn of a distribution: from its table, on its grid; and how far that is from what was asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from distsim.construction.records import TABLE, TAIL_BITS
from distsim.construction.tables import table
from distsim.network.distributions import Distribution

# Places at which each cell of a table is looked at, in its middle part and in its tails; cells of the range in a tail.
PLACES, TAIL_PLACES = 16, 8
IN_TAIL = TABLE >> TAIL_BITS
# Listed weights that are looked at together.
CHUNK = 1 << 20
# A weight is called off where it misses what was drawn by more than this.
OFF = 0.05
# Standard deviations below this part of the weights' size count as this large.
SMALLEST_SPREAD = 1e-4


@dataclass(frozen=True)
class Errors:
    """How far weights are from what was asked for.

    Attributes
    ----------
    mean, sd : float
        Error of the mean, relative to the mean size of weights, and of the standard deviation, relative to itself.
    zeroed : float
        Fraction that became 0 and was not.
    off : float
        Fraction that is off by more than 5 %.
    rounded_mean, rounded_sd : float
        The part of the errors that rounding makes.
    """

    mean: float = 0.0
    sd: float = 0.0
    zeroed: float = 0.0
    off: float = 0.0
    rounded_mean: float = 0.0
    rounded_sd: float = 0.0

    def within(self, limit: float) -> bool:
        """Return whether all but the law's own error stay within `limit`."""
        return max(abs(self.rounded_mean), abs(self.rounded_sd), self.off) <= limit and self.zeroed == 0.0


@dataclass(frozen=True)
class Grid:
    """How weights onto a population's receptors are rounded.

    Attributes
    ----------
    kind : {"int16", "float32"}
        Whole steps in 16 bits, or float32 numbers that are multiples of the step.
    steps : tuple of float
        Of positive and negative weights.
    """

    kind: str
    steps: tuple[float, float]

    def rounding(self) -> np.ndarray:
        """Return what `records.pack` takes."""
        if self.kind == "int16":
            return (1.0 / np.array(self.steps)).astype(np.float32)
        return 1.5 * 2.0**52 * np.array(self.steps)

    def rounded(self, weights: np.ndarray) -> np.ndarray:
        """Return float32 weights as `records.pack` rounds them: float64, in the weights' own unit."""
        negative = (weights < 0).astype(np.int64)
        steps, rounding = np.array(self.steps)[negative], self.rounding()[negative]
        if self.kind == "int16":
            q = np.floor((weights * rounding).astype(np.float32) + np.float32(0.5))
            rounded = np.clip(q, -32767.0, 32767.0).astype(np.float64) * steps
        else:
            rounded = ((weights.astype(np.float64) + rounding) - rounding).astype(np.float32).astype(np.float64)
        return np.where((rounded == 0.0) & (weights != 0.0), np.copysign(steps, weights), rounded)


@cache
def _shares() -> np.ndarray:
    """Return the probabilities of the places at which a table is looked at."""
    middle = np.full((TABLE - 2 * IN_TAIL) * PLACES, 1.0 / TABLE / PLACES)
    tails = np.full(2 * (TABLE - 1) * TAIL_PLACES, 2.0**-TAIL_BITS / TABLE / TAIL_PLACES)
    return np.concatenate([middle, tails, np.full(2 * TABLE, 2.0**-32)])


@lru_cache(maxsize=8)
def drawn(weight: Distribution) -> np.ndarray:
    """Return what a table gives at places whose probabilities are `_shares`: float32, between knots as drawn."""
    knots = table(weight)
    parts = []
    for first, n, places in (
        (IN_TAIL, TABLE - 2 * IN_TAIL, PLACES),
        (TABLE + 1 + 1, TABLE - 1, TAIL_PLACES),
        (2 * (TABLE + 1), TABLE - 1, TAIL_PLACES),
    ):
        low, high = knots[first : first + n, None], knots[first + 1 : first + n + 1, None]
        fraction = ((np.arange(places) + 0.5) / places).astype(np.float32)
        parts.append((low + (high - low) * fraction).reshape(-1))
    return np.concatenate([*parts, knots[3 * (TABLE + 1) :]])


@lru_cache(maxsize=256)
def sizes(weight: Distribution) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return mean and second moment of the sizes of positive and of negative weights; the other sign counts as 0."""
    values, shares = drawn(weight).astype(np.float64), _shares()
    found = []
    for sized in (np.maximum(values, 0.0), np.maximum(-values, 0.0)):
        found.append((float((shares * sized).sum()), float((shares * sized**2).sum())))
    return found[0], found[1]


@lru_cache(maxsize=4096)
def errors_of_law(weight: Distribution, grid: Grid) -> Errors:
    """Return the errors of weights that are drawn from a distribution and rounded."""
    if weight.is_constant:
        value = np.array([weight.mean()])
        return _errors(iter([(value, value.astype(np.float32), np.ones(1))]), grid, value[0], 0.0)
    mean, sd = weight.moments()
    return _errors(iter([(drawn(weight), drawn(weight), _shares())]), grid, mean, sd)


def errors_of_list(weights: np.ndarray, grid: Grid) -> Errors:
    """Return the errors of listed weights."""
    if not weights.size:
        return Errors()

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for first in range(0, weights.shape[0], CHUNK):
            part = weights[first : first + CHUNK]
            yield part, part.astype(np.float32), np.full(part.shape[0], 1.0 / weights.shape[0])

    mean = float(weights.mean())
    sd = math.sqrt(sum(float((shares * (part - mean) ** 2).sum()) for part, _, shares in chunks()))
    return _errors(chunks(), grid, mean, sd)


def _errors(chunks: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]], grid: Grid, mean: float, sd: float) -> Errors:
    """Return the errors of (weights, the same in float32, their probabilities), given what the moments should be."""
    # Sums of p w, p w^2, p r, p r^2 relative to the mean, of p |w|, and of p where r is 0 or off.
    sums = np.zeros(7)
    for weights, single, shares in chunks:
        rounded = grid.rounded(single)
        w, r = weights - mean, rounded - mean
        zeroed = (rounded == 0.0) & (weights != 0.0)
        off = np.abs(rounded - weights) > OFF * np.abs(weights)
        sums += [(shares * a).sum() for a in (w, w * w, r, r * r, np.abs(weights), zeroed, off)]
    size = max(sums[4], abs(mean), 1e-300)
    spread = max(sd, SMALLEST_SPREAD * size)
    kept, made = (math.sqrt(max(second - first**2, 0.0)) for first, second in (sums[:2], sums[2:4]))
    return Errors(
        mean=float(sums[2] / size), sd=float((made - sd) / spread), zeroed=float(sums[5]), off=float(sums[6]),
        rounded_mean=float((sums[2] - sums[0]) / size), rounded_sd=float((made - kept) / spread),
    )  # fmt: skip
