"""Sweeps: a network at every point of a grid, as an array on Slurm or as jobs in this machine's queue.

The folder of a sweep knows its grid; a point that is finished is not run again, one that was begun goes on.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from distsim.errors import InputError
from distsim.io.run import read_summary
from distsim.io.whole_files import whole
from distsim.jobs.listing import active, progress, states
from distsim.jobs.record import job_folder, load
from distsim.jobs.resources import minutes, resources
from distsim.jobs.script import job_name, render
from distsim.jobs.site import load_site
from distsim.jobs.submission import submit, submit_sweep
from distsim.network import yaml_file
from distsim.network.config import Config, load_config

SCHEMA = 1
MOST_POINTS = 100_000


def values(text: str) -> tuple[str, list[Any]]:
    """Return the key and the values of ``key=1:10``, ``key=0:10:2`` or ``key=3,4.5,a``.

    Raises
    ------
    InputError
        For anything else, and for no values.
    """
    key, equals, rest = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--over {text}", "expected key=values, such as simulation.seed=1:10")
    match = re.fullmatch(r"\s*(-?\d+):(-?\d+)(?::(-?\d+))?\s*", rest)
    if match:
        first, last, step = (int(g) if g else 1 for g in match.groups())
        if step == 0:
            raise InputError(f"--over {text}", "expected a step other than 0")
        found: list[Any] = list(range(first, last + (1 if step > 0 else -1), step))
    else:
        found = yaml_file.load(f"[{rest}]", f"--over {text}")
    if not found:
        raise InputError(f"--over {text}", "expected at least one value")
    return key.strip(), found


def grid(over: list[str]) -> list[dict[str, Any]]:
    """Return all points of a grid, the last key changing first."""
    axes = [values(text) for text in over]
    keys = [key for key, _ in axes]
    if not axes:
        raise InputError("--over", "expected at least one, such as --over simulation.seed=1:10")
    if len(set(keys)) < len(keys):
        raise InputError("--over", f"expected each key once, got {', '.join(keys)}")
    points = [dict(zip(keys, point, strict=True)) for point in itertools.product(*(v for _, v in axes))]
    if len(points) > MOST_POINTS:
        raise InputError("--over", f"expected at most {MOST_POINTS:,} points, got {len(points):,}")
    return points


def run(
    config: str, over: list[str], site_name: str, ranks: int | None, time: str, output: Path | None,
    settings: list[str], dry_run: bool,
) -> str:  # fmt: skip
    """Submit the points of a sweep that are not finished; return what to tell the user."""
    site, points = load_site(site_name), grid(over)
    base = load_config(config, settings)
    folder = (output or Path("sweeps") / base.network.name).resolve()
    folders = [folder / "points" / f"{i:05d}" for i in range(len(points))]
    configs: dict[Path, Config] = {}
    for path, point in zip(folders, points, strict=True):
        changes = [f"{key}={json.dumps(value)}" for key, value in point.items()]
        configs[path] = load_config(config, [*settings, *changes]).with_output(str(path))
    missing = [i for i, path in enumerate(folders) if read_summary(path) is None]
    needed = resources(
        max(configs.values(), key=lambda c: c.network.resolved().n_synapses()), site, ranks, minutes(time)
    )
    name = f"distsim-{base.network.name}"
    if not missing:
        return f"all {len(points)} points are finished: distsim sweep status {folder}"
    script = render(site, needed, name, folder, folders, array=",".join(_runs(missing)))
    if dry_run:
        return script.rstrip("\n")
    _keep(folder, base, points)
    unfinished = {folders[i]: configs[folders[i]] for i in missing}
    if site.scheduler == "slurm":
        record = submit_sweep(folder, unfinished, script, site, needed, name)
        return f"{record.job_id} {len(missing)} of {len(points)} points in {folder}"
    started = 0
    for path, one in unfinished.items():
        if (job_folder(path) / "job.json").exists() and active(load(path)):
            continue
        submit(one, site, needed, f"{job_name(name)}-{path.name}")
        started += 1
    return f"{started} of {len(points)} points queued in {folder}"


def _runs(numbers: list[int]) -> list[str]:
    """Return ascending numbers as Slurm writes them: 0-3, 7."""
    found: list[list[int]] = []
    for n in numbers:
        if found and n == found[-1][1] + 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return [str(a) if a == b else f"{a}-{b}" for a, b in found]


def _keep(folder: Path, base: Config, points: list[dict[str, Any]]) -> None:
    """Write sweep.json, or compare with it: a folder has one sweep."""
    data = {"schema": SCHEMA, "network": base.network.name, "points": points}
    path = folder / "sweep.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known != data:
            raise InputError(str(folder), "expected a new folder, this one has a sweep over other points")
        return
    if folder.exists() and any(folder.iterdir()):
        raise InputError(str(folder), "expected a new folder, this one is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def table(folder: Path) -> pd.DataFrame:
    """Return a row per point: what was varied, state, progress, rates (Hz), speed, hash of the spikes.

    Raises
    ------
    InputError
        For a folder without a sweep.
    """
    try:
        data = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(str(folder), "expected the folder of a sweep") from None
    if data["schema"] != SCHEMA:
        raise InputError(f"{folder / 'sweep.json'}: schema", f"expected {SCHEMA}, got {data['schema']!r}")
    array = states(load(folder)) if (job_folder(folder) / "job.json").exists() else {}
    rows = []
    for i, point in enumerate(data["points"]):
        path = folder / "points" / f"{i:05d}"
        summary = read_summary(path)
        told = progress(path)
        row = {"point": i, **point, "state": _state(path, summary, array, i)}
        row["simulated_ms"] = told.get("biological_ms")
        if summary is not None:
            row |= {f"rate_{name}_hz": rate for name, rate in summary["rates_hz"].items()}
            row["real_time_factor"] = summary["timing"]["real_time_factor"]
            row["spike_hash"] = summary["spike_hash"]
        rows.append(row)
    return pd.DataFrame(rows)


def _state(path: Path, summary: dict[str, Any] | None, array: dict[str, str], number: int) -> str:
    if summary is not None:
        return "COMPLETED"
    for job_id, state in array.items():
        if job_id.endswith(f"_{number}"):
            return state
    if (job_folder(path) / "job.json").exists():
        return next(iter(states(load(path)).values()))
    return "MISSING"


def print_status(folder: Path) -> None:
    """Print the table of a sweep and write it to results.csv."""
    from rich.console import Console
    from rich.table import Table

    found = table(folder)
    with whole(folder / "results.csv", re.compile(b"point,")) as part:
        found.to_csv(part, index=False)
    shown = Table(title=f"{(found['state'] == 'COMPLETED').sum()} of {len(found)} points finished")
    columns = [c for c in found.columns if c != "spike_hash"]
    for column in columns:
        shown.add_column(column)
    for row in found[columns].itertuples(index=False):
        shown.add_row(*("" if pd.isna(v) else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(shown)
    console.print(f"the table is in {folder / 'results.csv'}", soft_wrap=True, highlight=False)
