"""What pydantic finds wrong with a file, told in the words of this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from distsim.errors import InputError, shown, unknown

# What was expected, by pydantic's name of the error; the braces are filled from what it says of the bounds.
EXPECTED = {
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of at most {le}",
    "less_than": "a number below {lt}",
    "finite_number": "a finite number",
    "string_too_short": "text of at least {min_length} characters",
    "too_short": "at least {min_length} values",
    "too_long": "at most {max_length} values",
}
# The same by the kind of value, where it is of another kind.
KINDS = {"float": "a number", "int": "a whole number", "string": "text", "bool": "true or false", "tuple": "a list",
         "list": "a list", "set": "a list", "dict": "a mapping", "model": "a mapping", "none": "nothing"}  # fmt: skip


def first_problem(error: ValidationError, sections: Mapping[tuple[Any, ...], Any] | None = None) -> InputError:
    """Return the first of pydantic's errors as one of ours, unknown keys before all others.

    Parameters
    ----------
    error : ValidationError
    sections : dict, optional
        Place to the model whose keys stand there: unknown keys are told with the nearest known one.
    """
    problems = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"] if part != "[key]")
    cause, kind = first.get("ctx", {}).get("error"), first["type"]
    if isinstance(cause, InputError):
        return cause
    if kind == "extra_forbidden":
        *parents, key = first["loc"]
        known = (sections or {}).get(tuple(parents))
        if known is None:
            return InputError(place, "unknown key")
        hint = str(unknown("", "key", str(key), known.model_fields))
        return InputError(place, hint.replace(f" '{key}'", "", 1))
    if kind == "missing":
        return InputError(place, "missing")
    if cause is not None:
        return InputError(place, str(cause))
    return InputError(place, f"expected {_expected(first)}, got {shown(first['input'])}")


def _expected(problem: Any) -> str:
    """Return what pydantic expected in a place."""
    kind, told = problem["type"], problem.get("ctx", {})
    if kind in EXPECTED:
        return EXPECTED[kind].format(**{k: f"{v:g}" if isinstance(v, float) else v for k, v in told.items()})
    if kind == "literal_error":
        return str(told["expected"]).replace("'", "")
    if (name := kind.split("_")[0]) in KINDS:
        return KINDS[name]
    return "something else"
