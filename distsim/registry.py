"""Variants found by name: neuron models, devices, partitioners, exchanges live one to a file.

A package such as ``distsim.models`` holds one module per variant, named after it; each module
defines one object registered under that name. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from distsim.errors import InputError, plain_text, unknown


@dataclass(frozen=True)
class Parameter:
    """A parameter or state variable as a model declares it.

    Attributes
    ----------
    default : float or list
        Value where the user gives none; a list marks a parameter that takes a list of numbers.
    unit : str
        One of NEST's units (``ms mV pF nS pA Hz``) or ``""``.
    doc : str
        What it is, in a few words.
    above, at_least, at_most : float or None
        Bounds: exclusive lower, inclusive lower, inclusive upper.
    """

    default: Any
    unit: str
    doc: str
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Receptor:
    """An input port of a neuron model.

    Attributes
    ----------
    name : str
        ``"ex"``, ``"in"``, ...
    unit : str
        Unit of a weight that arrives here.
    sign : int
        +1 or -1: takes the weights of this sign where a projection names no receptor; 0: both.
    """

    name: str
    unit: str
    sign: int = 0


@dataclass(frozen=True)
class Declaration:
    """What a model or device says about itself: enough to validate a network, nothing compiled."""

    name: str
    parameters: dict[str, Parameter]
    state: dict[str, Parameter] = field(default_factory=dict)
    receptors: tuple[Receptor, ...] = ()

    @property
    def declaration(self) -> Declaration:
        """Itself: a device is all declaration."""
        return self


@dataclass(frozen=True)
class Source(Declaration):
    """What a device says about itself; one of the kinds below says what the engine does with it.

    Attributes
    ----------
    check : callable, optional
        ``check(parameters, size, place)`` raises InputError where parameters do not fit each other.
    """

    check: Callable[[dict[str, Any], int, str], None] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        missing = [n for n in ("start", "stop") if n not in self.parameters or self.parameters[n].unit != "ms"]
        if missing:
            raise InputError(self.name, f"expected the parameters start and stop in ms, {missing[0]} is not declared")


@dataclass(frozen=True)
class SpikeSource(Source):
    """A device whose spikes travel through synapses, like a neuron's.

    Attributes
    ----------
    times : callable
        ``times(parameters, size)`` returns a list per generator of its spikes' times (ms), ascending. Those after
        the parameter `start` until `stop` are sent.
    """

    times: Callable[[dict[str, Any], int], list[list[float]]] = field(kw_only=True)

    def examine(self, params: dict[str, Any], size: int, place: str) -> None:
        """Raise InputError where the times are no such lists."""
        _examine_lists(self.times(params, size), size, place, ascending=True)


@dataclass(frozen=True)
class PoissonSource(Source):
    """A device with an independent Poisson train for every connection, from `start` to `stop`.

    Attributes
    ----------
    rate : callable
        ``rate(parameters)`` returns the rate of each train (Hz).
    """

    rate: Callable[[dict[str, Any]], float] = field(kw_only=True)

    def examine(self, params: dict[str, Any], size: int, place: str) -> None:
        """Raise InputError where the rate is no number of at least 0."""
        if not 0.0 <= self.rate(params) < math.inf:
            raise InputError(place, f"expected a rate of at least 0 Hz, got {self.rate(params)!r}")


@dataclass(frozen=True)
class CurrentSource(Source):
    """A device with a current into the membrane of every target, from `start` to `stop`; a weight multiplies it.

    Attributes
    ----------
    changes : callable
        ``changes(parameters, dt)`` returns a list of (time (ms), current from then on (pA)), ascending by time; the
        last one until `start` holds there.
    noise : callable, optional
        ``noise(parameters)`` returns the standard deviation (pA) of white noise besides, independent for every
        connection, and for how long (ms) each draw holds.
    """

    changes: Callable[[dict[str, Any], float], list[tuple[float, float]]] = field(kw_only=True)
    noise: Callable[[dict[str, Any]], tuple[float, float]] | None = field(default=None, kw_only=True)

    def examine(self, params: dict[str, Any], size: int, place: str) -> None:
        """Raise InputError where changes or noise are no such numbers."""
        changes = self.changes(params, 0.1)
        _examine_lists([[value for _, value in changes], [time for time, _ in changes]], 2, place, ascending=False)
        std, every = (0.0, 1.0) if self.noise is None else self.noise(params)
        if not (0.0 <= std < math.inf and 0.0 < every < math.inf):
            raise InputError(place, f"expected a standard deviation and an interval of noise, got {std!r}, {every!r}")


# What the engine can act on: a device is one of these, or it would do nothing.
DEVICE_KINDS = (SpikeSource, PoissonSource, CurrentSource)


def _examine_lists(lists: Any, n: int, place: str, *, ascending: bool) -> None:
    """Raise InputError unless there are n lists of finite numbers, ascending where they have to be."""
    if not isinstance(lists, list) or len(lists) != n:
        raise InputError(place, f"expected {n} lists, one per generator, got {len(lists) if lists else lists!r}")
    # Generators often share one list.
    for one in {id(one): one for one in lists}.values():
        if not all(math.isfinite(v) for v in one):
            raise InputError(place, "expected finite numbers")
        if ascending and any(b < a for a, b in pairwise(one)):
            raise InputError(place, "expected times in ascending order")


# Modules of a package of variants that are none.
MACHINERY = ("arithmetic", "base", "generated", "modulation", "resolution", "scalar", "templates", "traces")


class Registry:
    """The variants of one package, found by module name and imported when asked for.

    Parameters
    ----------
    package : str
        Import path of the package whose modules are the variants.
    kind : str
        What a variant is called in error messages.
    kinds : tuple of type, optional
        What a variant has to be one of.
    """

    def __init__(self, package: str, kind: str, kinds: tuple[type, ...] = ()):
        self.package = package
        self.kind = kind
        self.kinds = kinds
        self._added: dict[str, Any] = {}
        self._shipped: dict[str, Any] = {}

    def names(self) -> list[str]:
        """Return the known names, sorted."""
        folder = importlib.import_module(self.package)
        shipped = [m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_")]
        return sorted({*(n for n in shipped if n not in MACHINERY), *self._added})

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def _from_file(self, name: str, place: str) -> Any:
        """Return a variant of a user's own file, ``path/to/mine.py:name``, and keep it."""
        path, _, attribute = name.rpartition(":")
        if code_refused():
            raise InputError(place or name, f"expected a shipped {self.kind} with --no-code, {path} was not run")
        plain_text(path, place or "file")
        spec = importlib.util.spec_from_file_location(f"distsim_user_{Path(path).stem}", path)
        if spec is None or spec.loader is None or not Path(path).is_file():
            raise InputError(place or name, f"no such file: {path}")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except (InputError, KeyboardInterrupt):
            raise
        except BaseException as error:
            # SystemExit too: a file that leaves at its import would take this rank away without a word.
            raise InputError(
                f"{path}: {type(error).__name__}", " ".join(str(error).split()) or "raised when imported"
            ) from None
        found = getattr(module, attribute, None)
        if getattr(found, "declaration", None) is None:
            raise InputError(place or name, f"expected a {self.kind} called '{attribute}' in {path}")
        self._added[name] = self._acting(found, name, place)
        return found

    def _acting(self, found: Any, name: str, place: str) -> Any:
        """Return a variant; raise InputError where it is of no kind that the engine can act on."""
        if self.kinds and not isinstance(found, self.kinds):
            kinds = " or ".join(kind.__name__ for kind in self.kinds)
            problem = (
                f"'{name}' declares a {type(found).__name__}, expected a {kinds}: a {self.kind} that is none would"
            )
            raise InputError(place or name, f"{problem} do nothing")
        return found

    def add(self, name: str, variant: Any) -> None:
        """Register a variant that lives outside the package, such as a user's own model."""
        self._added[name] = variant

    def get(self, name: str, place: str = "") -> Any:
        """Return the variant `name`: the attribute ``VARIANT`` of its module.

        Raises
        ------
        InputError
            Where no variant has this name; the message offers the nearest one.
        """
        if name in self._added:
            return self._added[name]
        if ".py:" in name:
            return self._from_file(name, place)
        if name not in self._shipped:
            if name not in self.names():
                raise unknown(place, self.kind, name, self.names())
            self._shipped[name] = self._acting(importlib.import_module(f"{self.package}.{name}").VARIANT, name, place)
        return self._shipped[name]


_refused = False


def refuse_code(refuse: bool) -> bool:
    """Run no user's file from now on, or run them again: ``--no-code``; return which."""
    global _refused
    _refused = refuse
    return refuse


def code_refused() -> bool:
    """Return whether users' files are not run."""
    return _refused


models = Registry("distsim.models", "neuron model")
synapses = Registry("distsim.synapses", "synapse model")
devices = Registry("distsim.devices", "device", DEVICE_KINDS)
partitioners = Registry("distsim.partitioners", "partitioner")
