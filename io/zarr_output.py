"""Spikes and states in Zarr v3: sharded, compressed with zstd, every shard written by one rank without a lock.

``spikes.zarr`` holds ``step`` and ``gid`` in order of (step, gid), one array each for all populations;
``states.zarr`` a group per report with ``<variable>`` [time, neuron] and its coordinates, as xarray opens it.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from distsim.io.reports import Frames
from distsim.io.sonata_spikes import hash_update, sorted_keys
from distsim.io.spike_log import let_go, place_of, read_log

FORMAT = "distsim zarr 1"
# Spikes of a chunk and of a shard; bytes of a chunk and of a shard of states.
SPIKE_CHUNK, SPIKE_SHARD = 1 << 18, 1 << 22
STATE_CHUNK, STATE_SHARD = 1 << 20, 1 << 25
ATTRIBUTES = {"format": FORMAT, "source": "distsim"}


def compressor() -> BloscCodec:
    """Return zstd over shuffled bits: neighbouring numbers differ in few of them."""
    return BloscCodec(cname="zstd", clevel=7, shuffle="bitshuffle")


class ZarrSpikes:
    """Spikes being written: made on one rank, filled by all, each its own shards.

    Parameters
    ----------
    path : Path
        Folder to write to.
    log_paths : list of Path
        Logs of all ranks and sessions.
    """

    def __init__(self, path: Path, log_paths: list[Path]):
        self.path = path
        self._logs = [read_log(p) for p in log_paths]
        self.n_spikes = sum(len(log) for log in self._logs)

    def create(self, populations: dict[str, tuple[int, int]], dt: float) -> None:
        """Make the empty arrays; on one rank."""
        table = {name: {"first_gid": first, "size": size} for name, (first, size) in populations.items()}
        root = zarr.create_group(self.path, attributes={**ATTRIBUTES, "dt_ms": dt, "populations": table})
        shard = min(SPIKE_SHARD, -(-max(self.n_spikes, 1) // SPIKE_CHUNK) * SPIKE_CHUNK)
        for name, text in (("step", "step, time / dt"), ("gid", "neuron, counted through all populations")):
            root.create_array(
                name, shape=(self.n_spikes,), dtype="uint32", chunks=(SPIKE_CHUNK,), shards=(shard,),
                compressors=compressor(), dimension_names=("spike",), attributes={"long_name": text},
            )  # fmt: skip

    def fill(self, rank: int, n_ranks: int) -> None:
        """Write this rank's shards: number rank, rank + n_ranks, ..."""
        root = zarr.open_group(self.path, mode="r+")
        steps, gids = root["step"], root["gid"]
        size = steps.shards[0]  # type: ignore[union-attr,index]
        for first in range(rank * size, self.n_spikes, n_ranks * size):
            last = min(first + size, self.n_spikes)
            keys = self._between(first, last)
            steps[first:last] = (keys >> np.uint64(32)).astype(np.uint32)  # type: ignore[index]
            gids[first:last] = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)  # type: ignore[index]

    def _before(self, step: int) -> int:
        """Return how many spikes all logs have before a step."""
        return sum(place_of(log, step) for log in self._logs)

    def _step_of(self, place: int) -> int:
        """Return the step of the spike at a place of the sorted spikes."""
        low, high = 0, max((int(log["step"][-1]) for log in self._logs if len(log)), default=0)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._before(middle) <= place else (low, middle - 1)
        return low

    def _between(self, first: int, last: int) -> np.ndarray:
        """Return places first to last of the spikes sorted by (step, gid), as uint64 step << 32 | gid."""
        begin, end = self._step_of(first), self._step_of(last - 1) + 1
        parts = [log[place_of(log, begin) : place_of(log, end)] for log in self._logs]
        skipped = first - self._before(begin)
        keys = sorted_keys(parts)[skipped : skipped + last - first]
        let_go(*self._logs)
        return keys


