"""Numbers with units: what a user writes in another unit becomes a plain number in NEST's."""

from __future__ import annotations

import math
import re
import tokenize
from decimal import Decimal
from numbers import Real
from typing import Any

from distsim.errors import InputError, shown

# Of every fixed unit: what it measures, and how many of it the other units are.
UNITS: dict[str, tuple[str, dict[str, str]]] = {
    "ms": ("a time in ms", {"us": "0.001", "ms": "1", "s": "1000", "min": "60000"}),
    "mV": ("a voltage in mV", {"uV": "0.001", "mV": "1", "V": "1000"}),
    "pF": ("a capacitance in pF", {"pF": "1", "nF": "1000", "uF": "1000000"}),
    "nS": ("a conductance in nS", {"pS": "0.001", "nS": "1", "uS": "1000", "mS": "1000000"}),
    "pA": ("a current in pA", {"pA": "1", "nA": "1000", "uA": "1000000"}),
    "Hz": ("a rate in Hz", {"Hz": "1", "kHz": "1000", "MHz": "1000000"}),
    "pA/ms": ("a number in pA/ms", {}),
    "": ("a number", {}),
}
# The largest size of a number: products of three such numbers are still finite.
LARGEST = 1e100
# Characters of a number with its unit.
LONGEST_TEXT = 100
# What pint raises besides its own errors where text is no unit.
UNIT_ERRORS = (ValueError, TypeError, AttributeError, SyntaxError, AssertionError, ArithmeticError, LookupError,
               RecursionError, tokenize.TokenError)  # fmt: skip
_QUANTITY = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([^\W\d]+)")


def quantity(value: Any, unit: str, place: str) -> float:
    """Return a number in a fixed unit.

    Parameters
    ----------
    value : float or str
        A plain number, taken to be in `unit`, or text such as ``"1.5 ms"``, ``"8 kHz"``, ``"1 nA"``.
    unit : str
        One of ``ms mV pF nS pA Hz`` or ``""`` for a number without unit.
    place : str
        Where the value stands, for the error.

    Raises
    ------
    InputError
        For another type, truth values, infinite numbers, numbers beyond 1e100 and units of something else.
    """
    expected, factors = UNITS[unit]
    if isinstance(value, Real) and not isinstance(value, bool):
        return _finite(value, value, expected, place)
    match = _match(value)
    if match is None or not factors:
        example = f" such as 1.5 or '1.5 {unit}'" if unit and isinstance(value, str) else ""
        raise InputError(place, f"expected {expected}{example}, got {shown(value)}")
    factor = factors.get(match[2].replace("\u00b5", "u").replace("\u03bc", "u"))
    if factor is None:
        raise InputError(place, f"expected {expected} ({', '.join(factors)}), got {shown(value)}")
    try:
        # Decimal: 1.001 s are 1001 ms and not 1000.9999999999999.
        return _finite(Decimal(match[1]) * Decimal(factor), value, expected, place)
    except ArithmeticError:
        raise InputError(place, f"expected {expected}, got {shown(value)}") from None


def _finite(number: Any, value: Any, expected: str, place: str) -> float:
    """Return `number` as a finite float."""
    try:
        result = float(number)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise InputError(place, f"expected {expected}, got {shown(value)}")
    if abs(result) > LARGEST:
        raise InputError(place, f"expected {expected} of at most 1e100, got {shown(value)}")
    return result


def _match(value: Any) -> re.Match[str] | None:
    """Return the number and the unit of text that is a quantity."""
    return _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= LONGEST_TEXT else None


def interval(value: Any, place: str) -> tuple[str, float]:
    """Return an interval as ``("biological", ms)`` where it is in ms, ``("wall", seconds)`` in s, min or h.

    Raises
    ------
    InputError
        For anything else, and for intervals that are not above 0.
    """
    seconds = {"s": 1.0, "min": 60.0, "h": 3600.0}
    match = _match(value)
    number = float(match[1]) if match else 0.0
    if match is None or not 0.0 < number <= LARGEST or match[2] not in ("ms", *seconds):
        raise InputError(place, f"expected biological time such as '500 ms' or wall time such as '30min', "
                                f"got {shown(value)}")  # fmt: skip
    return ("biological", number) if match[2] == "ms" else ("wall", number * seconds[match[2]])


def whole(value: Any, place: str, at_least: int = 0, at_most: int = 2**53) -> int:
    """Return `value` as a whole number from `at_least` to `at_most`."""
    number = quantity(value, "", place)
    if number != int(number) or number < at_least:
        raise InputError(place, f"expected a whole number of at least {at_least}, got {shown(value)}")
    if number > at_most:
        raise InputError(place, f"expected a whole number of at most {at_most}, got {shown(value)}")
    return int(number)
