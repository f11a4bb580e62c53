"""What became of jobs: their states, progress and output; waiting for them and cancelling them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.io.run import read_summary
from distsim.io.whole_files import ANYTHING, whole
from distsim.jobs import local, slurm
from distsim.jobs.record import Record, job_folder, known_folders, load

POLL = 1.0
# Slurm does not answer: what became of the job will be known later.
UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True)
class Status:
    """A job as it stands.

    Attributes
    ----------
    record : Record
    state : str
        In Slurm's words: PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, ...; of an array how many of each.
    progress : dict
        ``biological_ms``, ``total_ms``, ``real_time_factor``, ``seconds_left``; empty where nothing is known yet.
    ended : bool
        Whether it neither waits nor runs, wholly or in part.
    """

    record: Record
    state: str
    progress: dict[str, Any]
    ended: bool


def states(record: Record) -> dict[str, str]:
    """Return the state of a job, or of every task of an array."""
    if record.scheduler == "local":
        return {record.job_id: local.state(Path(record.folder))}
    try:
        found = slurm.states(record.job_id)
    except slurm.Silent:
        return {record.job_id: UNREACHABLE}
    if found:
        return found
    # Slurm has forgotten the job: the folder still knows.
    folder = Path(record.folder)
    done = record.kind == "run" and read_summary(folder) is not None
    return {record.job_id: "COMPLETED" if done else "ENDED"}


def active(record: Record) -> bool:
    """Return whether a job waits or runs, wholly or in part."""
    return not _ended(list(states(record).values()))


def _ended(found: list[str]) -> bool:
    """Return whether nothing of a job will run any more, by its states."""
    return all(state in slurm.ENDED | {"ENDED", "UNKNOWN"} for state in found)


def status(record: Record) -> Status:
    """Return how a job stands."""
    found = list(states(record).values())
    kinds = sorted(set(found))
    if kinds == ["COMPLETED"] and record.kind == "run":
        _note_energy(record)
    state = kinds[0] if len(kinds) == 1 else ", ".join(f"{found.count(k)} {k}" for k in kinds)
    return Status(record, state, progress(Path(record.folder)), _ended(found))


def _note_energy(record: Record) -> None:
    """Put what Slurm's accounting has of the whole job's energy into its run's summary, once."""
    folder = Path(record.folder)
    summary = read_summary(folder)
    if record.scheduler != "slurm" or summary is None or "slurm_job_joules" in summary.get("energy", {}):
        return
    joules = slurm.consumed_joules(record.job_id)
    if joules is not None:
        summary.setdefault("energy", {})["slurm_job_joules"] = joules
        with whole(folder / "summary.json", ANYTHING) as part:
            part.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def progress(folder: Path) -> dict[str, Any]:
    """Return how far a run is, from its own folder."""
    summary = read_summary(folder)
    if summary is not None:
        total = summary["run"]["transient_ms"] + summary["run"]["duration_ms"]
        factor = summary["timing"]["real_time_factor"]
        return {"biological_ms": total, "total_ms": total, "real_time_factor": factor, "seconds_left": 0.0}
    try:
        told = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    left = (told["total_ms"] - told["biological_ms"]) / 1000.0 * told["real_time_factor"]
    return told | {"seconds_left": max(left, 0.0)}


def list_jobs() -> list[Status]:
    """Return this user's jobs, the newest first."""
    return [status(load(folder)) for folder in reversed(known_folders())]


def cancel(folder: Path) -> None:
    """Cancel the job of a folder."""
    record = load(folder)
    if not active(record):
        raise InputError(str(folder), f"expected a job that waits or runs, {record.job_id} does not")
    if record.scheduler == "local":
        local.cancel(folder, record.job_id)
    else:
        slurm.cancel(record.job_id)


def logs(folder: Path) -> str:
    """Return all that the job of a folder printed, of a sweep all its points'."""
    load(folder)
    found = [job_folder(folder) / "output.txt", *sorted(folder.glob("points/*/job/output.txt"))]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in found if path.exists())


def wait(folder: Path, timeout: float | None = None) -> Status:
    """Return how a job stands when it has ended, or after `timeout` seconds."""
    record = load(folder)
    end = None if timeout is None else time.monotonic() + timeout
    while active(record) and (end is None or time.monotonic() < end):
        time.sleep(POLL)
    return status(record)