class ZarrStates:
    """A report being written as a group of ``states.zarr``: made on one rank, filled by all, each its own shards."""

    def __init__(self, path: Path, frames: Frames):
        self.path, self.frames = path, frames
        self.outputs = frames.report.outputs()

    def create(self) -> None:
        """Make the empty arrays and write the coordinates; on one rank."""
        report, frames = self.frames.report, self.frames
        group = zarr.open_group(self.path, mode="a").create_group(report.name, attributes=self._attributes())
        sizes = [o.node_ids.shape[0] for o in self.outputs]
        n, names = sum(sizes), np.repeat(np.arange(len(sizes)), sizes)
        coordinates: tuple[tuple[str, np.ndarray, tuple[str], dict[str, Any]], ...] = (
            ("time", frames.times(), ("time",), {"long_name": "biological time (ms)"}),
            ("node_id", np.concatenate([o.node_ids for o in self.outputs]), ("neuron",), {}),
            ("population", names.astype(np.int32), ("neuron",), {"names": [o.population for o in self.outputs]}),
        )
        for name, values, dimensions, attributes in coordinates:
            array = group.create_array(
                name, shape=values.shape, dtype=values.dtype, chunks=(max(1, min(len(values), STATE_CHUNK // 8)),),
                compressors=compressor(), dimension_names=dimensions, attributes=attributes,
            )  # fmt: skip
            array[:] = values
        # A chunk is a cut in time through all neurons, or through some where there are very many.
        across = min(n, STATE_CHUNK // 4)
        along = max(1, STATE_CHUNK // 4 // across)
        n_along = max(1, min(STATE_SHARD // STATE_CHUNK, -(-max(frames.n_frames, 1) // along)))
        group.create_array(
            report.variable, shape=(frames.n_frames, n), dtype="float32", chunks=(along, across),
            shards=(along * n_along, -(-n // across) * across), compressors=compressor(),
            dimension_names=("time", "neuron"),
            attributes={"unit": report.unit, "coordinates": "node_id population"},
        )  # fmt: skip

    def _attributes(self) -> dict[str, Any]:
        report = self.frames.report
        return {**ATTRIBUTES, "unit": report.unit, "reduced": report.kind, "every_ms": report.every_ms}

    def fill(self, rank: int, n_ranks: int) -> None:
        """Write this rank's shards: number rank, rank + n_ranks, ..."""
        array: Any = zarr.open_group(self.path, mode="r+")[f"{self.frames.report.name}/{self.frames.report.variable}"]
        n_frames, size = self.frames.n_frames, array.shards[0]
        places = np.concatenate([o.places for o in self.outputs])
        for first in range(rank * size, n_frames, n_ranks * size):
            last = min(first + size, n_frames)
            array[first:last] = self.frames.read(first, last)[:, places]


def finish(path: Path, **attributes: Any) -> None:
    """Write attributes that are known at the end, and all metadata into one place; on one rank."""
    zarr.open_group(path, mode="r+").attrs.update(attributes)
    with warnings.catch_warnings():
        # zarr's own way of keeping all metadata in one place; readers that do not know it read the parts.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        zarr.consolidate_metadata(str(path))


def sorted_spikes(path: Path, start: int | None = None, stop: int | None = None) -> Iterator[Any]:
    """Yield (steps, gids) of a spike array chunk by chunk, of steps start to stop (exclusive)."""
    root: Any = zarr.open_group(path, mode="r")
    step, gid = root["step"], root["gid"]
    for first in range(0, step.shape[0], SPIKE_SHARD):
        steps = step[first : first + SPIKE_SHARD].astype(np.int64)
        if (stop is not None and steps[0] >= stop) or (start is not None and steps[-1] < start):
            continue
        lo, hi = np.searchsorted(steps, [start if start is not None else 0, stop if stop is not None else 2**62])
        yield steps[lo:hi], gid[first + lo : first + hi].astype(np.int64)


def hash_spikes(path: Path) -> str:
    """Return the sha256 over the (gid, step) pairs of a spike array."""
    digest = hashlib.sha256()
    for steps, gids in sorted_spikes(path):
        hash_update(digest, steps, gids)
    return digest.hexdigest()
