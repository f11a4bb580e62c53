"""Distributions of weights, delays and initial values.

Where a distribution is bounded, a value outside is either redrawn (NEST's ``redraw``; the
distribution is cut and scaled up) or clipped to the bound (``outside: clip``).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from distsim.errors import InputError, shown, unknown
from distsim.units import LARGEST, quantity

# Bounds that leave less than this to be drawn are taken for a mistake.
SMALLEST_MASS = 1e-6
# What weights can be in single precision, with all its bits.
LARGEST_WEIGHT, SMALLEST_WEIGHT = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Distribution:
    """A distribution of one number, drawn by its inverse distribution function.

    Attributes
    ----------
    a, b : float
        The numbers that `arguments` names.
    low, high : float
        Bounds; may be infinite.
    outside : {"redraw", "clip"}
        What becomes of values beyond the bounds.
    """

    name: ClassVar[str]
    arguments: ClassVar[tuple[str, ...]]
    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    a: float
    b: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    outside: str = "redraw"

    @property
    def is_constant(self) -> bool:
        """Whether only one value can be drawn."""
        low, high = self.bounds()
        return low == high

    def ppf(self, u: Any) -> np.ndarray:
        """Return the quantiles at `u` (float64 in (0, 1)), bounds included."""
        u = np.asarray(u, dtype=np.float64)
        if self.outside == "redraw":
            below, above = self._cdf(self.low), self._cdf(self.high)
            u = below + u * (above - below)
        return np.clip(self._ppf(u), self.low, self.high)

    def bounds(self) -> tuple[float, float]:
        """Return the smallest and largest possible value; may be infinite."""
        return max(self.low, self.support[0]), min(self.high, self.support[1])

    def mean(self) -> float:
        """Return the mean; over 4,096 quantiles where there are bounds."""
        if math.isinf(self.low) and math.isinf(self.high):
            return self._mean()
        return float(self.ppf((np.arange(4096) + 0.5) / 4096).mean())

    def moments(self) -> tuple[float, float]:
        """Return mean and standard deviation in closed form, bounds included."""
        if math.isinf(self.low) and math.isinf(self.high):
            return self._mean(), self._sd()
        first, second = self._partial_moments(self.low, self.high)
        if self.outside == "redraw":
            mass = self.mass()
            first, second = first / mass, second / mass
        else:
            # What lies beyond a bound stands on it.
            for bound, beyond in ((self.low, self._cdf(self.low)), (self.high, 1.0 - self._cdf(self.high))):
                if math.isfinite(bound):
                    first, second = first + bound * beyond, second + bound**2 * beyond
        return first, math.sqrt(max(second - first**2, 0.0))

    def mass(self) -> float:
        """Return the probability that one draw needs no redrawing."""
        return 1.0 if self.outside == "clip" else float(self._cdf(self.high) - self._cdf(self.low))

    def truncated(self, low: float) -> Distribution:
        """Return the same distribution with nothing below `low`."""
        return self if self.bounds()[0] >= low else dataclasses.replace(self, low=low)

    def to_dict(self) -> Any:
        """Return the plain data that `distribution` reads back."""
        given = dict(zip(self.arguments, (self.a, self.b), strict=False))
        limits = {k: getattr(self, k) for k in ("low", "high") if math.isfinite(getattr(self, k))}
        return _described(self.name, given, limits.get("low"), limits.get("high"), self.outside)

    def _ppf(self, u: Any) -> Any:
        """Return the quantiles without bounds."""
        raise NotImplementedError

    def _cdf(self, x: float) -> float:
        """Return the probability of a value below x, without bounds."""
        raise NotImplementedError

    def _mean(self) -> float:
        """Return the mean without bounds."""
        raise NotImplementedError

    def _sd(self) -> float:
        """Return the standard deviation without bounds."""
        raise NotImplementedError

    def _partial_moments(self, low: float, high: float) -> tuple[float, float]:
        """Return the integrals of x and of x squared from `low` to `high` over the density without bounds."""
        raise NotImplementedError


class Constant(Distribution):
    """Always the value `a`."""

    name = "constant"
    arguments = ("value",)

    def ppf(self, u):
        return np.full(np.shape(u), self.a, dtype=np.float64)

    def bounds(self):
        return self.a, self.a

    def mean(self):
        return self.a

    def moments(self):
        return self.a, 0.0

    def mass(self):
        return 1.0

    def to_dict(self):
        return self.a


class Uniform(Distribution):
    """Equally likely from `a` to `b`."""

    name = "uniform"
    arguments = ("low", "high")

    def bounds(self):
        return max(self.a, self.low), min(self.b, self.high)

    def _ppf(self, u):
        return self.a + u * (self.b - self.a)

    def _cdf(self, x):
        if self.b == self.a:
            return float(x >= self.a)
        return min(max((x - self.a) / (self.b - self.a), 0.0), 1.0)

    def _mean(self):
        return 0.5 * (self.a + self.b)

    def _sd(self):
        return (self.b - self.a) / math.sqrt(12.0)


class Normal(Distribution):
    """Normal with mean `a` and standard deviation `b`."""

    name = "normal"
    arguments = ("mean", "sd")

    @property
    def is_constant(self):
        return self.b == 0.0 or super().is_constant

    def _ppf(self, u):
        from scipy.special import ndtri

        return self.a + self.b * ndtri(u) if self.b else np.full(np.shape(u), self.a)

    def _cdf(self, x):
        from scipy.special import ndtr

        return float(ndtr((x - self.a) / self.b)) if self.b else float(x >= self.a)

    def _mean(self):
        return self.a

    def _sd(self):
        return self.b

    def _partial_moments(self, low, high):
        a, b = self.a, self.b
        if b == 0.0:
            inside = float(low < a < high)
            return a * inside, a * a * inside
        (p, d, dx), (q, e, ex) = (_normal((x - a) / b) for x in (low, high))
        return a * (q - p) + b * (d - e), a * a * (q - p) + 2.0 * a * b * (d - e) + b * b * (q - p + dx - ex)


class Lognormal(Normal):
    """exp of a normal with mean `a` and standard deviation `b`."""

    name = "lognormal"
    arguments = ("mu", "sigma")
    support = (0.0, math.inf)

    def _ppf(self, u):
        return np.exp(super()._ppf(u))

    def _cdf(self, x):
        return super()._cdf(math.log(x)) if 0.0 < x < math.inf else float(x > 0.0)

    def _mean(self):
        return math.exp(self.a + 0.5 * self.b**2)

    def _sd(self):
        return self._mean() * math.sqrt(math.expm1(self.b**2))

    def _partial_moments(self, low, high):
        a, b = self.a, self.b
        if b == 0.0:
            inside = float(low < math.exp(a) < high)
            return math.exp(a) * inside, math.exp(2.0 * a) * inside
        lower, upper = (
            (math.log(x) - a) / b if 0.0 < x < math.inf else math.copysign(math.inf, x - 1.0) for x in (low, high)
        )
        return tuple(
            math.exp(k * a + 0.5 * (k * b) ** 2) * (_normal(upper - k * b)[0] - _normal(lower - k * b)[0])
            for k in (1, 2)
        )


class Exponential(Distribution):
    """Exponential with mean `a` (NEST's beta)."""

    name = "exponential"
    arguments = ("beta",)
    support = (0.0, math.inf)

    def _ppf(self, u):
        return -self.a * np.log1p(-u)

    def _cdf(self, x):
        return -math.expm1(-max(x, 0.0) / self.a)

    def _mean(self):
        return self.a

    def _sd(self):
        return self.a

    def _partial_moments(self, low, high):
        a, low = self.a, max(low, 0.0)
        p, q = math.exp(-low / a), math.exp(-high / a) if high > 0.0 else 1.0
        high = high if math.isfinite(high) else 0.0
        return (low + a) * p - (high + a) * q, (low**2 + 2 * a * low + 2 * a * a) * p - (
            high**2 + 2 * a * high + 2 * a * a
        ) * q


def _normal(x: float) -> tuple[float, float, float]:
    """Return the standard normal distribution function at x, its density, and x times its density."""
    density = math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi) if math.isfinite(x) else 0.0
    return 0.5 * math.erfc(-x / math.sqrt(2.0)), density, x * density if density else 0.0


