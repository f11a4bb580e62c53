"""This machine as a cluster: jobs wait for cores, limits restart them, and nothing runs twice."""

from __future__ import annotations

import json
import time

import pytest

import distsim as ds
from distsim.jobs.listing import progress, wait
from tests.cluster.test_slurm import NET, until

SITE = "scheduler: local\ncores_per_node: 2\nsignal_seconds: 1\nmax_requeues: 1\n"


@pytest.fixture
def place(tmp_path):
    """A network and a site of two cores."""
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path


def test_jobs_wait_for_cores(distsim, place):
    """A second job of two ranks begins when the first one of two ends; both are listed."""
    folders = []
    for name in ("first", "second"):
        done = distsim(
            "submit",
            place / "net.yaml",
            "--site",
            place / "site.yaml",
            "--ranks",
            2,
            "--duration",
            60000,
            "--output",
            place / name,
        )
        assert done.returncode == 0, done.stderr
        folders.append(place / name)
    states = [line for line in distsim("jobs").stdout.splitlines() if "distsim-cluster" in line]
    assert len(states) == 2 and "PENDING" in states[0]
    assert [wait(f, 240).state for f in folders] == ["COMPLETED", "COMPLETED"]
    starts = [json.loads((f / "summary.json").read_text())["started"] for f in folders]
    ended = (folders[0] / "summary.json").stat().st_mtime
    assert starts[1] > starts[0] and (folders[1] / "config.yaml").stat().st_mtime >= ended - 1.0
    assert ds.open_run(folders[0]).summary["spike_hash"] == ds.open_run(folders[1]).summary["spike_hash"]


def test_cancel(distsim, place):
    """A waiting and a running job end; the folder of the running one can be resumed."""
    for name in ("running", "waiting"):
        done = distsim(
            "submit",
            place / "net.yaml",
            "--site",
            place / "site.yaml",
            "--ranks",
            2,
            "--duration",
            10**7,
            "--output",
            place / name,
        )
        assert done.returncode == 0, done.stderr
    until(lambda: progress(place / "running"))
    twice = distsim("submit", place / "net.yaml", "--site", place / "site.yaml", "--output", place / "running")
    assert twice.returncode == 2 and "expected no job in the folder" in twice.stderr
    for name in ("waiting", "running"):
        assert distsim("jobs", "cancel", place / name).returncode == 0
        assert wait(place / name, 30).state == "CANCELLED"
    assert (place / "running" / "config.yaml").exists() and not (place / "waiting" / "config.yaml").exists()


def test_limit_restarts(distsim, place):
    """Asked to stop at its limit, a run goes on; after the last restart it is left with a checkpoint."""
    from distsim.jobs import local
    from distsim.jobs.record import job_folder

    done = distsim(
        "submit",
        place / "net.yaml",
        "--site",
        place / "site.yaml",
        "--ranks",
        1,
        "--duration",
        10**7,
        "--output",
        place / "run",
    )
    assert done.returncode == 0, done.stderr
    until(lambda: progress(place / "run"))
    assert distsim("jobs", "cancel", place / "run").returncode == 0
    wait(place / "run", 30)
    # The same process with a limit of four seconds; submit takes whole minutes.
    local.start(place / "run", 1, 5.0 / 60.0, 1.0, 1, 2)
    until(lambda: local.state(place / "run") == "TIMEOUT", 240)
    text = (job_folder(place / "run") / "output.txt").read_text()
    assert text.count("stopped in order") == 2 and "start 1 of 1" in text and text.count("going on from") == 2


def test_sweep(distsim, place):
    """Points run in the queue; a second call runs none twice; the table has them all."""
    words = (
        "sweep",
        place / "net.yaml",
        "--over",
        "simulation.seed=1:3",
        "--site",
        place / "site.yaml",
        "--ranks",
        1,
        "--output",
        place / "s",
    )
    done = distsim(*words)
    assert done.returncode == 0 and "3 of 3 points queued" in done.stdout, done.stderr
    assert "0 of 3 points queued" in distsim(*words).stdout or "finished" in distsim(*words).stdout
    until(lambda: "3 of 3 points finished" in distsim("sweep", "status", place / "s").stdout, 240)
    rows = (place / "s" / "results.csv").read_text().splitlines()
    assert len(rows) == 4 and rows[0].startswith("point,simulation.seed,state,simulated_ms,rate_exc_hz")
    other = distsim(*words[:3], "simulation.seed=1:4", *words[4:])
    assert other.returncode == 2 and "a sweep over other points" in other.stderr
    assert distsim("sweep", "status", place).returncode == 2


def test_scaling_here(distsim, place):
    """Table, data and plot; finished runs are not run again."""
    words = (
        "scaling",
        place / "net.yaml",
        "--ranks",
        "1,2",
        "--site",
        place / "site.yaml",
        "--output",
        place / "series",
    )
    done = distsim(*words)
    assert done.returncode == 0 and "strong scaling" in done.stdout, done.stderr
    assert {"scaling.csv", "scaling.png", "scaling.svg", "000001-0", "000002-0"} <= {
        p.name for p in (place / "series").iterdir()
    }
    begin = time.monotonic()
    assert distsim(*words).returncode == 0 and time.monotonic() - begin < 20
    assert distsim("scaling", place / "net.yaml", "--ranks", "0", "--site", "local").returncode == 2
