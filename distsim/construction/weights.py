"""How a network's weights are kept: chosen from the description alone, judged on the laws that are really drawn.

Two ways, one for a whole network, so that one type of input is compiled:

- ``int16``: a weight is a whole number of at most 16 bits of steps of a grid per population and receptor, in records of
  32 bits; a step's input is an int32 sum.
- ``float32``: a weight is a float32 number that is a multiple of a unit, a power of two per population and receptor, in
  records of 64 bits; a step's input is a float64 sum of multiples of that unit below 2^53 units.

Both sums are exact, hence the same in any order, by the bounds of `sums`. ``auto`` takes int16 where it does for every
projection. With plastic projections the input is float64 in any case, in steps of the grid where static weights are
int16: what arrives through a plastic synapse is a multiple of a fraction of a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from distsim.construction.laws import Errors, Grid, errors_of_law, errors_of_list
from distsim.construction.sums import Sums, largest_sums
from distsim.construction.tables import (
    constant_weight,
    listed_weights,
    receptor_planes,
    weight_bounds,
)
from distsim.errors import InputError
from distsim.network import Network, Projection
from distsim.notices import warn
from distsim.registry import CurrentSource, models

WEIGHT_LIMIT = 32767
# A grid of fewer steps is none.
FEWEST_STEPS = 64
# Errors of mean, of standard deviation, and the fraction of weights that are off, at most.
LARGEST_ERROR = 1e-3
# Bits that a float64 sum holds exactly; the sum of weights that are rounded leaves two of them to rounding.
SUM_BITS, ROUNDED_BITS = 53, 51
FLOAT32_BITS = 24

Key = tuple[str, int]


@dataclass(frozen=True)
class Representation:
    """How the weights of a network are kept.

    Attributes
    ----------
    static : {"int16", "float32"}
        Of synapses whose weights do not change.
    input : np.dtype
        int32 or float64, of a step's input.
    grids : dict
        Population name to float64 [n_receptors]: what one of input is, in the weight's unit.
    units : dict
        Population name to float64 [n_receptors]: what all that is added is a multiple of, in the input's unit.
    errors : dict
        Index of a projection to its `Errors`, the largest over its populations; current generators have none.
    reason : str
        Why it is not int16, empty where it is.
    """

    static: str
    input: np.dtype
    grids: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    errors: dict[int, Errors] = field(default_factory=dict)
    reason: str = ""

    @property
    def record(self) -> np.dtype:
        """Type of the records of static synapses."""
        return np.dtype(np.uint32 if self.static == "int16" else np.uint64)

    def grid(self, population: str, planes: tuple[int, int]) -> Grid:
        """Return how static weights onto a population are rounded, given its planes of both signs."""
        steps = (self.grids if self.static == "int16" else self.units)[population]
        return Grid(self.static, (float(steps[planes[0]]), float(steps[planes[1]])))

    def rounding(self, population: str, planes: tuple[int, int]) -> np.ndarray:
        """Return the same as `records.pack` takes it."""
        return self.grid(population, planes).rounding()

    def on_input(self, population: str, plane: int, weight: float) -> float:
        """Return a weight in the input's unit, rounded."""
        rounded = self.grid(population, (plane, plane)).rounded(np.array([weight], np.float32))[0]
        return float(np.rint(rounded / self.grids[population][plane]) if self.static == "int16" else rounded)

    def kept(self, projection: Projection) -> str:
        """Return how a projection's weights are kept: ``"int16"`` or ``"float32"``."""
        return "float32" if projection.is_plastic else self.static


def as_drawn(population: str, planes: tuple[int, int]) -> np.ndarray:
    """Return the rounding of weights that are kept as the float32 numbers that are drawn."""
    return np.zeros(2)


def whole(projection: Projection) -> np.ndarray:
    """Return the rounding of a projection's constant weight to one step: records then hold its sign alone."""
    return np.full(2, 1.0 / (abs(constant_weight(projection) or 0.0) or 1.0), np.float32)


def representation(network: Network, dt: float, weights: str = "auto", *, tell: bool = False) -> Representation:
    """Choose how the weights of a resolved network are kept.

    Parameters
    ----------
    network : Network
        Resolved.
    dt : float
        Step (ms).
    weights : {"auto", "exact"}
        ``exact`` keeps every float32 weight to its last bit.
    tell : bool
        Whether to warn of laws that the draws themselves do not meet.

    Returns
    -------
    Representation

    Raises
    ------
    InputError
        With the projection: weights that no sum can hold together; ``exact`` where float64 sums cannot.
    """
    sums = largest_sums(network, dt)
    plastic = any(p.is_plastic for p in network.projections)
    found, reason = None, "exact"
    if weights == "auto":
        found, reason = _int16(network, sums, plastic)
    if found is None:
        found = _float32(network, sums, weights == "exact", reason)
    if tell:
        _tell_of_laws(network, found)
    return found


def _places(network: Network) -> list[tuple[int, Projection]]:
    """Return (index, projection) of those whose weights are added to a step's input."""
    currents = {name for name, d in network.devices.items() if isinstance(d.kind, CurrentSource)}
    return [(i, p) for i, p in enumerate(network.projections) if p.pre.slices[0].name not in currents]


