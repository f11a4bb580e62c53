"""What a network needs, known before anything is built."""

from __future__ import annotations

import numpy as np

from distsim.construction.columns import TARGET_BLOCK_BITS
from distsim.construction.kernels import BLOCK
from distsim.construction.sources import source_groups
from distsim.network import Network, Projection
from distsim.registry import PoissonSource, models, synapses

# A process with the interpreter, numba's compiled code and libraries, before any network (measured).
BYTES_OF_PROCESS = 210e6
# Besides the weight: target and pointer.
BYTES_OF_PLASTIC_SYNAPSE = 4


def memory_bytes(
    network: Network, n_ranks: int, dt: float, synapse_bytes: int, precision: str = "float32"
) -> dict[str, float]:
    """Return the expected memory of each rank (bytes), by what takes it.

    Parameters
    ----------
    network : Network
        Resolved.
    n_ranks : int
    dt : float
        Step (ms).
    synapse_bytes : int
        Of the record of a static synapse: `Representation.record.itemsize`.
    precision : str
        Of neurons' state and of plastic weights.

    Returns
    -------
    dict
        ``synapses``, ``index`` (offsets of segments), ``construction`` (what only building needs, at
        its peak), ``neurons``, ``process`` and their sum ``total``.
    """
    n_local = -(-network.n_neurons // n_ranks)
    n_target_blocks = -(-n_local >> TARGET_BLOCK_BITS) or 1
    n_plastic = sum(p.rule.n_synapses(len(p.pre), len(p.post)) for p in network.spiking() if p.is_plastic)
    real = np.dtype(precision).itemsize
    more = (BYTES_OF_PLASTIC_SYNAPSE + real - synapse_bytes) * n_plastic
    more += real * sum(_state_variables(p) for p in network.spiking())
    synapses = (synapse_bytes * network.n_synapses() + more) / n_ranks
    groups = source_groups(network, dt)
    index = sum(4.0 * len(g.planes) * n_target_blocks * g.size * g.n_delays for g in groups.values())
    n_state = max(len(models.get(p.model).declaration.state) for p in network.populations.values())
    neurons = n_local * (real * n_state + 4.0 * 3 + 2 + 1 + 4 + 8 + 8 + 16)
    # One block of sources is held twice while it is sorted, and a count per target and block.
    incoming = {name: 0.0 for name in groups}
    cells = 0.0
    for p in network.spiking():
        cells += sum(-(-len(s) // BLOCK) for s in p.pre.slices) * len(p.post) * 4.0 / n_ranks
        for s in p.pre.slices:
            incoming[s.name] += p.rule.n_synapses(len(p.pre), len(p.post)) * len(s) / len(p.pre) / n_ranks
    largest = max((n / g.n_blocks for n, g in zip(incoming.values(), groups.values(), strict=True)), default=0.0)
    found = {
        "synapses": synapses,
        "index": index,
        "construction": (4.0 + synapse_bytes) * largest + cells,
        "neurons": neurons,
        "process": BYTES_OF_PROCESS,
    }
    return found | {"total": float(np.sum(list(found.values())))}


def _state_variables(p: Projection) -> float:
    """Return how many variables all of a projection's synapses have besides their weights."""
    n_variables = len(synapses.get(p.synapse.model).state) if p.is_plastic else 0
    return n_variables * p.rule.n_synapses(len(p.pre), len(p.post))


def expected_rates(network: Network) -> dict[str, float]:
    """Return the expected external spikes per second and neuron of each population."""
    found = dict.fromkeys(network.populations, 0.0)
    for p in network.projections:
        sources = [network.devices[s.name] for s in p.pre.slices if s.name in network.devices]
        if not sources or not isinstance(sources[0].kind, PoissonSource):
            continue
        rate = sum(d.rate * len(s) for d, s in zip(sources, p.pre.slices, strict=True)) / len(p.pre)
        for part in p.post.slices:
            per_target = p.rule.n_synapses(len(p.pre), len(p.post)) / len(p.post)
            found[part.name] += rate * per_target * len(part) / network.populations[part.name].size
    return found
