"""Substrates as data: what each charges for an event, with range, evidence, scope and source.

A profile is a YAML file; the shipped ones lie in configs/energy. What it says is checked when it is
read: a price without a source, or in a unit that is no energy, is refused with its place.
"""

from __future__ import annotations

import functools
import importlib.resources
from pathlib import Path
from typing import Annotated, Any, Literal

import pint
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from distsim.energy.ranges import Range
from distsim.errors import InputError
from distsim.network import yaml_file
from distsim.network.refusals import first_problem
from distsim.units import UNIT_ERRORS

# Joules per ATP: 50 kJ/mol, from 30.5 (standard state) to 60.
ATP_JOULES = Range(5.07e-20, 8.30e-20, 9.96e-20)
EVENTS = ("neuron_second", "neuron_update", "spike", "synaptic_event", "external_event", "plasticity_update", "hop",
          "dense_mac")  # fmt: skip
# The range around a figure that its source gives without one, as a factor either way, by its evidence.
SPREAD = {"measured": 1.25, "simulated": 2.0, "vendor": 2.0, "derived": 2.0, "claimed": 1.0}

Evidence = Literal["measured", "simulated", "vendor", "derived", "claimed"]
Positive = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Part):
    """A price or a power.

    Attributes
    ----------
    low, typical, high : float
        In `unit`; low and high follow from the evidence where they are not given, see `SPREAD`.
    unit : str
    evidence : {"measured", "simulated", "vendor", "derived", "claimed"}
    scope : {"term", "all-in"}
        All-in prices have static power in them already.
    source : str
    note : str
    unverified : bool
        Not read in its primary source.
    """

    low: Positive | None = None
    typical: Positive
    high: Positive | None = None
    unit: str
    evidence: Evidence
    scope: Literal["term", "all-in"]
    source: str = Field(min_length=3)
    note: str = ""
    unverified: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Figure:
        low, high = self.low, self.high
        if (low is not None and low > self.typical) or (high is not None and high < self.typical):
            raise ValueError("expected low <= typical <= high")
        return self

    def in_unit(self, dimension: str) -> Range:
        """Return the range in SI units.

        Parameters
        ----------
        dimension : str
            ``"J"`` or ``"W"``.

        Raises
        ------
        ValueError
            Where the unit measures something else.
        """
        spread = SPREAD[self.evidence]
        low = self.typical / spread if self.low is None else self.low
        high = self.typical * spread if self.high is None else self.high
        figures = Range(low, self.typical, high)
        if self.unit in ("ATP", "ATP/s"):
            if (self.unit == "ATP") != (dimension == "J"):
                raise ValueError(f"expected a unit of {dimension}, got {self.unit!r}")
            return figures * ATP_JOULES
        return figures * _factor(self.unit, dimension)


@functools.cache
def _units() -> pint.UnitRegistry[Any]:
    return pint.UnitRegistry()


@functools.cache
def _factor(unit: str, dimension: str) -> float:
    try:
        return float(_units().Quantity(1.0, unit).to(dimension).magnitude)
    except (pint.PintError, *UNIT_ERRORS):
        raise ValueError(f"expected a unit of {dimension}, got {unit!r}") from None


class Capacity(_Part):
    """What one chip, or board, holds; None where that does not limit it."""

    neurons: int | None = Field(default=None, gt=0)
    synapses: int | None = Field(default=None, gt=0)
    fan_in: int | None = Field(default=None, gt=0)
    source: str = Field(min_length=3)


class Steps(_Part):
    """Step of the substrate's clock (ms) for the low, typical and high estimate: a longer one costs less."""

    low: float = Field(gt=0.0)
    typical: float = Field(gt=0.0)
    high: float = Field(gt=0.0)


class FactorOfTime(_Part):
    """Wall time over biological time where the substrate runs as fast as it can."""

    typical: float = Field(gt=0.0)
    source: str = Field(min_length=3)


class Profile(_Part):
    """A substrate; see the module's docstring and configs/energy.

    Attributes
    ----------
    name : str
        Of its file.
    title, set, kind : str
    capacity : Capacity or None
    step_ms : Steps or None
        None: the run's own step.
    static_power : Figure or None
        Of one chip (W); with scope all-in it is all that the chip takes.
    prices : dict
        Event to `Figure`.
    shares : dict
        How a total is split among causes, in percent.
    not_counted, notes : tuple of str
    """

    name: str
    title: str
    set: Literal["literature", "article", "user"] = "user"
    kind: Literal["brain", "neuromorphic", "computer", "accelerator", "operations"]
    capacity: Capacity | None = None
    step_ms: Steps | None = None
    real_time_factor: FactorOfTime | None = None
    static_power: Figure | None = None
    prices: dict[Literal[EVENTS], Figure] = {}  # type: ignore[valid-type]
    shares: dict[str, float] = {}
    not_counted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Profile:
        if not self.prices and self.static_power is None:
            raise ValueError("expected prices or static_power")
        if self.shares and abs(sum(self.shares.values()) - 100.0) > 0.01:
            raise ValueError("expected shares that add up to 100")
        for event, figure in self.prices.items():
            try:
                figure.in_unit("W" if event == "neuron_second" else "J")
            except ValueError as error:
                raise InputError(f"prices.{event}.unit", str(error)) from None
        if self.static_power is not None:
            try:
                self.static_power.in_unit("W")
            except ValueError as error:
                raise InputError("static_power.unit", str(error)) from None
        return self

    def price(self, event: str) -> Range:
        """Return the price of an event in J; of a neuron_second in J per neuron and second."""
        return self.prices[event].in_unit("W" if event == "neuron_second" else "J")

    @property
    def unverified(self) -> list[str]:
        """What was not read in its primary source."""
        figures = {**self.prices, **({"static_power": self.static_power} if self.static_power else {})}
        return [event for event, figure in figures.items() if figure.unverified]

    @property
    def all_in(self) -> bool:
        """Whether a price has the static power in it."""
        return any(figure.scope == "all-in" for figure in self.prices.values())


def read_profile(path: Path) -> Profile:
    """Return the profile of a file.

    Raises
    ------
    InputError
        With the file and the place in it: unknown keys, missing sources, units of something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from None
    data = yaml_file.load(text, str(path))
    if not isinstance(data, dict):
        raise InputError(str(path), "expected a mapping with title, kind and prices")
    try:
        return Profile(name=path.stem, **data)
    except ValidationError as error:
        found = first_problem(error, {(): Profile})
        raise InputError(f"{path}: {found.place}" if found.place else str(path), found.problem) from None


def load_profiles(sets: tuple[str, ...] = ("literature",), files: tuple[Path, ...] = ()) -> list[Profile]:
    """Return the shipped profiles of some sets, by name, and those of a user's own files."""
    folder = Path(str(importlib.resources.files("distsim.configs") / "energy"))
    shipped = [read_profile(path) for path in sorted(folder.glob("*.yaml"))]
    return [p for p in shipped if p.set in sets] + [read_profile(path) for path in files]


def data(name: str) -> Any:
    """Return a table of configs/energy/data."""
    path = importlib.resources.files("distsim.configs") / "energy" / "data" / f"{name}.yaml"
    return yaml_file.load(path.read_text("utf-8"), name)
