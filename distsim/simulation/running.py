"""How a simulation runs: in chunks; between them it records, tells how far it is, and heeds signals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from distsim.errors import InputError
from distsim.power import PowerMeter
from distsim.simulation.pace import Pace
from distsim.units import quantity

if TYPE_CHECKING:
    from distsim.simulation.simulation import Simulation

# Wall time between two writings of progress.json.
TELL_SECONDS = 2.0
# Largest number of steps: recorded steps are 32-bit numbers.
LARGEST_STEP = 2**32 - 1


def last_step(duration: Any, dt: float, step: int) -> int:
    """Return the step that a duration (ms, or text with a unit) after `step` ends with.

    Raises
    ------
    InputError
        For what is no time, below 0, no multiple of the step, or behind the last step that can be recorded.
    """
    duration = quantity(duration, "ms", "duration")
    if not 0.0 <= duration / dt < LARGEST_STEP + 1 - step:
        problem = f"expected 0 ms or more, and at most {LARGEST_STEP} steps of {dt:g} ms in all"
        raise InputError("duration", f"{problem}, got {duration:g} ms")
    n_steps = round(duration / dt)
    if abs(n_steps * dt - duration) > 1e-9 * max(duration, 1.0):
        raise InputError("duration", f"expected a multiple of dt = {dt:g} ms, got {duration!r} ms")
    return step + n_steps


class Running:
    """One call of `Simulation.run`. Collective.

    Parameters
    ----------
    simulation : Simulation
    last : int
        Step at which to end.
    """

    def __init__(self, simulation: Simulation, last: int):
        self.simulation, self.engine = simulation, simulation.engine
        self.dt = simulation.config.simulation.dt
        self.first, self.last = self.engine.step, last
        # Step and spikes of this rank from which on the mean rate counts that the progress bar shows.
        self._counting_since = (self.engine.step, int(self.engine.tally.spikes.sum()))

    def run(self) -> None:
        """Advance to the last step.

        Raises
        ------
        Stopped, Interrupted
            Where a signal asked for it, after a checkpoint where there is a run folder.
        """
        simulation, engine = self.simulation, self.engine
        pace = Pace(self.dt, simulation.largest_chunk)
        begin = time.perf_counter()
        try:
            while engine.step < self.last:
                seconds = self._advance(self._chunk_end(pace.steps))
                details = self._details(time.perf_counter() - begin)
                simulation.progress("run", (engine.step - self.first) / (self.last - self.first), details)
                self._tell(details)
                pace.took(self._attend(seconds))
        finally:
            simulation.clocks.run += time.perf_counter() - begin

    def _chunk_end(self, chunk: int) -> int:
        """Return where the next chunk ends: where the transient does, or a checkpoint is due, at the latest."""
        step, n_transient = self.engine.step, self.simulation.n_transient
        stop = min(step + chunk, self.last)
        if step < n_transient:
            stop = min(stop, n_transient)
        if (every := self.simulation.stopping.every_steps) is not None:
            stop = min(stop, (step // every + 1) * every)
        return stop

    def _advance(self, stop: int) -> float:
        """Advance to a step and record; return the wall seconds it took."""
        simulation, engine, clocks = self.simulation, self.engine, self.simulation.clocks
        counted = engine.step >= simulation.n_transient
        begin, cpu_begin = time.perf_counter(), time.process_time()
        spikes = engine.advance(stop - engine.step)
        record_begin = time.perf_counter()
        simulation.recording.append(spikes)
        end = time.perf_counter()
        if counted:
            clocks.record += end - record_begin
            clocks.counted += end - begin
            clocks.cpu += time.process_time() - cpu_begin
            simulation.meter.joules()
        elif engine.step == simulation.n_transient:
            engine.reset_tally()
            simulation.meter = PowerMeter()
            self._counting_since = (engine.step, 0)
        return end - begin

    def _attend(self, seconds: float) -> float:
        """Agree with all ranks on a checkpoint or a stop; return the longest of the ranks' seconds. Collective."""
        simulation, engine = self.simulation, self.engine
        begin = time.perf_counter()
        due, longest = simulation.stopping.agree(engine.step, seconds)
        path = None
        if due and simulation.folder is not None and (simulation.stopping.stop or engine.step < self.last):
            path = simulation.checkpoint()
            if engine.step > simulation.n_transient:
                spent = time.perf_counter() - begin
                simulation.clocks.checkpoint += spent
                simulation.clocks.counted += spent
        simulation.stopping.leave(path)
        return longest

    def _details(self, elapsed: float) -> dict[str, float]:
        """Return what the progress bar shows: biological time (ms), real-time factor, this rank's mean rate (Hz)."""
        engine, dt = self.engine, self.dt
        since, before = self._counting_since
        n_spikes = int(engine.tally.spikes.sum()) - before
        neuron_seconds = max(engine.local.gids.shape[0], 1) * max(engine.step - since, 1) * dt / 1000.0
        return {
            "biological_ms": engine.step * dt,
            "real_time_factor": elapsed / ((engine.step - self.first) * dt / 1000.0),
            "rate_hz": n_spikes / neuron_seconds,
        }

    def _tell(self, details: dict[str, float]) -> None:
        """Let those who watch from elsewhere know how far the run is, every now and then."""
        simulation = self.simulation
        if simulation.folder is not None and time.monotonic() - simulation.told > TELL_SECONDS:
            simulation.told = time.monotonic()
            simulation.folder.write_progress(details | {"total_ms": self.last * self.dt})
