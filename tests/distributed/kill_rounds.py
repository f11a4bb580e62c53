"""Kill a random rank of a run at a random moment, resume on another number of ranks, again and again.

python tests/distributed/kill_rounds.py --rounds 100

A round ends when a run survives; its spikes, and its states, must be those of an undisturbed run. The suite does a few
rounds (test_restart.py). Seeds are printed, so that a round can be repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import psutil

MPIEXEC = str(Path(sys.executable).with_name("mpiexec"))
# Longer than any run here: what takes longer hangs. The first one compiles.
DEADLINE, COMPILING = 120.0, 1200.0
CONFIG = """
network:
  name: restarted
  populations:
    exc: {size: 800, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
    inh: {size: 200, model: iaf_psc_alpha, init: {V_m: {uniform: [-70, -55]}}}
  devices:
    drive: {model: poisson_generator, params: {rate: 8000.0}}
    noise: {model: noise_generator, params: {mean: 5.0, std: 50.0, dt: 1.0}}
    clock: {model: spike_generator, size: 2, params: {spike_times: [[33.3, 777.7], [400.0, 1999.9]]}}
    ramp: {model: step_current_generator, params: {amplitude_times: [100.0, 900.0], amplitude_values: [20.0, 40.0]}}
  projections:
    - {pre: drive, post: [exc, inh], weight: 40.0}
    - {pre: noise, post: exc, delay: 1.0}
    - {pre: ramp, post: inh, delay: 0.5}
    - {pre: clock, post: [exc, inh], weight: 300.0, delay: {uniform: [0.5, 5.0]}}
    - {pre: exc, post: [exc, inh], rule: {fixed_indegree: 80}, weight: {normal: [40, 4]}, delay: {uniform: [0.5, 4]}}
    - {pre: inh, post: [exc, inh], rule: {pairwise_bernoulli: 0.1}, weight: -200.0, delay: {uniform: [0.5, 2.5]}}
  recorders:
    - {record: spikes, from: [exc, inh]}
    - {record: V_m, from: [{population: exc, slice: [5, 300]}, inh], every: 0.7}
    - {record: V_m, from: [exc, inh], every: 1.0, reduce: mean}
    - {record: lfp, from: exc, every: 0.5}
simulation: {duration: 3000.0, transient: 100.0, seed: 7}
checkpoint: {every: 133.7 ms, keep: 2}
"""


def distsim(n_ranks: int, *arguments: object) -> subprocess.Popen[str]:
    """Start a command on n ranks, in a session of its own."""
    command = [MPIEXEC, "-n", str(n_ranks), sys.executable, "-m", "distsim", *map(str, arguments)]
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def rank_processes(mpiexec: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the ranks that mpiexec started, as far as they are there."""
    try:
        found = psutil.Process(mpiexec.pid).children(recursive=True)
        # What mpiexec forks is mpiexec until it becomes its proxy: a kill of that is none of a rank, and mpiexec waits for ever.
        return [p for p in found if "distsim" in (words := p.cmdline()) and not words[0].endswith("mpiexec")]
    except psutil.Error:
        return []


def finish(process: subprocess.Popen[str], deadline: float = DEADLINE) -> tuple[int, str]:
    """Wait for a command; one that hangs is an error."""
    try:
        _, errors = process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"hangs: {process.args}") from None
    return process.returncode, errors


def results(folder: Path) -> tuple[str, dict[str, int], dict[str, np.ndarray]]:
    """Return the hash of the spikes, the counts, and all recorded states of a run."""
    summary = json.loads((folder / "summary.json").read_text())
    states = {}
    for path in sorted(folder.glob("states*.h5")):
        with h5py.File(path) as file:
            for population, group in file["report"].items():
                states[f"{path.name}/{population}"] = group["data"][:]
    counts = {k: v for k, v in summary["counts"].items() if k not in ("bytes_sent", "messages")}
    return summary["spike_hash"], counts, states


def disturbed(config: Path, folder: Path, seconds: float, dice: random.Random) -> int:
    """Run with kills until a run survives; return how many it did not."""
    kills = 0
    while True:
        n_ranks = dice.randint(1, 4)
        begun = (folder / "config.yaml").exists()
        if folder.exists() and not begun:
            shutil.rmtree(folder)  # killed before it had begun
        process = distsim(n_ranks, *(["run", folder, "--resume"] if begun else ["run", config, "--output", folder]))
        # Start-up takes its time: most kills should hit a run that records.
        moment = time.monotonic() + dice.uniform(0.3, 1.0) * seconds * (1 if kills < 6 else 100)
        while process.poll() is None and time.monotonic() < moment:
            time.sleep(0.005)
        victims = rank_processes(process) if process.poll() is None else []
        if victims:
            try:
                dice.choice(victims).send_signal(signal.SIGKILL)
                kills += 1
            except psutil.NoSuchProcess:
                pass
        code, errors = finish(process)
        if code == 0:
            return kills
        if not victims:
            raise AssertionError(f"ended with {code} on {n_ranks} ranks:\n{errors}")


def undisturbed(config: Path, folder: Path) -> tuple[tuple, float]:
    """Return the results of a run that nobody kills, and the wall seconds it takes once all is compiled."""
    for name in ("warm", "undisturbed"):
        begin = time.monotonic()
        code, errors = finish(distsim(2, "run", config, "--output", folder / name), COMPILING)
        assert code == 0, errors
        seconds = time.monotonic() - begin
    return results(folder / "undisturbed"), seconds


def main() -> None:
    """Run the rounds; print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "net.yaml"
        config.write_text(CONFIG)
        expected, seconds = undisturbed(config, Path(folder))
        for number in range(args.rounds):
            run = Path(folder) / f"run{number}"
            kills = disturbed(config, run, seconds, random.Random(1000 * args.seed + number))
            found = results(run)
            assert found[0] == expected[0], "spikes differ"
            assert found[1] == expected[1], "counts differ"
            assert found[2].keys() == expected[2].keys()
            for name, values in expected[2].items():
                assert np.array_equal(found[2][name], values), name
            left = {p.name for p in run.iterdir()}
            assert not [name for name in left if name.endswith((".log", ".part"))], left
            print(f"round {number}: killed {kills} times, the same bits", flush=True)
            shutil.rmtree(run)


if __name__ == "__main__":
    main()
