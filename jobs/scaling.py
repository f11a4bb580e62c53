"""Scaling series: one network over numbers of ranks; speed-up, efficiency, shares of the phases."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from distsim.errors import InputError
from distsim.io.figures import save_figure
from distsim.io.run import read_summary
from distsim.io.whole_files import whole
from distsim.jobs.resources import minutes, resources
from distsim.jobs.site import Site, load_site
from distsim.network.config import load_config

# How a batch script of ours begins.
SCRIPT = re.compile(rb"(?s)#!.*distsim")
PHASES = ("drive", "deliver", "update", "exchange", "record")


def rank_numbers(text: str) -> list[int]:
    """Return the numbers of ranks of ``1,2,4``, ascending."""
    try:
        numbers = sorted({int(n) for n in text.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise InputError("--ranks", f"expected numbers of ranks such as 1,2,4, got '{text}'")
    return numbers


def run(
    config: str, ranks: list[int], weak: bool, site_name: str, folder: Path, repeats: int, settings: list[str]
) -> None:
    """Run the series here, one after the other; print the table, write scaling.csv and scaling.png.

    A run that is finished is not run again.
    """
    site = load_site(site_name)
    load_config(config, settings)
    for n in ranks:
        for repeat in range(repeats):
            _one(config, n, weak, max(ranks), site, folder / f"{n:06d}-{repeat}", settings)
    found = table(folder, ranks, repeats, weak)
    with whole(folder / "scaling.csv", re.compile(b"ranks,n_neurons,")) as part:
        found.to_csv(part, index=False)
    _plot(found, weak, folder)
    _print(found, weak, folder)


def _one(config: str, n: int, weak: bool, most: int, site: Site, folder: Path, settings: list[str]) -> None:
    """Run the network on n ranks, unless that is done."""
    if read_summary(folder) is not None:
        return
    command = [*site.launch(n), *site.container, site.python, "-m", "distsim", "run", config, "--quiet"]
    if (folder / "config.yaml").exists():
        command[command.index(config)] = str(folder)
        command.append("--resume")
    else:
        command += ["--output", str(folder), *(word for s in settings for word in ("--set", s))]
        if weak:
            scale = float(load_config(config, settings).network.scale) * n / most
            command += ["--set", f"network.scale={scale!r}"]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise InputError(f"{n} ranks", f"the run ended with exit code {done.returncode}")


def table(folder: Path, ranks: list[int], repeats: int, weak: bool) -> pd.DataFrame:
    """Return a row per number of ranks: medians over the repeats, speed-up and efficiency against the fewest ranks."""
    rows: list[dict[str, Any]] = []
    for n in ranks:
        summaries = [s for r in range(repeats) if (s := read_summary(folder / f"{n:06d}-{r}")) is not None]
        factors = [s["timing"]["real_time_factor"] for s in summaries]
        middle = summaries[factors.index(statistics.median_low(factors))]
        row = {
            "ranks": n,
            "n_neurons": middle["network"]["n_neurons"],
            "real_time_factor": statistics.median(factors),
            "fastest": min(factors),
            "slowest": max(factors),
            "build_s": statistics.median(s["timing"]["build_wall_seconds"] for s in summaries),
            "memory_gb": sum(middle["memory"]["peak_rss_bytes"]) / 1e9,
        }
        whole_time = sum(middle["timing"]["phases"][p] for p in PHASES)
        row |= {f"share_{p}": middle["timing"]["phases"][p] / whole_time for p in PHASES}
        rows.append(row)
    first = rows[0]
    for row in rows:
        ratio = first["real_time_factor"] / row["real_time_factor"]
        row["speed_up"] = ratio * (row["ranks"] / first["ranks"] if weak else 1.0)
        row["efficiency"] = ratio if weak else ratio * first["ranks"] / row["ranks"]
    return pd.DataFrame(rows)


def _print(found: pd.DataFrame, weak: bool, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{'weak' if weak else 'strong'} scaling")
    columns = ("ranks", "n_neurons", "real_time_factor", "fastest", "slowest", "speed_up", "efficiency", "build_s",
               "memory_gb")  # fmt: skip
    for column in columns:
        shown.add_column(column.replace("_", " "), justify="right")
    for row in found[list(columns)].itertuples(index=False):
        shown.add_row(*(f"{v:.3g}" if isinstance(v, float) else f"{v:,}" for v in row))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(shown)
    console.print(f"scaling.csv, scaling.svg and scaling.png are in {folder}", soft_wrap=True, highlight=False)


def _plot(found: pd.DataFrame, weak: bool, folder: Path) -> None:
    """Draw speed-up, efficiency and shares of the phases."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 3.4), layout="constrained")
    speed, efficiency, shares = figure.subplots(1, 3)
    ranks = found["ranks"].to_numpy()
    speed.plot(ranks, found["speed_up"], "o-", color="#2a7f9e", label="measured")
    speed.plot(ranks, ranks / ranks[0], ":", color="black", label="ideal")
    speed.set(xlabel="ranks", ylabel="speed-up" + (" (work per time)" if weak else ""), xscale="log", yscale="log")
    speed.legend(frameon=False)
    efficiency.plot(ranks, found["efficiency"], "o-", color="#2a7f9e")
    efficiency.axhline(1.0, color="black", linestyle=":")
    efficiency.set(
        xlabel="ranks", ylabel="efficiency", xscale="log", ylim=(0.0, max(1.1, found["efficiency"].max() * 1.05))
    )
    bottom = 0.0 * ranks
    for phase, color in zip(PHASES, ("#c98a1b", "#2a7f9e", "#5a8f3c", "#b03a5b", "#7a7a7a"), strict=True):
        height = 100.0 * found[f"share_{phase}"].to_numpy()
        shares.bar([str(r) for r in ranks], height, bottom=bottom, color=color, label=phase, width=0.7)
        bottom = bottom + height
    shares.set(xlabel="ranks", ylabel="share of the time (%)", ylim=(0, 100))
    shares.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (speed, efficiency):
        axes.set_xticks(ranks, [str(r) for r in ranks])
        axes.minorticks_off()
    for axes in (speed, efficiency, shares):
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, folder / "scaling")


def submit(
    config: str,
    ranks: list[int],
    weak: bool,
    site_name: str,
    folder: Path,
    repeats: int,
    settings: list[str],
    time: str,
) -> str:
    """Submit the whole series as one job with the most ranks; return what to tell the user."""
    from distsim.jobs import slurm
    from distsim.jobs.script import render_command

    site = load_site(site_name)
    if site.scheduler != "slurm":
        raise InputError("--submit", "expected a site with Slurm; without --submit the series runs here")
    needed = resources(load_config(config, settings), site, max(ranks), minutes(time))
    path = str(Path(config).resolve()) if Path(config).exists() else config
    here = str(Path(site_name).resolve()) if Path(site_name).exists() else site_name
    words = ["scaling", path, "--ranks", ",".join(map(str, ranks)), "--site", here, "--output", str(folder)]
    words += ["--repeats", str(repeats)]
    words += [*(["--weak"] if weak else []), *(w for s in settings for w in ("--set", s))]
    folder.mkdir(parents=True, exist_ok=True)
    script, name = folder / "job.sh", f"distsim-scaling-{Path(config).stem}"
    with whole(script, SCRIPT) as part:
        part.write_text(render_command(site, needed, name, folder, words), encoding="utf-8")
    return f"{slurm.submit(script, site)} {folder}"
