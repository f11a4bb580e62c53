"""Where spikes come from: populations and spike generators, cut into blocks of sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distsim.construction.kernels import BLOCK, BLOCK_BITS
from distsim.construction.tables import receptor_planes, weight_bounds
from distsim.network import Network, Projection


@dataclass
class SourceGroup:
    """A population or a spike generator as a source of spikes.

    Attributes
    ----------
    name : str
        Its name in the network.
    size : int
        Number of sources.
    first_block, n_blocks : int
        Its blocks of up to 1,024 sources.
    first_delay, n_delays : int
        Delays in steps that its synapses can have.
    planes : list of int
        Receptor indices that its synapses arrive at; a group of segments each.
    """

    name: str
    size: int
    first_block: int
    n_blocks: int
    first_delay: int
    n_delays: int
    planes: list[int]


def spiking_projections(network: Network) -> list[tuple[int, Projection]]:
    """Return (index, projection) of those whose spikes travel through synapses."""
    return [
        (i, p)
        for i, p in enumerate(network.projections)
        if all(s.name in network.populations or network.devices[s.name].spikes for s in p.pre.slices)
    ]


def source_groups(network: Network, dt: float) -> dict[str, SourceGroup]:
    """Return the source groups by name: populations in order of gid, then spike generators."""
    sizes = {name: p.size for name, p in network.populations.items()}
    sizes |= {name: d.size for name, d in network.devices.items() if d.spikes}
    delays: dict[str, tuple[int, int]] = {}
    planes: dict[str, set[int]] = {}
    for _, projection in spiking_projections(network):
        # Plastic synapses have an index of their own.
        if projection.is_plastic:
            continue
        low, high = projection.delay_steps_bounds(dt)
        smallest, largest = weight_bounds(projection)
        arrive = set()
        for part in projection.post.slices:
            positive, negative = receptor_planes(network, projection, part.name)
            # A receptor that no weight of this projection reaches needs no segments.
            arrive |= ({positive} if largest > 0.0 or smallest >= 0.0 else set()) | (
                {negative} if smallest < 0.0 else set()
            )
        for part in projection.pre.slices:
            known = delays.get(part.name, (low, high))
            delays[part.name] = (min(low, known[0]), max(high, known[1]))
            planes.setdefault(part.name, set()).update(arrive)
    groups, block = {}, 0
    for name, size in sizes.items():
        low, high = delays.get(name, (1, 1))
        n_blocks = -(-size // BLOCK)
        groups[name] = SourceGroup(name, size, block, n_blocks, low, high - low + 1, sorted(planes.get(name, {0})))
        block += n_blocks
    return groups


@dataclass
class Cell:
    """The sources that one block contributes to one projection."""

    block: int
    first: int
    size: int
    position: int


def cells(projection: Projection, groups: dict[str, SourceGroup]) -> tuple[list[Cell], np.ndarray]:
    """Cut a projection's sources along the blocks.

    Returns
    -------
    list of Cell
        In order of position among the projection's concatenated sources.
    np.ndarray
        int64 [n_slices, 4]: end position, first position, first source, first cell of each slice.
    """
    found: list[Cell] = []
    slices = []
    position = 0
    for part in projection.pre.slices:
        group = groups[part.name]
        slices.append((position + part.stop - part.start, position, part.start, len(found)))
        source = part.start
        while source < part.stop:
            number = source >> BLOCK_BITS
            stop = min(part.stop, (number + 1) << BLOCK_BITS)
            found.append(Cell(group.first_block + number, source - (number << BLOCK_BITS), stop - source, position))
            position += stop - source
            source = stop
    return found, np.array(slices, dtype=np.int64)