KINDS: dict[str, type[Distribution]] = {c.name: c for c in (Uniform, Normal, Lognormal, Exponential)}
# Arguments that are no quantities of the distribution's unit, and those that cannot be negative.
UNITLESS = {"lognormal"}
SPREADS = {"normal": "sd", "lognormal": "sigma"}


def uniform(low: Any, high: Any) -> dict[str, Any]:
    """Describe a uniform distribution between `low` and `high`."""
    return {"uniform": [low, high]}


def normal(mean: Any, sd: Any, *, low: Any = None, high: Any = None, outside: str = "redraw") -> dict[str, Any]:
    """Describe a normal distribution; values beyond `low`, `high` are redrawn or clipped."""
    return _described("normal", {"mean": mean, "sd": sd}, low, high, outside)


def lognormal(mu: Any, sigma: Any, *, low: Any = None, high: Any = None, outside: str = "redraw") -> dict[str, Any]:
    """Describe the exponential of a normal distribution with mean `mu` and standard deviation `sigma`."""
    return _described("lognormal", {"mu": mu, "sigma": sigma}, low, high, outside)


def exponential(beta: Any, *, low: Any = None, high: Any = None, outside: str = "redraw") -> dict[str, Any]:
    """Describe an exponential distribution with mean `beta`."""
    return _described("exponential", {"beta": beta}, low, high, outside)


