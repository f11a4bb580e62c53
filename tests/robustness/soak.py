"""A run of an hour, and many simulations in one process: memory and open files do not grow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.distributed.kill_rounds import CONFIG, distsim, rank_processes

# Memory that a rank may take more at the end than after a tenth of the time, as a share and in bytes.
SHARE, BYTES = 0.05, 20e6
MANY = """
import resource, os, tempfile, pathlib, psutil
import distsim as ds
from distsim.network.config import load_config
from distsim.simulation import Simulation
def once(number):
    with tempfile.TemporaryDirectory() as folder:
        config = load_config("quickstart", ["simulation.duration=20"]).with_output(f"{folder}/run")
        with Simulation.from_config(config) as simulation:
            simulation.run(20.0)
            simulation.checkpoint()
            simulation.close()
me = psutil.Process()
for number in range(60):
    once(number)
    if number in (19, 59):
        print(me.memory_info().rss, me.num_fds(), len(me.open_files()), flush=True)
"""


def watched(minutes: float, seed: int) -> list[dict[str, Any]]:
    """Return what came of a long run on two ranks, and of many simulations in one process."""
    return [long_run(minutes, seed), many()]


def long_run(minutes: float, seed: int) -> dict[str, Any]:
    """Watch a run that is stopped in order after some minutes."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "net.yaml"
        config.write_text(CONFIG.replace("duration: 3000.0", "duration: 100000000.0").replace("133.7 ms", "20 s"))
        folder = Path(name) / "run"
        process = distsim(2, "run", config, "--output", folder, "--set", f"simulation.seed={seed}", "-q")
        log = folder / "spikes.0.0.log"
        deadline = time.monotonic() + 180
        while not (log.exists() and log.stat().st_size):
            if process.poll() is not None or time.monotonic() > deadline:
                return {"operator": "run", "seed": seed, "outcome": "fault", "line": "did not start", "note": ""}
            time.sleep(0.2)
        ranks = rank_processes(process)
        end = time.monotonic() + 60 * minutes
        samples = []
        while time.monotonic() < end and process.poll() is None:
            samples.append([(p.memory_info().rss, p.num_fds()) for p in ranks])
            time.sleep(min(10.0, 6.0 * minutes))
        ranks[-1].send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return {"operator": "run", "seed": seed, "outcome": "hang", "line": "does not stop", "note": ""}
    taken = np.array(samples, float)
    tenth = max(1, len(taken) // 10)
    early, late = taken[tenth : 2 * tenth].max(axis=0), taken[-tenth:].max(axis=0)
    grown = late[:, 0] - early[:, 0]
    note = (f"{len(taken)} samples in {minutes:g} min; a rank {early[:, 0].max() / 1e6:.1f} MB, then {late[:, 0].max() / 1e6:.1f} MB; "
            f"files {early[:, 1].max():.0f}, then {late[:, 1].max():.0f}")  # fmt: skip
    bad = (
        process.returncode != 75
        or (grown > np.maximum(SHARE * early[:, 0], BYTES)).any()
        or (late[:, 1] > early[:, 1]).any()
    )
    return {
        "operator": "run",
        "seed": seed,
        "outcome": "fault" if bad else "fine",
        "line": f"exit code {process.returncode}; {note}" if bad else "",
        "note": note,
    }


def many() -> dict[str, Any]:
    """Make sixty simulations in one process; compare the last with the twentieth."""
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"operator": "many", "seed": 0, "outcome": "fault", "line": done.stderr[-300:], "note": ""}
    first, last = (list(map(int, line.split())) for line in done.stdout.splitlines())
    note = f"20 and 60 simulations: {first[0] / 1e6:.1f} and {last[0] / 1e6:.1f} MB, {first[1]} and {last[1]} files"
    bad = last[0] - first[0] > max(SHARE * first[0], BYTES) or last[1] > first[1]
    return {
        "operator": "many",
        "seed": 0,
        "outcome": "fault" if bad else "fine",
        "line": note if bad else "",
        "note": note,
    }
