"""Errors that a user can cause, each told in one line that names the place and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: one line naming the place and what was expected; the command line exits with code 2.

    Parameters
    ----------
    place : str
        Where: a file, a path inside a config such as ``network.populations.exc.size``, a folder.
    problem : str
        What was expected there and what was found, on one line.
    """

    def __init__(self, place: str, problem: str):
        self.place = place
        self.problem = problem
        super().__init__(f"{place}: {problem}" if place else problem)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        # Errors travel from rank 0 to the others by pickle.
        return InputError, (self.place, self.problem)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name closest to `name`, or an empty string."""
    match = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f" (did you mean '{match[0]}'?)" if match else ""


def unknown(place: str, kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name: the nearest known one, or all of them where few."""
    known = sorted(str(k) for k in known)
    hint = nearest(name, known)
    if not hint and len(known) <= 12:
        hint = f" (known: {', '.join(known)})"
    return InputError(place, f"unknown {kind} '{name}'{hint}")


class Stopped(Exception):
    """A run that stopped in order, on all ranks, because a signal asked it to; its folder can be resumed.

    Attributes
    ----------
    checkpoint : str
        Where it goes on from.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint
        super().__init__(f"stopped in order, to be resumed from {checkpoint}")
