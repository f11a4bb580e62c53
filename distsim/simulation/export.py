"""A network, built, as a SONATA circuit: `distsim export`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from distsim.construction import build
from distsim.construction.decode import decoded
from distsim.construction.local_network import LocalNetwork
from distsim.errors import InputError
from distsim.io.sonata_export import EdgeBlock, Nodes, write_circuit
from distsim.io.whole_files import whole_folder
from distsim.network import Network
from distsim.network.config import Config
from distsim.registry import SpikeSource, models, partitioners


def export_sonata(config: Config, folder: Path) -> None:
    """Build the network in this process and write it into a new folder.

    Read back by distsim it gives the same spikes: weights are written as they lie on their grids, and what
    SONATA has no word for goes along.

    Raises
    ------
    InputError
        Where the folder exists, and where weights learn.
    """
    if folder.exists():
        raise InputError(str(folder), "expected a new folder for the export, this one exists")
    settings, network = config.simulation, config.network.resolved()
    for i, p in enumerate(network.projections):
        if p.is_plastic:
            place = f"network.projections.{i}.synapse"
            raise InputError(place, f"expected 'static': SONATA's edges have no word for {p.synapse.model}")
    partition = partitioners.get("block").partition(network, 1)
    local = build(network, partition, 0, dt=settings.dt, seed=settings.seed, weights=settings.weights)
    nodes = [
        Nodes(name, p.size, p.model, p.params, tuple(r.name for r in models.get(p.model).declaration.receptors))
        for name, p in network.populations.items()
    ]
    nodes += [
        Nodes(name, d.size, d.model, {}, (), [[t for t in times if d.params["start"] < t <= d.params["stop"]]
                                              for times in d.kind.times(d.params, d.size)])
        for name, d in network.devices.items() if isinstance(d.kind, SpikeSource)
    ]  # fmt: skip
    run = {"tstop": settings.transient + settings.duration, "dt": settings.dt}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as part:
        write_circuit(part, nodes, _blocks(network, local, settings.dt), run, _extension(config, local))


def _blocks(network: Network, local: LocalNetwork, dt: float) -> Iterator[EdgeBlock]:
    """Yield the synapses between neurons, and those of spike generators, by source block and target population."""
    for block in decoded(local):
        for target, (first, last) in local.ranges.items():
            mine = np.flatnonzero((block.target >= first) & (block.target < last))
            plane = block.plane[mine]
            yield EdgeBlock(
                source=block.source,
                target=target,
                pre=block.pre[mine],
                post=block.target[mine] - first,
                receptor=plane,
                weight=block.weight[mine] * local.grids[target][plane],
                delay=np.round(block.delay[mine] * dt, 9),
            )


def _extension(config: Config, local: LocalNetwork) -> dict[str, Any]:
    """Return what SONATA has no word for, as plain data of a distsim config."""
    network = config.network.resolved()
    sizes = {n: p.size for n, p in network.populations.items()} | {n: d.size for n, d in network.devices.items()}
    populations = {}
    for name, p in network.populations.items():
        receptors = [r.name for r in models.get(p.model).declaration.receptors]
        how = local.representation
        steps = (how.grids if how.static == "int16" else how.units)[name]
        grid = dict(zip(receptors, steps.tolist(), strict=True))
        populations[name] = {"init": {k: d.to_dict() for k, d in p.init.items()}, "weight_step": grid}
    devices = {n: d for n, d in network.devices.items() if not d.spikes}
    written = config.network.projections
    projections = [
        {
            "pre": p.pre.plain(sizes), "post": p.post.plain(sizes), "rule": written[i].rule,
            "weight": p.weight.to_dict(), "delay": p.delay.to_dict(),
        } | ({"receptor": p.receptor} if p.receptor else {})
        for i, p in enumerate(network.projections) if p.pre.slices[0].name in devices
    ]  # fmt: skip
    return {
        "name": network.name,
        "simulation": {
            k: v
            for k, v in config.to_dict()["simulation"].items()
            if k in ("seed", "precision", "weights", "transient")
        },
        "populations": populations,
        "params": config.network.params,
        "devices": {
            n: {"model": d.model, "size": d.size, "params": {k: v for k, v in d.params.items() if v != float("inf")}}
            for n, d in devices.items()
        },
        "projections": projections,
        "recorders": [
            {"record": r.record, "from": r.source.plain(sizes)}
            | {k: v for k, v in (("every", r.every), ("reduce", r.reduce)) if v is not None}
            for r in network.recorders
        ],
    }
