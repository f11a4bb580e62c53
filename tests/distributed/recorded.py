"""What a script sees of spikes and states: in memory and with an output folder, while a run goes and after its close.

Prints, for every rank, a digest of what `spikes` and `states` return; all must be the same. Arguments: a folder.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil

import distsim as ds
from distsim.communication import communicator
from distsim.simulation import memory


def network() -> ds.Network:
    """Return a small network that records spikes and states of each kind."""
    net = ds.Network("recorded")
    exc = net.population("exc", 80, "iaf_psc_exp", init={"V_m": ds.uniform(-70, -55)})
    inh = net.population("inh", 20, "iaf_psc_exp", init={"V_m": ds.uniform(-70, -55)})
    net.poisson(exc + inh, rate=15_000.0, weight=40.0)
    net.project(exc, exc + inh, ds.fixed_indegree(10), weight=20.0, delay=1.5)
    net.record("spikes", exc + inh)
    net.record("V_m", exc[:3], every=0.5)
    net.record("V_m", inh, every=1.0, reduce="mean")
    net.record("lfp", exc, every=1.0)
    return net


def digest(sim: ds.Simulation) -> str:
    """Return a hash of everything that the simulation tells of its recordings, whole and in windows."""
    found = [*sim.spikes(), *sim.spikes("inh", 10.0, 50.5), *sim.spikes(start=20.0), *sim.spikes("exc", stop=30.3)]
    assert found[0].shape[0] > 500 and np.array_equal(np.lexsort((found[1], found[0])), np.arange(len(found[0])))
    for name in ("V_m", "V_m_mean", "lfp"):
        for window in ((None, None), (20.0, 60.0), (2.0, 2.0)):
            for population, arrays in sim.states(name, *window).items():
                found += [np.frombuffer(population.encode(), np.uint8), *arrays]
    text = b"".join(str((a.dtype, a.shape)).encode() + a.tobytes() for a in found)
    return hashlib.sha256(text).hexdigest()[:16]


def tell(time: int, sim: ds.Simulation) -> None:
    """Print the digests of all ranks, by rank 0: a line each."""
    for found in sim.ranks.gather(digest(sim)) or ():
        print(time, found)


def local_ones(sim: ds.Simulation) -> None:
    """Check that all ranks' own spikes together are all spikes, each rank asking alone."""
    ranks = sim.ranks
    if ranks.rank == ranks.n_ranks - 1:
        sim.spikes(local=True)
    times, gids = sim.spikes(local=True)
    everyone = ranks.allgather((times, gids))
    assert sum(len(t) for t, _ in everyone) == len(sim.spikes()[0])
    assert len({int(g) for _, gs in everyone for g in set(gs.tolist())}) == len(set(sim.spikes()[1].tolist()))


def refused(sim: ds.Simulation) -> None:
    """Check that all ranks refuse what does not fit into the memory of one of them, before they gather it."""
    if sim.ranks.rank == sim.ranks.n_ranks - 1:
        memory.psutil = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=100))
    for ask in (sim.spikes, lambda: sim.states("V_m")):
        try:
            ask()
        except ds.InputError as error:
            assert "expected to fit into memory" in str(error) and "start= and stop=" in str(error), error
        else:
            raise AssertionError("not refused")
    memory.psutil = psutil


def main(folder: Path) -> None:
    """Print digests at 100 and 150 ms: in memory, with output while the run goes, closed; then resumed at 100 ms."""
    for k, output in enumerate((None, folder / "a")):
        sim = ds.Simulation(network(), seed=3, output=output and str(output))
        sim.run("0.1 s")
        tell(100, sim)
        local_ones(sim)
        refused(sim)
        sim.run(50.0)
        tell(150, sim)
        sim.close()
        tell(150, sim)
        local_ones(sim)
        refused(sim)
        if k:
            assert all(np.array_equal(a, b) for a, b in zip(sim.spikes(), ds.open_run(output).spikes(), strict=True))
    ended = ds.Simulation(network(), seed=3, output=str(folder / "b"))
    ended.run(100.0)
    ended.checkpoint()
    ended.run(20.0)


def resume(folder: Path) -> None:
    """Print digests of the run that `main` left, gone on with."""
    sim = ds.Simulation.resume(folder / "b", ["simulation.duration=150"])
    tell(100, sim)
    local_ones(sim)
    sim.run(50.0)
    tell(150, sim)
    sim.close()
    tell(150, sim)
    local_ones(sim)


if __name__ == "__main__":
    {"main": main, "resume": resume}[sys.argv[1]](Path(sys.argv[2]))
    communicator().barrier()
