"""Simulation: a network, built on this rank, advanced together with all other ranks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from distsim.communication import Communicator
from distsim.communication import communicator as world
from distsim.construction.neuron_constants import check_numbers
from distsim.errors import InputError
from distsim.io.checkpoint_file import checkpoint_name
from distsim.network import Network
from distsim.network.config import Config, from_dict
from distsim.network.names import check_path
from distsim.network.plain import difference
from distsim.notices import Notices, inform, warn
from distsim.power import PowerMeter
from distsim.registry import partitioners
from distsim.simulation import checkpoint, summary
from distsim.simulation.clocks import Clocks
from distsim.simulation.engine import Engine
from distsim.simulation.memory import check_memory
from distsim.simulation.pace import CHUNK_MS
from distsim.simulation.readings import Readings
from distsim.simulation.recording import Recording
from distsim.simulation.run_folder import Found, RunFolder, simulated_config
from distsim.simulation.running import Running, last_step
from distsim.simulation.states import chunk_steps, reports
from distsim.simulation.stopping import Stopping, in_order, start

Progress = Callable[[str, float, dict[str, Any]], None]


class Simulation(Readings):
    """A network being simulated. Collective: all ranks make the same calls.

    Parameters
    ----------
    network : Network
    dt : float
        Step (ms).
    seed : int
        Seed of every random number.
    transient : float
        Time (ms) at the start that counts and rates leave out.
    partitioner : str
        How neurons are dealt to ranks; changes speed, never results.
    exchange : str
        How spikes cross ranks; changes speed, never results.
    precision : {"float32", "float64"}
        Type of the state variables.
    weights : {"auto", "exact"}
        How weights are kept: in 16 bits where that does and in 32 bits else, or every float32 weight to its last bit.
    output : str, optional
        New folder for config, recordings and summary; without one spikes are kept in memory.
    communicator : Communicator, optional
        The ranks; all that were started together where not given.
    progress : callable, optional
        ``progress(stage, fraction, details)`` is called on every rank while building and running.

    Raises
    ------
    InputError
        For anything in the network or the arguments that cannot be, on all ranks, before any work.
    """

    def __init__(
        self,
        network: Network,
        *,
        dt: float = 0.1,
        seed: int = 1,
        transient: float = 0.0,
        partitioner: str = "balanced",
        exchange: str = "auto",
        precision: str = "float32",
        weights: str = "auto",
        output: str | None = None,
        communicator: Communicator | None = None,
        progress: Progress | None = None,
        _config: Config | None = None,
        _resume: bool = False,
    ):
        # The ranks first: from then on an error on one of them ends them all.
        self.ranks = communicator or world()
        self.notices = Notices(self.ranks.rank == 0)
        if _config is None:
            settings = {"dt": dt, "seed": seed, "transient": transient, "partitioner": partitioner,
                        "exchange": exchange, "precision": precision, "weights": weights,
                        "duration": 0.0}  # fmt: skip
            with self.notices.gathering():
                _config = from_dict({"network": network, "simulation": settings, "output": {"path": output}})
        # Later changes of the network do not reach the simulation, and `run` refuses to go on as if they did.
        self._declared = _config.network
        self.config = _config.model_copy(update={"network": _config.network.frozen()})
        self._start(progress, _resume)
        self.notices.begin()

    @classmethod
    def from_config(
        cls, config: Config, *, communicator: Communicator | None = None, progress: Progress | None = None
    ) -> Simulation:
        """Return the simulation that a config describes. Collective."""
        return cls(config.network, communicator=communicator, progress=progress, _config=config)

    @classmethod
    def resume(
        cls,
        folder: str | Path,
        overrides: list[str] | tuple[str, ...] = (),
        *,
        communicator: Communicator | None = None,
        progress: Progress | None = None,
    ) -> Simulation:
        """Return the simulation of a run folder as its newest whole checkpoint has it. Collective.

        Parameters
        ----------
        folder : str or Path
            Of a run that ended early; what it recorded after the checkpoint is cut off and comes again.
        overrides : list of str
            ``a.b.c=value``: the duration, checkpoints, partitioner and exchange may change.

        Raises
        ------
        InputError
            On all ranks: for a folder that is complete, in use or of another network; a later format.
        """
        ranks = communicator or world()
        config = checkpoint.resumed_config(check_path(folder, "resume"), overrides, ranks)
        return cls(config.network, communicator=ranks, progress=progress, _config=config, _resume=True)

    @start
    def _start(self, progress: Progress | None, resume: bool) -> None:
        """Check everything, open the run folder, build the network, compile the loop."""
        self.started = time.time()
        self.progress = progress or (lambda stage, fraction, details: None)
        settings = self.config.simulation
        self.network = self.config.network.resolved()
        self.network.warn_of_rounding(settings.dt)
        check_memory(self.network, settings, self.ranks)
        check_numbers(self.network, settings.dt, np.dtype(settings.precision))
        output = self.config.output
        self.folder = RunFolder(Path(output.path), self.ranks) if output.path else None
        of_states = reports(self.network, settings.dt)
        found = None
        if self.folder is not None and resume:
            total = settings.transient + settings.duration if settings.duration else None
            found = self.folder.reopen(of_states, settings.dt, total)
            self.folder.write_config(self.config)
        elif self.folder is not None:
            self.folder.create(self.config)
        self.stopping = Stopping(self.config.checkpoint, settings.dt, self.ranks)
        if self.folder is not None:
            self.stopping.watch()
        partition = partitioners.get(settings.partitioner).partition(self.network, self.ranks.n_ranks)

        begin = time.perf_counter()
        self.largest_chunk = chunk_steps(of_states, self.ranks.n_ranks, max(1, round(CHUNK_MS / settings.dt)))
        self.engine = Engine(
            self.network, partition, self.ranks, settings, self.largest_chunk,
            lambda fraction: self.progress("build", fraction, {}),
        )  # fmt: skip
        self.ranks.barrier()
        self.build_wall_seconds = time.perf_counter() - begin - self.engine.compile_wall_seconds
        self.n_transient = round(settings.transient / settings.dt)
        self.clocks = Clocks()
        self.meter = PowerMeter()
        self.resumed_from_ms: float | None = None
        if found is not None:
            self._go_on_from(found)
        self.recording = Recording(self.network, self.engine, self.folder, self.ranks, output.format)
        self.closed = False
        self.final: dict[str, Any] | None = None
        self.told = time.monotonic()

    def _go_on_from(self, found: Found) -> None:
        """Take the state of the newest whole checkpoint, and say which."""
        if found.checkpoint is not None:
            checkpoint.read(self, found.checkpoint)
        self.resumed_from_ms = round(self.biological_ms, 9)
        for problem in found.problems:
            warn("", problem)
        if self.ranks.rank == 0:
            inform(f"going on from {found.checkpoint or 'the start: there is no whole checkpoint'}")

    @in_order
    def run(self, duration: float | str) -> None:
        """Advance by `duration`, a multiple of the step. Collective.

        Parameters
        ----------
        duration : float or str
            ms, or text with a unit such as ``"1 s"``.

        Raises
        ------
        InputError
            For a duration that is not a multiple of the step, or more than 2**32 steps in all; for a simulation
            that is closed, or whose network was changed since it was made.
        Stopped
            After SIGTERM or SIGUSR1 to any rank, when a checkpoint is written.
        Interrupted
            After Ctrl-C to any rank: a KeyboardInterrupt on all ranks, with a checkpoint where there is a run folder.
            `run` may be called again and goes on.
        OSError
            Where the disk is full; everything recorded before stays.
        """
        self._still_open("run")
        if (changed := difference(self._declared, self.config.network)) is not None:
            problem = "expected as it was when this Simulation was made, it was changed since then"
            raise InputError(changed, f"{problem}: make a new Simulation of the network")
        Running(self, last_step(duration, self.config.simulation.dt, self.engine.step)).run()

    def _still_open(self, what: str) -> None:
        if self.closed:
            raise InputError(what, "expected a simulation that is not closed: make a new Simulation, or close it later")

    @in_order
    def checkpoint(self, path: str | Path | None = None) -> Path:
        """Write a checkpoint, from which any number of ranks can go on; return its path. Collective.

        Parameters
        ----------
        path : str or Path, optional
            In the run folder's ``checkpoints`` where not given, of which the newest `keep` stay.

        Raises
        ------
        InputError
            Without a path and without a run folder; for a simulation that is closed; where something else than a
            checkpoint is under the path.
        OSError
            Where it cannot be written, on all ranks; nothing is left of it.
        FloatingPointError
            Where a neuron has diverged: that is no state to go on from.
        """
        self._still_open("checkpoint")
        self.engine.check_finite(self.engine.step)
        if path is None and self.folder is None:
            raise InputError("checkpoint", "expected a path, or a simulation with an output folder")
        target = check_path(path, "checkpoint") if path is not None else self._checkpoint_path()
        checkpoint.write(self, target)
        if self.folder is not None and path is None:
            self.folder.prune(target, self.config.checkpoint.keep)
        self.stopping.checkpoint_written()
        return target

    def _checkpoint_path(self) -> Path:
        assert self.folder is not None
        return self.folder.checkpoints / checkpoint_name(self.biological_ms)

    @in_order
    def restore(self, path: str | Path) -> None:
        """Go to where a checkpoint of this network was taken, on any number of ranks. Collective.

        Recordings begin there. `Simulation.resume` goes on in the folder of an earlier run instead.

        Raises
        ------
        InputError
            For a simulation that has run or is closed, a damaged file, another network, step, seed or precision.
        """
        self._still_open("restore")
        if self.engine.step > 0:
            raise InputError("restore", "expected a simulation that has not run yet")
        checkpoint.read(self, check_path(path, "restore"))
        self.recording = self.recording.anew()

    def summary(self) -> dict[str, Any]:
        """Return rates, speed, time per phase, memory, counts; the same on every rank. Collective."""
        return summary.summary(self) if self.final is None else self.final

    @in_order
    def close(self) -> dict[str, Any]:
        """End the run: write recordings and summary.json into the run folder; return the summary. Collective.

        Afterwards nothing runs any more; `spikes`, `states`, `state`, `weights` and `summary` still answer. Where
        writing failed it may be called again.
        """
        if self.final is None:
            self.closed = True
            self._write_config()
            checkpoint.write_end(self)
            self.recording.close()
            final = self.summary()
            if self.folder is not None:
                self.folder.write_summary(final)
                self.folder.close()
            self.stopping.forget()
            self.final = final
        return self.final

    def _write_config(self) -> None:
        """Let the config in the run folder tell what was simulated, also where a script chose the duration."""
        config = simulated_config(self.config, self.engine.step, self.n_transient)
        if config is not self.config:
            self.config = config
            if self.folder is not None:
                self.folder.write_config(config)

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.stopping.forget()
