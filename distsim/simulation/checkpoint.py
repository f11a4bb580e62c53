"""Checkpoints: all that changes while a network is simulated, by gid, so that any number of ranks can go on from it.

Static synapses and generators are not in it: they follow from the description and the seed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.communication import Communicator, on_first_rank
from distsim.errors import InputError
from distsim.io.checkpoint_file import OURS, CheckpointInfo, CheckpointReader, check, checkpoint_name, write_checkpoint
from distsim.io.folder_names import summary_to_resume
from distsim.io.whole_files import ANYTHING
from distsim.network.config import Config, load_config
from distsim.notices import merged, warn
from distsim.registry import models
from distsim.simulation import plastic_state
from distsim.simulation.delivery import recent_spikes

if TYPE_CHECKING:
    from distsim.simulation.simulation import Simulation

# Neurons that one rank gathers at a time.
BLOCK = 1 << 22


def identity(config: Config) -> str:
    """Return the hash of what a run's bits depend on: network, step, seed, precision, how weights are kept."""
    data = config.to_dict()
    kept = {k: data["simulation"][k] for k in ("dt", "seed", "precision", "weights", "transient")}
    return hashlib.sha256(json.dumps([data["network"], kept], sort_keys=True).encode()).hexdigest()


def write(simulation: Simulation, path: Path) -> None:
    """Write a checkpoint. Collective.

    Raises
    ------
    InputError
        On all ranks, where something stands under the name that is no checkpoint.
    OSError
        On all ranks, where rank 0 cannot write, or a rank's logs are not on the disk.
    """
    logs = simulation.recording.logged(synced=True)
    engine, ranks = simulation.engine, simulation.ranks
    tally = {name: ranks.sum(array.copy()) for name, array in engine.tally._asdict().items() if name != "fired"}
    # Seconds are means over ranks; the spikes of sources are known to all of them.
    tally |= {"seconds": tally["seconds"] / ranks.n_ranks, "fired": engine.tally.fired}
    clocks = ranks.sum(np.array(dataclasses.astuple(simulation.clocks))) / ranks.n_ranks
    warnings = merged(ranks.allgather(simulation.notices.entries_since_begin()))
    problem: InputError | OSError | None = None
    gathered = _gathered(simulation) + plastic_state.gathered(simulation)
    updates = ranks.sum(engine.learning.plastic.updates.copy())
    if ranks.rank == 0:
        try:
            path.parent.mkdir(exist_ok=True)
            own = simulation.folder is not None and path.parent == simulation.folder.checkpoints
            with write_checkpoint(path, engine.step, ANYTHING if own else OURS) as file:
                file.attribute("identity", identity(simulation.config))
                file.attribute("dt_ms", simulation.config.simulation.dt)
                file.array("warnings", np.frombuffer(json.dumps(warnings).encode(), np.uint8))
                file.logs(logs)
                steps, sources = recent_spikes(engine.history, engine.connectome, engine.step, engine.max_delay)
                file.array("spikes/step", steps)
                file.array("spikes/source", sources)
                for name, values in tally.items():
                    file.array(f"tally/{name}", values)
                file.array("clocks", clocks)
                file.array("plastic_updates", updates)
                plastic_state.write_shared(file, engine.learning, engine.step)
                for name, size, dtype, blocks in gathered:
                    file.blocks(name, size, dtype, blocks)
        except (InputError, OSError) as error:
            problem = error
    # Where rank 0 stopped early the others still have blocks to give.
    for _, _, _, blocks in gathered:
        for _ in blocks:
            pass
    problem = ranks.bcast(problem)
    if isinstance(problem, InputError):
        raise problem
    if problem is not None:
        raise OSError(f"{path}: the checkpoint cannot be written: {problem}")


def write_end(simulation: Simulation) -> None:
    """Write a checkpoint where recordings are about to be joined: after a full disk a run then joins again. Collective.

    It stays until the run is complete. Where there is no room for it the run goes on without, and says so.
    """
    folder = simulation.folder
    if folder is None or not simulation.recording.has_logs:
        return
    path = folder.checkpoints / checkpoint_name(simulation.biological_ms, end=True)
    if folder.resumed_from != path:
        try:
            write(simulation, path)
        except (InputError, OSError) as error:
            warn("", f"{error}; should joining the recordings fail, the run goes on from an earlier checkpoint")


