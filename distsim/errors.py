"""Errors that a user can cause, each told in one line that names the place and what was expected."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Any

# Characters of a line that tells an error, and of the place in it; what is longer is shortened in its middle.
LONGEST_LINE = 285
LONGEST_PLACE = 170
LONGEST_VALUE = 60


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
        self.place = one_line(place, LONGEST_PLACE)
        self.problem = one_line(problem, LONGEST_LINE - len(self.place))
        super().__init__(f"{self.place}: {self.problem}" if self.place else self.problem)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        # Errors travel from rank 0 to the others by pickle.
        return InputError, (self.place, self.problem)


def one_line(text: str, longest: int) -> str:
    """Return text as a line of a message: control characters and surrogates escaped, the middle left out if long."""
    text = str(text)
    if len(text) > 4 * longest:
        text = text[: 2 * longest] + text[-2 * longest :]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(text) <= longest:
        return text
    kept = longest - len(" ... ")
    return f"{text[: kept - kept // 2]} ... {text[len(text) - kept // 2 :]}"


class _Short(reprlib.Repr):
    """Shows the beginning of what is long or deep, in little time; a number of thousands of digits as such."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = LONGEST_VALUE
        self.maxlevel = 3

    def repr_int(self, value: int, level: int) -> str:
        if abs(value) >= 10**30:
            return f"a whole number of some {int(value.bit_length() * 0.30103) + 1} digits"
        return repr(value)


def shown(value: Any) -> str:
    """Return a value as messages show it: one short line, truth values and nothing as in YAML."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return one_line(_Short().repr(value), LONGEST_VALUE)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name that `name` is most likely meant to be, or an empty string.

    A few letters may differ, or an end be missing: 'pulsepacket_generator' is not a misspelt 'spike_generator',
    although they share most of their letters.
    """
    name = str(name)[:100]
    for match in difflib.get_close_matches(name, [str(k) for k in known], n=3, cutoff=0.5):
        turns = difflib.SequenceMatcher(None, name, match).get_opcodes()
        edits = sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in turns if kind != "equal")
        if edits <= max(2, len(name) // 3) or match.startswith(name):
            return f" (did you mean '{match}'?)"
    return ""


def unknown(place: str, kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name: the nearest known one, or all of them where few."""
    known = sorted(str(k) for k in known)
    hint = nearest(name, known)
    if not hint and len(known) <= 12:
        hint = f" (known: {', '.join(known)})"
    return InputError(place, f"unknown {kind} '{one_line(name, LONGEST_VALUE)}'{hint}")


def plain_text(value: Any, place: str) -> None:
    """Raise InputError where text holds what no name, path or file of ours can: NUL, control characters, surrogates."""
    if not isinstance(value, str):
        raise InputError(place, f"expected text, got {shown(value)}")
    if _CONTROL.search(value):
        raise InputError(place, f"expected text without control characters and half characters, got {shown(value)}")


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


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


class Interrupted(KeyboardInterrupt):
    """A simulation that ended its chunk in order, on all ranks, because Ctrl-C asked it to; it can be run on.

    Attributes
    ----------
    checkpoint : str or None
        Where it goes on from, with a run folder.
    """

    def __init__(self, checkpoint: str | None = None, text: str = "interrupted"):
        self.checkpoint = checkpoint
        super().__init__(text if checkpoint is None else f"{text}, to be resumed from {checkpoint}")
