"""Recording: spikes to a log per rank while the run goes, to one SONATA file when it ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from distsim.communication import Communicator
from distsim.errors import InputError
from distsim.io import SpikeLog, merge_spikes
from distsim.network import Network
from distsim.network.config import Config, dump_yaml


class Recording:
    """The run folder and what is recorded into it, or spikes kept in memory where there is no folder.

    Raises
    ------
    InputError
        Where the folder exists or cannot be made, on all ranks.
    """

    def __init__(self, config: Config, network: Network, ranks: Communicator):
        self.network, self.ranks, self.dt = network, ranks, config.simulation.dt
        self.folder = Path(config.output.path) if config.output.path else None
        self.spike_hash: str | None = None
        self.wall_seconds = 0.0
        self._kept: list[np.ndarray] = []
        self._log: SpikeLog | None = None
        if self.folder is not None:
            problem = ranks.bcast(self._make_folder(config) if ranks.rank == 0 else None)
            if problem:
                raise InputError(*problem)
            if network.recorders:
                failed = None
                try:
                    self._log = SpikeLog(self._path(ranks.rank))
                except OSError as error:
                    failed = (str(self.folder), f"rank {ranks.rank} cannot write here: {error.strerror}")
                failures = [f for f in ranks.allgather(failed) if f]
                if failures:
                    raise InputError(*failures[0])

    def _make_folder(self, config: Config) -> tuple[str, str] | None:
        """Make the run folder with the config in it; return what went wrong."""
        folder = self.folder
        assert folder is not None
        if folder.exists():
            return str(folder), "expected a new folder for the output, this one exists (choose another with --output)"
        try:
            folder.mkdir(parents=True)
            dump_yaml(config, folder / "config.yaml")
        except OSError as error:
            return str(folder), f"cannot be made for the output: {error.strerror}"
        return None

    def _path(self, rank: int) -> Path:
        assert self.folder is not None
        return self.folder / f"spikes.{rank}.log"

    def choose(self, engine: Any) -> None:
        """Mark the neurons of this rank that are recorded."""
        for recorder in self.network.recorders:
            for part in recorder.source.slices:
                first = self.network.populations[part.name].first_gid
                lo, hi = np.searchsorted(engine.local.gids, [first + part.start, first + part.stop])
                engine.neurons.recorded[lo:hi] = 1

    def append(self, records: np.ndarray) -> None:
        """Add recorded spikes, uint32 [n, 2] of (gid, step); they reach the disk's cache at once."""
        if self._log is not None:
            self._log.append(records)
        elif self.folder is None and self.network.recorders:
            self._kept.append(records.copy())

    def in_memory(self, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Return (times in ms, gids) kept in memory, by time."""
        from distsim.io.sonata_spikes import timestamps

        records = np.concatenate(self._kept) if self._kept else np.empty((0, 2), np.uint32)
        order = np.lexsort((records[:, 0], records[:, 1]))
        return timestamps(records[order, 1], dt), records[order, 0].astype(np.int64)

    def close(self) -> None:
        """Merge the ranks' spikes: into spikes.h5, or for the hash alone. Collective."""
        if not self.network.recorders:
            return
        if self._log is None:
            self._hash_in_memory()
            return
        self._log.close()
        self.ranks.barrier()
        problem = None
        if self.ranks.rank == 0:
            assert self.folder is not None
            logs = [self._path(rank) for rank in range(self.ranks.n_ranks)]
            populations = [(name, p.first_gid, p.size) for name, p in self.network.populations.items()]
            try:
                self.spike_hash = merge_spikes(logs, self.folder / "spikes.h5", populations, self.dt).spike_hash
                for path in logs:
                    path.unlink()
            except OSError as error:
                problem = f"{self.folder}: spikes.h5 cannot be written, the spikes are in spikes.*.log: {error}"
        problem, self.spike_hash = self.ranks.bcast((problem, self.spike_hash))
        if problem:
            raise OSError(problem)

    def _hash_in_memory(self) -> None:
        from distsim.io import spike_hash

        mine = np.concatenate(self._kept) if self._kept else np.empty((0, 2), np.uint32)
        everyone = self.ranks.gather(mine)
        found = None
        if everyone is not None:
            records = np.concatenate(everyone).astype(np.int64)
            found = spike_hash(records[:, 1], records[:, 0])
        self.spike_hash = self.ranks.bcast(found)

    def write_config(self, config: Config) -> None:
        """Write config.yaml anew on rank 0."""
        if self.folder is not None and self.ranks.rank == 0:
            part = self.folder / ".config.yaml.part"
            dump_yaml(config, part)
            part.replace(self.folder / "config.yaml")

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json on rank 0; under its final name it is whole."""
        if self.folder is None or self.ranks.rank != 0:
            return
        part = self.folder / ".summary.json.part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(summary, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / "summary.json")
