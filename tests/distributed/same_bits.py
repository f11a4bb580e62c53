"""Run under mpiexec by test_same_bits: simulate the networks with every partitioner, print the hashes.

mpiexec -n 3 python same_bits.py hashes.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from distsim.communication import communicator
from distsim.network.config import load_config
from distsim.partitioners import Partition
from distsim.registry import partitioners
from distsim.simulation import Simulation

NETWORKS = {
    "microcircuit": (["network.scale=0.05"], 60.0),
    "brunel": ([], 60.0),
    "cuba": ([], 60.0),
    "coba": ([], 60.0),
}


class Lopsided:
    """Leaves the last rank without a neuron and gives the first nearly all of them, in odd pieces."""

    def partition(self, network, n_ranks):
        n = network.n_neurons
        busy = max(n_ranks - 1, 1)
        pieces: list[list[range]] = [[] for _ in range(n_ranks)]
        pieces[0].append(range(n - 10 * busy))
        for i in range(10 * busy):
            pieces[i % busy].append(range(n - 10 * busy + i, n - 10 * busy + i + 1))
        return Partition(tuple(tuple(p) for p in pieces))


def main() -> None:
    """Write {network: {partitioner: [hash, spikes, synapses, events]}} from rank 0."""
    partitioners.add("lopsided", Lopsided())
    found: dict[str, dict[str, list[object]]] = {}
    for name, (overrides, duration) in NETWORKS.items():
        for partitioner in partitioners.names():
            config = load_config(name, [*overrides, f"simulation.partitioner={partitioner}"])
            with Simulation.from_config(config) as simulation:
                simulation.run(duration)
                summary = simulation.close()
            counts = summary["counts"]
            found.setdefault(name, {})[partitioner] = [
                summary["spike_hash"],
                counts["spikes"],
                summary["network"]["n_synapses"],
                counts["synaptic_events"],
                counts["external_events"],
            ]
    if communicator().rank == 0:
        Path(sys.argv[1]).write_text(json.dumps(found))


main()
