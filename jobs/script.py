"""Batch scripts: rendered from slurm/templates; every name and path in them is quoted."""

from __future__ import annotations

import importlib.resources
import re
import shlex
from pathlib import Path
from typing import Any

import jinja2

from distsim import __version__
from distsim.jobs.resources import Resources
from distsim.jobs.site import Site

# Slurm may send its signal a minute early: a short job is to run for a while before it. At its very start the signal
# would end the shell, which has no trap yet, and Slurm would call the job failed.
EARLY_SECONDS = 90


def job_name(text: str) -> str:
    """Return a name that every scheduler takes: letters, digits and ``._-``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_.-")[:60] or "distsim"


def render(
    site: Site, needed: Resources, name: str, folder: Path, points: list[Path] | None = None,
    array: str | None = None, run_options: tuple[str, ...] = ("--quiet",),
) -> str:  # fmt: skip
    """Return the batch script of a run, or of an array of them.

    Parameters
    ----------
    site : Site
    needed : Resources
    name : str
    folder : Path
        Run folder; of a sweep the folder of all.
    points : list of Path, optional
        Run folders of a sweep, by array index.
    array : str, optional
        Indices to run, as Slurm writes them.
    run_options : tuple of str
        Of `distsim run`.
    """
    return _rendered(
        "job.sh.j2", site, _options(site, needed, name, array),
        folder=str(folder), points=[str(p) for p in points or ()], launcher=site.launch(needed.ranks),
        max_requeues=site.max_requeues, requeue=site.scheduler == "slurm", run_options=run_options,
    )  # fmt: skip


def render_command(site: Site, needed: Resources, name: str, folder: Path, words: list[str]) -> str:
    """Return the batch script, run in a folder, of one command of distsim that starts its ranks itself."""
    return _rendered("command.sh.j2", site, _options(site, needed, name, None), folder=str(folder), words=words)


def _rendered(template: str, site: Site, options: list[str], **values: Any) -> str:
    """Return a template with what every script has: options, modules, environment, Python."""
    environment = dict(site.environment)
    if site.numba_cache is not None:
        environment["NUMBA_CACHE_DIR"] = site.numba_cache
    if site.power_per_node_watts is not None:
        # The run keeps it for `distsim energy`, where no meter tells.
        environment["DISTSIM_WATTS_PER_CORE"] = f"{site.power_per_node_watts / site.cores_per_node:g}"
    source = (importlib.resources.files("distsim.slurm") / "templates" / template).read_text("utf-8")
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    templates.filters["quote"] = shlex.quote
    return templates.from_string(source).render(
        version=__version__, options=options if site.scheduler == "slurm" else [], modules=site.modules,
        environment=environment, python=[*site.container, site.python], **values,
    )  # fmt: skip


def _options(site: Site, needed: Resources, name: str, array: str | None) -> list[str]:
    """Return what stands behind #SBATCH: numbers and checked words only, since no quoting protects them."""
    options = [
        f"--job-name={job_name(name)}",
        *(f"--{key}={value}" for key in ("partition", "account", "qos", "constraint") if (value := getattr(site, key))),
        f"--nodes={needed.nodes}",
        f"--ntasks={needed.ranks}",
        f"--ntasks-per-node={needed.ranks_per_node}",
        "--cpus-per-task=1",
        f"--mem={needed.megabytes_per_node}M",
        f"--time={needed.minutes}",
        "--output=/dev/null",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR1@{min(site.signal_seconds, max(needed.minutes * 60 - EARLY_SECONDS, 10))}",
    ]
    return [*options, f"--array={array}"] if array is not None else options
