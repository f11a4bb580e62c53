"""Simulation: a network, built on this rank, advanced together with all other ranks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.communication import Communicator
from distsim.communication import communicator as world
from distsim.errors import InputError, unknown
from distsim.network import Network
from distsim.network.config import Config, from_dict
from distsim.registry import partitioners
from distsim.simulation import summary
from distsim.simulation.engine import Engine
from distsim.simulation.recording import Recording

Progress = Callable[[str, float, dict[str, Any]], None]

# Biological time (ms) between two looks at recordings, progress and signals.
CHUNK_MS = 10.0
# Largest number of steps: recorded steps are 32-bit numbers.
LARGEST_STEP = 2**32 - 1


class Simulation:
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
        output: str | None = None,
        communicator: Communicator | None = None,
        progress: Progress | None = None,
    ):
        settings = {"dt": dt, "seed": seed, "transient": transient, "partitioner": partitioner, "exchange": exchange,
                    "precision": precision, "duration": 0.0}  # fmt: skip
        # The ranks first: from then on an error on one of them ends them all.
        self.ranks = communicator or world()
        self.config = from_dict({"network": network, "simulation": settings, "output": {"path": output}})
        self._start(progress)

    @classmethod
    def from_config(
        cls, config: Config, *, communicator: Communicator | None = None, progress: Progress | None = None
    ) -> Simulation:
        """Return the simulation that a config describes. Collective."""
        simulation = cls.__new__(cls)
        simulation.ranks = communicator or world()
        simulation.config = config
        simulation._start(progress)
        return simulation

    def _start(self, progress: Progress | None) -> None:
        """Check everything, open the run folder, build the network, compile the loop."""
        self.started = time.time()
        self.progress = progress or (lambda stage, fraction, details: None)
        settings = self.config.simulation
        self.network = self.config.network.resolved()
        summary.check_memory(self.network, settings.dt, self.ranks)
        self.recording = Recording(self.config, self.network, self.ranks)
        partition = partitioners.get(settings.partitioner).partition(self.network, self.ranks.n_ranks)

        begin = time.perf_counter()
        self.engine = Engine(
            self.network, partition, self.ranks, settings, lambda fraction: self.progress("build", fraction, {})
        )
        self.ranks.barrier()
        self.build_wall_seconds = time.perf_counter() - begin - self.engine.compile_wall_seconds
        self.recording.choose(self.engine)
        self.n_transient = round(settings.transient / settings.dt)
        self.run_wall_seconds = 0.0
        self.counted_wall_seconds = 0.0
        self.closed = False

    def run(self, duration: float) -> None:
        """Advance by `duration` (ms), a multiple of the step. Collective.

        Raises
        ------
        InputError
            For a duration that is not a multiple of the step, or more than 2**32 steps in all.
        OSError
            Where the disk is full; everything recorded before stays.
        """
        dt = self.config.simulation.dt
        n_steps = round(duration / dt)
        if duration < 0 or abs(n_steps * dt - duration) > 1e-9 * max(duration, 1.0):
            raise InputError("duration", f"expected a multiple of dt = {dt:g} ms, got {duration:g}")
        engine = self.engine
        if engine.step + n_steps > LARGEST_STEP:
            raise InputError("duration", f"expected at most {LARGEST_STEP} steps in all")
        last = engine.step + n_steps
        chunk = max(1, round(CHUNK_MS / dt))
        first = engine.step
        begin = time.perf_counter()
        while engine.step < last:
            # Counts start after the transient: a chunk ends where it ends.
            stop = min(engine.step + chunk, last)
            counted = engine.step >= self.n_transient
            if not counted:
                stop = min(stop, self.n_transient)
            chunk_begin = time.perf_counter()
            records = engine.advance(stop - engine.step)
            record_begin = time.perf_counter()
            self.recording.append(records)
            if counted:
                self.recording.wall_seconds += time.perf_counter() - record_begin
            if counted:
                self.counted_wall_seconds += time.perf_counter() - chunk_begin
            elif engine.step == self.n_transient:
                engine.reset_tally()
            self.progress("run", (engine.step - first) / n_steps, self._details(first, begin))
        self.run_wall_seconds += time.perf_counter() - begin

    def _details(self, first: int, begin: float) -> dict[str, float]:
        """Return what the progress bar shows: biological time (ms), real-time factor, this rank's mean rate (Hz)."""
        engine, dt = self.engine, self.config.simulation.dt
        elapsed = time.perf_counter() - begin
        since = engine.step - (self.n_transient if engine.step > self.n_transient else 0)
        n_local = max(engine.local.gids.shape[0], 1)
        return {
            "biological_ms": engine.step * dt,
            "real_time_factor": elapsed / ((engine.step - first) * dt / 1000.0),
            "rate_hz": float(engine.tally.spikes.sum()) / n_local / (since * dt / 1000.0),
        }

    @property
    def biological_ms(self) -> float:
        """Time simulated so far (ms)."""
        return self.engine.step * self.config.simulation.dt

    def state(self, population: str, variable: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (gids, values) of a state variable of this rank's neurons of a population.

        Raises
        ------
        InputError
            For unknown populations and variables.
        """
        if population not in self.network.populations:
            raise unknown("state", "population", population, self.network.populations)
        return self.engine.state(population, variable)

    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (times in ms, gids) of the spikes recorded on this rank and kept in memory, by time."""
        return self.recording.in_memory(self.config.simulation.dt)

    def summary(self) -> dict[str, Any]:
        """Return rates, speed, time per phase, memory, counts; the same on every rank. Collective."""
        return summary.summary(self)

    def close(self) -> dict[str, Any]:
        """End the run: write spikes.h5 and summary.json into the run folder; return the summary. Collective."""
        if not self.closed:
            self.closed = True
            self.recording.close()
            self._write_config()
            self.final = self.summary()
            self.recording.write_summary(self.final)
        return self.final

    def _write_config(self) -> None:
        """Let the config in the run folder tell what was simulated, also where a script chose the duration."""
        settings = self.config.simulation
        dt = settings.dt
        transient = min(self.engine.step, self.n_transient)
        duration = round((self.engine.step - transient) * dt, 9)
        if duration != settings.duration or transient != self.n_transient:
            settings = settings.model_copy(update={"duration": duration, "transient": round(transient * dt, 9)})
            self.config = self.config.model_copy(update={"simulation": settings})
            self.recording.write_config(self.config)

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self.close()
