"""Summary of a run: what was simulated, how fast, what it took."""

from __future__ import annotations

import dataclasses
import datetime
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim import __version__
from distsim.construction.weights import Representation
from distsim.io.run import SCHEMA
from distsim.network import Network
from distsim.notices import merged
from distsim.power import METER
from distsim.registry import PoissonSource
from distsim.simulation.loop import (
    DELIVER,
    DRIVE,
    EXCHANGE,
    MESSAGES,
    NEURON_UPDATES,
    RECORD,
    UPDATE,
    WORDS_SENT,
)

if TYPE_CHECKING:
    from distsim.simulation.simulation import Simulation


def peak_rss_bytes() -> int:
    """Return the largest resident memory that this process has had."""
    # macOS tells bytes, all others kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def summary(simulation: Simulation) -> dict[str, Any]:
    """Return the summary of a run, as interface and keys of summary.json say. Collective."""
    config, network, engine, ranks = simulation.config, simulation.network, simulation.engine, simulation.ranks
    settings = config.simulation
    dt = settings.dt
    counts = ranks.sum(engine.tally.counts.copy())
    spikes = ranks.sum(engine.tally.spikes.copy())
    external, events = ranks.sum(engine.tally.external.copy()), ranks.sum(engine.synaptic_events())
    updates = ranks.sum(engine.plasticity_updates())
    by_projection = ranks.sum(engine.local.n_synapses_by_projection.copy())
    phases = ranks.sum(engine.tally.seconds.copy()) / ranks.n_ranks
    clocks = dataclasses.astuple(simulation.clocks)
    per_rank = ranks.allgather((peak_rss_bytes(), engine.local.n_bytes, simulation.build_wall_seconds,
                                engine.compile_wall_seconds, *clocks))  # fmt: skip
    rss, n_bytes, build, compile_, run, counted, record, checkpoint, cpu = (
        list(values) for values in zip(*per_rank, strict=True)
    )
    n_synapses = int(by_projection.sum())
    counted_ms = max(engine.step - simulation.n_transient, 0) * dt
    names = list(network.populations)
    started = datetime.datetime.fromtimestamp(simulation.started, datetime.UTC)
    return {
        "schema": SCHEMA,
        "distsim_version": __version__,
        "started": started.isoformat(timespec="seconds"),
        "hostname": socket.gethostname(),
        "config_sha256": config.sha256(),
        "network": {
            "name": network.name,
            "n_neurons": network.n_neurons,
            "n_synapses": n_synapses,
            "n_synapses_by_projection": _by_name(network, by_projection),
            "weights_by_projection": _weights(network, engine.local.representation),
            "populations": {
                n: {"n": p.size, "model": p.model} | ({"nodes": p.nodes} if p.nodes else {})
                for n, p in network.populations.items()
            },
        },
        "run": {
            "n_ranks": ranks.n_ranks,
            "mpi": ranks.library,
            "dt_ms": dt,
            "duration_ms": round(counted_ms, 9),
            "transient_ms": round(min(engine.step, simulation.n_transient) * dt, 9),
            "seed": settings.seed,
            "partitioner": settings.partitioner,
            "exchange": "allgather" if ranks.n_ranks > 1 else "none",
            "precision": settings.precision,
            "weights": settings.weights,
            "min_delay_ms": round(engine.min_delay * dt, 9),
            "max_delay_ms": round(engine.max_delay * dt, 9),
            "resumed_from_ms": simulation.resumed_from_ms,
        },
        "timing": {
            "compile_wall_seconds": max(compile_),
            "build_wall_seconds": max(build),
            "run_wall_seconds": max(run),
            "real_time_factor": max(counted) / (counted_ms / 1000.0) if counted_ms else None,
            "cpu_seconds": sum(cpu),
            "phases": {
                "drive": float(phases[DRIVE]),
                "deliver": float(phases[DELIVER]),
                "update": float(phases[UPDATE]),
                "exchange": float(phases[EXCHANGE]),
                "record": float(phases[RECORD]) + sum(record) / ranks.n_ranks,
                "checkpoint": sum(checkpoint) / ranks.n_ranks,
            },
        },
        "memory": {
            "peak_rss_bytes": rss,
            "bytes_per_synapse": sum(n_bytes) / n_synapses if n_synapses else None,
        },
        "counts": {
            "neuron_updates": int(counts[NEURON_UPDATES]),
            "spikes": int(spikes.sum()),
            "synaptic_events": int(events.sum()),
            "external_events": int(external.sum()),
            "plasticity_updates": int(updates.sum()),
            "bytes_sent": int(counts[WORDS_SENT]) * 4,
            "messages": int(counts[MESSAGES]),
        },
        "energy": _energy(simulation),
        "counts_by_population": {
            name: {
                "neuron_updates": network.populations[name].size * max(engine.step - simulation.n_transient, 0),
                "spikes": int(spikes[i]),
            }
            for i, name in enumerate(names)
        },
        "counts_by_projection": _counts_by_projection(network, events, external, updates),
        "rates_hz": {
            name: float(spikes[i]) / network.populations[name].size / (counted_ms / 1000.0) if counted_ms else None
            for i, name in enumerate(names)
        },
        "spike_hash": simulation.recording.spike_hash,
        "warnings": merged(ranks.allgather(simulation.notices.entries())),
    }


