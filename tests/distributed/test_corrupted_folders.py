"""A damaged run folder is refused in one line, or the run goes on to the same bits: never anything else without a word."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distributed import corrupted_folders as corrupted


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """The folder of a run that ended early, and what it leads to undamaged."""
    folder = tmp_path_factory.mktemp("damaged")
    corrupted.make(folder)
    shutil.copytree(folder / "run", folder / "undamaged")
    expected = corrupted.outcome(folder / "undamaged")
    assert len(expected.split()[0]) == 64
    return folder / "run", expected


def test_undisturbed_is_the_same(damaged, tmp_path):
    """What is compared with is what a run has that nobody disturbs."""
    import distsim as ds

    config = ds.load_config(damaged[0].parent / "net.yaml").with_output(str(tmp_path / "run"))
    with ds.Simulation.from_config(config) as simulation:
        simulation.run(corrupted.DURATION)
        assert simulation.close()["spike_hash"] == damaged[1].split()[0]


def test_flipped_bits(damaged):
    """A bit of every file, some of large ones: in configs, logs, checkpoints, before and behind what is known."""
    folder, expected = damaged
    dice = random.Random(15)
    found = {corrupted.check(folder, damage, expected) for damage in corrupted.flips(folder, 8000, dice)}
    assert found == {"refused", "same"}


def test_all_other_damages(damaged):
    """Removed, cut, appended to, swapped, linked, replaced: those that must be refused are."""
    folder, expected = damaged
    some = random.Random(16).sample(list(corrupted.damages(folder)), 50)
    found = {damage[0]: corrupted.check(folder, damage, expected) for damage in some}
    for text, result in found.items():
        log = text.startswith(("spikes.", "states.")) and "stranger" not in text
        must = (log and any(w in text for w in ("removed", "cut to 0:", "cut to 0.3", "swapped"))) or (
            "symbolic link" in text or "a pipe" in text
        )
        if must:
            assert result == "refused", text
        if text.endswith(("appended", "stranger")) and (log or "stranger" in text):
            assert result == "same", text
    assert list(found.values()).count("refused") > 20 and list(found.values()).count("same") > 10


@pytest.mark.parametrize(
    ("log", "change", "words"),
    [
        ("spikes.0.1.log", Path.unlink, "it is missing"),
        ("states.V_m.0.0.log", lambda p: p.write_bytes(p.read_bytes()[:100]), "bytes as they were recorded, found 100"),
        (
            "spikes.1.0.log",
            lambda p: p.write_bytes(b"x" + p.read_bytes()[1:]),
            "bytes that were recorded, found others",
        ),
    ],
)
def test_said_on_all_ranks(damaged, tmp_path, mpiexec, log, change, words):
    """Exit code 2 and one line that names the log and what is wrong with it; nothing in the folder is changed."""
    folder = tmp_path / "run"
    shutil.copytree(damaged[0], folder)
    change(folder / log)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}
    command = [mpiexec, "-n", "2", sys.executable, "-m", "distsim", "run", str(folder), "--resume", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("distsim:")]
    assert done.returncode == 2 and len(lines) == 1, done.stderr
    assert lines[0].startswith(f"distsim: {folder / log}: ") and words in lines[0] and "nothing is joined" in lines[0]
    assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


@pytest.mark.parametrize("change", ["cut", "altered", "removed", "grown"])
def test_log_that_changes_while_it_is_written(damaged, tmp_path, change):
    """At the end every log has to be what was recorded into it; otherwise nothing is joined, and the line says which."""
    import distsim as ds

    folder = tmp_path / "run"
    shutil.copytree(damaged[0], folder)
    simulation = ds.Simulation.resume(folder)
    simulation.run(50.0)
    log = folder / ("spikes.2.0.log" if change in ("cut", "grown") else "states.V_m.0.1.log")
    data = log.read_bytes()
    if change == "removed":
        log.unlink()
    else:
        log.write_bytes({"cut": data[:-8], "altered": data[:-1] + b"~", "grown": data + bytes(8)}[change])
    with pytest.raises(OSError, match=f"{log.name}: expected .*nothing is joined"):
        simulation.close()
    assert not (folder / "spikes.h5").exists() and not (folder / "summary.json").exists()


def test_append_costs_little(tmp_path):
    """The running checksum reads nothing back, and is the checksum of the file."""
    import google_crc32c
    import numpy as np

    from distsim.io.spike_log import SpikeLog

    log = SpikeLog(tmp_path / "spikes.0.0.log")
    draw = np.random.default_rng(1)
    for n in (0, 1, 3, 40_000, 100_001):
        log.append(draw.integers(0, 2**32, (n, 2), dtype=np.uint32))
    logged = log.logged()
    data = log.path.read_bytes()
    assert (logged.n_bytes, logged.crc32c) == (len(data), google_crc32c.value(data))
    assert logged.problem(tmp_path) is None and logged.problem(tmp_path, exactly=True) is None
    log.append(np.ones((1, 2), np.uint32))
    assert logged.problem(tmp_path) is None and "found" in logged.problem(tmp_path, exactly=True)
    log.close()


def test_a_log_that_lost_records_takes_no_more(tmp_path):
    """After a write that failed no checkpoint may say that all is there."""
    import resource

    import numpy as np

    from distsim.io.spike_log import SpikeLog

    log = SpikeLog(tmp_path / "spikes.0.0.log")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            log.append(np.ones((200, 2), np.uint32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.path.stat().st_size == 1000
    for action in (lambda: log.append(np.ones((1, 2), np.uint32)), log.logged):
        with pytest.raises(OSError, match="an earlier write failed"):
            action()
    assert log.path.stat().st_size == 1000
    log.close()


@pytest.mark.parametrize("form", ["hdf5", "zarr"])
def test_what_a_killed_joining_leaves(damaged, tmp_path, form):
    """Half-joined files and stores of the run go, and are made again; what the user keeps in the folder stays."""
    import distsim as ds

    config = ds.load_config(damaged[0].parent / "net.yaml", [f"output.format={form}"])
    simulation = ds.Simulation.from_config(config.with_output(str(tmp_path / "run")))
    simulation.run(150.0)
    simulation.checkpoint()
    folder = tmp_path / "run"
    shutil.copytree(folder, tmp_path / "twin")
    simulation.close()
    del simulation
    twin = tmp_path / "twin"
    for path in folder.glob("s*"):
        if path.is_dir():
            shutil.copytree(path, twin / path.name)
            shutil.copytree(path, twin / f".{path.name}.part")
        elif path.suffix == ".h5":
            (twin / path.name).write_bytes(path.read_bytes()[:1000])
            (twin / f".{path.name}.0123abcd.part").write_bytes(b"half")
    mine = {"mine.zarr", ".mine.part", "states_old.h5", "spikes.notes.log"}
    (twin / "mine.zarr").mkdir()
    for name in mine - {"mine.zarr"}:
        (twin / name).write_text("mine\n")
    with ds.Simulation.resume(twin) as again:
        again.run(150.0)
        assert again.close()["spike_hash"] == damaged[1].split()[0]
    left = {p.name for p in twin.iterdir()}
    ours = {
        "checkpoints",
        "config.yaml",
        "summary.json",
        *(f"{n}.{'h5' if form == 'hdf5' else form}" for n in ("spikes", "states")),
    }
    assert left == mine | ours
    assert (twin / "states_old.h5").read_text() == "mine\n"


def test_the_last_moment(damaged, tmp_path, distsim):
    """Killed after its summary and before its logs are removed, a run is complete; what is left goes at the next look."""
    import distsim as ds

    folder = tmp_path / "run"
    shutil.copytree(damaged[0], folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    assert corrupted.outcome(folder) == damaged[1]
    spikes = (folder / "spikes.h5").read_bytes()
    for name in (".lock", "config.sha256", "spikes.0.0.log", "states.V_m.1.0.log"):
        (folder / name).write_bytes(before[name])
    done = distsim("run", folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in folder.iterdir()} == {
        "checkpoints",
        "config.yaml",
        "spikes.h5",
        "states.h5",
        "summary.json",
    }
    assert (folder / "spikes.h5").read_bytes() == spikes
    assert len(ds.open_run(folder).spikes()[0]) > 100