def _receptors(network: Network, name: str) -> list[str]:
    return [r.name for r in models.get(network.populations[name].model).declaration.receptors]


def _given(network: Network, key: Key) -> float | None:
    """Return the `weight_step` of a population's receptor, None where there is none."""
    steps = network.populations[key[0]].weight_step or {}
    given = steps.get(_receptors(network, key[0])[key[1]])
    return None if given is None else float(given)


def _full(network: Network, values: dict[Key, float], default: float) -> dict[str, np.ndarray]:
    """Return values by population and receptor as arrays."""
    return {
        name: np.array([values.get((name, k), default) for k in range(len(_receptors(network, name)))])
        for name in network.populations
    }


# ---------------------------------------------------------------- 16 bits


def _int16(network: Network, sums: dict[Key, Sums], plastic: bool) -> tuple[Representation | None, str]:
    """Return the 16-bit representation, or None and why not."""
    steps: dict[Key, float] = {}
    for key, s in sums.items():
        given = _given(network, key)
        if s.largest == 0.0:
            steps[key] = given or 1.0
            continue
        where = f"weights onto '{key[0]}', receptor {_receptors(network, key[0])[key[1]]}"
        # Each of n rounded weights is at most half a step, or one where it was next to nothing, too large: with
        # `limit` steps for the largest weight a sum is at most limit static / largest + n, and must stay below 2^31.
        room = 2.0**31 - 1.0 - s.n_inputs
        limit = min(WEIGHT_LIMIT, math.floor(room * s.largest / s.static)) if not plastic else WEIGHT_LIMIT
        if limit < FEWEST_STEPS:
            return None, f"{where}: sums of {s.n_inputs:.3g} inputs do not fit 32 bits"
        if given is not None and s.largest / given > limit + 0.5:
            return None, f"{where}: weight_step {given:g} is finer than 16 bits hold, up to {s.largest:g}"
        steps[key] = given or s.largest / limit
    grids = _full(network, steps, 1.0)
    units = {name: np.ones_like(grid) for name, grid in grids.items()}
    if plastic:
        for (name, plane), s in sums.items():
            units[name][plane] = _unit(s.total / grids[name][plane] + s.n_inputs)
            if units[name][plane] > 1.0:
                return (
                    None,
                    f"weights onto '{name}': plastic ones can grow to more than a sum in steps of static ones holds",
                )
    found = Representation("int16", np.dtype(np.float64 if plastic else np.int32), grids, units)
    for i, projection in _places(network):
        errors = _errors(network, projection, found)
        # What the law itself misses no grid mends; it must not hide what this one adds to it.
        total = max(abs(errors.mean), abs(errors.sd))
        own = max(abs(errors.mean - errors.rounded_mean), abs(errors.sd - errors.rounded_sd))
        if not errors.within(LARGEST_ERROR) or LARGEST_ERROR < total > own:
            _check_steps(network, i, projection, errors)
            return None, f"{_label(i, projection)}: {_worst(errors)} in 16 bits"
        found.errors[i] = errors
    return found, ""


def _check_steps(network: Network, i: int, projection: Projection, errors: Errors) -> None:
    """Raise InputError where weights that cannot be kept as they are lie on a step that somebody chose."""
    for key in _keys(network, projection):
        if (given := _given(network, key)) is not None:
            raise InputError(
                f"network.populations.{key[0]}.weight_step.{_receptors(network, key[0])[key[1]]}",
                f"expected a step on which the weights of {_label(i, projection)} lie, got {given:g}: {_worst(errors)}",
            )


def _errors(network: Network, projection: Projection, found: Representation) -> Errors:
    """Return the errors of a projection's weights, the largest over its populations."""
    worst = Errors()
    for name in dict.fromkeys(part.name for part in projection.post.slices):
        grid = found.grid(name, receptor_planes(network, projection, name))
        if projection.is_plastic:
            grid = Grid("float32", (0.0, 0.0))
        listed = listed_weights(projection)
        e = errors_of_law(projection.weight, grid) if listed is None else errors_of_list(listed, grid)
        worst = max(worst, e, key=lambda e: max(abs(e.mean), abs(e.sd), e.off))
    return worst


def _worst(errors: Errors) -> str:
    """Return the worst of a projection's errors in words."""
    told = [(abs(errors.mean), "mean", errors.mean), (abs(errors.sd), "standard deviation", errors.sd)]
    size, name, value = max(told)
    if errors.off > size:
        return f"{errors.off:.2g} of the weights off by more than 5 %"
    return f"{name} off by {value:.2g}"


def _label(i: int, projection: Projection) -> str:
    return f"projection {i} '{projection.name}'"


# ---------------------------------------------------------------- 32 bits


def _unit(total: float) -> float:
    """Return a power of two of which sums up to `total` hold at most 2^51."""
    return 2.0 ** (math.ceil(math.log2(total)) - ROUNDED_BITS) if total > 0.0 else 1.0


