"""Ten realisations of the full microcircuit, 15 biological minutes each: how far apart are the rates of its neurons?

    python benchmarks/microcircuit_realisations.py --folder realisations             # a night on two cores
    python benchmarks/microcircuit_realisations.py --folder realisations --seeds 1   # one of them, 15 to 25 minutes

The protocol of Senk et al. (2026): for every population and every pair of realisations (seeds) the Kolmogorov-Smirnov
distance between the distributions over neurons of the rates in the whole run, after 1 s. Their means over pairs are
printed beside the published ones. Whoever starts the script again goes on where it was: finished realisations are
read, one that was interrupted is resumed from its checkpoint, which is written every 5 minutes. A realisation leaves
some 500 MB.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

# Senk et al. (2026): mean distances between realisations, L23E to L6I.
PUBLISHED = [0.02, 0.02, 0.01, 0.01, 0.02, 0.03, 0.02, 0.02]
TRANSIENT_MS = 1000.0
WINDOW_MS = 10_000.0  # of spikes in memory at a time


def simulate(folder: Path, seed: int, minutes: float, ranks: int, network: list[str]) -> None:
    """Run a realisation to its end, from wherever it is."""
    if (folder / "summary.json").exists():
        return
    command = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks), sys.executable, "-m", "distsim", "run"]
    if folder.exists():
        command += [str(folder), "--resume"]
    else:
        settings = [f"simulation.seed={seed}", f"simulation.transient={TRANSIENT_MS}", "output.format=zarr",
                    "checkpoint.every=5min", *network]  # fmt: skip
        command += ["microcircuit", "--output", str(folder), "--duration", str(minutes * 60_000.0)]
        command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, check=True)


def rates(folder: Path) -> dict[str, np.ndarray]:
    """Return every neuron's rate (Hz) after the transient, by population; kept beside the run."""
    kept = folder / "rates.npz"
    if kept.exists():
        with np.load(kept) as file:
            return dict(file)
    from distsim import open_run

    run = open_run(folder)
    duration = run.summary["run"]["duration_ms"]
    found = {}
    for name, population in run.summary["network"]["populations"].items():
        counts = np.zeros(population["n"], np.int64)
        for start in np.arange(TRANSIENT_MS, TRANSIENT_MS + duration, WINDOW_MS):
            # Half-open windows [start, stop) that begin half a step late: each spike is in one of them.
            stop = min(start + WINDOW_MS, TRANSIENT_MS + duration)
            _, neurons = run.spikes(name, start=start + 0.05, stop=stop + 0.05)
            counts += np.bincount(neurons, minlength=counts.size)
        found[name] = counts / (duration / 1000.0)
    np.savez_compressed(kept, **found)
    return found


def distances(realisations: list[dict[str, np.ndarray]]) -> dict[str, dict[str, float]]:
    """Return the Kolmogorov-Smirnov distances of rates over all pairs of realisations: mean, smallest, largest."""
    from scipy.stats import ks_2samp

    found = {}
    for name in realisations[0]:
        values = [ks_2samp(a[name], b[name]).statistic for a, b in itertools.combinations(realisations, 2)]
        found[name] = {"mean": float(np.mean(values)), "least": float(min(values)), "most": float(max(values))}
    return found


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the realisations; made where it is not there")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 11)), help="realisations")
    parser.add_argument("--minutes", type=float, default=15.0, help="biological minutes of each, after 1 s")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="override a config key, for a smaller network")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    realisations = []
    for seed in args.seeds:
        folder = args.folder / f"seed_{seed}"
        simulate(folder, seed, args.minutes, args.ranks, args.set)
        realisations.append(rates(folder))
        summary = json.loads((folder / "summary.json").read_text())
        told = {
            "seed": seed,
            "real_time_factor": summary["timing"]["real_time_factor"],
            "spikes": summary["counts"]["spikes"],
            "rates_hz": {name: float(r.mean()) for name, r in realisations[-1].items()},
        }
        print(json.dumps(told), flush=True)
    if len(realisations) < 2:
        print("distances need two realisations at least")
        return
    found = distances(realisations)
    print("population  distance of rates: mean (least - most) of pairs   published")
    for (name, d), published in zip(found.items(), PUBLISHED, strict=True):
        print(f"{name:10}  {d['mean']:.4f} ({d['least']:.4f} - {d['most']:.4f})   {published:.2f}")


if __name__ == "__main__":
    main()
