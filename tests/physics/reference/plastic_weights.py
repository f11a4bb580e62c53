"""Plastic synapses between given spike trains, in NEST: run by NEST's Python, not needed by the tests.

python tests/physics/reference/plastic_weights.py
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import nest
import numpy as np

DT, DURATION, N_PRE, N_POST = 0.1, 10_000.0, 12, 4
# The targets' own spikes come from inputs that no plastic weight changes the effect of by a step.
DRIVE = 10_000.0
# Where currents are compared nobody fires: they lie on a grid that the largest weight makes.
NO_DRIVE = 1.0
# Parameters of the synapse; of the target neuron, which NEST keeps them with; initial weight; of them all, delay.
CASES = {
    "stdp_pl_synapse_hom": [
        ({"lambda": 0.1, "alpha": 0.0513, "mu": 0.4, "tau_plus": 15.0}, {"tau_minus": 30.0}, 45.0),
    ],
    "stdp_synapse": [
        ({"lambda": 0.01, "alpha": 1.05, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 60.0}, {"tau_minus": 20.0}, 30.0),
        ({"lambda": 0.01, "alpha": 1.1, "mu_plus": 1.0, "mu_minus": 1.0, "Wmax": 60.0}, {"tau_minus": 34.0}, 30.0),
        ({"lambda": 0.02, "alpha": 1.0, "mu_plus": 0.3, "mu_minus": 0.7, "Wmax": 60.0}, {"tau_minus": 20.0}, 20.0),
    ],
    "stdp_nn_symm_synapse": [
        ({"lambda": 0.02, "alpha": 1.0, "mu_plus": 0.0, "mu_minus": 1.0, "Wmax": 60.0}, {"tau_minus": 25.0}, 30.0),
    ],
    "stdp_triplet_synapse": [
        ({"Aplus": 0.01, "Aplus_triplet": 0.06, "Aminus": 0.05, "Aminus_triplet": 0.01, "Wmax": 60.0},
         {"tau_minus": 33.7, "tau_minus_triplet": 114.0}, 30.0),
    ],
    "vogels_sprekeler_synapse": [
        ({"eta": 0.2, "alpha": 0.4, "tau": 20.0, "Wmax": -80.0}, {"tau_minus": 20.0}, -30.0),
    ],
    "stdp_dopamine_synapse": [
        ({"A_plus": 1.0, "A_minus": 1.2, "tau_c": 1000.0, "tau_n": 200.0, "b": 0.001, "Wmin": 5.0, "Wmax": 60.0},
         {"tau_minus": 20.0}, 30.0),
        # Most weights reach a bound while dopamine crosses its baseline, above which they grow and below which they shrink.
        ({"A_plus": 2.0, "A_minus": 1.5, "tau_c": 700.0, "tau_n": 200.0, "b": 0.0012, "Wmin": 28.0, "Wmax": 31.0},
         {"tau_minus": 20.0}, 30.0),
    ],
    "tsodyks2_synapse": [
        # NEST keeps the initial u apart from U.
        ({"U": 0.5, "u": 0.5, "tau_fac": 0.0, "tau_rec": 800.0}, {}, 50.0),
        ({"U": 0.05, "u": 0.05, "tau_fac": 1000.0, "tau_rec": 130.0}, {}, 50.0),
    ],
}  # fmt: skip
DELAYS = [1.0, 2.3, 5.0]


def trains(n: int, rate: float, seed: int) -> list[list[float]]:
    """Return n irregular trains of multiples of the step, from 2 ms to the end."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        steps = np.unique(np.cumsum(20 + rng.exponential(1e4 / rate - 20, int(DURATION / 1e3 * rate * 2)).astype(int)))
        found.append([round(int(s) * DT, 1) for s in steps if s * DT < DURATION - 20.0])
    return found


