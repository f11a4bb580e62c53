"""Nanoseconds per neuron and step of every model on one core, beside NEST's and Brian2's for AdEx and Hodgkin-Huxley.

    python benchmarks/neurons.py
    python benchmarks/neurons.py --nest-python PYTHON --brian-python PYTHON aeif_cond_exp hh_psc_alpha iaf_cond_exp

A population of neurons without synapses that a constant current lets fire, dt 0.1 ms, single precision: the whole
time of the run, update, spikes and all, over neurons and steps. The peers simulate the same neurons with the same
current in their own scripts, `neurons_nest.py` and `neurons_brian.py`, on one thread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import distsim as ds
from distsim.registry import models

HERE = Path(__file__).parent
N, STEPS = 10_000, 5_000
# Current (pA) that lets the neurons with NEST's defaults fire at some 10 to 60 Hz; what is not here gets none.
CURRENTS = {
    "iaf_psc_delta": 400.0, "iaf_psc_exp": 400.0, "iaf_psc_alpha": 400.0, "iaf_cond_exp": 400.0,
    "iaf_cond_alpha": 400.0, "aeif_psc_exp": 700.0, "aeif_cond_exp": 700.0, "hh_psc_alpha": 1000.0, "izhikevich": 8.0,
    "mat2_psc_exp": 400.0, "glif_psc": 300.0,
}  # fmt: skip


def nanoseconds(model: str, repeats: int) -> tuple[list[float], float]:
    """Return ns per neuron and step of each run after the first half second, and the rate (Hz)."""
    net = ds.Network("neurons")
    cells = net.population("cells", N, model)
    if model in CURRENTS:
        net.project(net.device("step", "dc_generator", amplitude=CURRENTS[model]), cells)
    sim = ds.Simulation(net, dt=0.1, seed=1)
    sim.run(STEPS * 0.1)
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        sim.run(STEPS * 0.1)
        found.append((time.perf_counter() - begin) * 1e9 / STEPS / N)
    rate = sim.summary()["rates_hz"]["cells"]
    return found, rate


def peer(python: str | None, script: str, model: str) -> dict[str, float]:
    """Return what a peer's script measured, nothing where the peer is not asked or has no such model."""
    if python is None:
        return {}
    command = [python, str(HERE / script), model, "--current", str(CURRENTS.get(model, 0.0))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 3:  # it has no such model
        return {}
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Run the command line; see the module's docstring."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=models.names())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--nest-python", help="interpreter that can import nest")
    parser.add_argument("--brian-python", help="interpreter that can import brian2")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    table = Table(title=f"ns per neuron and step, {N:,} neurons, one core")
    for name in ("", "distsim (median)", "min - max", "Hz", "NEST", "Hz", "Brian2", "Hz"):
        table.add_column(name, justify="right" if name else "left")
    rows = {}
    for model in args.models:
        found, rate = nanoseconds(model, args.repeats)
        nest, brian = (
            peer(args.nest_python, "neurons_nest.py", model),
            peer(args.brian_python, "neurons_brian.py", model),
        )
        cells = [f"{x:.1f}" if x is not None else "" for p in (nest, brian) for x in (p.get("ns"), p.get("rate_hz"))]
        table.add_row(model, f"{np.median(found):.2f}", f"{min(found):.2f} - {max(found):.2f}", f"{rate:.1f}", *cells)
        rows[model] = {"ns": found, "rate_hz": rate, "nest": nest, "brian2": brian}
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
