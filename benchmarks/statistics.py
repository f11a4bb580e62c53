"""Statistics of recorded spikes of the cortical microcircuit, compared with a NEST reference.

    python benchmarks/statistics.py runs/microcircuit/spikes.h5 --start 1000 --stop 11000

The rules are those of the reference file: rates over (start, stop]; CV of inter-spike intervals over
neurons with at least 3 intervals, population standard deviation; Pearson correlation of 200 random
neurons with at least one spike in 2 ms bins; synchrony as variance over mean of the population's spike
count in 3 ms bins. CV and rates depend on the window: compare equal windows only.

Exit code 0 where all statistics lie within 3 standard deviations of the reference, 1 where not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

REFERENCE = Path(__file__).parent / "reference" / "microcircuit_nest_10s.json"
CORRELATION_NEURONS = 200
CORRELATION_SEED = 123
CORRELATION_BIN_MS = 2.0
SYNCHRONY_BIN_MS = 3.0
MIN_INTERVALS = 3
TOLERANCE_SDS = 3.0

# Key in the statistics, title and factor in the table, key of its standard deviation in the reference.
ROWS = [
    ("mean_rate_Hz", "rate (Hz)", 1.0),
    ("std_rate_Hz", "sd of rate (Hz)", 1.0),
    ("frac_silent", "silent", 1.0),
    ("cv_isi_mean", "CV of ISI", 1.0),
    ("corr_mean_2ms", "correlation (1e-3)", 1e3),
    ("synchrony_var_over_mean_3ms", "synchrony", 1.0),
]


def to_steps(times_ms: np.ndarray, dt: float = 0.1) -> np.ndarray:
    """Return times (ms) as whole steps, so that no bin edge depends on rounding."""
    return np.rint(np.asarray(times_ms, dtype=np.float64) / dt).astype(np.int64)


def population_statistics(
    steps: np.ndarray, ids: np.ndarray, n: int, start: float, stop: float, dt: float = 0.1
) -> dict[str, Any]:
    """Return the statistics of one population's spikes in the window (start, stop].

    Parameters
    ----------
    steps : numpy.ndarray of int
        Spike times in steps, in any order; see `to_steps`.
    ids : numpy.ndarray of int
        Neuron of each spike, 0 to n - 1.
    n : int
        Neurons in the population, silent ones too.
    start, stop : float
        Window (ms). A spike at t belongs to the step that ends at t, hence the half-open window.
    dt : float
        Step (ms).

    Returns
    -------
    dict
        Keys as in the reference file; None where a statistic is undefined.
    """
    first, last = round(start / dt), round(stop / dt)
    inside = (steps > first) & (steps <= last)
    # Step 1 of the window becomes 0, so that integer division by a bin's steps gives the bin.
    steps, ids = np.asarray(steps)[inside] - first - 1, np.asarray(ids, dtype=np.int64)[inside]
    n_steps, seconds = last - first, (stop - start) / 1000.0
    rates = np.bincount(ids, minlength=n) / seconds
    cv = isi_cv(steps, ids, n)
    correlations = pair_correlations(steps, ids, n_steps, round(CORRELATION_BIN_MS / dt))
    return {
        "n": n,
        "n_spikes": int(steps.size),
        "mean_rate_Hz": float(rates.mean()),
        "std_rate_Hz": float(rates.std()),
        "frac_silent": float((rates == 0).mean()),
        "cv_isi_mean": float(cv.mean()) if cv.size else None,
        "cv_isi_std": float(cv.std()) if cv.size else None,
        "cv_isi_n": int(cv.size),
        "corr_mean_2ms": float(correlations.mean()) if correlations.size else None,
        "corr_std_2ms": float(correlations.std()) if correlations.size else None,
        "corr_n_neurons": min(CORRELATION_NEURONS, int((rates > 0).sum())),
        "synchrony_var_over_mean_3ms": synchrony(steps, n_steps, round(SYNCHRONY_BIN_MS / dt)),
    }


def isi_cv(steps: np.ndarray, ids: np.ndarray, n: int) -> np.ndarray:
    """Return the CV of the inter-spike intervals of every neuron with at least `MIN_INTERVALS` of them."""
    order = np.lexsort((steps, ids))
    steps, ids = steps[order], ids[order]
    same = ids[1:] == ids[:-1]
    intervals, owner = np.diff(steps)[same].astype(np.float64), ids[1:][same]
    counts = np.bincount(owner, minlength=n)
    enough = counts >= MIN_INTERVALS
    mean = np.bincount(owner, intervals, minlength=n) / np.maximum(counts, 1)
    # Two passes: the sum of squares about the mean loses no digits.
    variance = np.bincount(owner, (intervals - mean[owner]) ** 2, minlength=n) / np.maximum(counts, 1)
    return np.sqrt(variance[enough]) / mean[enough]


def pair_correlations(steps: np.ndarray, ids: np.ndarray, n_steps: int, bin_steps: int) -> np.ndarray:
    """Return Pearson's correlation of the binned spike counts for all pairs of the chosen neurons."""
    active = np.unique(ids)
    n_chosen = min(CORRELATION_NEURONS, active.size)
    if n_chosen < 2:
        return np.empty(0)
    chosen = np.random.default_rng(CORRELATION_SEED).choice(active, n_chosen, replace=False)
    chosen.sort()
    keep = np.isin(ids, chosen)
    n_bins = n_steps // bin_steps
    rows, bins = np.searchsorted(chosen, ids[keep]), steps[keep] // bin_steps
    whole = bins < n_bins
    counts = np.bincount(rows[whole] * n_bins + bins[whole], minlength=n_chosen * n_bins)
    counts = counts.reshape(n_chosen, n_bins)
    # A neuron whose only spikes lie in the incomplete last bin has no variance.
    counts = counts[counts.any(axis=1)]
    matrix = np.corrcoef(counts)
    return matrix[np.triu_indices_from(matrix, k=1)]


