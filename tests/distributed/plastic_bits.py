"""Run under mpiexec by test_plastic_bits: simulate a network with plasticity of every kind, print what came out.

mpiexec -n 3 python plastic_bits.py out.json [checkpoint.h5 | --save checkpoint.h5]
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import distsim as ds
from distsim.communication import communicator
from distsim.simulation import plastic_state

DURATION, HALF = 900.0, 430.0


def network() -> ds.Network:
    """Return the network: delays from a step to several intervals, targets of several rules, all kinds of sources."""
    net = ds.Network("plastic")
    exc = net.population("exc", 160, "iaf_psc_exp")
    inh = net.population("inh", 40, "aeif_psc_exp", I_e=500.0)
    seen = net.population("seen", 30, "aeif_psc_delta_clopath", I_e=900.0)
    both = exc + inh if hasattr(exc, "__add__") else [{"population": "exc"}, {"population": "inh"}]
    for target in (exc, inh):
        net.poisson(target, rate=15_000.0, weight=30.0)
    trains = [[10.0 * k + j for k in range(1, 80)] for j in range(5)]
    source = net.device("source", "spike_generator", size=5, spike_times=trains)
    net.device("reward", "spike_generator", spike_times=[100.0, 300.2, 420.0, 600.0])
    stdp = {"model": "stdp_pl_synapse_hom", "alpha": 0.1, "tau_minus": 30.0}
    net.project(exc, exc, ds.fixed_indegree(20), weight=ds.normal(40.0, 8.0), delay=ds.uniform(0.5, 6.0), synapse=stdp,
                name="stdp")  # fmt: skip
    triplet = {"model": "stdp_triplet_synapse", "Aplus_triplet": 0.06, "axonal_delay": 0.3}
    net.project(exc, inh, ds.pairwise_bernoulli(0.2), weight=40.0, delay=ds.uniform(0.5, 3.0), synapse=triplet)
    vogels = {"model": "vogels_sprekeler_synapse", "Wmax": 400.0, "eta": 1.0}
    net.project(inh, exc, ds.fixed_outdegree(40), weight=-200.0, delay=1.5, synapse=vogels)
    scaling = {"model": "stdp_homeostatic_synapse", "eta": 0.05, "tau_rate": 300.0, "A_plus": 3.0, "Wmax": 500.0}
    net.project(inh, inh, ds.fixed_indegree(10), weight=-100.0, delay=1.5, synapse=scaling)
    release = {"model": "tsodyks2_synapse", "tau_fac": 100.0}
    net.project(source, both, ds.pairwise_bernoulli(0.3), weight=300.0, delay=ds.uniform(1.0, 2.0), synapse=release)
    gated = {"model": "stdp_dopamine_synapse", "transmitter": "reward", "tau_c": 300.0, "Wmin": 20.0, "Wmax": 60.0,
             "A_minus": 0.8, "b": 0.003}  # fmt: skip
    net.project(exc, exc, ds.fixed_total_number(1500), weight=30.0, delay=ds.uniform(0.6, 4.0), synapse=gated)
    voltage = {"model": "clopath_synapse", "A_LTP": 4e-5, "A_LTD_const": 0.0, "u_ref_squared": 4900.0, "Wmax": 1.0}
    net.project(exc, seen, ds.fixed_indegree(25), weight=0.4, delay=ds.uniform(0.5, 6.0), synapse=voltage)
    net.project(inh, seen, ds.fixed_indegree(5), weight=0.2, delay=1.5, synapse=voltage | {"delay_u_bars": 2.0})
    net.record("spikes", both)
    net.record("spikes", seen)
    return net


def main() -> None:
    """Write [spike hash of the second half, hash of all that is plastic, spikes, updates] from rank 0."""
    n_ranks = communicator().n_ranks
    partitioner = "round_robin" if n_ranks % 2 else "balanced"
    sim = ds.Simulation(network(), partitioner=partitioner)
    if len(sys.argv) == 3:
        sim.restore(sys.argv[2])
    else:
        sim.run(HALF)
        if len(sys.argv) == 4:
            sim.checkpoint(sys.argv[3])
    sim.run(DURATION - HALF)
    digest = hashlib.sha256()
    for name, _, _, blocks in plastic_state.gathered(sim):
        for _, values in blocks:
            # The size of the rings depends on what this rank's neurons fired; what they hold is compared.
            if "step" not in name and "trace" not in name:
                digest.update(name.encode() + values.tobytes())
    times, gids = sim.spikes(local=True)
    late = sorted(zip(times[times > HALF].tolist(), gids[times > HALF].tolist(), strict=True))
    everyones = sim.ranks.gather(late)
    counts = sim.summary()["counts"]
    if everyones is not None:
        spikes = hashlib.sha256(json.dumps(sorted(s for part in everyones for s in part)).encode()).hexdigest()
        found = [spikes, digest.hexdigest(), counts["spikes"], counts["plasticity_updates"]]
        Path(sys.argv[1]).write_text(json.dumps(found))


main()
