"""Slurm's own commands: submit, ask, cancel; nothing passes through a shell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from distsim.errors import InputError
from distsim.jobs.site import Site

# What squeue and scontrol say of jobs that will not run any more.
ENDED = {
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "TIMEOUT",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "BOOT_FAIL",
    "DEADLINE",
    "REVOKED",
}


class Silent(InputError):
    """Slurm does not answer, as while its controller starts anew: nothing is known of a job."""


def submit(script: Path, site: Site) -> str:
    """Submit a script; return the job's id.

    Raises
    ------
    InputError
        With Slurm's own words, naming the site's key at fault where these tell it.
    """
    if shutil.which("sbatch") is None:
        raise InputError(site.name, "expected sbatch on the PATH: is this a login node?")
    command = ["sbatch", "--parsable", "--chdir=/", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120.0, check=False)
    if done.returncode:
        words = " ".join(done.stderr.replace("sbatch: error:", "").split())
        key = next((k for k in ("partition", "account", "qos", "constraint") if k in words.lower()), None)
        raise InputError(f"{site.name}: {key}" if key else site.name, f"Slurm refused the job: {words}")
    return done.stdout.strip().split(";")[0]


def states(job_id: str) -> dict[str, str]:
    """Return the state of a job, or of each task of an array, by its id; empty where Slurm has forgotten it.

    Raises
    ------
    Silent
        Where Slurm does not answer.
    """
    done = _run("squeue", "-h", "-r", "-j", job_id, "-t", "all", "-o", "%i %T")
    found = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
    if not found:
        shown = _run("scontrol", "-o", "show", "job", job_id)
        if shown.returncode and "invalid job id" not in shown.stderr.lower():
            raise Silent(f"job {job_id}", f"Slurm does not answer: {' '.join(shown.stderr.split())}")
        for line in shown.stdout.splitlines():
            fields = dict(re.findall(r"(\w+)=(\S*)", line))
            if "JobState" in fields:
                task = fields.get("ArrayTaskId", "")
                found[f"{job_id}_{task}" if task else fields["JobId"]] = fields["JobState"]
    return found


def cancel(job_id: str) -> None:
    """Cancel a job.

    Raises
    ------
    InputError
        With Slurm's own words.
    """
    done = _run("scancel", job_id)
    if done.returncode:
        raise InputError(f"job {job_id}", " ".join(done.stderr.split()))


def consumed_joules(job_id: str) -> float | None:
    """Return the energy that Slurm's accounting has for a job; None where there is no accounting of it."""
    if shutil.which("sacct") is None:
        return None
    done = _run("sacct", "-n", "-P", "-X", "-j", job_id, "-o", "ConsumedEnergyRaw")
    values = [line for line in done.stdout.split() if line.isdigit() and int(line) > 0]
    return float(sum(int(v) for v in values)) if values else None


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=60.0, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        return subprocess.CompletedProcess(words, 1, "", f"{words[0]}: {error}")
