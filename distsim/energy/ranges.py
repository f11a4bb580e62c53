"""Figures as ranges: what is known of a price is low, typical and high, never a bare point."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A non-negative figure: low <= typical <= high."""

    low: float
    typical: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.typical <= self.high:
            raise ValueError(f"expected 0 <= low <= typical <= high, got {self.low:g}, {self.typical:g}, {self.high:g}")

    @staticmethod
    def of(value: float) -> Range:
        """Return an exact figure, such as a count."""
        return Range(value, value, value)

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    def __mul__(self, other: Range | float) -> Range:
        if not isinstance(other, Range):
            return Range(self.low * other, self.typical * other, self.high * other)
        return Range(self.low * other.low, self.typical * other.typical, self.high * other.high)

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> Range:
        return self * (1.0 / number)

    def to_list(self) -> list[float]:
        """Return [low, typical, high]."""
        return [self.low, self.typical, self.high]


NOTHING = Range.of(0.0)


def total(ranges: list[Range]) -> Range:
    """Return the sum of all."""
    return sum(ranges, NOTHING)