def _float32(network: Network, sums: dict[Key, Sums], exact: bool, reason: str) -> Representation:
    """Return the representation in float32 numbers."""
    # With n inputs, each of which is rounded by at most one unit, sums stay below 2^51 + n units, n being below 2^52.
    units = {key: _unit(s.total) for key, s in sums.items()}
    if exact:
        units = _exact_units(network, sums)
    for key, s in sums.items():
        given = _given(network, key)
        if given is None or s.total == 0.0:
            continue
        place = f"network.populations.{key[0]}.weight_step.{_receptors(network, key[0])[key[1]]}"
        if math.frexp(given)[0] != 0.5:
            raise InputError(
                place, f"expected a power of two where weights are kept as float32 ({reason}), got {given:g}"
            )
        if s.total > 2.0**SUM_BITS * given or (exact and given > units[key]):
            bounds = f"{s.total / 2.0**SUM_BITS:g} to {units[key]:g}"
            raise InputError(place, f"expected a power of two from {bounds} for sums up to {s.total:g}, got {given:g}")
        units[key] = given
    found = Representation(
        "float32", np.dtype(np.float64), _full(network, {}, 1.0), _full(network, units, 1.0), {}, reason
    )
    for i, projection in _places(network):
        errors = _errors(network, projection, found)
        if not errors.within(LARGEST_ERROR):
            _check_steps(network, i, projection, errors)
            largest = max(sums[key].total for key in _keys(network, projection) if key in sums)
            raise InputError(
                f"network.projections.{i}.weight",
                f"expected weights that can be told apart in sums that reach {largest:.3g} on the same receptor; "
                f"in float64 {_worst(errors)}",
            )
        found.errors[i] = errors
    return found


def _keys(network: Network, projection: Projection) -> list[Key]:
    """Return the populations and receptors that a projection's weights arrive at."""
    low, high = weight_bounds(projection)
    return [
        (part.name, plane)
        for part in projection.post.slices
        for plane, bound in zip(receptor_planes(network, projection, part.name), (high, -low), strict=True)
        if bound > 0.0
    ]


def _exact_units(network: Network, sums: dict[Key, Sums]) -> dict[Key, float]:
    """Return the units of which all weights are multiples.

    Raises
    ------
    InputError
        Where a sum could have more than 2^53 of them.
    """
    units: dict[Key, float] = {}
    whose: dict[Key, tuple[int, str]] = {}
    for i, projection in _places(network):
        place = f"network.projections.{i}.weight"
        if projection.is_plastic:
            raise InputError(
                place,
                "expected static synapses with weights: exact, plastic weights have no smallest one; weights: auto "
                "keeps them in float32 and rounds what arrives to 2^-51 of the largest sum or finer",
            )
        bit, which = _last_bit(projection, place)
        for key in _keys(network, projection):
            if bit < units.get(key, math.inf):
                units[key], whose[key] = bit, (i, which)
    for key, unit in units.items():
        if sums[key].total > 2.0**SUM_BITS * unit:
            i, which = whose[key]
            raise InputError(
                f"network.projections.{i}.weight",
                f"expected weights whose last bits fit the sum with weights: exact: that of {which} is {unit:.3g}, "
                f"sums on the receptor reach {sums[key].total:.3g}, 2^{math.log2(sums[key].total / unit):.1f} of it; "
                f"the limit is 2^{SUM_BITS}",
            )
    return units


def _last_bit(projection: Projection, place: str) -> tuple[float, str]:
    """Return what all weights of a projection are multiples of, a power of two, and the weight that makes it so."""
    if (listed := listed_weights(projection)) is not None:
        single = np.unique(listed.astype(np.float32))
        bits = lowest_bits(single[single != 0.0])
        return (float(bits.min()), f"{single[single != 0.0][bits.argmin()]:.9g}") if bits.size else (math.inf, "")
    if (weight := constant_weight(projection)) is not None:
        value = np.array([weight], np.float32)
        return (float(lowest_bits(value)[0]), f"{weight:.9g}") if weight else (math.inf, "")
    low, high = weight_bounds(projection)
    if low <= 0.0 <= high:
        raise InputError(place, f"expected weights away from 0 with weights: exact, drawn from {low:.3g} to {high:.3g}")
    smallest = min(abs(low), abs(high))
    return 2.0 ** (math.frexp(smallest)[1] - FLOAT32_BITS), f"{smallest:.9g}, the smallest that can be drawn,"


def lowest_bits(values: np.ndarray) -> np.ndarray:
    """Return the value of the lowest bit that is set in each of float32 numbers other than 0: float64."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    whole = np.abs(mantissa * 2.0**FLOAT32_BITS).astype(np.int64)
    return np.ldexp((whole & -whole).astype(np.float64), exponent - FLOAT32_BITS)


def _tell_of_laws(network: Network, found: Representation) -> None:
    """Warn of distributions whose mean or standard deviation the draws themselves miss."""
    for i, e in found.errors.items():
        if max(abs(e.mean), abs(e.sd)) > LARGEST_ERROR:
            warn(
                f"network.projections.{i}.weight",
                f"the weights drawn have a mean {e.mean:+.2%} and a standard deviation {e.sd:+.2%} off the "
                f"distribution's: draws of 32 bits end its tail at a probability of 2^-33",
            )
