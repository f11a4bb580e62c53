"""Warnings: what a user would want to know although the run goes on, each told in one line, once.

``warn(place, text)`` may be called anywhere. A `Simulation` gathers what is warned of while it is made, runs and
closes: one line on stderr when it first comes up, and an entry with its count in summary.json under ``warnings``,
which `distsim info` and the end of `distsim run` show again. Outside a simulation the line alone is printed, on the
first rank, once in a process; a simulation that warns of the same counts it and does not print it again.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


class Notices:
    """The warnings of one simulation on one rank, in the order in which they first came up.

    Parameters
    ----------
    show : bool
        Whether to print each on stderr when it first comes up: on rank 0, for what all ranks warn of alike.
    """

    def __init__(self, show: bool):
        self.show = show
        self._counts: dict[tuple[str, str], int] = {}
        self._known: set[tuple[str, str]] = set(_told)
        around = _gathering.get()
        if around is not None:
            # Such as what a command warned of while it loaded the config that is simulated.
            self._counts |= around._counts
            self._known |= set(around._counts)
        self._before: dict[tuple[str, str], int] = {}

    def add(self, place: str, text: str, here: bool = False) -> None:
        """Count a warning, and print it the first time."""
        first = (place, text) not in self._known
        self._known.add((place, text))
        self._counts[place, text] = self._counts.get((place, text), 0) + 1
        if first and (self.show or here):
            tell(place, text)

    def begin(self) -> None:
        """Take note that all is made: what came up before will come up again where the run is resumed."""
        self._before = dict(self._counts)

    def entries_since_begin(self) -> list[dict[str, Any]]:
        """Return what came up while the simulation ran, for its checkpoint."""
        since = {key: n - self._before.get(key, 0) for key, n in self._counts.items()}
        return [{"place": place, "text": text, "count": n} for (place, text), n in since.items() if n > 0]

    def keep(self, entries: list[dict[str, Any]]) -> None:
        """Add what an earlier session of the run told already."""
        for entry in entries:
            key = (entry["place"], entry["text"])
            self._counts[key] = self._counts.get(key, 0) + entry["count"]

    def gather(self) -> None:
        """Take what is warned of from here on, to the end of a command; a simulation that it makes takes it over."""
        _gathering.set(self)

    @contextmanager
    def gathering(self) -> Iterator[Notices]:
        """Take what is warned of inside this block."""
        token = _gathering.set(self)
        try:
            yield self
        finally:
            _gathering.reset(token)

    def entries(self) -> list[dict[str, Any]]:
        """Return the warnings as summary.json has them: place, text, count."""
        return [{"place": place, "text": text, "count": n} for (place, text), n in self._counts.items()]


_gathering: ContextVar[Notices | None] = ContextVar("distsim_notices", default=None)
# What this process warned of outside any simulation, such as while a script declared its network.
_told: set[tuple[str, str]] = set()
# This process's rank, as the launchers of MPICH, Open MPI and Slurm tell it before MPI starts.
RANK_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID")


def _behind_first_rank() -> bool:
    return next((os.environ[name] != "0" for name in RANK_VARIABLES if name in os.environ), False)


def warn(place: str, text: str, *, here: bool = False) -> None:
    """Warn of something in one line.

    Parameters
    ----------
    place : str
        Where, as in `InputError`: a path inside the config, a file, a folder.
    text : str
        What is other than the user may think, and what to do about it.
    here : bool
        Whether this rank alone knows: it then prints the line itself, where else rank 0 prints it for all.
    """
    place, text = (" ".join(str(part).split()) for part in (place, text))
    notices = _gathering.get()
    if notices is None:
        if (place, text) not in _told and (here or not _behind_first_rank()):
            tell(place, text)
        _told.add((place, text))
    else:
        notices.add(place, text, here)


def gathered(method: Method) -> Method:
    """Make what a method warns of an entry of its object's ``notices``."""

    @functools.wraps(method)
    def gathering(self: Any, *arguments: Any, **named: Any) -> Any:
        with self.notices.gathering():
            return method(self, *arguments, **named)

    return gathering  # type: ignore[return-value]


def merged(of_ranks: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the warnings of all ranks, each once, with the largest count that a rank has."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for entries in of_ranks:
        for entry in entries:
            known = found.setdefault((entry["place"], entry["text"]), dict(entry))
            known["count"] = max(known["count"], entry["count"])
    return list(found.values())


def tell(place: str, text: str) -> None:
    """Print a warning as one line on stderr."""
    line = f"{place}: {text}" if place else text
    print(f"distsim: warning: {' '.join(line.split())}", file=sys.stderr, flush=True)


def from_python(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Warn of what a library or a user's model file warns of by Python's ``warnings``, as the command line does."""
    warn(f"{os.path.basename(filename)}:{lineno}", f"{category.__name__}: {message}")


def inform(text: str) -> None:
    """Print what happens, and is as it should be, as one line on stderr."""
    print(f"distsim: {' '.join(text.split())}", file=sys.stderr, flush=True)
