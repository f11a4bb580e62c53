"""What a user sees: a progress bar while building and running, a table when it is done."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from distsim.network.config import Config

# Wall seconds between two plain lines where there is no terminal.
LINE_SECONDS = 10.0
STAGES = {"build": "building", "run": "running"}


class Progress:
    """Progress on stderr: a bar in a terminal, plain lines elsewhere.

    Called as ``progress(stage, fraction, details)`` by `Simulation`, on every rank; shows where `show`.
    """

    def __init__(self, config: Config, show: bool):
        self.show = show
        self.console = Console(stderr=True)
        self._stage = ""
        self._last_line = 0.0
        self._total_ms = config.simulation.transient + config.simulation.duration
        self._bar: Bar | None = None
        if show and self.console.is_terminal:
            columns = (TextColumn("{task.description:9}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"),
                       TimeRemainingColumn(), TextColumn("{task.fields[text]}"))  # fmt: skip
            self._bar = Bar(*columns, console=self.console)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, stage: str, fraction: float, details: dict[str, Any]) -> None:
        if not self.show:
            return
        text = ""
        if details:
            text = (
                f"{details['biological_ms']:.0f} of {self._total_ms:.0f} ms, real-time factor "
                f"{details['real_time_factor']:.2f}, {details['rate_hz']:.2f} Hz"
            )
        if self._bar:
            if stage != self._stage:
                self._task = self._bar.add_task(STAGES[stage], total=1.0, text="")
            self._bar.update(self._task, completed=fraction, text=text)
        elif stage != self._stage or fraction >= 1.0 or time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line = time.monotonic()
            self.console.print(f"{STAGES[stage]} {100 * fraction:3.0f}%  {text}".rstrip(), highlight=False)
        self._stage = stage


def print_summary(summary: dict[str, Any], folder: str | None, verbose: bool = False) -> None:
    """Print rates, speed, memory and where the results are."""
    console = Console()
    network, run, timing, memory = (summary[k] for k in ("network", "run", "timing", "memory"))
    table = Table(title=f"{network['name']}, {run['duration_ms']:g} ms on {run['n_ranks']} rank(s)")
    table.add_column("population")
    table.add_column("neurons", justify="right")
    table.add_column("mean rate (Hz)", justify="right")
    for name, population in network["populations"].items():
        rate = summary["rates_hz"][name]
        table.add_row(name, f"{population['n']:,}", "-" if rate is None else f"{rate:.3f}")
    console.print(table)
    factor = timing["real_time_factor"]
    console.print(
        f"synapses {network['n_synapses']:,}   built in {timing['build_wall_seconds']:.2f} s   "
        f"real-time factor {'-' if factor is None else f'{factor:.2f}'}   "
        f"memory {sum(memory['peak_rss_bytes']) / 1e9:.2f} GB in all",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if verbose:
        phases = "   ".join(f"{name} {seconds:.2f} s" for name, seconds in timing["phases"].items())
        console.print(f"compiled in {timing['compile_wall_seconds']:.2f} s   {phases}", highlight=False, soft_wrap=True)
        counts = "   ".join(f"{name} {n:,}" for name, n in summary["counts"].items())
        console.print(counts, highlight=False, soft_wrap=True)
    print_warnings(summary.get("warnings", []), console)
    if folder:
        console.print(f"results in {folder}", highlight=False, soft_wrap=True)


def print_warnings(warnings: list[dict[str, Any]], console: Console) -> None:
    """Print what was warned of, a line each."""
    for warning in warnings:
        times = f" ({warning['count']} times)" if warning["count"] > 1 else ""
        place = f"{warning['place']}: " if warning["place"] else ""
        console.print(f"warning: {place}{warning['text']}{times}", highlight=False, soft_wrap=True, markup=False)
