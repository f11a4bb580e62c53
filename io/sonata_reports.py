"""State reports in SONATA's HDF5 format, as libsonata reads them; uncompressed for the same reason as the spikes.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md, frame-oriented node reports.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from distsim.io.reports import Frames
from distsim.io.sonata_spikes import MAGIC, VERSION
from distsim.io.whole_files import HDF5, whole

CHUNK_BYTES = 1 << 20


def write_report(frames: Frames, path: Path) -> None:
    """Write all frames of a report into one file; memory is bounded, whatever the length of the run.

    Raises
    ------
    OSError
        Where the disk is full; nothing is left under the final name.
    """
    report = frames.report
    with whole(path, HDF5) as part, h5py.File(part, "w") as file:
        file.attrs["magic"] = np.uint32(MAGIC)
        file.attrs["version"] = np.array(VERSION, dtype=np.uint32)
        datasets = [(_population(file, frames, o.population, o.node_ids), o.places) for o in report.outputs()]
        for first, block in frames.blocks():
            for dataset, places in datasets:
                dataset[first : first + block.shape[0]] = block[:, places]


def _population(file: h5py.File, frames: Frames, population: str, node_ids: np.ndarray) -> h5py.Dataset:
    """Create a population's group; return its data."""
    report, n = frames.report, node_ids.shape[0]
    group = file.create_group(f"report/{population}")
    mapping = group.create_group("mapping")
    mapping.create_dataset("node_ids", data=node_ids.astype(np.uint64)).attrs["sorted"] = np.uint8(1)
    mapping.create_dataset("index_pointers", data=np.arange(n + 1, dtype=np.uint64))
    mapping.create_dataset("element_ids", data=np.zeros(n, np.uint32))
    every = report.every_ms
    begin = float(frames.times(0, 1)[0])
    stop = round(begin + frames.n_frames * every, 9)
    mapping.create_dataset("time", data=np.array([begin, stop, every])).attrs["units"] = "ms"
    chunks = (max(1, min(frames.n_frames, CHUNK_BYTES // (4 * n))), min(n, CHUNK_BYTES // 4))
    data = group.create_dataset("data", (frames.n_frames, n), "f4", chunks=chunks if frames.n_frames else None)
    data.attrs["units"] = report.unit
    data.attrs["variable"] = report.variable
    data.attrs["report"] = report.name
    if report.kind != "plain":
        data.attrs["reduced"] = report.kind
    return data
