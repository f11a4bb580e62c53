"""Plots of a run's energy: substrates, terms, scale, mean rate, sparsity; SVG and PNG each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.io.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"brain": "#b03a5b", "neuromorphic": "#2a7f9e", "computer": "#7a7a7a", "accelerator": "#c98a1b",
          "operations": "#5a8f3c"}  # fmt: skip
# One line each in the plots over scale and rate: more would hide each other.
SHOWN = ("brain_attwell_laughlin", "loihi1", "truenorth", "spinnaker1", "rtx2070", "ryzen2600x", "h100")
LINES = ("#b03a5b", "#2a7f9e", "#63b3c9", "#1b4f66", "#9a9a9a", "#555555", "#c98a1b", "#5a8f3c")


def write_plots(found: dict[str, Any], folder: Path) -> list[Path]:
    """Write all plots into a folder; return their paths."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    plots = {
        "energy_substrates": (substrates, (9.5, 0.24 * len(found["substrates"]) + 1.2)),
        "energy_terms": (terms, (9.5, 0.24 * len(found["substrates"]) + 1.2)),
        "energy_scale": (over_scale, (7.5, 4.8)),
        "energy_rate": (over_rate, (7.5, 4.8)),
        "energy_sparsity": (active, (5.0, 3.6)),
    }
    written: list[Path] = []
    with mpl.rc_context(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "distsim"}
    ):
        for name, (draw, size) in plots.items():
            figure = Figure(figsize=size, layout="constrained")
            draw(figure.add_subplot(), found)
            written += save_figure(figure, folder / name)
    return written


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted((r for r in found["substrates"] if r["operation"] == "real time"), key=lambda r: r["joules"][1])


def substrates(axes: Axes, found: dict[str, Any]) -> None:
    """Draw every substrate's energy per biological second with its range, on a logarithmic axis."""
    rows, seconds = _rows(found), found["activity"]["seconds"]
    for y, row in enumerate(rows):
        low, typical, high = (j / seconds for j in row["joules"])
        color = COLORS[row["kind"]]
        axes.plot([low, high], [y, y], color=color, linewidth=3, alpha=0.45, solid_capstyle="round")
        axes.plot(typical, y, "o", color=color, markersize=5, markerfacecolor="white" if row["unverified"] else color)
    own = [j / seconds for j in found["simulation"]["joules"]]
    axes.axvspan(own[0], own[2], color="black", alpha=0.08, linewidth=0)
    axes.axvline(own[1], color="black", linewidth=0.8)
    how = "measured" if found["simulation"]["measured"] else "estimated"
    axes.text(own[0], len(rows) - 0.3, f"this simulation, {how} ", ha="right", va="bottom", fontsize=8)
    axes.set(
        xscale="log", yticks=range(len(rows)), xlabel="energy per biological second (J)", ylim=(-0.7, len(rows) + 0.6)
    )
    axes.set_yticklabels([row["title"] for row in rows])
    axes.set_title(f"{found['activity']['name']} on every substrate, in real time", loc="left", fontsize=10)
    axes.grid(axis="x", alpha=0.25)
    for kind, color in COLORS.items():
        if any(row["kind"] == kind for row in rows):
            axes.plot([], [], "o-", color=color, label=kind)
    axes.plot([], [], "o", color="black", markerfacecolor="white", label="a figure not read in its source")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.3), fontsize=8)


def terms(axes: Axes, found: dict[str, Any]) -> None:
    """Draw the share of each term in every substrate's typical energy."""
    from matplotlib import colormaps

    rows = _rows(found)
    names = list(dict.fromkeys(name for row in rows for name in row["shares"]))
    palette = colormaps["tab20"].colors  # type: ignore[attr-defined]
    left = np.zeros(len(rows))
    for name, color in zip(names, palette, strict=False):
        share = np.array([100 * row["shares"].get(name, 0.0) for row in rows])
        axes.barh(range(len(rows)), share, left=left, color=color, label=name, height=0.75)
        left += share
    axes.set(
        yticks=range(len(rows)), xlabel="share of the typical energy (%)", xlim=(0, 100), ylim=(-0.6, len(rows) - 0.4)
    )
    axes.set_yticklabels([row["title"] for row in rows])
    axes.set_title("What the energy goes to", loc="left", fontsize=10)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)


def _lines(found: dict[str, Any], **chosen: Any) -> dict[str, list[dict[str, Any]]]:
    """Return rows of the scaling by profile, those of SHOWN, or the first ones where none of these is priced."""
    rows = [r for r in found["scaling"] if all(r[k] == v for k, v in chosen.items())]
    present = list(dict.fromkeys(r["profile"] for r in rows))
    names = [n for n in SHOWN if n in present] or present[:7]
    return {name: [r for r in rows if r["profile"] == name] for name in names}


def _draw(axes: Axes, found: dict[str, Any], lines: dict[str, list[dict[str, Any]]], x: Any) -> None:
    titles = {row["profile"]: row["title"] for row in found["substrates"]}
    for (name, rows), color in zip(lines.items(), LINES, strict=False):
        points = sorted((x(row), *row["watts"]) for row in rows)
        at, low, typical, high = (np.array(c) for c in zip(*points, strict=True))
        axes.fill_between(at, np.maximum(low, 1e-12), high, color=color, alpha=0.12, linewidth=0)
        axes.plot(at, typical, "o-", color=color, markersize=3, linewidth=1.2, label=titles[name])
    axes.axhline(20.0, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", ylabel="power in real time (W)")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def over_scale(axes: Axes, found: dict[str, Any]) -> None:
    """Draw power against the number of neurons, at the run's mean rate."""
    rate = round(found["activity"]["rate_hz"], 3)
    lines = {k: [r for r in v if r["scale"] != "network"] for k, v in _lines(found, rate_hz=rate).items()}
    _draw(axes, found, lines, lambda row: row["neurons"][1])
    axes.set_xlabel("neurons")
    axes.set_title(f"Power against scale, at {rate:g} Hz; dotted: 20 W", loc="left", fontsize=10)


def over_rate(axes: Axes, found: dict[str, Any]) -> None:
    """Draw the power of a human cortex against its mean rate."""
    _draw(axes, found, _lines(found, scale="cortex"), lambda row: row["rate_hz"])
    axes.set_xlabel("mean rate (Hz)")
    axes.set_title("A human cortex against its mean rate; dotted: 20 W", loc="left", fontsize=10)


def active(axes: Axes, found: dict[str, Any]) -> None:
    """Draw the fraction of neurons that are active per window, beside what the article claims."""
    fractions = found["active_fraction"]
    if not fractions:
        text = "no spikes were recorded" if fractions is None else "the run is shorter than a window"
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    axes.axhspan(1.0, 4.0, color="#b03a5b", alpha=0.12, linewidth=0, label='"1 - 4 % active at a moment"')
    bars = axes.bar([f"per {k}" for k in fractions], [100 * v for v in fractions.values()], color="#2a7f9e", width=0.5)
    axes.bar_label(bars, fmt="%.3g %%", padding=2)
    axes.set(yscale="log", ylabel="neurons that fire (%)")
    axes.set_title(f"Sparsity of {found['activity']['name']}", loc="left", fontsize=10)
    axes.margins(y=0.25)
    axes.legend(frameon=False, fontsize=8)