def _described(name: str, arguments: dict[str, Any], low: Any, high: Any, outside: str) -> dict[str, Any]:
    """Return plain data in its shortest form."""
    limits = {k: v for k, v in (("low", low), ("high", high)) if v is not None}
    if outside != "redraw":
        limits["outside"] = outside
    if limits and name != "uniform":
        return {name: arguments | limits}
    values = list(arguments.values())
    return {name: values if len(values) > 1 else values[0]}


def distribution(value: Any, unit: str, place: str) -> Distribution:
    """Return the distribution that a number or plain data describes, numbers only.

    Raises
    ------
    InputError
        For unknown distributions and arguments, and values that make no distribution.
    """
    if not isinstance(value, dict):
        return Constant(quantity(value, unit, place))
    if len(value) != 1:
        raise InputError(
            place, f"expected a number or one distribution, such as {{normal: [20, 2]}}, got {shown(value)}"
        )
    [(name, given)] = value.items()
    if not isinstance(name, str) or name not in KINDS:
        raise unknown(place, "distribution", name, KINDS)
    place = f"{place}.{name}"
    arguments = KINDS[name].arguments
    if not isinstance(given, dict):
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(given) != len(arguments):
            raise InputError(place, f"expected {name}: [{', '.join(arguments)}], got {len(given)} values")
        given = dict(zip(arguments, given, strict=True))
    allowed = {*arguments, *(() if name == "uniform" else ("low", "high", "outside"))}
    for key in given:
        if key not in allowed:
            raise unknown(place, "key", key, allowed)
    for key in arguments:
        if key not in given:
            raise InputError(place, f"expected a value for '{key}'")
    numbers = {
        k: quantity(v, "" if name in UNITLESS and k in arguments else unit, f"{place}.{k}")
        for k, v in given.items()
        if k != "outside"
    }
    kind: Any = KINDS[name]
    found: Distribution = kind(
        *(numbers[a] for a in arguments),
        **({} if name == "uniform" else {k: numbers[k] for k in ("low", "high") if k in numbers}),
        outside=given.get("outside", "redraw"),
    )
    _check(found, numbers, place)
    return found


def _check(found: Distribution, numbers: dict[str, float], place: str) -> None:
    """Raise InputError for numbers that make no distribution."""
    if found.outside not in ("redraw", "clip"):
        raise InputError(f"{place}.outside", f"expected redraw or clip, got {shown(found.outside)}")
    spread = SPREADS.get(found.name)
    if spread and numbers[spread] < 0.0:
        raise InputError(f"{place}.{spread}", f"expected a number of at least 0, got {numbers[spread]:g}")
    if found.name == "exponential" and found.a <= 0.0:
        raise InputError(f"{place}.beta", f"expected a number above 0, got {found.a:g}")
    low, high = (found.a, found.b) if found.name == "uniform" else (found.low, found.high)
    if low > high:
        raise InputError(place, f"expected low <= high, got {low:g} and {high:g}")
    if found.mass() < SMALLEST_MASS:
        raise InputError(place, "expected bounds with values between them: next to none are drawn there")
    with np.errstate(all="ignore"):
        quantiles = found.ppf(np.array([2.0**-33, 0.5, 1.0 - 2.0**-33]))
    if not (np.abs(quantiles) <= LARGEST).all():
        raise InputError(place, "expected a distribution of numbers up to 1e100")
