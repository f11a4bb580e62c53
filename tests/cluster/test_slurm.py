"""On a real Slurm: runs, arrays, time limits with requeue, cancelling, killed ranks, wrong sites."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

import distsim as ds
from distsim.jobs import slurm as commands
from distsim.jobs.listing import progress, states, status, wait
from distsim.jobs.record import load

SITE = """
scheduler: slurm
partition: main
cores_per_node: {cores}
memory_per_node_gb: 2
launcher: [mpiexec, -n, "{{ranks}}"]
signal_seconds: 30
power_per_node_watts: 100
max_requeues: 3
"""
NET = """
network:
  name: cluster
  populations:
    exc: {size: 800, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
  devices:
    drive: {model: poisson_generator, params: {rate: 8000.0}}
  projections:
    - {pre: drive, post: exc, weight: 40.0}
    - {pre: exc, post: exc, rule: {fixed_indegree: 80}, weight: {normal: [4, 1]}, delay: {uniform: [0.5, 4]}}
  recorders:
    - {record: spikes, from: exc}
simulation: {duration: 500.0, seed: 7}
checkpoint: {every: 5s}
"""
ENDLESS = ("--duration", "10000000")


@pytest.fixture
def site(slurm, tmp_path):
    """A site file of the test's Slurm, and a network."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(cores=os.cpu_count()))
    (tmp_path / "net.yaml").write_text(NET)
    return path


def submit(distsim, site, *arguments):
    """Submit; return the run folder and Slurm's id."""
    done = distsim("submit", site.parent / "net.yaml", "--site", site, "--ranks", 2, *arguments, cwd=site.parent)
    assert done.returncode == 0, done.stderr
    job_id, _, folder = done.stdout.strip().partition(" ")
    return type(site)(folder), job_id


def until(condition, seconds=240.0):
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "does not happen"
        time.sleep(0.2)


def running(folder):
    """Return whether the run has simulated something."""
    return progress(folder).get("biological_ms", 0.0) > 0.0


def ranks_of(folder):
    """Return the ranks that simulate in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(folder) in " ".join(words) and "distsim" in words and "run" in words and "mpiexec" not in words[0]:
            found.append(process)
    return found


def test_run_on_two_ranks(distsim, site):
    """Submitted, listed, waited for; the spikes of a run without Slurm."""
    folder, job_id = submit(distsim, site, "--output", "a run 'with' $(quotes) & ümläut %j")
    assert wait(folder, 240).state == "COMPLETED", distsim("jobs", "logs", folder).stdout
    assert distsim("jobs", "wait", folder).stdout == "COMPLETED\n"
    listed = distsim("jobs").stdout
    assert job_id in listed and "COMPLETED" in listed and "500 of 500" in listed
    here = distsim("run", site.parent / "net.yaml", "-q", "--output", site.parent / "here")
    assert here.returncode == 0
    summaries = [ds.open_run(f).summary for f in (folder, site.parent / "here")]
    assert summaries[0]["spike_hash"] == summaries[1]["spike_hash"] and summaries[0]["run"]["n_ranks"] == 2
    # Accounting of energy, as a cluster with sensors has it.
    fake = site.parent / "bin" / "sacct"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\n[ "$5" = {job_id} ] && echo 12345\n')
    fake.chmod(0o755)
    path = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    assert distsim("jobs", "wait", folder, env=path).stdout == "COMPLETED\n"
    assert ds.open_run(folder).summary["energy"]["slurm_job_joules"] == 12345.0
    assert ds.open_run(folder).summary["energy"]["watts_per_core"] == 100.0 / os.cpu_count()
    again = distsim("submit", folder, "--site", site)
    assert again.returncode == 2 and "expected a run that is not complete yet" in again.stderr


def test_array_of_four(distsim, site):
    """A sweep of four points as one array; finished points are not run again."""
    folder = site.parent / "sweep"
    words = ("sweep", site.parent / "net.yaml", "--over", "simulation.seed=1:2", "--over",
             "network.projections.0.weight=35,45", "--site", site, "--ranks", 1, "--output", folder)  # fmt: skip
    first = distsim(*words)
    assert first.returncode == 0 and "4 of 4 points" in first.stdout, first.stderr
    record = load(folder)
    until(lambda: set(states(record).values()) == {"COMPLETED"} and len(states(record)) == 4, 300)
    shown = distsim("sweep", "status", folder)
    assert shown.returncode == 0 and "4 of 4 points finished" in shown.stdout, shown.stderr
    import pandas as pd

    table = pd.read_csv(folder / "results.csv")
    assert table["spike_hash"].nunique() == 4 and (table["state"] == "COMPLETED").all()
    assert table["rate_exc_hz"].between(1, 500).all() and table["simulation.seed"].tolist() == [1, 1, 2, 2]
    assert "all 4 points are finished" in distsim(*words).stdout
    (folder / "points" / "00002" / "summary.json").unlink()
    assert "1 of 4 points" in distsim(*words).stdout and "--array=2\n" in (folder / "job" / "job.sh").read_text()
    wait(folder, 240)


def test_time_limit_checkpoint_requeue(distsim, site):
    """At its limit a run leaves a checkpoint, is requeued, and ends with the bits of an undisturbed one."""
    folder, job_id = submit(distsim, site, "--duration", "240000", "--time", "1", "--output", "limit")
    until(lambda: running(folder) and list((folder / "checkpoints").glob("t_*.h5")))
    # The limit's own signal comes after half a minute at the earliest: what Slurm would send is sent now.
    subprocess.run(["scancel", "--batch", "--signal=USR1", job_id], check=True)
    until(lambda: "requeued" in distsim("jobs", "logs", folder).stdout)

    waiting_since = None

    def ended():
        # Slurm lets a requeued job wait two minutes, so that its node is done with the first start: a start in the same
        # second is refused there, and the job fails. A few seconds do. Slurm's own signal at the limit may come as
        # well, and another round with it.
        nonlocal waiting_since
        found = status(load(folder))
        if found.state != "PENDING":
            waiting_since = None
        else:
            waiting_since = waiting_since or time.monotonic()
            if time.monotonic() - waiting_since > 5.0:
                subprocess.run(
                    ["scontrol", "update", f"jobid={job_id}", "StartTime=now"], check=False, capture_output=True
                )
        return found.ended

    until(ended, 400)
    logs = distsim("jobs", "logs", folder).stdout
    assert status(load(folder)).state == "COMPLETED" and "start 1 of 3" in logs, logs
    assert "stopped in order, to be resumed from" in logs and "going on from" in logs
    here = distsim("run", site.parent / "net.yaml", "-q", "--duration", "240000", "--output", site.parent / "here")
    assert here.returncode == 0
    summaries = [ds.open_run(f).summary for f in (folder, site.parent / "here")]
    assert summaries[0]["spike_hash"] == summaries[1]["spike_hash"]
    assert summaries[0]["run"]["resumed_from_ms"] > 0 and summaries[1]["run"]["resumed_from_ms"] is None


def test_slurms_own_limit(distsim, site):
    """--signal reaches the run before the limit, without anybody's help: exit 75, requeued."""
    folder, job_id = submit(distsim, site, *ENDLESS, "--time", "1", "--output", "own")
    until(lambda: "requeued" in distsim("jobs", "logs", folder).stdout, 240)
    assert "stopped in order" in distsim("jobs", "logs", folder).stdout
    commands.cancel(job_id)
    assert wait(folder, 60).state == "CANCELLED"


def test_cancelled(distsim, site):
    """Cancelled in the middle: the ranks end, the folder can be resumed, a second job may go into it."""
    folder, _ = submit(distsim, site, *ENDLESS, "--output", "cancelled")
    until(lambda: running(folder))
    twice = distsim("submit", site.parent / "net.yaml", "--site", site, *ENDLESS, "--output", folder)
    assert twice.returncode == 2 and "expected no job in the folder" in twice.stderr
    assert distsim("jobs", "cancel", folder).returncode == 0
    assert wait(folder, 60).state == "CANCELLED"
    until(lambda: not ranks_of(folder))
    assert distsim("jobs", "cancel", folder).returncode == 2
    at = progress(folder)["biological_ms"]
    done = distsim("submit", folder, "--site", site, "--ranks", 1, "--duration", round(at) + 20000)
    assert done.returncode == 0, done.stderr
    assert wait(folder, 240).state == "COMPLETED", distsim("jobs", "logs", folder).stdout


def test_killed_rank(distsim, site):
    """kill -9 of a rank: the job fails soon, says so, and submitting it again goes on."""
    folder, _ = submit(distsim, site, *ENDLESS, "--output", "killed")
    until(lambda: running(folder) and list((folder / "checkpoints").glob("t_*.h5")) and ranks_of(folder))
    ranks_of(folder)[-1].send_signal(signal.SIGKILL)
    assert wait(folder, 60).state == "FAILED"
    until(lambda: not ranks_of(folder))
    at = progress(folder)["biological_ms"]
    done = distsim("submit", folder, "--site", site, "--duration", round(at) + 20000)
    assert done.returncode == 0, done.stderr
    assert wait(folder, 240).state == "COMPLETED", distsim("jobs", "logs", folder).stdout
    assert "going on from" in distsim("jobs", "logs", folder).stdout


def test_wrong_partition(distsim, site):
    """The error names the site's key; nothing is left; the check of the site says the same."""
    site.write_text(SITE.format(cores=os.cpu_count()).replace("partition: main", "partition: nowhere"))
    before = set(site.parent.iterdir())
    done = distsim("submit", site.parent / "net.yaml", "--site", site, "--output", site.parent / "never")
    assert done.returncode == 2 and "site: partition: Slurm refused the job" in done.stderr, done.stderr
    assert "nowhere" in done.stderr or "invalid partition" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and set(site.parent.iterdir()) == before
    checked = distsim("site", "check", site)
    assert checked.returncode == 2 and "wrong partition" in checked.stdout


def test_site_check(distsim, site):
    """A right site passes; each wrong key is told."""
    done = distsim("site", "check", site)
    assert done.returncode == 0 and "wrong" not in done.stdout, done.stdout
    text = SITE.format(cores=10_000) + f"output: {site}/x\n"
    site.write_text(text.replace("[mpiexec,", "[mpilaunch,").replace("gb: 2", "gb: 5000"))
    done = distsim("site", "check", site)
    assert done.returncode == 2 and "4 things are wrong" in done.stderr
    for key in ("launcher", "cores_per_node", "memory_per_node_gb"):
        assert f"wrong {key}" in done.stdout, done.stdout


def test_scaling_series_as_one_job(distsim, site):
    """The whole series in one allocation; table and plot are there."""
    folder = site.parent / "series"
    done = distsim(
        "scaling", site.parent / "net.yaml", "--ranks", "1,2", "--site", site, "--output", folder, "--submit"
    )
    assert done.returncode == 0, done.stderr
    job_id = done.stdout.split()[0]
    until(lambda: set(commands.states(job_id).values()) == {"COMPLETED"}, 240)
    assert (folder / "scaling.png").stat().st_size > 5000 and (folder / "scaling.csv").exists()
    summary = json.loads((folder / "000002-0" / "summary.json").read_text())
    assert summary["run"]["n_ranks"] == 2
    assert sys.executable in (folder / "job.sh").read_text()
