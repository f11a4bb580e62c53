"""Warnings: what a user would want to know although the run goes on, each told in one line, once.

``warn(place, text)`` may be called anywhere. A `Simulation` gathers what is warned of while it is made, runs and
closes: one line on stderr when it first comes up, and an entry with its count in summary.json under ``warnings``, which
`distsim info` and the end of `distsim run` show again. Outside a simulation the line alone is printed.
"""

from __future__ import annotations

import functools
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

    def add(self, place: str, text: str, here: bool = False) -> None:
        """Count a warning, and print it the first time."""
        first = (place, text) not in self._counts
        self._counts[place, text] = self._counts.get((place, text), 0) + 1
        if first and (self.show or here):
            tell(place, text)

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
    notices = _gathering.get()
    if notices is None:
        tell(place, text)
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
