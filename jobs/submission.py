"""Submitting: the run folder gets what the job needs, and the scheduler the job; all of it or nothing."""

from __future__ import annotations

import contextlib
import datetime
import os
from pathlib import Path

from distsim.errors import InputError
from distsim.io.append_log import lock, open_own
from distsim.io.folder_names import check_own
from distsim.io.run import read_summary
from distsim.io.whole_files import ANYTHING, remove_file, remove_if_empty, whole
from distsim.jobs import local, slurm
from distsim.jobs.listing import active
from distsim.jobs.record import Record, job_folder, load, save
from distsim.jobs.resources import Resources
from distsim.jobs.script import render
from distsim.jobs.site import Site
from distsim.network.config import Config, dump_yaml, load_config

# What submitting writes into the folder of a job.
WRITTEN = ("net.yaml", "job.sh", "local.json", "queue.txt", ".lock")


def submit(
    config: Config, site: Site, needed: Resources, name: str, run_options: tuple[str, ...] = ("--quiet",)
) -> Record:
    """Write the batch script into the config's output folder and submit it.

    Parameters
    ----------
    config : Config
        With the run folder as its output; a folder of an earlier job that ended is taken up again.
    site : Site
    needed : Resources
    name : str
        Of the job.
    run_options : tuple of str
        Of `distsim run`.

    Raises
    ------
    InputError
        Where a job is in the folder already, the run is complete, or the scheduler refuses; nothing is left then.
    """
    folder = Path(str(config.output.path)).resolve()
    if read_summary(folder) is not None:
        raise InputError(str(folder), "expected a run that is not complete yet")
    script = render(site, needed, name, folder, run_options=run_options)
    return _submit(folder, script, {folder: config}, site, needed, name, "run")


def submit_sweep(
    folder: Path, configs: dict[Path, Config], script: str, site: Site, needed: Resources, name: str
) -> Record:
    """Submit an array of runs, as `submit` does one."""
    return _submit(folder, script, configs, site, needed, name, "sweep")


def _submit(
    folder: Path, script: str, configs: dict[Path, Config], site: Site, needed: Resources, name: str, kind: str
) -> Record:
    made = [f for f in (folder, *configs) if not f.exists()]
    job = job_folder(folder)
    fresh_job = not job.exists()
    for path in (folder, *configs):
        check_own(path)
    job.mkdir(parents=True, exist_ok=True)
    held = open_own(job / ".lock", os.O_RDWR | os.O_CREAT)
    try:
        try:
            lock(held)
        except BlockingIOError:
            raise InputError(str(folder), "expected a folder that nobody is submitting now") from None
        if (job / "job.json").exists() and active(load(folder)):
            raise InputError(str(folder), f"expected no job in the folder, {load(folder).job_id} is")
        _check_empty(folder, configs)
        for path, config in configs.items():
            job_folder(path).mkdir(parents=True, exist_ok=True)
            with whole(job_folder(path) / "net.yaml", ANYTHING) as part:
                dump_yaml(config.with_output(str(path)), part)
        with whole(job / "job.sh", ANYTHING) as part:
            part.write_text(script, encoding="utf-8")
            part.chmod(0o755)
        if site.scheduler == "slurm":
            job_id = slurm.submit(job / "job.sh", site)
        else:
            job_id = local.start(
                folder, needed.ranks, needed.minutes, site.signal_seconds, site.max_requeues, site.cores_per_node
            )
    except BaseException:
        for path in dict.fromkeys([*made, *([folder] if fresh_job else [])]):
            _take_back(path)
        raise
    finally:
        os.close(held)
    submitted = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = Record(
        str(folder), name, site.scheduler, job_id, submitted, needed.ranks, needed.nodes, needed.minutes, kind
    )
    save(record)
    return record


def _take_back(folder: Path) -> None:
    """Remove what submitting has put into a folder that was new; a folder with anything else in it stays."""
    for name in WRITTEN:
        with contextlib.suppress(OSError, InputError):
            remove_file(job_folder(folder) / name)
    remove_if_empty(job_folder(folder), folder / "points", folder)


def _check_empty(folder: Path, configs: dict[Path, Config]) -> None:
    """Refuse folders with something else in them, and runs of another network."""
    for path, config in configs.items():
        if not path.exists():
            continue
        strangers = {p.name for p in path.iterdir()} - {"job"}
        if strangers and not (path / "config.yaml").exists() and path != folder:
            raise InputError(str(path), "expected a new folder, or one of a run")
        if (path / "config.yaml").exists() and load_config(path).network != config.network:
            raise InputError(str(path), "expected a new folder, this one has a run of another network")
