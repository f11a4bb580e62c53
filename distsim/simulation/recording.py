"""Recording: to a log per rank while the run goes, to files for everybody when it ends; or kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from distsim.communication import Communicator
from distsim.errors import InputError
from distsim.io.append_log import Logged
from distsim.io.reports import PLAIN, Frames, LoggedFrames, StateLog
from distsim.io.sonata_spikes import NodeRange, merge_spikes, spike_hash
from distsim.io.spike_log import RECORD, SpikeLog
from distsim.network import Network
from distsim.simulation.engine import Engine
from distsim.simulation.run_folder import RunFolder


class Recording:
    """What is recorded into a run folder, or kept in memory where there is none.

    Raises
    ------
    InputError
        Where a rank cannot write into the folder, on all ranks.
    """

    def __init__(self, network: Network, engine: Engine, folder: RunFolder | None, ranks: Communicator, format: str):  # noqa: A002
        self.network, self.engine, self.folder, self.ranks, self.format = network, engine, folder, ranks, format
        self.spike_hash: str | None = None
        self._first_step = engine.step
        self.records_spikes = any(r.record == "spikes" for r in network.recorders)
        self._kept: list[np.ndarray] = []
        self._kept_frames: list[list[np.ndarray]] = [[] for _ in engine.reports]
        self._spikes: SpikeLog | None = None
        self._states: list[StateLog] = []
        self._recorded: list[Logged] = []
        self._choose()
        if folder is not None:
            self._open(folder)

    def _choose(self) -> None:
        """Mark the neurons of this rank whose spikes are recorded."""
        gids, recorded = self.engine.local.gids, self.engine.neurons.recorded
        for recorder in self.network.recorders:
            for part in recorder.source.slices if recorder.record == "spikes" else ():
                first = self.network.populations[part.name].first_gid
                lo, hi = np.searchsorted(gids, [first + part.start, first + part.stop])
                recorded[lo:hi] = 1

    def _open(self, folder: RunFolder) -> None:
        """Make this session's logs."""
        engine = self.engine

        def make() -> None:
            if self.records_spikes:
                self._spikes = SpikeLog(folder.spike_log())
            for report, columns in zip(engine.reports, engine.report_columns, strict=True):
                dtype = "<f4" if report.kind == PLAIN else "<i8"
                first = engine.step // report.every_steps
                self._states.append(StateLog(folder.state_log(report), columns, dtype, first))

        try:
            self._together(make)
        except OSError as error:
            raise InputError(str(folder.path), f"a rank cannot write here: {error.strerror or error}") from None

    def anew(self) -> Recording:
        """Return a recording that begins at the engine's step, in place of this one, which has nothing yet."""
        for log in [self._spikes, *self._states]:
            if log is not None:
                log.close()
                log.path.unlink()
        return Recording(self.network, self.engine, self.folder, self.ranks, self.format)

    def append(self, spikes: np.ndarray) -> None:
        """Add what the last `advance` gave: spikes, uint32 [n, 2] of (gid, step), and frames of states.

        It reaches the operating system at once: nothing is lost where this process is killed.
        """
        if self._spikes is not None:
            self._spikes.append(spikes)
        elif self.folder is None and self.records_spikes:
            self._kept.append(spikes.copy())
        for k in range(len(self.engine.reports)):
            frames = self.engine.frames(k)
            if self.folder is not None:
                self._states[k].append(frames)
            elif len(frames):
                self._kept_frames[k].append(frames.copy())

    @property
    def has_logs(self) -> bool:
        """Whether something is recorded into a folder."""
        return self.folder is not None and (self.records_spikes or bool(self.engine.reports))

    def logged(self, synced: bool = False) -> list[Logged]:
        """Return all ranks' and sessions' logs as they are now; `synced`: when they are on the disk. Collective.

        Raises
        ------
        OSError
            On all ranks, where one cannot be written.
        """
        mine: list[Logged] = []

        def end() -> None:
            for log in [self._spikes, *self._states]:
                if log is not None:
                    if synced:
                        log.sync()
                    mine.append(log.logged())

        self._together(end)
        earlier = [] if self.folder is None else self.folder.kept
        return [*earlier, *(log for of_rank in self.ranks.allgather(mine) for log in of_rank)]

    def kept_spikes(self) -> list[np.ndarray]:
        """Return this rank's spikes that are kept in memory: RECORD [n] each, in order of step."""
        return [spikes.view(RECORD).reshape(-1) for spikes in self._kept]

    def kept_frames(self, k: int) -> LoggedFrames:
        """Return this rank's frames of report k that are kept in memory."""
        width = int(self.engine.probes.width[k])
        mine = np.concatenate([np.empty((0, width), self.engine.frames(k).dtype), *self._kept_frames[k]])
        first = self._first_step // self.engine.reports[k].every_steps
        return LoggedFrames(first, self.engine.report_columns[k], mine)

    def close(self) -> None:
        """Put all ranks' logs together: into files, or for the hash alone. Collective.

        Raises
        ------
        OSError
            On all ranks, where the disk is full, and where a log is not what was recorded into it; the logs stay.
        """
        if self.folder is None:
            self._hash_in_memory()
            return
        self._recorded = self.logged()
        for log in [self._spikes, *self._states]:
            if log is not None:
                log.close()
        self.folder.check_recorded(self._recorded)
        try:
            (self._write_zarr if self.format == "zarr" else self._write_hdf5)(self.folder)
        except OSError as error:
            raise OSError(f"{self.folder.path}: recordings cannot be written, they are in its logs: {error}") from error
        self.spike_hash = self.ranks.bcast(self.spike_hash)

    def _node_ranges(self) -> list[NodeRange]:
        """Return the populations as the nodes that users of the files know."""
        found = []
        for name, p in self.network.populations.items():
            if p.nodes is None:
                found.append(NodeRange(name, p.first_gid, p.size))
            else:
                ids = np.concatenate([np.arange(*run) for run in p.nodes["ids"]])
                found.append(NodeRange(p.nodes["population"], p.first_gid, p.size, ids))
        return found

    def _frames(self, folder: RunFolder) -> list[Frames]:
        return [Frames.of_files(r, folder.state_logs(self._recorded, r), self.engine.step) for r in self.engine.reports]

    def _write_hdf5(self, folder: RunFolder) -> None:
        """Write SONATA files: each by one rank, in windows of time, so that memory is bounded."""
        from distsim.io.sonata_reports import write_report

        several = len(self.engine.reports) > 1

        def write() -> None:
            if self.records_spikes and self.ranks.rank == 0:
                path = folder.path / "spikes.h5"
                self.spike_hash = merge_spikes(
                    folder.spike_logs(self._recorded), path, self._node_ranges(), self.engine.dt
                )
            for k, frames in enumerate(self._frames(folder)):
                # Reports are dealt to the ranks, the first one to rank 1: rank 0 has the spikes.
                if (k + 1) % self.ranks.n_ranks == self.ranks.rank:
                    write_report(frames, folder.path / (f"states_{frames.report.name}.h5" if several else "states.h5"))

        self._together(write)

    def _write_zarr(self, folder: RunFolder) -> None:
        """Write Zarr arrays: by all ranks side by side, each its own shards."""
        from distsim.io import zarr_output
        from distsim.io.whole_files import check_target, part_name, remove_store

        spikes, states = folder.path / "spikes.zarr", folder.path / "states.zarr"
        writers: list[tuple[Path, Any]] = []
        if self.records_spikes:
            writers.append((spikes, zarr_output.ZarrSpikes(part_name(spikes), folder.spike_logs(self._recorded))))
        writers += [(states, zarr_output.ZarrStates(part_name(states), f)) for f in self._frames(folder)]

        def create() -> None:
            for path in dict.fromkeys(path for path, _ in writers):
                remove_store(part_name(path))
                part_name(path).mkdir()
            populations = {name: (p.first_gid, p.size) for name, p in self.network.populations.items()}
            for path, writer in writers:
                writer.create(*((populations, self.engine.dt) if path == spikes else ()))

        def finish() -> None:
            for path in dict.fromkeys(path for path, _ in writers):
                known = {}
                if path == spikes:
                    self.spike_hash = zarr_output.hash_spikes(part_name(path))
                    known["spike_hash"] = self.spike_hash
                zarr_output.finish(part_name(path), **known)
                check_target(path, None)
                part_name(path).replace(path)

        self._together(create if self.ranks.rank == 0 else None)
        self._together(lambda: [writer.fill(self.ranks.rank, self.ranks.n_ranks) for _, writer in writers])
        self._together(finish if self.ranks.rank == 0 else None)

    def _together(self, action: Any) -> None:
        """Do something on this rank and wait for all; an InputError or OSError of one is raised on all. Collective."""
        problem: InputError | OSError | None = None
        try:
            if action is not None:
                action()
        except (InputError, OSError) as error:
            problem = error
        problems = [p for p in self.ranks.allgather(problem) if p]
        if problems:
            raise problems[0]

    def _hash_in_memory(self) -> None:
        if not self.records_spikes:
            return
        mine = np.concatenate(self._kept) if self._kept else np.empty((0, 2), np.uint32)
        everyone = self.ranks.gather(mine)
        found = None
        if everyone is not None:
            records = np.concatenate(everyone).astype(np.int64)
            found = spike_hash(records[:, 1], records[:, 0])
        self.spike_hash = self.ranks.bcast(found)
