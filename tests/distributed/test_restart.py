"""Runs that are killed, stopped or damaged go on, on other numbers of ranks, to the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import libsonata
import numpy as np
import pytest

import distsim as ds
from tests.distributed.kill_rounds import CONFIG, disturbed, finish, rank_processes, results, undisturbed
from tests.distributed.kill_rounds import distsim as start


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Config, results of a run that nobody disturbs, and its seconds."""
    folder = tmp_path_factory.mktemp("restart")
    config = folder / "net.yaml"
    config.write_text(CONFIG)
    return config, *undisturbed(config, folder)


def same(found, expected):
    """Spikes, counts and states are the same bits."""
    assert found[0] == expected[0] and found[1] == expected[1]
    assert found[2].keys() == expected[2].keys()
    for name, values in expected[2].items():
        assert np.array_equal(found[2][name], values), name


def stopped(config: Path, folder: Path, n_ranks: int = 2) -> None:
    """Leave a run that was asked to stop when it had three checkpoints."""
    job = start(n_ranks, "run", config, "--output", folder, "--set", "checkpoint.keep=3")
    deadline = time.monotonic() + 120
    while len(list((folder / "checkpoints").glob("t_*.h5"))) < 3:
        assert job.poll() is None and time.monotonic() < deadline, finish(job)
        time.sleep(0.01)
    ranks = rank_processes(job)
    ranks[-1].send_signal(signal.SIGUSR1)
    code, errors = finish(job)
    assert code == 75, errors
    assert errors.splitlines()[-1].startswith("distsim: stopped in order, to be resumed from ")


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_killed_at_random(reference, tmp_path, seed):
    """SIGKILL of random ranks at random moments: every spike is there once, libsonata reads them."""
    config, expected, seconds = reference
    disturbed(config, tmp_path / "run", seconds, random.Random(seed))
    same(results(tmp_path / "run"), expected)
    reader = libsonata.SpikeReader(str(tmp_path / "run" / "spikes.h5"))
    n = sum(len(reader[name].get()) for name in ("exc", "inh"))
    times, _ = ds.open_run(tmp_path / "run").spikes()
    assert n == len(times) > 10_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signal_to_mpiexec(reference, tmp_path, number):
    """What Slurm or a user sends to the job: a checkpoint, exit code 75, and on other ranks it goes on."""
    config, expected, _ = reference
    folder = tmp_path / "run"
    job = start(3, "run", config, "--output", folder, "--set", "simulation.partitioner=round_robin")
    while not list((folder / "checkpoints").glob("t_*.h5")):
        assert job.poll() is None, finish(job)
        time.sleep(0.01)
    os.kill(job.pid, number)
    code, errors = finish(job)
    assert code == 75 and errors.count("stopped in order") == 1, errors
    with pytest.raises(ds.InputError, match="--resume goes on with it"):
        ds.open_run(folder)
    code, errors = finish(start(1, "run", folder, "--resume", "--set", "simulation.partitioner=block"))
    assert code == 0 and "going on from" in errors
    same(results(folder), expected)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["run"]["n_ranks"] == 1 and summary["run"]["partitioner"] == "block"
    assert summary["run"]["resumed_from_ms"] > 0


