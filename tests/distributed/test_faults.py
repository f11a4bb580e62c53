"""A rank that dies takes the others down within seconds with a message; a full disk loses nothing written."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import psutil

from distsim.io import read_log

LONG = ("quickstart", "--duration", "10000000", "-q")
RAISING = """
import sys
from distsim.communication import communicator
from distsim.simulation.engine import Engine
import distsim.cli as cli
advance = Engine.advance
def broken(self, n):
    if communicator().rank == 1 and self.step > 100:
        raise RuntimeError("the second rank has had enough")
    return advance(self, n)
Engine.advance = broken
sys.argv = ["distsim", "run", "quickstart", "--duration", "10000000", "-q", "--output", sys.argv[1]]
cli.main()
"""
LIMITED = """
import resource, sys
from distsim.communication import communicator
import distsim.cli as cli
communicator()
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
sys.argv = ["distsim", "run", "quickstart", "--duration", "10000000", "-q", "--output", sys.argv[1]]
cli.main()
"""


def test_killed_rank_ends_the_run(mpiexec, tmp_path):
    """kill -9 of one rank: the job ends soon, what was recorded can be read."""
    folder = tmp_path / "run"
    command = [mpiexec, "-n", "2", sys.executable, "-m", "distsim", "run", *LONG, "--output", str(folder)]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = folder / "spikes.0.1.log"
    deadline = time.monotonic() + 120
    while not (log.exists() and log.stat().st_size > 100_000):
        assert time.monotonic() < deadline and job.poll() is None, job.communicate()
        time.sleep(0.05)
    ranks = [p for p in psutil.Process(job.pid).children(recursive=True) if "distsim" in p.cmdline()]
    assert len(ranks) == 2
    ranks[1].kill()
    began = time.monotonic()
    job.communicate(timeout=30)
    assert job.returncode != 0
    assert time.monotonic() - began < 20
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in ranks)
    records = read_log(log)
    assert len(records) >= 12_500 and np.all(np.diff(records["step"].astype(int)) >= 0)


def test_error_on_one_rank_ends_the_others(ranks, tmp_path):
    """An exception on one rank only: no hang, a message with the rank, a code that is no success."""
    script = tmp_path / "raising.py"
    script.write_text(RAISING)
    done = ranks(2, script, tmp_path / "run", timeout=120)
    assert done.returncode not in (0, 2)
    assert "the second rank has had enough" in done.stderr and "rank 1 of 2" in done.stderr


def test_full_disk_is_reported_and_loses_nothing_written(ranks, distsim, tmp_path):
    """A limit on the size of files stands for the full disk: the logs end with a whole record."""
    # The compiled code must be in the cache before: it is larger than the limit.
    warm = distsim("run", "quickstart", "-q", "--duration", "20", "--output", tmp_path / "warm")
    assert warm.returncode == 0, warm.stderr
    script, folder = tmp_path / "limited.py", tmp_path / "run"
    script.write_text(LIMITED)
    done = ranks(2, script, folder, timeout=120)
    assert done.returncode not in (0, 2)
    assert "File too large" in done.stderr and "Traceback" not in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == [
        ".lock", "config.sha256", "config.yaml", "spikes.0.0.log", "spikes.0.1.log",
    ]  # fmt: skip
    sizes = [path.stat().st_size for path in sorted(folder.glob("spikes.*.log"))]
    assert max(sizes) == 64 * 1024 - 64 * 1024 % 8 and all(size % 8 == 0 for size in sizes)
    records = read_log(folder / "spikes.0.0.log")
    assert records["gid"].max() < 1500 and np.all(np.diff(records["step"].astype(int)) >= 0)
