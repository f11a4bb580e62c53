"""Kernels one by one: ns per synaptic event, neuron step, random number, synapse built, beside the read bandwidth.

    python benchmarks/kernels.py [--json kernels.json] [--repeats 5]

Delivery is measured on the synapses that one of two ranks holds of the full cortical microcircuit, with spikes
drawn at the published rates: the true sizes of rows, segments and caches. Every figure is the median of the
repeats, with the smallest and largest beside it; other work on the machine shows as spread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

for _name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numba
import numpy as np

from distsim import rng
from distsim.construction import build
from distsim.construction.kernels import fill_blocks
from distsim.devices.poisson_generator import LANES, draw_counts, thresholds
from distsim.network.config import load_config
from distsim.registry import models, partitioners
from distsim.simulation.delivery import BATCH, Connectome, deliver, empty_history
from distsim.simulation.loop import Sources, remember

RATES_HZ = (0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829)
DT = 0.1


def timed(function, repeats: int) -> list[float]:
    """Return wall seconds of each call after a first one that is not counted."""
    function()
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return found


@numba.njit(cache=True)
def read_all(array):
    """Read an array once."""
    total = np.uint64(0)
    for i in range(array.shape[0]):
        total += array[i]
    return total


def bandwidth(repeats: int) -> list[float]:
    """Return the read bandwidth of one core (GB/s)."""
    array = np.ones(2**27, dtype=np.uint64)
    return [array.nbytes / 1e9 / s for s in timed(lambda: read_all(array), repeats)]


def random_numbers(repeats: int) -> list[float]:
    """Return ns per 32-bit random number."""
    words = [np.empty(256, np.uint32) for _ in range(4)]
    key = rng.key(1, 1, 1)

    @numba.njit
    def many(w0, w1, w2, w3, k):
        for i in range(4000):
            fill_blocks(w0, w1, w2, w3, i, 0, 0, 256, k)

    return [s / (4000 * 256 * 4) * 1e9 for s in timed(lambda: many(*words, key), repeats)]


def poisson_draws(mean: float, repeats: int) -> list[float]:
    """Return ns per Poisson number of a neuron and step."""
    n = 38_584
    counts = np.zeros((LANES, n), np.uint8)
    lo, hi, key, table = np.arange(n, dtype=np.uint32), np.zeros(n, np.uint32), rng.key(1, 5, 0), thresholds(mean)

    def many():
        for block in range(20):
            draw_counts(counts, lo, hi, block, key, *table)

    return [s / (20 * LANES * n) * 1e9 for s in timed(many, repeats)]


def neuron_steps(model_name: str, repeats: int) -> list[float]:
    """Return ns per neuron and step."""
    n = 38_584
    model = models.get(model_name)
    params = {k: p.default for k, p in model.declaration.parameters.items()}
    state = np.zeros((len(model.declaration.state), n), np.float32)
    inputs = np.ones((2, n), np.int32)
    constants = np.array(model.constants(params, DT), np.float32)
    rest = (np.zeros(n, np.float32), 0, n, constants, np.full(2, 1e-3, np.float32), np.zeros(n + 1, np.int32), 0)
    refractory = np.zeros(n, np.int32)

    def many():
        for _ in range(200):
            model.update(state, refractory, inputs, *rest)

    return [s / (200 * n) * 1e9 for s in timed(many, repeats)]


@numba.njit(cache=True)
def deliver_all(inp, net, history, sources, received, words, n_steps, min_delay, max_delay, scratch):
    """Deliver n_steps of spikes; return the number of events."""
    events = 0
    fired = np.zeros(net.block_size.shape[0] * 1024, np.int64)
    for t in range(1, n_steps + 1):
        for i in range(inp.shape[0]):
            inp[i] = 0
        events += deliver(inp, net, history, t, min_delay, max_delay, scratch)
        history = remember(history, net, sources, received[t - 1], words, 1, 1, 1, t - 1, fired)
    return events


def delivery(repeats: int, weights: str, n_steps: int = 2000) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return ns per synapse built and per synaptic event, and sizes, for one of two ranks of the microcircuit.

    `weights`: ``"auto"``, which takes 16 bits, or ``"float32"``, which a step finer than those asks for.
    """
    network = load_config("microcircuit").network.resolved()
    warm = load_config("microcircuit", ["network.scale=0.01"]).network.resolved()
    if weights == "float32":
        for population in (*network.populations.values(), *warm.populations.values()):
            population.weight_step = {"ex": 2.0**-16, "in": 2.0**-16}
    partition = partitioners.get("balanced").partition(network, 2)
    build(warm, partitioners.get("balanced").partition(warm, 2), 0, dt=DT, seed=1)
    built = []
    for _ in range(2):
        begin = time.perf_counter()
        local = build(network, partition, 0, dt=DT, seed=1)
        built.append((time.perf_counter() - begin) / local.synapses.shape[0] * 1e9)
    draw = np.random.default_rng(1)
    first = [p.first_gid for p in network.populations.values()]
    p_spike = np.repeat(np.array(RATES_HZ) * DT / 1000.0, [p.size for p in network.populations.values()])
    fired = [np.flatnonzero(draw.random(network.n_neurons) < p_spike) for _ in range(n_steps)]
    words = 2 + max(f.shape[0] for f in fired)
    received = np.zeros((n_steps, words), np.uint32)
    for row, gids in zip(received, fired, strict=True):
        row[:2] = gids.shape[0]
        row[2 : 2 + gids.shape[0]] = gids
    sources = Sources(
        np.array(first), np.array([local.groups[n].first_block for n in network.populations]), np.empty(0, np.int64),
        np.empty(0, np.uint32),
    )  # fmt: skip
    net = Connectome(*(getattr(local, name) for name in Connectome._fields))
    low, high = network.min_delay_steps(DT), network.max_delay_steps(DT)
    inp = np.zeros(local.n_planes * local.stride, local.representation.input)
    scratch = np.empty((3, BATCH), np.int64)
    events = []

    def many():
        events.append(
            deliver_all(inp, net, empty_history(high, 1), sources, received, words, n_steps, low, high, scratch)
        )

    seconds = timed(many, repeats)
    kept, n = local.representation.static, local.synapses.shape[0]
    return (
        {f"synapse built, {kept}": built, f"synaptic event, {kept}": [s / events[0] * 1e9 for s in seconds]},
        {f"synapses, {kept}": float(n), f"bytes_per_synapse, {kept}": local.n_bytes / n},
    )


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rows: dict[str, list[float]] = {"read bandwidth (GB/s)": bandwidth(args.repeats)}
    rows["random number (ns per 32 bits)"] = random_numbers(args.repeats)
    for mean in (0.1, 1.28, 2.32, 12.0):
        rows[f"Poisson draw, mean {mean:g} (ns)"] = poisson_draws(mean, args.repeats)
    for name in models:
        rows[f"neuron step, {name} (ns)"] = neuron_steps(name, args.repeats)
    sizes: dict[str, float] = {}
    for weights in ("auto", "float32"):
        found, more = delivery(args.repeats, weights)
        rows |= {f"{name} (ns)": values for name, values in found.items()}
        sizes |= more
    report(rows, sizes, args.json)


def report(rows: dict[str, list[float]], sizes: dict[str, float], path: Path | None) -> None:
    """Print the table and write the JSON."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"one core of {platform.processor() or platform.machine()}, numba {numba.__version__}")
    for title in ("kernel", "median", "min", "max"):
        table.add_column(title, justify="left" if title == "kernel" else "right")
    for name, values in rows.items():
        table.add_row(name, f"{np.median(values):.3f}", f"{min(values):.3f}", f"{max(values):.3f}")
    Console().print(table)
    figures: dict[str, Any] = {
        n: {"median": float(np.median(v)), "min": min(v), "max": max(v)} for n, v in rows.items()
    }
    if path:
        path.write_text(json.dumps({"cpu": platform.processor(), "sizes": sizes, "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
