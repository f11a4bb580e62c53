"""One full microcircuit in both simulators: the same neurons, synapses, start and input, spike by spike.

    python benchmarks/microcircuit_same_network.py --duration 1000 --output same.npz

distsim draws the network in this process and hands it to NEST edge by edge, in chunks, weights and delays as they lie
on its grids. The drive is the direct current of the Poisson drive's mean (Potjans and Diesmann 2014, figure 7), so that
nothing random is left: spikes can be compared one by one until rounding has grown through chaos into a first
difference, and rates after it. distsim computes in double precision. Takes some 16 GB of memory, and on two cores a few
minutes to build and two minutes for a second of NEST.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import nest
import numpy as np

import distsim as ds
from distsim.communication import SerialCommunicator
from distsim.construction.decode import decoded
from distsim.network.config import load_config

DT = 0.1
CHUNK = 1 << 22


def our_network(scale: float) -> Any:
    """Return the config with direct currents in the place of Poisson drives."""
    network = load_config("microcircuit", [f"network.scale={scale}"]).network
    resolved, data = network.resolved(), network.to_dict()
    kept = []
    for written, projection in zip(data["projections"], resolved.projections, strict=True):
        source, target = projection.pre.slices[0].name, projection.post.slices[0].name
        if source in resolved.devices:
            rate, weight = resolved.devices[source].params["rate"], projection.weight.mean()
            population = data["populations"][target]
            tau = resolved.populations[target].params["tau_syn_ex"]
            population["params"] = population["params"] | {"I_e": rate / 1000.0 * tau * weight}
        else:
            kept.append(written)
    return ds.Network.from_dict(data | {"projections": kept, "devices": {}})


def to_nest(sim: Any, threads: int) -> tuple[dict[str, Any], int]:
    """Make the network that a simulation has built in NEST; return its populations and number of synapses."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=DT, local_num_threads=threads, print_time=False)
    for name in ("excitatory", "inhibitory"):
        nest.CopyModel("static_synapse_hpc", name)
    populations, first = {}, {}
    for name, p in sim.network.populations.items():
        _, v = sim.state(name, "V_m")
        params = {k: x for k, x in p.params.items() if k in nest.GetDefaults("iaf_psc_exp")}
        populations[name] = nest.Create("iaf_psc_exp", p.size, params=params)
        populations[name].V_m = np.asarray(v, float)
        first[name] = populations[name][0].global_id
    local, made = sim.engine.local, 0
    start_of = {first_local: (name, first_local) for name, (first_local, _) in local.ranges.items()}
    starts = np.array(sorted(start_of))
    base = np.array([first[start_of[s][0]] for s in starts])
    grids = np.array([local.grids[start_of[s][0]] for s in starts])
    for block in decoded(local):
        population = np.searchsorted(starts, block.target, side="right") - 1
        target = base[population] + block.target - starts[population]
        weight = block.weight * grids[population, block.plane]
        model = "inhibitory" if block.source.endswith("I") else "excitatory"
        for lo in range(0, target.size, CHUNK):
            part = slice(lo, lo + CHUNK)
            nest.Connect(
                first[block.source] + block.pre[part], target[part], "one_to_one",
                {"synapse_model": model, "weight": weight[part], "delay": block.delay[part] * DT},
            )  # fmt: skip
            made += target[part].size
    return populations, made


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=1000.0, help="simulated in both (ms)")
    parser.add_argument("--scale", type=float, default=1.0, help="size; in-degrees stay as they are")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="file for both simulators' spikes (.npz)")
    args = parser.parse_args()
    network = our_network(args.scale)
    begin = time.perf_counter()
    sim = ds.Simulation(network, dt=DT, seed=55, precision="float64", communicator=SerialCommunicator())
    populations, made = to_nest(sim, args.threads)
    print(json.dumps({"synapses": made, "wall_seconds": time.perf_counter() - begin}), flush=True)
    sim.run(args.duration)
    times, gids = sim.spikes()
    first_gid = {name: p.first_gid for name, p in sim.network.populations.items()}
    ours = np.stack([np.rint(np.asarray(times) / DT).astype(np.int64), np.asarray(gids, np.int64)])
    del sim
    recorder = nest.Create("spike_recorder")
    for name in populations:
        nest.Connect(populations[name], recorder)
    nest.Simulate(args.duration)
    events = recorder.get("events")
    senders = np.asarray(events["senders"], np.int64)
    shift = next(iter(populations.values()))[0].global_id - next(iter(first_gid.values()))
    theirs = np.stack([np.rint(np.asarray(events["times"]) / DT).astype(np.int64), senders - shift])
    ours, theirs = (s[:, np.lexsort((s[1], s[0]))] for s in (ours, theirs))
    if args.output:
        np.savez_compressed(args.output, ours=ours, theirs=theirs, first_gid=list(first_gid.values()))
    n = min(ours.shape[1], theirs.shape[1])
    differ = np.flatnonzero((ours[:, :n] != theirs[:, :n]).any(axis=0))
    same = int(differ[0]) if differ.size else n
    at = float(ours[0, same] * DT) if same < n else args.duration
    found = {"ours": int(ours.shape[1]), "nest": int(theirs.shape[1]), "identical": same, "first_difference_ms": at}
    print(json.dumps(found))
    for name, gid in first_gid.items():
        size = len(populations[name])
        a, b = (int(((s[1] >= gid) & (s[1] < gid + size)).sum()) for s in (ours, theirs))
        print(f"{name}: {a / size / args.duration * 1000:.4f} Hz ours, {b / size / args.duration * 1000:.4f} Hz NEST")


if __name__ == "__main__":
    main()
