"""Run under mpiexec by test_same_bits: simulate the networks with every partitioner, print the hashes.

mpiexec -n 3 python same_bits.py hashes.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import distsim as ds
from distsim.communication import communicator
from distsim.network.config import Config, from_dict, load_config
from distsim.partitioners import Partition
from distsim.registry import partitioners
from distsim.simulation import Simulation

NETWORKS = {
    "microcircuit": (["network.scale=0.05"], 60.0),
    "brunel": ([], 60.0),
    "cuba": ([], 60.0),
    "coba": ([], 60.0),
    # Weights in 32 bits: of very different sizes, and to the last bit.
    "lognormal": ([], 60.0),
    "exact": ([], 60.0),
}


def of_all_sizes(weights: str) -> ds.Network:
    """Return a network of weights of very different sizes, with all kinds of sources."""
    net = ds.Network(weights)
    exc, inh = net.population("exc", 320, "iaf_psc_exp"), net.population("inh", 80, "iaf_psc_alpha")
    drawn = {"lognormal": ds.lognormal(3.0, 1.5), "exact": ds.normal(50.0, 5.0)}[weights]
    for target, rate in ((exc, 14_000.0), (inh, 11_000.0)):
        net.poisson(target, rate=rate, weight=30.0)
        net.project(exc, target, ds.fixed_indegree(40), weight=drawn, delay=ds.uniform(0.5, 3.0))
        net.project(inh, target, ds.pairwise_bernoulli(0.2), weight=-0.001, delay=1.0)
        net.project(inh, target, ds.fixed_outdegree(20), weight=-150.0, delay=ds.normal(1.5, 0.5))
    times = [1.0 * k for k in range(1, 50) for _ in range(3)]
    source = net.device("source", "spike_generator", size=4, spike_times=[times] * 4)
    net.project(source, exc, ds.fixed_total_number(200), weight=ds.normal(30.0, 2.0), delay=ds.uniform(1.0, 2.0))
    noise = net.device("noise", "poisson_generator", size=3, rate=500.0)
    net.project(noise, exc, ds.fixed_indegree(2), weight=ds.uniform(10.0, 20.0), delay=1.0)
    current = net.device("current", "dc_generator", amplitude=1.0)
    net.project(current, inh, weight=ds.lognormal(3.0, 0.5))
    net.record("spikes", exc)
    net.record("spikes", inh)
    return net


def config_of(name: str, overrides: list[str], partitioner: str) -> Config:
    """Return the config of a shipped network, or of one of weights in 32 bits."""
    if name not in ("lognormal", "exact"):
        return load_config(name, [*overrides, f"simulation.partitioner={partitioner}"])
    weights = "auto" if name == "lognormal" else "exact"
    return from_dict({"network": of_all_sizes(name), "simulation": {"weights": weights, "partitioner": partitioner}})


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
            with Simulation.from_config(config_of(name, overrides, partitioner)) as simulation:
                simulation.run(duration)
                if name in ("lognormal", "exact"):
                    assert simulation.engine.local.representation.static == "float32"
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