def _arrays(simulation: Simulation) -> Iterator[tuple[str, int, np.ndarray, int, int, int]]:
    """Yield (name, size, local array, first gid, first, last local neuron) of everything kept by gid."""
    engine = simulation.engine
    for name, population in engine.network.populations.items():
        first, last = engine.local.ranges[name]
        declaration = models.get(population.model).declaration
        for k, variable in enumerate(declaration.state):
            values = engine.neurons.state[k, first:last]
            yield f"state/{name}/{variable}", population.size, values, population.first_gid, first, last
        refractory = engine.neurons.refractory[first:last]
        yield f"refractory/{name}", population.size, refractory, population.first_gid, first, last


def _gathered(simulation: Simulation) -> list[tuple[str, int, np.dtype, Iterator[tuple[int, np.ndarray]]]]:
    """Return (name, size, dtype, blocks) of all arrays; reading the blocks is collective."""

    def blocks(values: np.ndarray, places: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
        for begin in range(0, size, BLOCK):
            lo, hi = np.searchsorted(places, [begin, begin + BLOCK])
            parts = simulation.ranks.gather((places[lo:hi] - begin, values[lo:hi]))
            whole = np.empty(min(BLOCK, size - begin), values.dtype)
            for where, part in parts or ():
                whole[where] = part
            yield begin, whole

    gids = simulation.engine.local.gids
    return [
        (name, size, values.dtype, blocks(values, gids[first:last] - first_gid, size))
        for name, size, values, first_gid, first, last in _arrays(simulation)
    ]


def read(simulation: Simulation, path: Path) -> None:
    """Bring a simulation that has just been built to where a checkpoint was taken. Collective.

    Raises
    ------
    InputError
        On all ranks: a damaged file, another format, another network, step, seed, precision or weights.
    """
    engine, ranks = simulation.engine, simulation.ranks
    found = on_first_rank(ranks, lambda: _checked(path))
    with CheckpointReader(path) as file:
        if file.attribute("identity") != identity(simulation.config):
            raise InputError(str(path), "expected a checkpoint of this network with this dt, seed, transient, "
                                        "precision and weights; it was written by another config")  # fmt: skip
        for name, _, values, first_gid, first, last in _arrays(simulation):
            values[:] = file.places(name, engine.local.gids[first:last] - first_gid)
        engine.step = found.step
        engine.recall(file.array("spikes/step"), file.array("spikes/source"))
        plastic_state.read(file, engine.learning)
        engine.learning.plastic.updates[:] = file.array("plastic_updates") if ranks.rank == 0 else 0
        # Counts are of all ranks together: one rank carries them on.
        for name, values in engine.tally._asdict().items():
            values[:] = file.array(f"tally/{name}") if ranks.rank == 0 or name in ("seconds", "fired") else 0
        simulation.notices.keep(json.loads(file.array("warnings").tobytes()))
        simulation.clocks = type(simulation.clocks)(*file.array("clocks").tolist())


def _checked(path: Path) -> CheckpointInfo:
    """Return what a checkpoint says of itself; an InputError where it is not whole."""
    found = check(path)
    if isinstance(found, str):
        raise InputError(str(path), f"expected a whole checkpoint, {found}")
    return found


def resumed_config(folder: Path, overrides: list[str] | tuple[str, ...], ranks: Communicator) -> Config:
    """Return the config of a run that goes on, changed by overrides in how it is run only. Collective.

    Raises
    ------
    InputError
        On all ranks: no run folder, a complete run, other bits.
    """

    def load() -> Config:
        if not folder.is_dir():
            raise InputError(str(folder), "expected the folder of a run to go on with")
        if summary_to_resume(folder) is not None:
            raise InputError(str(folder), "expected a run that ended early, this one is complete")
        kept, config = load_config(folder), load_config(folder, overrides)
        if identity(kept) != identity(config):
            problem = (
                "expected the run's network, dt, seed, transient, precision and weights; only how it is run can change"
            )
            raise InputError("--set", problem)
        if kept.output.format != config.output.format:
            raise InputError("output.format", f"expected {kept.output.format} as the run began")
        return config.with_output(str(folder))

    return on_first_rank(ranks, load)