def synchrony(steps: np.ndarray, n_steps: int, bin_steps: int) -> float | None:
    """Return variance over mean of the population's spike count in whole bins."""
    n_bins = n_steps // bin_steps
    counts = np.bincount(steps // bin_steps, minlength=n_bins)[:n_bins]
    return float(counts.var() / counts.mean()) if counts.any() else None


def read_spikes(path: Path, population: str, dt: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps, node ids) of one population from a SONATA spike file."""
    import h5py

    with h5py.File(path, "r") as file:
        group = file["spikes"]
        if population not in group:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return to_steps(group[population]["timestamps"][:], dt), group[population]["node_ids"][:].astype(np.int64)


def file_statistics(path: Path, start: float, stop: float) -> dict[str, dict[str, Any]]:
    """Return the statistics of every population of a run from its spike file and the summary beside it."""
    summary = json.loads((path.parent / "summary.json").read_text())
    dt = summary["run"]["dt_ms"]
    return {
        name: population_statistics(*read_spikes(path, name, dt), population["n"], start, stop, dt)
        for name, population in summary["network"]["populations"].items()
    }


def deviations(found: dict[str, Any], reference: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the distance from the reference in standard deviations, by statistic and population.

    Statistics for which the reference has no standard deviation, and populations that it does not know,
    are left out.
    """
    result: dict[str, dict[str, float]] = {}
    for key, sds in reference["sd"].items():
        result[key] = {
            name: abs(found[name][key] - reference["populations"][name][key]) / sd
            if found[name][key] is not None
            else float("inf")
            for name, sd in sds.items()
            if name in found
        }
    return result


def print_comparison(found: dict[str, Any], reference: dict[str, Any]) -> bool:
    """Print found and reference values side by side; return whether all are within the tolerance."""
    from rich.console import Console
    from rich.table import Table

    known = [name for name in reference["populations"] if name in found]
    distance = deviations(found, reference)
    table = Table(title=f"within {TOLERANCE_SDS:g} sd of the reference")
    for title in ("", "", *known):
        table.add_column(title, justify="left" if not title else "right", no_wrap=True)
    for key, title, factor in ROWS:
        values = [found[name][key] for name in known]
        expected = [reference["populations"][name][key] for name in known]
        table.add_row(title, "here", *(number(v, factor) for v in values))
        table.add_row("", "reference", *(number(v, factor) for v in expected), style="dim")
        if key in distance:
            table.add_row("", "sds away", *(verdict(distance[key][name]) for name in known), end_section=True)
        else:
            table.add_section()
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return all(d <= TOLERANCE_SDS for by_name in distance.values() for d in by_name.values())


def number(value: float | None, factor: float) -> str:
    """Return a table cell with three significant digits."""
    return "-" if value is None else f"{value * factor:#.3g}"


def verdict(sds: float) -> str:
    """Return a table cell with the distance in standard deviations, coloured and marked where too far."""
    return f"[green]{sds:.1f}[/green]" if sds <= TOLERANCE_SDS else f"[red]{sds:.1f} ![/red]"


def main() -> int:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spikes", type=Path, help="SONATA spike file with summary.json beside it")
    parser.add_argument("--start", type=float, default=1000.0, help="start of the window (ms)")
    parser.add_argument("--stop", type=float, default=11000.0, help="end of the window (ms)")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="reference file (default: NEST, 10 s)")
    parser.add_argument("--json", type=Path, help="write the statistics to this file as well")
    args = parser.parse_args()
    reference = json.loads(args.reference.read_text())
    found = file_statistics(args.spikes, args.start, args.stop)
    if args.json:
        args.json.write_text(json.dumps({"start_ms": args.start, "stop_ms": args.stop, "populations": found}, indent=1))
    window = reference["t_stop_ms"] - reference["t_start_ms"]
    if abs(window - (args.stop - args.start)) > 1e-6:
        print(
            f"warning: the reference covers {window:g} ms, this window {args.stop - args.start:g} ms", file=sys.stderr
        )
    return 0 if print_comparison(found, reference) else 1


if __name__ == "__main__":
    sys.exit(main())
