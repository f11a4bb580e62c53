"""Spikes in SONATA's HDF5 format, ordered by time, as libsonata reads them.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md, spike files.
Uncompressed: the wheel of libsonata has no deflate filter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from distsim.io.spike_log import RECORD, let_go, place_of, read_log
from distsim.io.whole_files import HDF5, whole

# Spikes that are sorted at a time.
WINDOW = 4_000_000
SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
MAGIC = 0x0A7A
VERSION = (0, 1)


@dataclass(frozen=True)
class NodeRange:
    """A population as a file of spikes knows it.

    Attributes
    ----------
    name : str
        Of the population of nodes; several ranges may share one.
    first_gid, size : int
    ids : np.ndarray or None
        int64 [size], its node ids; None for 0, 1, 2, ...
    """

    name: str
    first_gid: int
    size: int
    ids: np.ndarray | None = None

    def nodes(self, gids: np.ndarray) -> np.ndarray:
        """Return gids as node ids."""
        return gids - self.first_gid if self.ids is None else self.ids[gids - self.first_gid]


def timestamps(steps: np.ndarray, dt: float) -> np.ndarray:
    """Return steps as times (float64 ms), the nearest number to the decimal that a user expects."""
    return np.round(steps.astype(np.float64) * dt, 9)


def hash_update(digest, steps: np.ndarray, gids: np.ndarray) -> None:
    """Add spikes in order of (step, gid) to a hash: uint64 gid, int64 step, little endian."""
    pairs = np.empty((steps.shape[0], 2), dtype="<i8")
    pairs[:, 0], pairs[:, 1] = gids, steps
    digest.update(pairs.data)


def spike_hash(steps: np.ndarray, gids: np.ndarray) -> str:
    """Return the sha256 of spikes given in any order."""
    digest = hashlib.sha256()
    order = np.lexsort((gids, steps))
    hash_update(digest, np.asarray(steps)[order], np.asarray(gids)[order])
    return digest.hexdigest()


def sorted_keys(parts: list[np.ndarray]) -> np.ndarray:
    """Return the records of several logs, sorted, as uint64: the step in the high half, the gid in the low one."""
    keys = [(part["step"].astype(np.uint64) << np.uint64(32)) | part["gid"].astype(np.uint64) for part in parts]
    return np.sort(np.concatenate([np.empty(0, np.uint64), *keys]))


def sorted_windows(logs: list[np.ndarray], window: int = WINDOW) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (steps, gids), both int64, of all logs in order of (step, gid), about `window` at a time."""
    starts = [0] * len(logs)
    share = max(window // max(len(logs), 1), 1)
    while any(start < len(log) for start, log in zip(starts, logs, strict=True)):
        # The log that comes least far with its share decides where the window ends.
        last = min(
            int(log["step"][min(start + share, len(log)) - 1])
            for start, log in zip(starts, logs, strict=True)
            if start < len(log)
        )
        parts = []
        for i, log in enumerate(logs):
            # A step may have more spikes than the share: the window then takes it whole.
            stop = place_of(log, last + 1, starts[i])
            parts.append(log[starts[i] : stop])
            starts[i] = stop
        key = sorted_keys(parts)
        let_go(*logs)
        yield (key >> np.uint64(32)).astype(np.int64), (key & np.uint64(0xFFFFFFFF)).astype(np.int64)


def merge_spikes(log_paths: list[Path], out_path: Path, populations: list[NodeRange], dt: float) -> str:
    """Merge the ranks' logs into one SONATA file, whole under its final name; return the hash of the spikes.

    Parameters
    ----------
    log_paths : list of Path
    out_path : Path
    populations : list of NodeRange
        Ascending in gid.
    dt : float
        Step (ms).

    Raises
    ------
    OSError
        Where the disk is full; nothing is left under the final name, the logs stay.
    """
    digest = hashlib.sha256()
    logs = [read_log(path) for path in log_paths]
    edges = np.array([p.first_gid for p in populations] + [2**62])
    with whole(out_path, HDF5) as part, h5py.File(part, "w") as file:
        file.attrs["magic"] = np.uint32(MAGIC)
        file.attrs["version"] = np.array(VERSION, dtype=np.uint32)
        sizes = _n_spikes(logs, populations, edges)
        groups = {name: _population(file, name, n) for name, n in sizes.items()}
        written = dict.fromkeys(groups, 0)
        for steps, gids in sorted_windows(logs):
            hash_update(digest, steps, gids)
            owner = np.searchsorted(edges, gids, side="right") - 1
            for name, group in groups.items():
                parts = [i for i, p in enumerate(populations) if p.name == name]
                mine = np.isin(owner, parts) if len(parts) > 1 else owner == parts[0]
                nodes = np.empty(gids.shape[0], np.uint64)
                for i in parts:
                    nodes[owner == i] = populations[i].nodes(gids[owner == i])
                first = written[name]
                written[name] += int(mine.sum())
                group["timestamps"][first : written[name]] = timestamps(steps[mine], dt)
                group["node_ids"][first : written[name]] = nodes[mine]
    return digest.hexdigest()


def _n_spikes(logs: list[np.ndarray], populations: list[NodeRange], edges: np.ndarray) -> dict[str, int]:
    """Return how many spikes each population of nodes has: datasets of known size lie in one piece."""
    counts = np.zeros(len(populations), np.int64)
    for log in logs:
        for first in range(0, len(log), WINDOW):
            owner = np.searchsorted(edges, log["gid"][first : first + WINDOW], side="right") - 1
            counts += np.bincount(owner, minlength=len(populations))
            let_go(log)
    names = dict.fromkeys(p.name for p in populations)
    return {name: int(sum(counts[i] for i, p in enumerate(populations) if p.name == name)) for name in names}


def _population(file: h5py.File, name: str, n: int) -> h5py.Group:
    """Create a population's group with datasets for n spikes."""
    group = file.create_group(f"spikes/{name}")
    group.attrs.create("sorting", 2, dtype=SORTING)
    group.create_dataset("timestamps", (n,), "f8").attrs["units"] = "ms"
    group.create_dataset("node_ids", (n,), "u8")
    return group


def write_spikes(path: Path, population: str, times: np.ndarray, node_ids: np.ndarray) -> None:
    """Write a spike file of one population: times (ms) and node ids, in any order."""
    order = np.lexsort((node_ids, times))
    with whole(path) as part, h5py.File(part, "w") as file:
        file.attrs["magic"] = np.uint32(MAGIC)
        file.attrs["version"] = np.array(VERSION, dtype=np.uint32)
        group = _population(file, population, len(times))
        group["timestamps"][:] = np.asarray(times, np.float64)[order]
        group["node_ids"][:] = np.asarray(node_ids, np.uint64)[order]


def read_spikes(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (timestamps in ms, node ids) of every population of a SONATA spike file."""
    with h5py.File(path, "r") as file:
        return {
            name: (group["timestamps"][:], group["node_ids"][:].astype(np.int64))
            for name, group in file["spikes"].items()
        }


__all__ = ["RECORD", "NodeRange", "merge_spikes", "read_spikes", "spike_hash", "timestamps"]
