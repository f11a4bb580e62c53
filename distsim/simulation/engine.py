"""The engine of one rank: its neurons, synapses and devices as the arrays that the compiled loop reads."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numba
import numpy as np
from numba import types
from numba.core.errors import NumbaExperimentalFeatureWarning

from distsim import interrupts, rng
from distsim.communication import Communicator
from distsim.construction import build
from distsim.construction.device_connections import current_connections, generated_spikes, poisson_drives
from distsim.construction.kernels import BLOCK
from distsim.construction.neuron_constants import constants
from distsim.devices.base import set_currents
from distsim.network import Network
from distsim.network.config import SimulationConfig
from distsim.partitioners import Partition
from distsim.registry import models
from distsim.simulation.compiling import heed_interrupts
from distsim.simulation.delivery import BATCH, HISTORY_BYTES, Connectome, empty_history, recall
from distsim.simulation.finiteness import check_states
from distsim.simulation.learning import Learning
from distsim.simulation.loop import N_COUNTS, N_PHASES, Neurons, Sources, Tally, advance
from distsim.simulation.states import frames, probes, reports
from distsim.timers import clock_address

heed_interrupts()

# Spikes that a message has room for at first; it grows where that is too few.
FIRST_CAP = 30
FIRST_LOG = 4096


class Engine:
    """Everything that one rank owns and the loop advances.

    Attributes
    ----------
    step : int
        Steps done; `advance` takes at most the `n_steps` that the engine was made for at a time.
    local : LocalNetwork
    tally : Tally
        Counts and seconds since the start or the last `reset_tally`.
    reports : list of Report
        What is recorded of states; `frames` has what the last `advance` gave.
    compile_wall_seconds : float
        Wall time of compiling the loop, or of loading it from numba's cache.
    """

    def __init__(
        self,
        network: Network,
        partition: Partition,
        ranks: Communicator,
        settings: SimulationConfig,
        n_steps: int,
        progress: Callable[[float], None],
    ):
        dt, seed = settings.dt, settings.seed
        self.dt = dt
        self.network, self.dtype = network, np.dtype(settings.precision)
        self.step = 0
        self.diverged: FloatingPointError | None = None

        def told(fraction: float) -> None:
            # Between two calls of compiled code Ctrl-C is heeded.
            interrupts.check()
            progress(fraction)

        self.local = build(network, partition, ranks.rank, dt=dt, seed=seed, weights=settings.weights, progress=told)
        self.min_delay, self.max_delay = network.min_delay_steps(dt), network.max_delay_steps(dt)
        self.neurons = self._neurons(dt, seed)
        local = self.local
        self.connectome = Connectome(*(getattr(local, name) for name in Connectome._fields))
        self.learning = Learning(network, local, self.neurons.state, dt)
        self.history = empty_history(self.max_delay, self.min_delay)
        self.sources = self._sources(dt)
        self.drives = poisson_drives(network, local, dt, seed)
        self.currents = current_connections(network, local, dt, seed)
        self.reports = reports(network, dt)
        self.probes, self.report_columns = probes(network, self.reports, self.local.gids, n_steps)
        self.collective = ranks.collective()
        self.cap = FIRST_CAP
        self.log = np.empty(2 * FIRST_LOG, np.uint32)
        self.scratch = np.empty((3, BATCH), np.int64)
        n_sources = sum(g.n_blocks for g in local.groups.values()) * BLOCK
        self.tally = Tally(
            counts=np.zeros(N_COUNTS, np.int64),
            spikes=np.zeros(len(network.populations), np.int64),
            external=np.zeros(len(network.projections), np.int64),
            fired=np.zeros(n_sources, np.int64),
            seconds=np.zeros(N_PHASES),
        )
        self.clock = clock_address()
        begin = time.perf_counter()
        self.updates = self._updates()
        self.learn = (self.learning.function(),)
        self.advance(0)
        self.recall(np.empty(0, np.int64), np.empty(0, np.int64))
        self.compile_wall_seconds = time.perf_counter() - begin

    def _neurons(self, dt: float, seed: int) -> Neurons:
        """Allocate the neurons and draw their initial state."""
        local, populations = self.local, self.network.populations
        declared = {name: models.get(p.model).declaration for name, p in populations.items()}
        n_state = max(len(d.state) for d in declared.values())
        state = np.zeros((n_state, local.stride), self.dtype)
        grids = np.zeros((len(populations), local.n_planes), self.dtype)
        for i, (name, population) in enumerate(populations.items()):
            first, last = local.ranges[name]
            grids[i, : local.grids[name].shape[0]] = local.grids[name]
            offsets = models.get(population.model).offsets(population.params)
            for k, variable in enumerate(declared[name].state):
                u = rng.uniforms(seed, rng.STREAM_STATE, k, local.gids[first:last])
                state[k, first:last] = population.init[variable].ppf(u) - offsets.get(variable, 0.0)
        inputs = np.zeros((local.n_planes, local.stride), local.representation.input)
        self.models = sorted({p.model for p in populations.values()})
        return Neurons(
            state=state,
            refractory=np.zeros(local.stride, np.int32),
            inputs=inputs,
            flat_input=inputs.reshape(-1),
            currents=np.zeros(local.stride, self.dtype),
            gids=local.gids.astype(np.uint32),
            recorded=np.zeros(local.gids.shape[0], np.uint8),
            ranges=np.array(list(local.ranges.values()), np.int64),
            model=np.array([self.models.index(p.model) for p in populations.values()], np.int64),
            constants=constants(self.network, dt, self.dtype),
            grids=grids,
        )

    def _sources(self, dt: float) -> Sources:
        """Return how gids become sources, and what the spike generators emit."""
        populations, groups = self.network.populations, self.local.groups
        first_gid = [p.first_gid for p in populations.values()]
        first_block = [groups[name].first_block for name in populations]
        steps, generated = generated_spikes(self.network, groups, dt)
        return Sources(np.array(first_gid, np.int64), np.array(first_block, np.int64), steps, generated)

    def _updates(self) -> tuple[object, ...]:
        """Return the models' update loops, compiled for the state's type, as functions that can be passed."""
        real, added = numba.from_dtype(self.dtype), numba.from_dtype(self.local.representation.input)
        signature = types.int64(
            real[:, ::1], types.int32[::1], added[:, ::1], real[::1], types.int64, types.int64, real[::1],
            real[::1], types.int32[::1], types.int64,
        )  # fmt: skip
        return tuple(
            numba.cfunc(signature, cache=True, error_model="numpy")(models.get(name).update.py_func)
            for name in self.models
        )

    def advance(self, n_steps: int) -> np.ndarray:
        """Advance by n_steps; return the recorded spikes of this rank, uint32 [n, 2] (gid, step). Collective.

        Raises
        ------
        RuntimeError
            Where MPI reports an error.
        FloatingPointError
            Where a neuron's state, or a plastic weight, is no finite number any more: nothing of these steps is a
            result, and `step` stays.
        MemoryError
            Where there is no room for the spikes on their way; with what they may take.
        """
        self.check_finite(self.step)
        self.probes.n_frames[:] = 0
        with warnings.catch_warnings(), interrupts.noted(compiled=True):
            warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
            learning = self.learning
            try:
                status, self.history, self.cap, self.log, n_logged, learning.flight, learning.rings = advance(
                    self.step, n_steps, self.min_delay, self.min_delay, self.max_delay, self.updates, self.neurons,
                    self.connectome, self.history, self.sources, self.drives, self.currents, self.probes,
                    self.collective, self.cap, self.log, self.tally, self.scratch, self.clock, self.learn,
                    learning.plastic, learning.flight, learning.rings,
                )  # fmt: skip
            except MemoryError:
                raise MemoryError(f"out of memory after step {self.step}: {self._room_for_spikes()}") from None
        if status != 0:
            raise RuntimeError(f"MPI_Allgather failed with code {status}")
        self.check_finite(self.step + n_steps)
        self.step += n_steps
        return self.log[: 2 * n_logged].reshape(-1, 2)

    def _room_for_spikes(self) -> str:
        """Return in words what the history takes where every source spikes at once."""
        local = self.local
        entries = (local.group_targets[:, 1] - local.group_targets[:, 0])[local.block_group]
        gigabytes = HISTORY_BYTES * int((local.block_size * entries).sum()) / 1e9
        return (
            f"where all {int(local.block_size.sum())} sources spike in one step, their spikes wait in "
            f"{gigabytes:.3g} GB on each rank, four times as much while that grows"
        )

    def check_finite(self, step: int) -> None:
        """Raise where the state that this rank has at a step is no result; once it is none it stays so.

        Raises
        ------
        FloatingPointError
            With population, neuron, variable and time, or the synapse.
        """
        if self.diverged is not None:
            raise self.diverged
        try:
            self.learning.check_finite()
            check_states(self.neurons.state, self.network, self.local, step, self.dt)
        except FloatingPointError as error:
            self.diverged = error
            raise

    def recall(self, steps: np.ndarray, sources: np.ndarray) -> None:
        """Take up the spikes of steps until `step` that are still to arrive, and the currents; see `recent_spikes`."""
        with interrupts.noted(compiled=True):
            self.history = recall(self.history, self.connectome, steps, sources, self.step, self.min_delay)
        set_currents(self.neurons.currents, self.currents, self.step)

    def frames(self, k: int) -> np.ndarray:
        """Return this rank's frames of report k of the last `advance`: [n_frames, n_columns]."""
        return frames(self.probes, k)

    def synaptic_events(self) -> np.ndarray:
        """Return the events on this rank that the spikes since the last `reset_tally` cause: int64 [n_projections]."""
        found = np.zeros(len(self.network.projections), np.int64)
        for number, by_source in self.local.outdegrees.items():
            for name, outdegree in by_source.items():
                group = self.local.groups[name]
                first = group.first_block * BLOCK
                found[number] += int(self.tally.fired[first : first + group.size] @ outdegree.astype(np.int64))
        return found

    def plasticity_updates(self) -> np.ndarray:
        """Return the changes of weights by a spike of either side, counted when made: int64 [n_projections]."""
        found = np.zeros(len(self.network.projections), np.int64)
        for (number, _), n in zip(self.learning.projections, self.learning.plastic.updates, strict=True):
            found[number] = n
        return found

    def reset_tally(self) -> None:
        """Begin counting and timing anew."""
        self.learning.plastic.updates[:] = 0
        for array in self.tally:
            array[:] = 0

    def state(self, population: str, variable: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (gids, values) of a state variable of the local neurons of a population."""
        from distsim.errors import unknown

        p = self.network.populations[population]
        model = models.get(p.model)
        if variable not in model.declaration.state:
            raise unknown("state", "state variable", variable, model.declaration.state)
        first, last = self.local.ranges[population]
        k = list(model.declaration.state).index(variable)
        values = self.neurons.state[k, first:last] + model.offsets(p.params).get(variable, 0.0)
        return self.local.gids[first:last], values