def _energy(simulation: Simulation) -> dict[str, Any]:
    """Return what the processors of all hosts took after the transient; null where they do not tell. Collective."""
    told = simulation.ranks.allgather((socket.gethostname(), simulation.meter.joules()))
    by_host = dict(reversed(told))
    whole = simulation.resumed_from_ms is None and all(joules is not None for joules in by_host.values())
    return {
        "measured_joules": sum(j for j in by_host.values() if j is not None) if whole else None,
        "meter": METER if whole else None,
        # What the site says of its nodes, for an estimate where nothing was measured.
        "watts_per_core": float(watts) if (watts := os.environ.get("DISTSIM_WATTS_PER_CORE")) else None,
    }


def _names(network: Network) -> list[str]:
    """Return the projections' names; projections of one name are told apart by their index."""
    found: list[str] = []
    for i, projection in enumerate(network.projections):
        name = str(projection.name)
        found.append(f"{name}#{i}" if name in found else name)
    return found


def _by_name(network: Network, by_projection: np.ndarray) -> dict[str, int]:
    """Return synapses by projection name."""
    spiking = network.spiking()
    pairs = zip(_names(network), network.projections, by_projection, strict=True)
    return {name: int(n) for name, p, n in pairs if p in spiking}


def _weights(network: Network, how: Representation) -> dict[str, dict[str, Any]]:
    """Return how weights are kept and how far they are from what was asked for, by projection name."""
    names = _names(network)
    return {
        names[i]: {
            "representation": how.kept(network.projections[i]),
            "mean_error": e.mean,
            "sd_error": e.sd,
            "zeroed": e.zeroed,
            "off_by_5_percent": e.off,
        }
        for i, e in how.errors.items()
    }


def _counts_by_projection(
    network: Network, events: np.ndarray, external: np.ndarray, updates: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Return events by projection: of synapses, whose spikes fired in the counted time, or of Poisson generators."""
    found: dict[str, dict[str, Any]] = {}
    for i, (name, p) in enumerate(zip(_names(network), network.projections, strict=True)):
        source = p.pre.slices[0].name
        device = network.devices.get(source)
        if device is not None and isinstance(device.kind, PoissonSource):
            found[name] = {"kind": "external", "external_events": int(external[i])}
        elif device is None or device.spikes:
            found[name] = {
                "kind": "plastic" if p.is_plastic else "static",
                "from": "neurons" if device is None else device.model,
                "synaptic_events": int(events[i]),
            } | ({"synapse": p.synapse.model, "plasticity_updates": int(updates[i])} if p.is_plastic else {})
    return found
