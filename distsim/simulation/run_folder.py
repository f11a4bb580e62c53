"""The run folder: made once, held by one run at a time, taken up again where a run ended early."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.communication import Communicator, on_first_rank
from distsim.errors import InputError
from distsim.io import checkpoint_file
from distsim.io.append_log import lock
from distsim.io.reports import Report, cut_state_log
from distsim.io.spike_log import cut_spike_log
from distsim.io.whole_files import remove, whole
from distsim.network.config import Config, dump_yaml

LOCK = ".lock"


@dataclass(frozen=True)
class Found:
    """What is in a folder that a run goes on in.

    Attributes
    ----------
    checkpoint : Path or None
        The newest whole one.
    step : int
        Of the checkpoint, 0 without one.
    session : int
        Number of the session that begins: how often the run was taken up.
    problems : tuple of str
        About checkpoints that are not whole.
    """

    checkpoint: Path | None
    step: int
    session: int
    problems: tuple[str, ...]


def simulated_config(config: Config, step: int, n_transient: int) -> Config:
    """Return the config with the duration and the transient that were simulated: itself where it says so."""
    settings, dt = config.simulation, config.simulation.dt
    transient = min(step, n_transient)
    duration = round((step - transient) * dt, 9)
    if duration == settings.duration and transient == n_transient:
        return config
    settings = settings.model_copy(update={"duration": duration, "transient": round(transient * dt, 9)})
    return config.model_copy(update={"simulation": settings})


class RunFolder:
    """The folder of one run. Collective.

    Parameters
    ----------
    path : Path
    ranks : Communicator

    Attributes
    ----------
    session : int
        0, then how often the run was taken up; names this session's logs.
    """

    def __init__(self, path: Path, ranks: Communicator):
        self.path, self.ranks, self.session = path, ranks, 0
        self._lock = -1

    def create(self, config: Config) -> None:
        """Make the folder, with the config in it. Collective.

        Raises
        ------
        InputError
            On all ranks, where it exists or cannot be made.
        """

        def make() -> None:
            # What `distsim submit` put there belongs to the run; what a start that died left does too.
            found = {p.name for p in self.path.iterdir()} if self.path.is_dir() else set()
            if self.path.exists() and (not found or found - {"job", LOCK, ".config.yaml.part"}):
                problem = "expected a new folder for the output, this one exists (choose another with --output, "
                raise InputError(str(self.path), f"{problem}or go on with --resume)")
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                self._take()
                with whole(self.path / "config.yaml") as part:
                    dump_yaml(config, part)
            except BlockingIOError:
                problem = f"expected a folder that no run is in, {self._holder()} is"
                raise InputError(str(self.path), problem) from None
            except OSError as error:
                raise InputError(str(self.path), f"cannot be made for the output: {error.strerror}") from None

        on_first_rank(self.ranks, make)

    def reopen(self, reports: list[Report], dt: float, last_ms: float | None) -> Found:
        """Take the folder of a run that ended early: find its newest checkpoint, cut all logs there. Collective.

        `last_ms` is where the run shall end now, None where that is not known yet.

        Raises
        ------
        InputError
            On all ranks, where another run is in it, it is no run folder, or cannot be written.
        """

        def take() -> Found:
            try:
                self._take()
                return self._cut(reports, dt, last_ms)
            except BlockingIOError:
                problem = f"expected a folder that no run is in, {self._holder()} is"
                raise InputError(str(self.path), problem) from None
            except OSError as error:
                raise InputError(str(self.path), f"cannot be written: {error.strerror or error}") from None

        found = on_first_rank(self.ranks, take)
        self.session = found.session
        return found

    def _take(self) -> None:
        """Hold the folder as long as this process lives, with a word about who does."""
        self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        lock(self._lock)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def _holder(self) -> str:
        return (self.path / LOCK).read_text(encoding="utf-8").strip() or "another process"

    def _cut(self, reports: list[Report], dt: float, last_ms: float | None) -> Found:
        """Remove what the newest checkpoint does not know yet; may itself be interrupted anywhere."""
        best, problems = checkpoint_file.newest(self.checkpoints)
        step = best.step if best else 0
        if last_ms is not None and step * dt > last_ms + dt / 2:
            problem = f"expected at least the {step * dt:g} ms that are simulated"
            raise InputError("simulation.duration", f"{problem}, got {last_ms:g} ms with the transient")
        session = 0
        for path in self.path.glob("spikes.*.log"):
            cut_spike_log(path, step)
            session = max(session, _session(path) + 1)
        for report in reports:
            for path in self.state_logs(report):
                cut_state_log(path, step // report.every_steps)
                session = max(session, _session(path) + 1)
        for pattern in ("spikes.h5", "states*.h5", "*.zarr", ".*.part"):
            for path in self.path.glob(pattern):
                remove(path)
        for path in self.checkpoints.glob(".*.part"):
            remove(path)
        return Found(best.path if best else None, step, session, tuple(problems))

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def spike_log(self) -> Path:
        """Return the name of this rank's log of spikes in this session."""
        return self.path / f"spikes.{self.session}.{self.ranks.rank}.log"

    def state_log(self, report: Report) -> Path:
        """Return the name of this rank's log of a report in this session."""
        return self.path / f"states.{report.name}.{self.session}.{self.ranks.rank}.log"

    def spike_logs(self) -> list[Path]:
        """Return all ranks' and sessions' logs of spikes."""
        return sorted(self.path.glob("spikes.*.log"))

    def state_logs(self, report: Report) -> list[Path]:
        """Return all ranks' and sessions' logs of a report."""
        return sorted(self.path.glob(f"states.{report.name}.[0-9]*.[0-9]*.log"))

    def is_earlier(self, log: Path) -> bool:
        """Whether a log is of a session before this one."""
        return _session(log) < self.session

    def write_config(self, config: Config) -> None:
        """Write config.yaml anew on rank 0."""
        if self.ranks.rank == 0:
            with whole(self.path / "config.yaml") as part:
                dump_yaml(config, part)

    def write_progress(self, told: dict[str, float]) -> None:
        """Write progress.json on rank 0, for those who watch from elsewhere."""
        if self.ranks.rank == 0:
            part = self.path / ".progress.json.part"
            part.write_text(json.dumps(told) + "\n", encoding="utf-8")
            part.replace(self.path / "progress.json")

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json on rank 0: from now on the run is complete."""
        if self.ranks.rank == 0:
            with whole(self.path / "summary.json") as part:
                part.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")

    def close(self, reports: list[Report]) -> None:
        """Remove the logs of a run that is complete, and let the folder go."""
        if self.ranks.rank == 0:
            for path in [*self.spike_logs(), *(p for r in reports for p in self.state_logs(r))]:
                path.unlink()
            for name in (LOCK, "progress.json"):
                (self.path / name).unlink(missing_ok=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _session(log: Path) -> int:
    """Return the session that wrote a log."""
    return int(log.name.split(".")[-3])
