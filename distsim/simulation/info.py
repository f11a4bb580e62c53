"""What a config holds and needs, told before anything is built."""

from __future__ import annotations

import psutil
from rich.console import Console
from rich.table import Table

from distsim.construction.estimate import expected_rates, memory_bytes
from distsim.construction.weights import Representation, representation
from distsim.network import Network
from distsim.network.config import Config
from distsim.notices import Notices
from distsim.simulation.progress import print_warnings


def print_info(config: Config, n_ranks: list[int], notices: Notices) -> None:
    """Print populations, projections, expected events, the memory that each rank needs, and all warnings.

    Parameters
    ----------
    config : Config
    n_ranks : list of int
        To tell the memory for.
    notices : Notices
        That gather what is warned of, while the config was loaded too.
    """
    network, dt = config.network.resolved(), config.simulation.dt
    console = Console()
    incoming = indegrees(network)
    table = Table(title=f"{network.name}: {network.n_neurons:,} neurons, {network.n_synapses():,.0f} synapses")
    for title in ("population", "model", "neurons", "synapses per neuron", "external events/s per neuron"):
        table.add_column(title, justify="left" if title in ("population", "model") else "right")
    external = expected_rates(network)
    for name, p in network.populations.items():
        table.add_row(name, p.model, f"{p.size:,}", f"{incoming[name]:,.1f}", f"{external[name]:,.0f}")
    console.print(table)
    total_external = sum(external[n] * p.size for n, p in network.populations.items())
    console.print(
        f"{len(network.projections)} projections, delays {network.min_delay_steps(dt) * dt:.4g} to "
        f"{network.max_delay_steps(dt) * dt:.4g} ms, dt {dt:g} ms",
        f"expected events per biological second: {total_external:.3g} external, "
        f"{network.n_synapses():.3g} synaptic for every Hz of mean rate, "
        f"{network.n_neurons * 1000.0 / dt:.3g} neuron updates",
        sep="\n", highlight=False, soft_wrap=True,
    )  # fmt: skip
    how = representation(network, dt, config.simulation.weights, tell=True)
    console.print(weights_table(network, how))
    memory = Table(title="memory needed (GB)")
    for title in ("ranks", "each rank", "all ranks", "synapses each", "this machine"):
        memory.add_column(title, justify="right")
    free = psutil.virtual_memory().available
    for n in n_ranks:
        need = memory_bytes(network, n, dt, how.record.itemsize, config.simulation.precision)
        fits = "fits" if need["total"] * n <= free else f"{(need['total'] * n - free) / 1e9:.1f} GB missing"
        memory.add_row(
            str(n),
            f"{need['total'] / 1e9:.2f}",
            f"{need['total'] * n / 1e9:.2f}",
            f"{need['synapses'] / 1e9:.2f}",
            fits,
        )
    console.print(memory)
    print_warnings(notices.entries(), console)


def weights_table(network: Network, how: Representation) -> Table:
    """Return how weights are kept and how far they are from what was asked for, by projection."""
    kept = {"int16": "16-bit steps of a grid", "float32": "float32, 8 bytes a synapse"}[how.static]
    table = Table(title=f"weights: {kept}" + (f" ({how.reason})" if how.reason else ""))
    for title in ("projection", "kept as", "mean off by", "standard deviation off by", "off by more than 5 %"):
        table.add_column(title, justify="left" if title in ("projection", "kept as") else "right")
    for i, e in how.errors.items():
        p = network.projections[i]
        table.add_row(str(p.name), how.kept(p), f"{e.mean:.1e}", f"{e.sd:.1e}", f"{e.off:.1e}")
    return table


def indegrees(network: Network) -> dict[str, float]:
    """Return the expected synapses per neuron of each population."""
    found = dict.fromkeys(network.populations, 0.0)
    for p in network.synaptic():
        for part in p.post.slices:
            share = len(part) / len(p.post)
            found[part.name] += p.rule.n_synapses(len(p.pre), len(p.post)) * share / network.populations[part.name].size
    return found
