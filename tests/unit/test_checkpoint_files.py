"""Checkpoint files: whole or refused, whatever byte is wrong; the newest whole one is found."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from distsim.errors import InputError
from distsim.io.append_log import Logged
from distsim.io.checkpoint_file import (
    CheckpointInfo,
    CheckpointReader,
    check,
    checkpoint_name,
    newest,
    prune,
    remove_ends,
    write_checkpoint,
)


def write(path, step=10, n=1000):
    """Write a checkpoint of some random numbers; return them."""
    values = np.random.default_rng(step).normal(size=n).astype(np.float32)
    with write_checkpoint(path, step) as file:
        file.attribute("identity", "abc")
        file.blocks("state/exc/V_m", n, np.float32, [(0, values[:600]), (600, values[600:])])
    return values


def test_round_trip(tmp_path):
    """What was written is read, also in part; h5py opens the file as it is; nothing temporary is left."""
    values = write(tmp_path / "t_1.h5")
    assert check(tmp_path / "t_1.h5") == CheckpointInfo(tmp_path / "t_1.h5", 10)
    with CheckpointReader(tmp_path / "t_1.h5") as file:
        assert file.attribute("identity") == "abc"
        places = np.array([0, 3, 599, 600, 999])
        assert np.array_equal(file.places("state/exc/V_m", places), values[places])
        assert file.places("state/exc/V_m", np.empty(0, np.int64)).shape == (0,)
    with h5py.File(tmp_path / "t_1.h5") as file:
        assert np.array_equal(file["state/exc/V_m"][:], values)
    assert [p.name for p in tmp_path.iterdir()] == ["t_1.h5"]


def test_every_flipped_bit_is_found(tmp_path):
    """In the first line, in HDF5's own bytes, in the data: none goes unseen."""
    path = tmp_path / "t_1.h5"
    write(path, n=200)
    whole = path.read_bytes()
    used = len(whole[:512].rstrip(b"\0"))
    places = [*range(used), *np.random.default_rng(1).integers(512, len(whole), 300).tolist()]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        try:
            found = check(path)
        except InputError:
            continue  # a flipped version number: another format
        # The step stands outside the checksum's bytes, but a run that resumes from it compares.
        assert isinstance(found, str), f"byte {place}"


@pytest.mark.parametrize("keep", [0, 1, 100, 511, 512, 3000, -1])
def test_truncated(tmp_path, keep):
    """Cut anywhere, it is refused."""
    path = tmp_path / "t_1.h5"
    write(path)
    path.write_bytes(path.read_bytes()[:keep])
    assert isinstance(check(path), str)


def test_another_format_is_refused_by_name(tmp_path):
    """Never misread: the error names the format."""
    path = tmp_path / "t_1.h5"
    write(path)
    whole = path.read_bytes()
    for other in (1, 3):
        path.write_bytes(whole.replace(b"format=2 ", b"format=%d " % other, 1))
        with pytest.raises(InputError, match=f"expected a checkpoint of format 2, got format {other}"):
            check(path)


def test_newest_whole_one(tmp_path):
    """By biological time, not by name; damaged ones are left out and told; the oldest are removed."""
    for time in (5, 90, 100, 1000.5):
        write(tmp_path / checkpoint_name(time), step=round(10 * time))
    assert {p.name for p in tmp_path.iterdir()} == {"t_5.h5", "t_90.h5", "t_100.h5", "t_1000.5.h5"}
    damaged = tmp_path / "t_1000.5.h5"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    found, problems = newest(tmp_path)
    assert found is not None and found.step == 1000 and found.path.name == "t_100.h5"
    assert len(problems) == 1 and "t_1000.5.h5 is left out: it has" in problems[0]
    (tmp_path / ".t_7.h5.part").write_bytes(b"half")
    (tmp_path / ".t_7.5.h5.0123abcd.part").write_bytes(b"half")
    # What the run has not reached again does not count, and names that are none of ours are left alone.
    for name in ("t_nan.h5", "t_1e5.h5", ".t_mine.part", "t_5.h5.bak"):
        (tmp_path / name).write_bytes(b"mine")
    prune(tmp_path / "t_100.h5", 2)
    mine = {"t_nan.h5", "t_1e5.h5", ".t_mine.part", "t_5.h5.bak"}
    assert {p.name for p in tmp_path.iterdir()} == {"t_90.h5", "t_100.h5", "t_1000.5.h5"} | mine
    write(tmp_path / "t_1000.5.h5")
    prune(tmp_path / "t_1000.5.h5", 1)
    assert {p.name for p in tmp_path.iterdir()} == {"t_1000.5.h5"} | mine


def test_checkpoint_at_the_end(tmp_path):
    """It comes before one of the same time, does not count among those that are kept, and goes when the run is done."""
    for name in ("t_20.h5", "t_30.h5", "t_30.end.h5"):
        write(tmp_path / name)
    found, problems = newest(tmp_path)
    assert found is not None and found.path.name == "t_30.end.h5" and not problems
    write(tmp_path / "t_40.h5")
    prune(tmp_path / "t_40.h5", 2)
    assert {p.name for p in tmp_path.iterdir()} == {"t_30.h5", "t_40.h5"}
    write(tmp_path / "t_40.end.h5")
    remove_ends(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"t_30.h5", "t_40.h5"}


def test_logs_that_it_knows(tmp_path):
    """Names, lengths and checksums of logs come back; a file that has none is refused."""
    logs = [Logged("spikes.0.0.log", 8 * 10**12, 2**32 - 1), Logged("states.V_m.3.1.log", 0, 0)]
    with write_checkpoint(tmp_path / "t_1.h5", 1) as file:
        file.logs(logs)
    with CheckpointReader(tmp_path / "t_1.h5") as file:
        assert file.logs() == logs
    write(tmp_path / "t_2.h5")
    with CheckpointReader(tmp_path / "t_2.h5") as file, pytest.raises(InputError, match="knows the logs"):
        file.logs()


def test_failure_leaves_nothing(tmp_path):
    """An error while writing leaves neither the file nor a part of it."""
    with pytest.raises(RuntimeError), write_checkpoint(tmp_path / "t_1.h5", 1):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
