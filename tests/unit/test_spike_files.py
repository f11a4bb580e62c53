"""Spike logs and SONATA files: nothing lost, nothing torn, the same hash from any split over logs."""

from __future__ import annotations

import hashlib
import struct

import h5py
import libsonata
import numpy as np
import pytest

from distsim.io import SpikeLog, merge_spikes, read_log, read_spikes, spike_hash
from distsim.io.sonata_spikes import NodeRange, sorted_windows, timestamps

POPULATIONS = [NodeRange("a", 0, 100), NodeRange("silent", 100, 5), NodeRange("b", 105, 50)]


@pytest.fixture
def spikes():
    """20,000 random spikes: steps ascending, gids of a and b."""
    draw = np.random.default_rng(2)
    gids = draw.choice(np.r_[0:100, 105:155], 20_000)
    return np.sort(draw.integers(1, 3000, 20_000)), gids


def write(folder, steps, gids, n_logs):
    """Deal spikes to logs by neuron, in three appends each; return the paths."""
    paths = []
    for i in range(n_logs):
        mine = gids % n_logs == i
        records = np.stack([gids[mine], steps[mine]], axis=1).astype(np.uint32)
        log = SpikeLog(folder / f"{n_logs}.{i}.log")
        for part in np.array_split(records, 3):
            log.append(part)
        log.close()
        paths.append(log.path)
    return paths


@pytest.mark.parametrize("n_logs", [1, 2, 7])
def test_merge(tmp_path, spikes, n_logs):
    """Sorted by (step, gid), split by population, population-local ids, the hash of the definition."""
    steps, gids = spikes
    merged = merge_spikes(write(tmp_path, steps, gids, n_logs), tmp_path / "spikes.h5", POPULATIONS, 0.1)
    order = np.lexsort((gids, steps))
    text = b"".join(struct.pack("<Qq", g, s) for g, s in zip(gids[order], steps[order], strict=True))
    assert merged == hashlib.sha256(text).hexdigest() == spike_hash(steps, gids)
    found = read_spikes(tmp_path / "spikes.h5")
    for p in POPULATIONS:
        mine = (gids[order] >= p.first_gid) & (gids[order] < p.first_gid + p.size)
        assert np.array_equal(found[p.name][0], timestamps(steps[order][mine], 0.1))
        assert np.array_equal(found[p.name][1], gids[order][mine] - p.first_gid)
    assert not list(tmp_path.glob(".*"))


def test_windows_are_small_and_in_order(tmp_path, spikes):
    """Merging in windows gives what one sort gives; a crowded step is not torn."""
    steps, gids = spikes
    steps = np.sort(np.where(steps < 1500, steps, 1500))
    logs = [read_log(p) for p in write(tmp_path, steps, gids, 3)]
    windows = list(sorted_windows(logs, window=500))
    assert len(windows) > 10
    s, g = (np.concatenate(c) for c in zip(*windows, strict=True))
    order = np.lexsort((gids, steps))
    assert np.array_equal(s, steps[order]) and np.array_equal(g, gids[order])


def test_populations_of_one_circuit_share_a_group(tmp_path, spikes):
    """Two populations that are nodes of one: their spikes in one order of time, under the circuit's ids."""
    steps, gids = spikes
    ids = np.arange(0, 200, 2)
    shared = [NodeRange("v1", 0, 100, ids), NodeRange("v1", 100, 55, np.arange(1, 111, 2))]
    merge_spikes(write(tmp_path, steps, gids, 2), tmp_path / "spikes.h5", shared, 0.1)
    times, nodes = read_spikes(tmp_path / "spikes.h5")["v1"]
    assert len(times) == 20_000 and np.all(np.diff(times) >= 0)
    expected = np.where(gids < 100, 2 * gids, 2 * (gids - 100) + 1)
    assert np.array_equal(np.sort(nodes), np.sort(expected))


def test_libsonata_reads_it(tmp_path, spikes):
    """Sorting, units, magic and version as the format wants them."""
    merge_spikes(write(tmp_path, *spikes, 2), tmp_path / "spikes.h5", POPULATIONS, 0.1)
    reader = libsonata.SpikeReader(str(tmp_path / "spikes.h5"))
    assert reader.get_population_names() == ["a", "b", "silent"]
    assert len(reader["a"].get()) + len(reader["b"].get()) == 20_000 and len(reader["silent"].get()) == 0
    with h5py.File(tmp_path / "spikes.h5") as file:
        assert file.attrs["magic"] == 0x0A7A and list(file.attrs["version"]) == [0, 1]
        group = file["spikes/a"]
        assert h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype) == {"none": 0, "by_id": 1, "by_time": 2}
        assert group["timestamps"].attrs["units"] == "ms" and group["timestamps"].compression is None


def test_torn_record_is_left_out(tmp_path):
    """A record that was half written when the machine died does not spoil the others."""
    log = SpikeLog(tmp_path / "log")
    log.append(np.array([[3, 1], [4, 2]], np.uint32))
    log.close()
    with open(log.path, "ab") as file:
        file.write(b"\x01\x02\x03")
    assert read_log(log.path).tolist() == [(3, 1), (4, 2)]


def test_no_spikes(tmp_path):
    """An empty run has an empty file and the hash of nothing."""
    merged = merge_spikes(write(tmp_path, np.empty(0, int), np.empty(0, int), 2), tmp_path / "s.h5", POPULATIONS, 0.1)
    assert merged == hashlib.sha256().hexdigest()
    assert all(len(times) == 0 for times, _ in read_spikes(tmp_path / "s.h5").values())


def test_times_are_the_expected_decimals():
    """0.3, not 0.30000000000000004, up to days."""
    steps = np.array([3, 1234, 10_000_001, 4_294_967_295])
    assert [repr(float(t)) for t in timestamps(steps, 0.1)] == ["0.3", "123.4", "1000000.1", "429496729.5"]