def simulated(model: str, synapse: dict, neuron: dict, weight: float, pre: list, post: list) -> dict:
    """Return weights, spikes of the targets and where there is short-term plasticity the first target's current."""
    nest.ResetKernel()
    nest.set(resolution=DT)
    sources = nest.Create("spike_generator", N_PRE)
    for source, times in zip(sources, pre, strict=True):
        source.spike_times = times
    # Plastic synapses start at neurons: each parrot passes its generator's spikes on.
    parrots = nest.Create("parrot_neuron", N_PRE)
    nest.Connect(sources, parrots, "one_to_one", {"delay": DT})
    drive = nest.Create("spike_generator", N_POST)
    for one, times in zip(drive, post, strict=True):
        one.spike_times = times
    targets = nest.Create("iaf_psc_exp", N_POST, {"t_ref": 1.0, "tau_syn_ex": 0.5, **neuron})
    strength = NO_DRIVE if model == "tsodyks2_synapse" else DRIVE
    nest.Connect(drive, targets, "one_to_one", {"weight": strength, "delay": 1.0})
    more: dict = {}
    if model == "stdp_dopamine_synapse":
        dopamine = nest.Create("spike_generator", params={"spike_times": REWARDS})
        relay = nest.Create("parrot_neuron")
        nest.Connect(dopamine, relay, syn_spec={"delay": DT})
        transmitter = nest.Create("volume_transmitter")
        nest.Connect(relay, transmitter, syn_spec={"delay": 1.0})
        more["volume_transmitter"] = transmitter
    nest.CopyModel(model, "plastic", synapse | more | {"weight": weight})
    for k, delay in enumerate(DELAYS):
        spec = {"synapse_model": "plastic", "weight": weight, "delay": delay}
        nest.Connect(parrots[k :: len(DELAYS)], targets, "all_to_all", spec)
    recorder = nest.Create("spike_recorder")
    nest.Connect(targets, recorder)
    multimeter = nest.Create("multimeter", params={"record_from": ["I_syn_ex"], "interval": 5.0})
    nest.Connect(multimeter, targets[:1])
    nest.Simulate(DURATION)
    # A synapse catches up when a spike passes: one more of every source, while no target fires any more.
    events = recorder.get("events")
    spikes = [sorted(round(float(t), 1) for t, s in zip(events["times"], events["senders"], strict=True) if s == i)
              for i in targets.tolist()]  # fmt: skip
    found = nest.GetConnections(parrots, targets, "plastic").get(["source", "target", "weight"])
    order = np.lexsort([found["target"], found["source"]])
    weights = np.array(found["weight"])[order].reshape(N_PRE, N_POST)
    result = {"weights": weights.tolist(), "spikes": spikes, "drive": strength}
    if model == "tsodyks2_synapse":
        result["current"] = [float(v) for v in multimeter.get("events")["I_syn_ex"]]
    return result


