"""Selections: parts of populations or devices, one after the other, like NEST's NodeCollection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distsim.errors import InputError, shown, unknown
from distsim.units import whole


@dataclass(frozen=True)
class Slice:
    """Neurons start to stop (exclusive) of the population, or device, `name`."""

    name: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Selection:
    """Parts one after the other; ``+`` joins, ``[a:b]`` cuts.

    Attributes
    ----------
    slices : tuple of Slice
    """

    slices: tuple[Slice, ...]

    def __len__(self) -> int:
        return sum(len(s) for s in self.slices)

    def __add__(self, other: Selection) -> Selection:
        if not isinstance(other, Selection):
            return NotImplemented
        return Selection(self.slices + other.slices)

    def __getitem__(self, part: slice) -> Selection:
        if not isinstance(part, slice):
            raise TypeError("a selection is cut with [start:stop]")
        start, stop, stride = part.indices(len(self))
        if stride != 1:
            raise InputError("selection", f"expected a run [start:stop], got a stride of {stride}")
        found, position = [], 0
        for s in self.slices:
            low, high = max(start, position), min(stop, position + len(s))
            if low < high:
                found.append(Slice(s.name, s.start + low - position, s.start + high - position))
            position += len(s)
        return Selection(tuple(found))

    def plain(self, sizes: dict[str, int]) -> Any:
        """Return the plain data that `selection` reads back: a name, a slice, or a list of those."""
        parts = [
            s.name if (s.start, s.stop) == (0, sizes[s.name]) else {"population": s.name, "slice": [s.start, s.stop]}
            for s in self.slices
        ]
        return parts[0] if len(parts) == 1 else parts


def selection(value: Any, sizes: dict[str, int], kind: str, place: str, scale: float = 1.0) -> Selection:
    """Return the selection that plain data describes.

    Parameters
    ----------
    value : str, dict or list
        A name, ``{population: exc, slice: [0, 10]}``, or a list of those.
    sizes : dict
        Unscaled sizes of what can be selected.
    kind : str
        What it is called in errors.
    scale : float
        Slices are scaled with the populations.

    Raises
    ------
    InputError
        For unknown names, empty or overlapping parts.
    """
    found: list[Slice] = []
    for part in value if isinstance(value, list) else [value]:
        cut = None
        if isinstance(part, dict):
            for key in part:
                if key not in ("population", "slice"):
                    raise unknown(place, "key", key, ("population", "slice"))
            name, cut = part.get("population"), part.get("slice")
        else:
            name = part
        if not isinstance(name, str) or name not in sizes:
            raise unknown(place, kind, str(name), sizes)
        size = sizes[name]
        start, stop = 0, size
        if cut is not None:
            if not isinstance(cut, (list, tuple)) or len(cut) != 2:
                raise InputError(place, f"expected slice: [start, stop], got {shown(cut)}")
            start, stop = (whole(c, f"{place}.slice") for c in cut)
            if not start < stop <= size:
                raise InputError(place, f"expected a slice of the {size} of '{name}', got [{start}, {stop}]")
        found.append(Slice(name, scaled(start, scale, 0), max(scaled(stop, scale), scaled(start, scale, 0) + 1)))
    if not found:
        raise InputError(place, f"expected at least one {kind}")
    return Selection(separate(found, place))


def separate(found: list[Slice], place: str) -> tuple[Slice, ...]:
    """Return the parts; raise InputError where two of them overlap, perhaps only after they were scaled."""
    for i, a in enumerate(found):
        for b in found[:i]:
            if a.name == b.name and a.start < b.stop and b.start < a.stop:
                raise InputError(place, f"expected parts that do not overlap, '{a.name}' appears twice")
    return tuple(found)


def shared_positions(pre: Selection, post: Selection) -> list[tuple[int, int]]:
    """Return the runs [first, stop) of positions in `post` whose neurons are in `pre` too."""
    found, position = [], 0
    for target in post.slices:
        for source in pre.slices:
            low, high = max(target.start, source.start), min(target.stop, source.stop)
            if source.name == target.name and low < high:
                found.append((position + low - target.start, position + high - target.start))
        position += len(target)
    return found


def scaled(size: int, scale: float, at_least: int = 1) -> int:
    """Return a size, or a position, in the scaled network."""
    return size if scale == 1.0 else max(at_least, round(size * scale))
