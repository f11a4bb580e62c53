"""Figures as files: an earlier one of ours is replaced, somebody else's is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from distsim.io.whole_files import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What SVG and PNG of ours say of themselves at their beginning, without a date, so that a figure is the same each time.
METADATA: dict[str, dict[str, str | None]] = {
    ".svg": {"Creator": "distsim", "Date": None},
    ".png": {"Software": "distsim"},
}
OURS = re.compile(rb"(?s).*distsim")


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as SVG and as PNG beside each other; return their paths.

    Parameters
    ----------
    figure : Figure
    path : Path
        Without a suffix.

    Raises
    ------
    InputError
        Where something else stands under one of the names.
    """
    written = []
    for suffix, metadata in METADATA.items():
        target = path.with_name(path.name + suffix)
        with whole(target, OURS) as part:
            figure.savefig(part, dpi=150, format=suffix[1:], metadata=metadata)
        written.append(target)
    return written
