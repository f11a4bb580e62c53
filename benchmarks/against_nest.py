"""distsim and NEST side by side in one run: the same network, machine, cores, simulated time and recording.

    pip install 'distsim[nest,mpi]'
    python benchmarks/against_nest.py brunel --json brunel.json
    python benchmarks/against_nest.py microcircuit            # 16 GB of memory for NEST, some 6 minutes
    python benchmarks/against_nest.py hpc_benchmark --transient 50 --duration 250

distsim runs before and after NEST (`--repeats` times each), so that a change of the machine's speed shows as spread;
ratios are of the medians. NEST runs in its own process with as many threads as distsim has ranks. Both record all
spikes; both leave the transient out of the real-time factor. The memory is the peak of all processes together.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


def run_nest(network: str, python: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run the network in NEST and return what its script measured."""
    command = [python, str(HERE / f"{network}_nest.py"), "--threads", str(args.ranks), "--transient"]
    command += [str(args.transient), "--duration", str(args.duration)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_distsim(network: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run the network in distsim and return the same keys as NEST's script, from the summary."""
    mpiexec = str(Path(sys.executable).with_name("mpiexec"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [mpiexec, "-n", str(args.ranks), sys.executable, "-m", "distsim", "run", network, "--quiet"]
        command += ["--set", f"simulation.transient={args.transient}", "--duration", str(args.duration)]
        subprocess.run([*command, "--output", str(out)], check=True)
        summary = json.loads((out / "summary.json").read_text())
    return {
        "build_wall_seconds": summary["timing"]["build_wall_seconds"],
        "real_time_factor": summary["timing"]["real_time_factor"],
        "peak_rss_bytes": sum(summary["memory"]["peak_rss_bytes"]),
        "n_neurons": summary["network"]["n_neurons"],
        "n_synapses": summary["network"]["n_synapses"],
        "rates_hz": summary["rates_hz"],
        "phases": summary["timing"]["phases"],
        "synaptic_events": summary["counts"]["synaptic_events"],
    }


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=["microcircuit", "brunel", "hpc_benchmark"])
    parser.add_argument("--ranks", type=int, default=2, help="ranks of distsim and threads of NEST")
    parser.add_argument("--transient", type=float, default=500.0)
    parser.add_argument("--duration", type=float, default=1000.0)
    parser.add_argument("--repeats", type=int, default=2, help="runs of distsim before NEST and after it")
    parser.add_argument("--nest-python", default=sys.executable, help="interpreter that can import nest")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    run_distsim(args.network, args)  # compiles, and is not counted
    ours = [run_distsim(args.network, args) for _ in range(args.repeats)]
    nest = run_nest(args.network, args.nest_python, args)
    ours += [run_distsim(args.network, args) for _ in range(args.repeats)]
    report(args, ours, nest)


def report(args: argparse.Namespace, ours: list[dict[str, Any]], nest: dict[str, Any]) -> None:
    """Print the table and write the JSON."""
    from rich.console import Console
    from rich.table import Table

    title = f"{args.network}, {ours[0]['n_synapses']:,} synapses, {args.ranks} cores of {platform.machine()}"
    table = Table(title=f"{title}, NEST {nest['nest_version']}")
    for name in ("", "distsim (median)", "min - max", "NEST", "NEST / distsim"):
        table.add_column(name, justify="right" if name else "left")
    ratios = {}
    for key, factor, label in (
        ("real_time_factor", 1.0, "real-time factor"),
        ("build_wall_seconds", 1.0, "build (s)"),
        ("peak_rss_bytes", 1e-9, "memory (GB)"),
    ):
        values = [run[key] * factor for run in ours]
        ratios[key] = nest[key] * factor / float(np.median(values))
        table.add_row(
            label, f"{np.median(values):.2f}", f"{min(values):.2f} - {max(values):.2f}", f"{nest[key] * factor:.2f}",
            f"{ratios[key]:.1f}",
        )  # fmt: skip
    for name, rate in nest["rates_hz"].items():
        table.add_row(f"{name} (Hz)", f"{ours[0]['rates_hz'][name]:.2f}", "", f"{rate:.2f}", "")
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    if args.json:
        found = {"network": args.network, "cores": args.ranks, "machine": cpu(), "ratios": ratios, "distsim": ours}
        args.json.write_text(json.dumps(found | {"nest": nest}, indent=1))


def cpu() -> str:
    """Return the processor's name and the number of cores."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
