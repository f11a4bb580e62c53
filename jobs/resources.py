"""How many ranks, nodes and how much memory a network needs, where the user does not say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from distsim.construction.estimate import memory_bytes
from distsim.construction.weights import representation
from distsim.errors import InputError
from distsim.jobs.site import Site
from distsim.network.config import Config

# A rank with more synapses than this is slower than need be; with many fewer it mostly waits for others.
SYNAPSES_PER_RANK = 50e6
# Memory asked for over that expected.
MARGIN = 1.25


@dataclass(frozen=True)
class Resources:
    """What a job asks for.

    Attributes
    ----------
    ranks, nodes, ranks_per_node : int
    megabytes_per_node : int
    minutes : int
        Time limit.
    """

    ranks: int
    nodes: int
    ranks_per_node: int
    megabytes_per_node: int
    minutes: int


def resources(config: Config, site: Site, ranks: int | None, minutes: int) -> Resources:
    """Return what a network needs on a site.

    Raises
    ------
    InputError
        Where a rank needs more memory than a node has.
    """
    network, dt = config.network.resolved(), config.simulation.dt
    synapse_bytes = representation(network, dt, config.simulation.weights).record.itemsize
    n = ranks or max(1, math.ceil(network.n_synapses() / SYNAPSES_PER_RANK))
    while True:
        per_rank = MARGIN * memory_bytes(network, n, dt, synapse_bytes)["total"] / 1e6
        fit = site.cores_per_node
        if site.memory_per_node_gb is not None:
            fit = min(fit, int(site.memory_per_node_gb * 1000.0 / per_rank))
        if fit >= 1 and site.scheduler == "local" and n > fit and ranks is None:
            n = fit
            continue
        if fit >= 1:
            break
        if ranks is not None or n > network.n_neurons:
            problem = f"expected more ranks: each of {n} needs {per_rank / 1000:.3g} GB"
            raise InputError("--ranks", f"{problem}, a node of {site.name} has {site.memory_per_node_gb:g} GB")
        n *= 2
    nodes = math.ceil(n / fit)
    per_node = math.ceil(n / nodes)
    return Resources(n, nodes, per_node, math.ceil(per_node * per_rank), minutes)


def minutes(text: str) -> int:
    """Return a time limit as Slurm writes it, ``[days-]hours:minutes:seconds`` and its short forms, in minutes.

    Raises
    ------
    InputError
        For anything else.
    """
    days, dash, rest = text.rpartition("-")
    try:
        parts = [int(part) for part in rest.split(":")]
        number = int(days) if dash else 0
    except ValueError:
        parts, number = [], 0
    if not 1 <= len(parts) <= 3 or min([*parts, number]) < 0:
        raise InputError("--time", f"expected a time such as 2:00:00 or 1-12, got {text!r}")
    if dash:
        hours, mins, seconds = [*parts, 0, 0][:3]
    elif len(parts) == 3:
        hours, mins, seconds = parts
    else:
        hours, (mins, seconds) = 0, [*parts, 0][:2]
    total = number * 1440 + hours * 60 + mins + math.ceil(seconds / 60)
    if total < 1:
        raise InputError("--time", f"expected at least a minute, got {text!r}")
    return total
