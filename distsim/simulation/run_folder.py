"""The run folder: made once, held by one run at a time, taken up again where a run ended early."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from distsim.communication import Communicator, on_first_rank
from distsim.errors import InputError
from distsim.io import checkpoint_file
from distsim.io.append_log import Logged, lock, open_own, shorten
from distsim.io.folder_names import (
    CONFIG,
    CONFIG_DIGEST,
    LOCK,
    LOG,
    PARTS,
    PROGRESS,
    SUMMARY,
    check_config,
    check_own,
    clear,
    left_by_a_start,
    logs,
    session_of,
    told_of,
)
from distsim.io.reports import Report
from distsim.io.whole_files import ANYTHING, found_there, remove_file, remove_store, whole
from distsim.network.config import Config


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
    kept : list of Logged
        The logs of earlier sessions that go on, as the checkpoint knows them.
    resumed_from : Path or None
        That checkpoint.
    """

    def __init__(self, path: Path, ranks: Communicator):
        self.path, self.ranks, self.session = path, ranks, 0
        self.kept: list[Logged] = []
        self.resumed_from: Path | None = None
        self._lock: IO[bytes] | None = None

    def create(self, config: Config) -> None:
        """Make the folder, with the config in it. Collective.

        Raises
        ------
        InputError
            On all ranks, where it exists or cannot be made.
        """

        def make() -> None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.path.mkdir()
            except FileExistsError:
                # What `distsim submit` put there belongs to the run; what a start left does too, that ended early.
                found = {p.name for p in self.path.iterdir()} if self.path.is_dir() else set()
                if not found or found - {"job"} - left_by_a_start(self.path):
                    problem = "expected a new folder for the output, this one exists (choose another with --output, "
                    raise InputError(str(self.path), f"{problem}or go on with --resume)") from None
                check_own(self.path)
            self._take()
            for name in left_by_a_start(self.path) - {LOCK, CONFIG, CONFIG_DIGEST}:
                remove_file(self.path / name)
            self._write_config(config)

        self._first_rank_holding(make, "cannot be made for the output")

    def reopen(self, reports: list[Report], dt: float, last_ms: float | None) -> Found:
        """Take the folder of a run that ended early: find its newest checkpoint, cut all logs there. Collective.

        `last_ms` is where the run shall end now, None where that is not known yet.

        Raises
        ------
        InputError
            On all ranks, where another run is in it, it is no run folder, or cannot be written; and where a log does
            not begin with what the checkpoint knows of it. Nothing is changed then.
        """

        def take() -> tuple[Found, list[Logged]]:
            check_own(self.path)
            check_config(self.path)
            self._take()
            return self._find(dt, last_ms)

        found, known = self._first_rank_holding(take, "cannot be written")
        if problems := self._problems(known):
            self.let_go()
            raise _first(problems)
        self._first_rank_holding(lambda: self._cut(known, reports), "cannot be written")
        self.session, self.kept, self.resumed_from = found.session, known, found.checkpoint
        return found

    def _first_rank_holding(self, action: Callable[[], Any], otherwise: str) -> Any:
        """Return what rank 0's action gives; an InputError where it cannot be, and the folder is let go. Collective."""

        def told() -> Any:
            try:
                return action()
            except BlockingIOError:
                problem = f"expected a folder that no run is in, {self._holder()} is"
                raise InputError(str(self.path), problem) from None
            except OSError as error:
                raise InputError(str(self.path), f"{otherwise}: {error.strerror or error}") from None

        try:
            return on_first_rank(self.ranks, told)
        except InputError:
            self.let_go()
            raise

    def _take(self) -> None:
        """Hold the folder as long as this process lives, with a word about who does."""
        # An object and no number: where the simulation is given up, it is closed with the simulation.
        self._lock = os.fdopen(open_own(self.path / LOCK, os.O_RDWR | os.O_CREAT), "rb+", buffering=0)
        lock(self._lock.fileno())
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())

    def let_go(self) -> None:
        """Let the folder go; another run may take it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _holder(self) -> str:
        return (self.path / LOCK).read_text(encoding="utf-8", errors="replace").strip() or "another process"

    def _find(self, dt: float, last_ms: float | None) -> tuple[Found, list[Logged]]:
        """Return the newest whole checkpoint, and the logs as it knows them."""
        best, problems = checkpoint_file.newest(self.checkpoints)
        step = best.step if best else 0
        if last_ms is not None and step * dt > last_ms + dt / 2:
            problem = f"expected at least the {step * dt:g} ms that are simulated"
            raise InputError("simulation.duration", f"{problem}, got {last_ms:g} ms with the transient")
        known: list[Logged] = []
        if best is not None:
            with checkpoint_file.CheckpointReader(best.path) as file:
                known = file.logs()
        names = [*(log.name for log in known), *(path.name for path in logs(self.path))]
        session = max((session_of(name) + 1 for name in names), default=0)
        return Found(best.path if best else None, step, session, tuple(problems)), known

    def _problems(self, known: list[Logged], exactly: bool = False) -> list[InputError]:
        """Return on all ranks which logs are not what is known of them; each rank reads some. Collective."""
        found = []
        for log in known[self.ranks.rank :: self.ranks.n_ranks]:
            try:
                if problem := log.problem(self.path, exactly):
                    found.append(InputError(str(self.path / log.name), problem))
            except InputError as error:
                found.append(error)
            except OSError as error:
                found.append(InputError(str(self.path / log.name), f"cannot be read: {error.strerror or error}"))
        return [error for errors in self.ranks.allgather(found) for error in errors]

    def check_recorded(self, recorded: list[Logged]) -> None:
        """Raise OSError on all ranks where a log is not to the byte what was recorded into it. Collective."""
        if problems := self._problems(recorded, exactly=True):
            raise OSError(str(_first(problems)))

    def _cut(self, known: list[Logged], reports: list[Report]) -> None:
        """Remove what the newest checkpoint does not know yet; may itself be interrupted anywhere."""
        lengths = {log.name: log.n_bytes for log in known}
        for path in logs(self.path):
            shorten(path, lengths.get(path.name, 0))
        for name in ("spikes.h5", "states.h5", *(f"states_{report.name}.h5" for report in reports)):
            remove_file(self.path / name)
        for name in ("spikes.zarr", "states.zarr"):
            remove_store(self.path / name)
        for path in self.path.glob(".*.part"):
            if PARTS.fullmatch(path.name):
                (remove_store if found_there(path) == "a folder" else remove_file)(path)
        checkpoint_file.remove_parts(self.checkpoints)

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def prune(self, written: Path, keep: int) -> None:
        """Remove all checkpoints but the newest before one that was just written. Collective."""
        on_first_rank(self.ranks, lambda: checkpoint_file.prune(written, keep))

    def spike_log(self) -> Path:
        """Return the name of this rank's log of spikes in this session."""
        return self.path / f"spikes.{self.session}.{self.ranks.rank}.log"

    def state_log(self, report: Report) -> Path:
        """Return the name of this rank's log of a report in this session."""
        return self.path / f"states.{report.name}.{self.session}.{self.ranks.rank}.log"

    def spike_logs(self, recorded: list[Logged]) -> list[Path]:
        """Return the logs of spikes among those that were recorded."""
        return [self.path / log.name for log in recorded if log.name.startswith("spikes.")]

    def state_logs(self, recorded: list[Logged], report: Report) -> list[Path]:
        """Return the logs of a report among those that were recorded."""
        matches = [(LOG.fullmatch(log.name), log) for log in recorded]
        return [self.path / log.name for match, log in matches if match and match["report"] == report.name]

    def write_config(self, config: Config) -> None:
        """Write config.yaml anew. Collective."""
        on_first_rank(self.ranks, lambda: self._write_config(config))

    def _write_config(self, config: Config) -> None:
        """Write the config, after a digest of it: a config that was changed by others is not gone on with."""
        text = config.to_yaml()
        with told_of(self.path, text), whole(self.path / CONFIG, ANYTHING) as part:
            part.write_text(text, encoding="utf-8")

    def write_progress(self, told: dict[str, float]) -> None:
        """Write progress.json on rank 0, for those who watch from elsewhere."""
        if self.ranks.rank == 0:
            with whole(self.path / PROGRESS, ANYTHING, lasting=False) as part:
                part.write_text(json.dumps(told) + "\n", encoding="utf-8")

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write summary.json: from now on the run is complete. Collective."""

        def write() -> None:
            with whole(self.path / SUMMARY) as part:
                part.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")

        on_first_rank(self.ranks, write)

    def close(self) -> None:
        """Remove what a run that is complete needs no more, and let the folder go. Collective."""

        on_first_rank(self.ranks, lambda: clear(self.path))
        self.let_go()


def _first(problems: list[InputError]) -> InputError:
    """Return one error for logs that are not what was recorded."""
    more = f" (and so {len(problems) - 1} more)" if len(problems) > 1 else ""
    return InputError(problems[0].place, f"{problems[0].problem}{more}; nothing is joined")
