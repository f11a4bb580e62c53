"""Whether something fits into the memory of the machines that the ranks run on, asked before it is made."""

from __future__ import annotations

import socket
from collections.abc import Callable

import psutil

from distsim.communication import Communicator
from distsim.construction.estimate import memory_bytes
from distsim.construction.weights import representation
from distsim.errors import InputError
from distsim.network import Network
from distsim.network.config import SimulationConfig


def check_memory(network: Network, settings: SimulationConfig, ranks: Communicator) -> None:
    """Raise InputError on all ranks where the network needs more memory than a machine has. Collective."""
    synapse_bytes = representation(network, settings.dt, settings.weights).record.itemsize

    def need(n_ranks: int) -> float:
        return memory_bytes(network, n_ranks, settings.dt, synapse_bytes, settings.precision)["total"]

    needed = need(ranks.n_ranks)
    hosts = _hosts(ranks)
    for name, (n_here, available) in hosts.items():
        if needed * n_here > available:
            raise InputError(
                "network",
                f"expected to fit into memory: {n_here} {'ranks' if n_here > 1 else 'rank'} on {name} need "
                f"{needed * n_here / 1e9:.1f} GB, {available / 1e9:.1f} GB are free, "
                f"{(needed * n_here - available) / 1e9:.1f} GB are missing "
                f"({_advice(need, network.n_neurons, ranks.n_ranks, available, n_here, len(hosts) == 1)})",
            )


def _advice(
    need: Callable[[int], float], n_neurons: int, n_ranks: int, available: float, n_here: int, one_host: bool
) -> str:
    """Return what would help: fewer ranks on the one machine, more ranks elsewhere, or only a smaller network.

    `need` tells the bytes on each of n ranks. What every rank holds of its own, such as the index by source and the
    process itself, does not shrink with ranks.
    """
    found = []
    if one_host and n_ranks > 1:
        fitting = [n for n in _halves(n_ranks) if n * need(n) <= available]
        if fitting:
            found.append(f"{fitting[0]} {'ranks' if fitting[0] > 1 else 'rank'} would fit here")
    share = available / n_here
    more = n_ranks
    while more < n_neurons and need(more) > share:
        more *= 2
    if need(more) <= share:
        low = more // 2
        while more - low > max(1, more // 50):
            middle = (low + more) // 2
            low, more = (low, middle) if need(middle) <= share else (middle, more)
        found.append(f"about {more} ranks with {share / 1e9:.1f} GB each would hold it")
    else:
        rest = need(n_neurons)
        found.append(f"more ranks do not help: {rest / 1e9:.1f} GB are needed on each, however many there are")
    return ", ".join([*found, "or a smaller network.scale"])


def _halves(n_ranks: int) -> list[int]:
    """Return n_ranks / 2, n_ranks / 4, ... 1."""
    return [n_ranks >> k for k in range(1, n_ranks.bit_length())]


def check_fits(n_bytes: float, ranks: Communicator, place: str, what: str, advice: str) -> None:
    """Raise InputError on all ranks where every rank is to hold `n_bytes` and a machine has less. Collective."""
    for name, (n_here, available) in _hosts(ranks).items():
        if n_bytes * n_here > available:
            each = f" on each of {n_here} ranks of {name}" if n_here > 1 else ""
            raise InputError(
                place,
                f"expected to fit into memory: {what}{each} take {n_bytes * n_here / 1e9:.3g} GB, "
                f"{available / 1e9:.3g} GB are free ({advice})",
            )


def _hosts(ranks: Communicator) -> dict[str, tuple[int, float]]:
    """Return every machine's number of ranks and its free memory (bytes). Collective."""
    told = ranks.allgather((socket.gethostname(), psutil.virtual_memory().available))
    return {
        name: (sum(h == name for h, _ in told), min(a for h, a in told if h == name))
        for name in sorted({h for h, _ in told})
    }