def by_voltage(neuron: str, changed: dict, pulse: float, pre: list, post: list) -> dict:
    """Return weights and spikes of targets that pulses of current excite, with synapses that see their potential."""
    nest.ResetKernel()
    nest.set(resolution=DT)
    sources = nest.Create("spike_generator", N_PRE)
    for source, times in zip(sources, pre, strict=True):
        source.spike_times = times
    parrots = nest.Create("parrot_neuron", N_PRE)
    nest.Connect(sources, parrots, "one_to_one", {"delay": DT})
    drive = nest.Create("step_current_generator", N_POST)
    for one, times in zip(drive, post, strict=True):
        one.set(amplitude_times=[t for begin in times for t in (begin, round(begin + PULSE_MS, 1))],
                amplitude_values=[pulse, 0.0] * len(times))  # fmt: skip
    # The low-passed potentials begin at rest, which NEST's Hodgkin-Huxley neuron has at 0 mV.
    rest = nest.GetDefaults(neuron)["V_m"]
    begin = {"u_bar_plus": rest, "u_bar_minus": rest, "u_bar_bar": rest}
    targets = nest.Create(neuron, N_POST, changed | begin)
    nest.Connect(drive, targets, "one_to_one", {"delay": 1.0})
    # Weights so small that they do nothing: NEST adds what arrives up to a step early to this neuron.
    nest.CopyModel("clopath_synapse", "plastic", {"tau_x": 12.0, "Wmax": 2e-3, "weight": 1e-3})
    for k, delay in enumerate(DELAYS):
        spec = {"synapse_model": "plastic", "weight": 1e-3, "delay": delay}
        nest.Connect(parrots[k :: len(DELAYS)], targets, "all_to_all", spec)
    # NEST keeps depression for as long as its largest delay, an interval less than its longest synapses look back.
    nest.Connect(parrots[:1], nest.Create("parrot_neuron"), syn_spec={"delay": 20.0})
    recorder = nest.Create("spike_recorder")
    nest.Connect(targets, recorder)
    nest.Simulate(DURATION)
    events = recorder.get("events")
    spikes = [sorted(round(float(t), 1) for t, s in zip(events["times"], events["senders"], strict=True) if s == i)
              for i in targets.tolist()]  # fmt: skip
    found = nest.GetConnections(parrots, targets, "plastic").get(["source", "target", "weight"])
    order = np.lexsort([found["target"], found["source"]])
    weights = np.array(found["weight"])[order].reshape(N_PRE, N_POST)
    return {"weights": weights.tolist(), "spikes": spikes, "neuron": neuron, "changed": changed, "pulse": pulse}


PULSE_MS = 6.0
# Neuron, what is changed of it, current of a pulse (pA).
VOLTAGE_CASES = [
    ("aeif_psc_delta_clopath", {"A_LTP": 8e-8, "A_LTD": 4e-7}, 1800.0),
    ("aeif_psc_delta_clopath", {"A_LTP": 5e-8, "A_LTD": 5e-7, "A_LTD_const": False, "u_ref_squared": 4600.0,
                                "delay_u_bars": 3.0}, 2500.0),
    ("hh_psc_alpha_clopath", {"A_LTP": 1e-7, "A_LTD": 4e-6, "theta_minus": -65.0}, 1000.0),
]  # fmt: skip
REWARDS = [1500.0, 1520.0, 3000.3, 6000.0, 6100.0, 9000.0]


def main() -> None:
    """Run all cases and write plastic_weights.json."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    pre, post = trains(N_PRE, 15.0, 1), trains(N_POST, 12.0, 2)
    # The last spike of every source comes after the last of any target: all weights are up to date at the end. And
    # the first comes before: some of NEST's synapses behave as if every source had fired at 0 ms.
    pre = [[5.0 + k, *(t for t in times if t > 30.0), DURATION - 10.0] for k, times in enumerate(pre)]
    post = [[t for t in times if t > 30.0] for times in post]
    cases = {
        model: [
            {"synapse": synapse, "neuron": neuron, "weight": weight}
            | simulated(model, synapse, neuron, weight, pre, post)
            for synapse, neuron, weight in several
        ]
        for model, several in CASES.items()
    }
    # A neuron that has just begun has other low-passed potentials in NEST.
    late = [[t for t in times if t > 30.0] for times in pre]
    pulses = [[t for t, after in pairwise([*times, np.inf]) if after - t > 2 * PULSE_MS] for times in post]
    voltage = [by_voltage(*case, late, pulses) for case in VOLTAGE_CASES]
    data = {"simulator": f"NEST {nest.__version__}", "command": "python tests/physics/reference/plastic_weights.py",
            "dt": DT, "pulse_ms": PULSE_MS, "pulses": pulses, "voltage": voltage, "duration": DURATION, "delays": DELAYS, "pre": pre, "post": post, "rewards": REWARDS,
            "cases": cases}  # fmt: skip
    (Path(__file__).parent / "plastic_weights.json").write_text(json.dumps(data) + "\n")


if __name__ == "__main__":
    main()
