"""Networks of ours against networks of NEST's: the full microcircuit, many seeds, one permutation test per statistic.

    python benchmarks/microcircuit_comparison.py --ours runs/seed_* --nest nest_*.npz --bands bands.json

`--ours` are run folders, `--nest` the files that microcircuit_nest_spikes.py writes. The sample is the network and not
the neuron or the window: neurons of a network share their input and windows their wiring, so that neither is
independent. For each statistic of statistics.py and each population the difference of the means over networks is
compared with that of all relabellings of the networks (all of them where there are at most 20,000, else 20,000
drawn), two-sided; Holm's correction is over all tests of the table. The detectable difference is the one that a test
of this size at level 0.05 before correction would find with a power of 0.8, from the pooled spread between networks.

`--bands` writes what NEST's networks give: mean and standard deviation over networks, by population and statistic.
Exit code 0 where no corrected p is below 0.05, 1 where one is.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from pathlib import Path
from statistics import ROWS, file_statistics, number, population_statistics
from typing import Any

import numpy as np

MOST_RELABELLINGS = 20_000
LEVEL, POWER = 0.05, 0.8


def nest_statistics(path: Path) -> dict[str, Any]:
    """Return the statistics of every population of one of NEST's networks."""
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
        start, stop, dt = about["t_start_ms"], about["t_stop_ms"], about["dt_ms"]
        return {
            name: population_statistics(file[f"{name}_steps"], file[f"{name}_ids"], n, start, stop, dt)
            for name, n in about["sizes"].items()
        }


def permutation_p(ours: np.ndarray, theirs: np.ndarray, seed: int = 1) -> float:
    """Return the two-sided p of the difference of means under relabelling the networks."""
    values, n = np.concatenate([ours, theirs]), ours.size
    total = values.sum()

    def difference(chosen: np.ndarray) -> np.ndarray:
        mine = values[chosen].sum(axis=1)
        return np.abs(mine / n - (total - mine) / theirs.size)

    if math.comb(values.size, n) <= MOST_RELABELLINGS:
        relabelled = np.array(list(itertools.combinations(range(values.size), n)))
    else:
        draw = np.random.default_rng(seed)
        relabelled = np.array([draw.permutation(values.size)[:n] for _ in range(MOST_RELABELLINGS - 1)])
        relabelled = np.vstack([np.arange(n), relabelled])
    found = difference(np.arange(n)[None, :])[0]
    return float((difference(relabelled) >= found * (1.0 - 1e-12)).mean())


def holm(p: np.ndarray) -> np.ndarray:
    """Return Holm's corrected p-values."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    result = np.empty_like(p)
    result[order] = np.minimum(corrected, 1.0)
    return result


def detectable(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the difference of means that a test at `LEVEL` finds with a probability of `POWER`."""
    from scipy.stats import t

    free = ours.size + theirs.size - 2
    pooled = math.sqrt((ours.var() * ours.size + theirs.var() * theirs.size) / free)
    error = pooled * math.sqrt(1 / ours.size + 1 / theirs.size)
    return float((t.ppf(1 - LEVEL / 2, free) + t.ppf(POWER, free)) * error)


def compared(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row per statistic and population, with p-values before and after correction."""
    rows = []
    for key, title, factor in ROWS:
        for name in theirs[0]:
            a, b = (np.array([network[name][key] for network in networks], float) for networks in (ours, theirs))
            rows.append(
                {"statistic": key, "title": title, "factor": factor, "population": name, "ours": a.mean(),
                 "ours_sd": a.std(), "nest": b.mean(), "nest_sd": b.std(), "detectable": detectable(a, b),
                 "p": permutation_p(a, b)}
            )  # fmt: skip
    for row, p in zip(rows, holm(np.array([r["p"] for r in rows])), strict=True):
        row["p_holm"] = float(p)
    return rows


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print the comparison, a line per statistic and population."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for title in ("", "", "ours (sd)", "NEST (sd)", "difference", "detectable", "p", "p, Holm"):
        table.add_column(title, justify="left" if not title else "right", no_wrap=True)
    for row in rows:
        f = row["factor"]
        table.add_row(
            row["title"], row["population"], f"{number(row['ours'], f)} ({row['ours_sd'] * f:.2g})",
            f"{number(row['nest'], f)} ({row['nest_sd'] * f:.2g})", f"{(row['ours'] - row['nest']) * f:+.2g}",
            f"{row['detectable'] * f:.2g}", f"{row['p']:.3f}", f"{row['p_holm']:.2f}",
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def bands(networks: list[dict[str, Any]], sources: list[str]) -> dict[str, Any]:
    """Return mean and standard deviation (ddof 0) over networks, by population and statistic."""
    return {
        "networks": sources,
        "populations": {
            name: {
                key: {
                    "mean": float(np.mean(values := [network[name][key] for network in networks])),
                    "sd": float(np.std(values)),
                    "values": values,
                }
                for key, _, _ in ROWS
            }
            for name in networks[0]
        },
    }


def main() -> int:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, nargs="+", required=True, help="run folders")
    parser.add_argument("--nest", type=Path, nargs="+", required=True, help="files of microcircuit_nest_spikes.py")
    parser.add_argument("--bands", type=Path, help="write NEST's means and standard deviations to this file")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--start", type=float, default=1000.0, help="start of the window in our runs (ms)")
    parser.add_argument("--stop", type=float, default=11000.0, help="end of the window in our runs (ms)")
    args = parser.parse_args()
    theirs = [nest_statistics(path) for path in args.nest]
    if args.bands:
        args.bands.write_text(json.dumps(bands(theirs, [p.stem for p in args.nest]), indent=1) + "\n")
    ours = [file_statistics(folder / "spikes.h5", args.start, args.stop) for folder in args.ours]
    rows = compared(ours, theirs)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    print_rows(rows)
    smallest = min(row["p_holm"] for row in rows)
    print(f"{len(ours)} networks of ours, {len(theirs)} of NEST's; smallest corrected p {smallest:.2f}")
    return 0 if all(row["p_holm"] >= LEVEL for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
