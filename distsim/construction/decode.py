"""The synapses of a LocalNetwork one by one, out of their packed records: for export and for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from distsim.construction.kernels import BLOCK
from distsim.construction.local_network import LocalNetwork
from distsim.construction.records import weights_in


@dataclass(frozen=True)
class DecodedBlock:
    """The synapses of a block of sources, in order of (receptor, source, delay).

    Attributes
    ----------
    source : str
        Population or spike generator.
    pre : np.ndarray
        int64 [n], index in it.
    target : np.ndarray
        int64 [n], local neuron.
    plane : np.ndarray
        int64 [n], receptor index.
    weight : np.ndarray
        float64 [n], in the unit of the input: times `LocalNetwork.grids` it is in the weight's own.
    delay : np.ndarray
        int64 [n], steps.
    """

    source: str
    pre: np.ndarray
    target: np.ndarray
    plane: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


def decoded(local: LocalNetwork) -> Iterator[DecodedBlock]:
    """Yield the synapses of every block of up to 1,024 sources."""
    for g, (name, group) in enumerate(local.groups.items()):
        bases = local.target_base[local.group_targets[g, 0] : local.group_targets[g, 1]]
        for number in range(group.n_blocks):
            b = group.first_block + number
            size, start = local.block_size[b], local.block_offset[b]
            n_slots = len(bases) * size * group.n_delays
            ends = local.offsets[start : start + n_slots + 1].astype(np.int64)
            slot = np.repeat(np.arange(n_slots), np.diff(ends))
            records = local.synapses[local.block_base[b] : local.block_base[b] + slot.shape[0]]
            row, delay = np.divmod(slot, group.n_delays)
            k, index = np.divmod(row, size)
            plane, block_start = np.divmod(bases[k], local.stride)
            yield DecodedBlock(
                source=name,
                pre=number * BLOCK + index,
                target=block_start + (records & records.dtype.type(0xFFFF)).astype(np.int64),
                plane=plane,
                weight=weights_in(records),
                delay=delay + group.first_delay,
            )
