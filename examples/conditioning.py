"""Conditioning with a reward that comes late: dopamine finds the synapses that deserve it.

    python examples/conditioning.py

A thousand neurons are stimulated a group of fifty at a time, one of a hundred groups, every 100 to 300 ms. Only the
first group's stimulus is followed by dopamine, up to a second later, when other groups have long been
stimulated. Synapses keep a trace of their pairings (the eligibility); what dopamine finds of it makes them
grow, so that the first group's synapses become strong and its response to the stimulus grows above all others.

Izhikevich EM (2007). Solving the distal reward problem through linkage of STDP and dopamine signaling.
Cereb Cortex 17:2443-2452, figure 2. doi:10.1093/cercor/bhl152
"""

from __future__ import annotations

import numpy as np

import distsim as ds

N_EXC, N_INH, N_GROUPS, SIZE = 800, 200, 100, 50
SECONDS = 420.0


def stimuli(rng: np.random.Generator) -> tuple[list[list[float]], list[float]]:
    """Return when each group is stimulated, and when dopamine is released (ms)."""
    trains: list[list[float]] = [[] for _ in range(N_GROUPS)]
    rewards, t = [], 100.0
    while t < SECONDS * 1000.0 - 1500.0:
        group = int(rng.integers(N_GROUPS))
        trains[group].append(round(t, 1))
        if group == 0:
            rewards.append(round(t + rng.uniform(100.0, 1000.0), 1))
        t += rng.uniform(100.0, 300.0)
    return trains, sorted(rewards)


def network(rng: np.random.Generator) -> tuple[ds.Network, list[np.ndarray], list[list[float]]]:
    """Return the network, the neurons of every group and their stimuli."""
    trains, rewards = stimuli(rng)
    groups = [rng.choice(N_EXC, SIZE, replace=False) for _ in range(N_GROUPS)]
    net = ds.Network("conditioning")
    exc = net.population("exc", N_EXC, "izhikevich", init={"V_m": -65.0, "U_m": -13.0})
    inh = net.population("inh", N_INH, "izhikevich", a=0.1, d=2.0, init={"V_m": -65.0, "U_m": -13.0})
    for neurons in (exc, inh):
        net.project(net.device(f"noise_{len(neurons)}", "noise_generator", std=3.75, dt=1.0, size=1), neurons)
    stimulus = net.device("stimulus", "spike_generator", size=N_GROUPS, spike_times=trains)
    pairs = {"pre": np.repeat(np.arange(N_GROUPS), SIZE).tolist(), "post": np.concatenate(groups).tolist()}
    net.project(stimulus, exc, ds.edges(**pairs), weight=30.0, delay=1.0)
    net.device("dopamine", "spike_generator", spike_times=rewards)
    learning = {"model": "stdp_dopamine_synapse", "transmitter": "dopamine", "A_plus": 1.0, "A_minus": 1.5,
                "tau_c": 1000.0, "tau_n": 200.0, "Wmax": 4.0}  # fmt: skip
    net.project(exc, exc, ds.fixed_outdegree(80), weight=1.0, delay=1.0, synapse=learning, name="learning")
    net.project(exc, inh, ds.fixed_outdegree(20), weight=1.0, delay=1.0)
    net.project(inh, exc, ds.fixed_outdegree(100), weight=-1.0, delay=1.0)
    net.record("spikes", exc)
    return net, groups, trains


def response(times: np.ndarray, gids: np.ndarray, group: np.ndarray, train: list[float]) -> float:
    """Return the mean number of spikes of a group in the 80 ms after its stimuli."""
    mine = np.sort(times[np.isin(gids, group)])
    begin = np.array(train)
    return float(np.mean(np.searchsorted(mine, begin + 80.0) - np.searchsorted(mine, begin))) if train else 0.0


def main() -> None:
    """Simulate, and print the groups' responses and the synapses' strength as they go."""
    net, groups, trains = network(np.random.default_rng(1))
    with ds.Simulation(net) as sim:
        part = SECONDS * 1000.0 / 7.0
        for k in range(7):
            sim.run(part)
            times, gids = sim.spikes()
            inside = [[t for t in train if k * part <= t < (k + 1) * part - 100.0] for train in trains]
            first, *others = (response(times, gids, g, t) for g, t in zip(groups, inside, strict=True))
            found = sim.weights("learning")
            # Within the group and out of it to the neurons that it excites.
            own = found.weight[np.isin(found.source, groups[0])].mean()
            print(
                f"{(k + 1) * part / 1000.0:5.0f} s   spikes of the rewarded group {first:5.1f}, of others "
                f"{np.mean(others):5.1f}; weights from it {own:.2f} mV, all {found.weight.mean():.2f} mV"
            )


if __name__ == "__main__":
    main()
