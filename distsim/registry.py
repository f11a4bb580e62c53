"""Variants found by name: neuron models, devices, partitioners, exchanges live one to a file.

A package such as ``distsim.models`` holds one module per variant, named after it; each module
defines one object registered under that name. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
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


# Modules of a package of variants that are none.
MACHINERY = ("arithmetic", "base", "generated", "modulation", "scalar", "templates", "traces")


class Registry:
    """The variants of one package, found by module name and imported when asked for.

    Parameters
    ----------
    package : str
        Import path of the package whose modules are the variants.
    kind : str
        What a variant is called in error messages.
    """

    def __init__(self, package: str, kind: str):
        self.package = package
        self.kind = kind
        self._added: dict[str, Any] = {}

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
        self._added[name] = found
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
        if name not in self.names():
            raise unknown(place, self.kind, name, self.names())
        return importlib.import_module(f"{self.package}.{name}").VARIANT


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
devices = Registry("distsim.devices", "device")
partitioners = Registry("distsim.partitioners", "partitioner")
