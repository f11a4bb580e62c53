"""distsim and Brian2's C++ standalone mode side by side in one run: the Vogels-Abbott network on one core.

    pip install 'distsim[mpi]'
    python benchmarks/against_brian.py --brian-python /path/to/python/with/brian2 --json coba.json

Brian2 integrates with the method of its own example (exponential Euler), with ours (RK4), and with the cheapest
(Euler), in double precision, its default. distsim runs before and after each of them; ratios are of the medians.
The time is that of the simulation alone, in seconds of one core per second of biological time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from against_nest import cpu

HERE = Path(__file__).parent
METHODS = ("exponential_euler", "rk4", "euler")


def run_brian(method: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run the network in Brian2 and return what its script measured."""
    command = [args.brian_python, str(HERE / "coba_brian.py"), "--method", method, "--duration", str(args.duration)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_distsim(args: argparse.Namespace) -> dict[str, Any]:
    """Run the network in distsim on one rank and return CPU seconds per second, and the rate of all neurons."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "distsim", "run", "coba", "--quiet", "--duration", str(args.duration)]
        subprocess.run([*command, "--output", str(out)], check=True)
        summary = json.loads((out / "summary.json").read_text())
    rates = summary["rates_hz"]
    return {
        "seconds_per_second": summary["timing"]["cpu_seconds"] / (1e-3 * args.duration),
        "rate_hz": 0.8 * rates["exc"] + 0.2 * rates["inh"],
    }


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=10_000.0, help="ms")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--brian-python", default=sys.executable, help="interpreter that can import brian2")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    run_distsim(args)  # compiles, and is not counted
    ours: list[dict[str, Any]] = []
    brian: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    for _ in range(args.repeats):
        for method in METHODS:
            ours.append(run_distsim(args))
            brian[method].append(run_brian(method, args))
    report(args, ours, brian)


def report(args: argparse.Namespace, ours: list[dict[str, Any]], brian: dict[str, list[dict[str, Any]]]) -> None:
    """Print the table and write the JSON."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"coba, 4,000 neurons, one core of {cpu()}")
    for name in ("", "CPU s per s", "min - max", "rate (Hz)", "against distsim"):
        table.add_column(name, justify="right" if name else "left")
    base = float(np.median([run["seconds_per_second"] for run in ours]))
    found = {"machine": cpu(), "distsim": ours, "brian2": brian}
    for name, runs in {"distsim, RK4, single precision": ours, **{f"Brian2, {m}": r for m, r in brian.items()}}.items():
        seconds = [run["seconds_per_second"] for run in runs]
        rate = float(np.median([run["rate_hz"] for run in runs]))
        middle = float(np.median(seconds))
        spread = f"{min(seconds):.3f} - {max(seconds):.3f}"
        table.add_row(name, f"{middle:.3f}", spread, f"{rate:.1f}", f"{middle / base:.1f}")
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