def test_damaged_checkpoints(reference, tmp_path):
    """The newest truncated, the one before with a flipped bit: the third is used, and that is said."""
    config, expected, _ = reference
    folder = tmp_path / "run"
    stopped(config, folder)
    paths = sorted((folder / "checkpoints").glob("t_*.h5"), key=lambda p: float(p.stem[2:]))
    assert len(paths) == 3
    paths[-1].write_bytes(paths[-1].read_bytes()[:-100])
    flipped = bytearray(paths[-2].read_bytes())
    flipped[len(flipped) // 2] ^= 4
    paths[-2].write_bytes(flipped)
    (folder / "spikes.h5").write_bytes(b"killed while this was written")
    (folder / ".states.h5.part").write_bytes(b"or that")
    code, errors = finish(start(3, "run", folder, "--resume"))
    assert code == 0, errors
    assert f"{paths[-1].name} is left out: it has" in errors and "its checksum is wrong" in errors
    assert f"going on from {paths[-3]}" in errors
    same(results(folder), expected)
    # Once more: it is complete, and nothing is done.
    code, errors = finish(start(2, "run", folder, "--resume"))
    assert code == 0 and "going on" not in errors


def test_no_whole_checkpoint(reference, tmp_path):
    """All damaged: it begins at the start, and says so."""
    config, expected, _ = reference
    folder = tmp_path / "run"
    stopped(config, folder)
    for path in (folder / "checkpoints").glob("t_*.h5"):
        path.write_bytes(b"")
    code, errors = finish(start(2, "run", folder, "--resume"))
    assert code == 0 and "going on from the start: there is no whole checkpoint" in errors
    same(results(folder), expected)


def test_refused(reference, tmp_path):
    """Two runs in one folder, another network, another format, a folder that cannot be written: one line, code 2."""
    config, _, _ = reference
    folder = tmp_path / "run"
    stopped(config, folder)

    def refusal(*arguments):
        code, errors = finish(start(2, "run", folder, "--resume", *arguments))
        lines = [line for line in errors.splitlines() if line.startswith("distsim:")]
        assert code == 2 and len(lines) == 1, errors
        return lines[0]

    logs = {p.name: p.stat().st_size for p in folder.glob("*.log")}
    assert "only how it is run can change" in refusal("--set", "simulation.seed=8")
    assert "only how it is run can change" in refusal("--set", "network.projections.4.weight=3")
    assert "expected hdf5 as the run began" in refusal("--set", "output.format=zarr")
    assert "expected at least the" in refusal("--duration", "10")
    assert "expected none with --resume" in refusal("--output", tmp_path / "other")
    newest = max((folder / "checkpoints").glob("t_*.h5"), key=lambda p: float(p.stem[2:]))
    whole = newest.read_bytes()
    newest.write_bytes(whole.replace(b"format=2 ", b"format=7 ", 1))
    assert "expected a checkpoint of format 2, got format 7" in refusal()
    newest.write_bytes(whole)
    assert {p.name: p.stat().st_size for p in folder.glob("*.log") if p.name in logs} == logs
    # A second run while one is in the folder.
    first = start(2, "run", folder, "--resume", "--duration", "1000000")
    while not list(folder.glob("spikes.*.1.log")) or len(list(folder.glob("spikes.*.1.log"))) < 2:
        assert first.poll() is None, finish(first)
        time.sleep(0.02)
    assert "expected a folder that no run is in, process " in refusal()
    os.kill(first.pid, signal.SIGTERM)
    assert finish(first)[0] == 75
    # A folder where nothing can be written: root may write anywhere, so a folder stands where the lock should.
    (folder / ".lock").unlink()
    (folder / ".lock").mkdir()
    assert "/.lock: expected a file that a run wrote, found a folder" in refusal()


def test_full_disk_while_closing(reference, tmp_path):
    """No room for spikes.h5: a message, the logs stay, and it can be resumed where there is room."""
    config, expected, _ = reference
    folder = tmp_path / "run"
    script = tmp_path / "limited.py"
    script.write_text(
        "import sys, distsim.cli as cli\n"
        "import distsim.simulation.recording as recording\n"
        "def full(*args): raise OSError(28, 'No space left on device')\n"
        "recording.merge_spikes = full\n"
        f"sys.argv = ['distsim', 'run', {str(config)!r}, '-q', '--output', {str(folder)!r}]\n"
        "cli.main()\n"
    )
    import subprocess
    import sys

    from tests.distributed.kill_rounds import MPIEXEC

    done = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1 and "No space left on device" in done.stderr and "they are in its logs" in done.stderr
    assert not (folder / "spikes.h5").exists() and not (folder / "summary.json").exists()
    assert not list(folder.glob(".*.part"))
    code, errors = finish(start(3, "run", folder, "--resume"))
    assert code == 0, errors
    # It is not simulated again: recordings are joined from where the run ended, and nothing of that is left.
    assert f"going on from {folder / 'checkpoints' / 't_3100.end.h5'}" in errors
    assert json.loads((folder / "summary.json").read_text())["run"]["resumed_from_ms"] == 3100.0
    same(results(folder), expected)
    kept = {p.name for p in (folder / "checkpoints").iterdir()}
    assert len(kept) == 2 and not any("end" in name for name in kept)
