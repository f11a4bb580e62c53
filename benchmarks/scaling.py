"""Strong and weak scaling over ranks: wall time, memory and bytes sent for one network.

    python benchmarks/scaling.py --ranks 1,2 --json scaling.json

Strong: the same network (the cortical microcircuit at --scale) on more ranks. Weak: the network grows with the
ranks. More ranks than cores measure nothing; the table says how many cores there are. Every row is the median of
--repeats runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def run(n_ranks: int, scale: float, args: argparse.Namespace) -> dict[str, Any]:
    """Return the summary of one run."""
    mpiexec = str(Path(sys.executable).with_name("mpiexec"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [mpiexec, "-n", str(n_ranks), sys.executable, "-m", "distsim", "run", "microcircuit", "--quiet"]
        command += ["--set", f"network.scale={scale}", "--set", "simulation.transient=200"]
        subprocess.run([*command, "--duration", str(args.duration), "--output", str(out)], check=True)
        return json.loads((out / "summary.json").read_text())


def main() -> None:
    """Run the command line; see the module's docstring."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--scale", type=float, default=0.5, help="size of the strong-scaling network")
    parser.add_argument("--duration", type=float, default=500.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    ranks = [int(n) for n in args.ranks.split(",")]
    table = Table(title=f"microcircuit, {os.cpu_count()} cores, medians of {args.repeats} runs")
    titles = (
        "",
        "ranks",
        "scale",
        "real-time factor",
        "min - max",
        "efficiency",
        "build (s)",
        "memory (GB)",
        "MB sent/s",
    )
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    found: list[dict[str, Any]] = []
    for kind in ("strong", "weak"):
        first = None
        for n in ranks:
            scale = args.scale if kind == "strong" else args.scale * n / max(ranks)
            runs = [run(n, scale, args) for _ in range(args.repeats)]
            factors = [r["timing"]["real_time_factor"] for r in runs]
            factor = float(np.median(factors))
            # Work per rank and second: what an ideal machine keeps constant.
            load = scale / n / factor
            first = first or load
            build = float(np.median([r["timing"]["build_wall_seconds"] for r in runs]))
            memory = sum(runs[0]["memory"]["peak_rss_bytes"]) / 1e9
            sent = runs[0]["counts"]["bytes_sent"] / (args.duration / 1000.0) / 1e6
            table.add_row(
                kind, str(n), f"{scale:g}", f"{factor:.3f}", f"{min(factors):.3f} - {max(factors):.3f}",
                f"{load / first:.2f}", f"{build:.2f}", f"{memory:.2f}", f"{sent:.1f}",
            )  # fmt: skip
            found.append(
                {
                    "kind": kind,
                    "ranks": n,
                    "scale": scale,
                    "real_time_factors": factors,
                    "build": build,
                    "memory_gb": memory,
                }
            )
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    if args.json:
        args.json.write_text(json.dumps({"cores": os.cpu_count(), "rows": found}, indent=1))


if __name__ == "__main__":
    main()
