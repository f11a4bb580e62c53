"""Brunel's balanced random network with delta synapses in NEST: what configs/brunel.yaml is measured against.

    python benchmarks/brunel_nest.py --threads 2

Network and numbers of NEST's example brunel_delta_nest (asynchronous irregular: g 5, eta 2), with the
spikes of all neurons recorded to memory. The last line printed is JSON; see `measured`.

Brunel (2000) Dynamics of sparsely connected networks of excitatory and inhibitory spiking neurons.
J Comput Neurosci 8:183-208, doi:10.1023/A:1008925309027
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from typing import Any

import nest

DT = 0.1  # ms
DELAY = 1.5  # ms
N_EXC, N_INH = 10_000, 2_500
EPSILON = 0.1  # connection probability
G, ETA = 5.0, 2.0
J = 0.1  # mV
TAU_M, THETA = 20.0, 20.0  # ms, mV
NEURON = {"C_m": 1.0, "tau_m": TAU_M, "t_ref": 2.0, "E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "V_th": THETA}


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that the benchmarks against NEST share, described by a docstring's first line."""
    found = argparse.ArgumentParser(description=(description or "").strip().partition("\n")[0])
    found.add_argument("--threads", type=int, default=2, help="threads of NEST")
    found.add_argument("--transient", type=float, default=500.0, help="simulated before measuring (ms)")
    found.add_argument("--duration", type=float, default=1000.0, help="simulated and measured (ms)")
    found.add_argument("--seed", type=int, default=1, help="seed of all random numbers")
    return found


def recorded(populations: dict[str, Any], transient: float) -> dict[str, Any]:
    """Return one spike recorder per population, in memory, that starts after the transient (ms)."""
    recorders = {}
    for name, population in populations.items():
        recorders[name] = nest.Create("spike_recorder", params={"record_to": "memory", "start": transient})
        nest.Connect(population, recorders[name])
    return recorders


def measured(
    build: Callable[[], tuple[dict[str, Any], int]],
    threads: int,
    transient: float,
    duration: float,
    seed: int,
) -> dict[str, Any]:
    """Build a network, simulate it and return what it took.

    Parameters
    ----------
    build : callable
        Makes the network; returns its populations by name and its number of synapses between neurons.
    threads, transient, duration, seed
        As the options; times in ms.

    Returns
    -------
    dict
        ``build_wall_seconds`` ends where the first step could start and so includes nest.Prepare, given
        as ``prepare_wall_seconds`` too. ``run_wall_seconds`` is the measured duration without the
        transient, ``real_time_factor`` that over the simulated time. ``rates_hz`` are means over the
        neurons of a population, after the transient; ``n_synapses`` leaves those of devices out.
    """
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=DT, local_num_threads=threads, rng_seed=seed, print_time=False)

    start = time.perf_counter()
    populations, n_synapses = build()
    recorders = recorded(populations, transient)
    connected = time.perf_counter()
    nest.Prepare()
    prepared = time.perf_counter()

    # NEST sorts its connections and fills its tables in the first run: the transient takes that as well.
    if transient > 0.0:
        nest.Run(transient)
    settled = time.perf_counter()
    nest.Run(duration)
    stop = time.perf_counter()
    nest.Cleanup()

    sizes = {name: len(population) for name, population in populations.items()}
    counts = {name: int(recorder.get("n_events")) for name, recorder in recorders.items()}
    return {
        "build_wall_seconds": prepared - start,
        "prepare_wall_seconds": prepared - connected,
        "transient_wall_seconds": settled - prepared,
        "run_wall_seconds": stop - settled,
        "real_time_factor": (stop - settled) / (duration / 1000.0),
        # Linux counts in units of 1024 bytes.
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "n_neurons": sum(sizes.values()),
        "n_synapses": n_synapses,
        "n_spikes": sum(counts.values()),
        "rates_hz": {name: counts[name] / sizes[name] / (duration / 1000.0) for name in sizes},
        "threads": threads,
        "transient_ms": transient,
        "duration_ms": duration,
        "seed": seed,
        "nest_version": nest.__version__,
    }


def build() -> tuple[dict[str, Any], int]:
    """Make Brunel's network; returns its populations and the number of synapses between neurons."""
    exc = nest.Create("iaf_psc_delta", N_EXC, params=NEURON)
    inh = nest.Create("iaf_psc_delta", N_INH, params=NEURON)
    c_exc, c_inh = round(EPSILON * N_EXC), round(EPSILON * N_INH)
    nest.CopyModel("static_synapse", "excitatory", {"weight": J, "delay": DELAY})
    nest.CopyModel("static_synapse", "inhibitory", {"weight": -G * J, "delay": DELAY})
    everyone = exc + inh
    # NEST's defaults, written out because n_synapses and the rates depend on them.
    drawn = {"rule": "fixed_indegree", "allow_autapses": True, "allow_multapses": True}
    nest.Connect(exc, everyone, drawn | {"indegree": c_exc}, "excitatory")
    nest.Connect(inh, everyone, drawn | {"indegree": c_inh}, "inhibitory")
    n_synapses = nest.num_connections

    # Every neuron gets c_exc external inputs of eta times the rate (1/ms) that just reaches threshold.
    threshold_rate = THETA / (J * c_exc * TAU_M)
    drive = nest.Create("poisson_generator", params={"rate": 1000.0 * ETA * threshold_rate * c_exc})
    nest.Connect(drive, everyone, syn_spec="excitatory")
    return {"exc": exc, "inh": inh}, n_synapses


if __name__ == "__main__":
    print(json.dumps(measured(build, **vars(parser(__doc__).parse_args()))))
