"""What only large runs meet: several shards, blocks and windows; here with small ones."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from distsim.io import reports as report_files
from distsim.io import zarr_output
from distsim.io.checkpoint_file import CheckpointReader, write_checkpoint
from distsim.io.reports import Column, Frames, Report, StateLog, read_state_log
from distsim.io.sonata_reports import write_report
from distsim.io.sonata_spikes import NodeRange, merge_spikes, read_spikes
from distsim.io.spike_log import SpikeLog


@pytest.fixture
def spikes(tmp_path):
    """30,000 spikes in three logs, several sessions long, and the sorted truth."""
    draw = np.random.default_rng(5)
    steps, gids = np.sort(draw.integers(1, 400, 30_000)), draw.integers(0, 1000, 30_000)
    paths = []
    for i in range(3):
        mine = gids % 3 == i
        log = SpikeLog(tmp_path / f"spikes.0.{i}.log")
        log.append(np.stack([gids[mine], steps[mine]], axis=1).astype(np.uint32))
        log.close()
        paths.append(log.path)
    order = np.lexsort((gids, steps))
    return paths, steps[order], gids[order]


@pytest.mark.parametrize("n_ranks", [1, 2, 5])
def test_spikes_in_several_shards(tmp_path, monkeypatch, spikes, n_ranks):
    """Shards that end inside a step, more ranks than shards: every spike once, in order; windows read right."""
    monkeypatch.setattr(zarr_output, "SPIKE_CHUNK", 1000)
    monkeypatch.setattr(zarr_output, "SPIKE_SHARD", 7000)
    paths, steps, gids = spikes
    writer = zarr_output.ZarrSpikes(tmp_path / "s.zarr", paths)
    writer.create({"all": (0, 1000)}, 0.1)
    for rank in reversed(range(n_ranks)):
        writer.fill(rank, n_ranks)
    zarr_output.finish(tmp_path / "s.zarr")
    root = zarr.open_group(tmp_path / "s.zarr", mode="r")
    assert root["step"].shards == (7000,) and len(list((tmp_path / "s.zarr" / "gid" / "c").iterdir())) == 5
    assert np.array_equal(root["step"][:], steps) and np.array_equal(root["gid"][:], gids)
    for start, stop in ((None, None), (100, 200), (399, None), (0, 1), (150, 150)):
        parts = list(zarr_output.sorted_spikes(tmp_path / "s.zarr", start, stop))
        inside = (steps >= (start or 0)) & (steps < (2**62 if stop is None else stop))
        found = np.concatenate([np.empty(0, np.int64), *(s for s, _ in parts)])
        assert np.array_equal(found, steps[inside])
    merge_spikes(paths, tmp_path / "s.h5", [NodeRange("all", 0, 1000)], 0.1)
    times, ids = read_spikes(tmp_path / "s.h5")["all"]
    assert np.array_equal(ids, gids) and np.allclose(times, steps * 0.1)
    assert zarr_output.hash_spikes(tmp_path / "s.zarr")


@pytest.mark.parametrize("n_ranks", [1, 3])
def test_states_in_several_blocks_and_shards(tmp_path, monkeypatch, n_ranks):
    """Two sessions with different owners of the columns, blocks of a few frames: the same arrays in both formats."""
    monkeypatch.setattr(report_files, "BLOCK_BYTES", 8 * 50 * 7)
    monkeypatch.setattr(zarr_output, "STATE_CHUNK", 4 * 20 * 10)
    monkeypatch.setattr(zarr_output, "STATE_SHARD", 4 * 20 * 30)
    report = Report("V_m", "V_m", "mV", "plain", 5, 0.1, (Column("a", 3, 33), Column("b", 0, 20)), 1.0)
    values = np.random.default_rng(1).normal(size=(103, 50)).astype(np.float32)
    paths = []
    for session, (first, last, owners) in enumerate(
        ((0, 40, [range(0, 50, 2), range(1, 50, 2)]), (40, 103, [range(50)]))
    ):
        for rank, columns in enumerate(owners):
            owned = np.array(columns)
            log = StateLog(tmp_path / f"states.V_m.{session}.{rank}.log", owned, "<f4", first)
            for part in np.array_split(values[first:last, owned], 3):
                log.append(part)
            log.close()
            paths.append(log.path)
    frames = Frames.of_files(report, paths, 103 * 5 + 4)
    assert frames.n_frames == 103 and len(list(frames.blocks())) > 5
    assert np.array_equal(np.concatenate([b for _, b in frames.blocks()]), values)
    writer = zarr_output.ZarrStates(tmp_path / "states.zarr", frames)
    writer.create()
    for rank in range(n_ranks):
        writer.fill(rank, n_ranks)
    zarr_output.finish(tmp_path / "states.zarr")
    group = zarr.open_group(tmp_path / "states.zarr", mode="r")["V_m"]
    assert np.array_equal(group["V_m"][:], values) and group["node_id"][:].tolist() == [*range(3, 33), *range(20)]
    assert len(list((tmp_path / "states.zarr" / "V_m" / "V_m" / "c").iterdir())) > 1
    write_report(frames, tmp_path / "states.h5")
    import h5py

    with h5py.File(tmp_path / "states.h5") as file:
        assert np.array_equal(file["report/a/data"][:], values[:, :30])
        assert np.array_equal(file["report/b/data"][:], values[:, 30:])
        assert np.allclose(file["report/a/mapping/time"][:], [0.5, 52.0, 0.5])


def test_torn_state_logs(tmp_path):
    """A log that ends inside its header, or inside a frame: what is whole is read."""
    log = StateLog(tmp_path / "a.log", np.arange(4), "<f4", 7)
    log.append(np.ones((3, 4), np.float32))
    log.close()
    with open(log.path, "ab") as file:
        file.write(b"torn")
    found = read_state_log(log.path)
    assert found is not None and found.values.shape == (3, 4) and found.first_frame == 7
    log.path.write_bytes(log.path.read_bytes()[:20])
    assert read_state_log(log.path) is None


def test_checkpoints_of_large_populations(tmp_path, monkeypatch):
    """Values of scattered neurons are read block by block."""
    from distsim.io import checkpoint_file

    monkeypatch.setattr(checkpoint_file, "BLOCK_BYTES", 100)
    values = np.random.default_rng(3).normal(size=5000).astype(np.float32)
    with write_checkpoint(tmp_path / "t_1.h5", 1) as file:
        file.blocks("state/a/V_m", 5000, np.float32, ((i, values[i : i + 700]) for i in range(0, 5000, 700)))
    places = np.unique(np.random.default_rng(4).integers(0, 5000, 900))
    with CheckpointReader(tmp_path / "t_1.h5") as file:
        assert np.array_equal(file.places("state/a/V_m", places), values[places])
        assert np.array_equal(file.places("state/a/V_m", np.arange(5000)), values)
