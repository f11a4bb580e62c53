"""Spikes of models without exact integration against NEST's, on random parameters, trains and step currents.

    python benchmarks/neurons_against_nest.py                       # needs NEST in the same Python
    python benchmarks/neurons_against_nest.py --sets 20 --json found.json aeif_cond_exp hh_psc_alpha

Every set has parameters of its own, each drawn within 25 % of NEST's default (potentials within a few mV), one
excitatory and one inhibitory Poisson train, and a current that changes every half second; 10 s at dt 0.1 ms. For each
set the table counts NEST's spikes, those of ours that are in no step of NEST's or missing, in double and in single
precision, and those in which NEST with an error tolerance of 1e-12 differs from NEST with its default of 1e-6.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import distsim as ds
from distsim.registry import models

DURATION, DT, SEED = 10_000.0, 0.1, 20_251_125
ADEX = ("C_m", "g_L", "tau_w", "a", "b", "Delta_T")
# Per model: what is drawn by a factor, what by a shift in mV, weights, rates of the trains (Hz), currents (pA).
CASES: dict[str, dict[str, Any]] = {
    "aeif_cond_exp": {"factor": (*ADEX, "tau_syn_in"), "shift": ("E_L", "V_th", "V_reset"), "weights": (8.0, -6.0),
                      "rates": (800.0, 300.0), "currents": (300.0, 1200.0)},
    "aeif_psc_exp": {"factor": (*ADEX, "tau_syn_in"), "shift": ("E_L", "V_th", "V_reset"), "weights": (400.0, -150.0),
                     "rates": (800.0, 300.0), "currents": (300.0, 1200.0)},
    # NEST adds what arrives to V after the first of its own steps, up to a whole one early: trains of no weight.
    "aeif_psc_delta_clopath": {"factor": (*ADEX, "tau_V_th", "I_sp", "tau_z"), "shift": ("E_L", "V_reset"),
                               "weights": (1e-3, -1e-3), "rates": (800.0, 300.0), "currents": (300.0, 2000.0)},
    "hh_psc_alpha": {"factor": ("C_m", "g_Na", "g_K", "g_L", "tau_syn_ex", "tau_syn_in"), "shift": ("E_L",),
                     "weights": (200.0, -150.0), "rates": (800.0, 300.0), "currents": (200.0, 1500.0)},
    "hh_psc_alpha_clopath": {"factor": ("C_m", "g_Na", "g_K", "g_L", "tau_syn_ex", "tau_syn_in"), "shift": ("E_L",),
                             "weights": (200.0, -150.0), "rates": (800.0, 300.0), "currents": (200.0, 1500.0)},
    "iaf_cond_exp": {"factor": ("C_m", "g_L", "tau_syn_in"), "shift": ("E_L", "V_th"), "weights": (30.0, -20.0),
                     "rates": (800.0, 300.0), "currents": (0.0, 600.0)},
    "iaf_cond_alpha": {"factor": ("C_m", "g_L", "tau_syn_in"), "shift": ("E_L", "V_th"), "weights": (20.0, -15.0),
                       "rates": (800.0, 300.0), "currents": (0.0, 600.0)},
}  # fmt: skip


def drawn(model: str, number: int) -> dict[str, Any]:
    """Return the parameters, trains and currents of a set."""
    case, random = CASES[model], np.random.default_rng([SEED, sorted(CASES).index(model), number])
    declared = models.get(model).declaration.parameters
    params = {k: declared[k].default * random.uniform(0.75, 1.25) for k in case["factor"]}
    params |= {k: declared[k].default + random.uniform(-3.0, 3.0) for k in case["shift"]}
    if model.startswith("aeif") and number % 2:
        params["t_ref"] = round(random.uniform(0.5, 4.0), 1)
    if model == "aeif_cond_exp":
        params["tau_syn_ex"] = random.uniform(0.2, 3.0)
    trains = []
    for rate in case["rates"]:
        times = np.unique(np.round(np.cumsum(random.exponential(1000.0 / rate, int(2 * rate * DURATION / 1000))), 1))
        trains.append(times[(times > 0.05) & (times < DURATION - 2.0)].tolist())
    at = np.arange(1.0, DURATION, 500.0)
    return {
        "params": params,
        "weights": [w * random.uniform(0.5, 1.5) for w in case["weights"]],
        "trains": trains,
        "times": at.tolist(),
        "values": random.uniform(*case["currents"], at.size).tolist(),
    }


def with_nest(model: str, sets: list[dict[str, Any]], tolerance: float | None) -> list[np.ndarray] | None:
    """Return NEST's spikes as steps; None where the model has no tolerance to set."""
    import nest

    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.resolution = DT
    recorders = []
    for one in sets:
        neuron = nest.Create(model, params=one["params"])
        if model == "hh_psc_alpha_clopath" or tolerance is None or "gsl_error_tol" not in neuron.get():
            if tolerance is not None:
                return None
        elif tolerance is not None:
            neuron.gsl_error_tol = tolerance
        for times, weight in zip(one["trains"], one["weights"], strict=True):
            source = nest.Create("spike_generator", params={"spike_times": times})
            nest.Connect(source, neuron, syn_spec={"weight": weight, "delay": 1.0})
        step = nest.Create(
            "step_current_generator", params={"amplitude_times": one["times"], "amplitude_values": one["values"]}
        )
        nest.Connect(step, neuron, syn_spec={"delay": 1.0})
        recorders.append(nest.Create("spike_recorder"))
        nest.Connect(neuron, recorders[-1])
    nest.Simulate(DURATION)
    return [np.round(np.array(r.events["times"]) / DT).astype(np.int64) for r in recorders]


def with_distsim(model: str, sets: list[dict[str, Any]], precision: str, parts: int = 1) -> list[np.ndarray]:
    """Return distsim's spikes as steps of DT; `parts` takes that many steps to one of them."""
    net = ds.Network("random")
    for i, one in enumerate(sets):
        neuron = net.population(f"n{i}", 1, model, **one["params"])
        for k, (times, weight) in enumerate(zip(one["trains"], one["weights"], strict=True)):
            source = net.device(f"s{i}_{k}", "spike_generator", spike_times=times)
            net.project(source, neuron, weight=weight, delay=1.0)
        step = net.device(
            f"i{i}", "step_current_generator", amplitude_times=one["times"], amplitude_values=one["values"]
        )
        net.project(step, neuron, delay=1.0)
        net.record("spikes", neuron)
    sim = ds.Simulation(net, dt=DT / parts, precision=precision)
    sim.run(DURATION)
    times, gids = sim.spikes()
    return [np.ceil(np.sort(times[gids == i]) / DT - 1e-6).astype(np.int64) for i in range(len(sets))]


def off(found: np.ndarray, wanted: np.ndarray) -> int:
    """Return how many spikes are in no step of the other list, the larger of both numbers."""
    return int(max(np.setdiff1d(found, wanted).size, np.setdiff1d(wanted, found).size))


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(CASES))
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = {}
    for model in args.models:
        sets = [drawn(model, i) for i in range(args.sets)]
        nest, fine = with_nest(model, sets, None), with_nest(model, sets, 1e-12)
        row: dict[str, Any] = {"spikes": [s.size for s in nest or []]}
        for precision in ("float64", "float32"):
            row[precision] = [off(a, b) for a, b in zip(with_distsim(model, sets, precision), nest or [], strict=True)]
        row["nest"] = [off(a, b) for a, b in zip(fine, nest or [], strict=True)] if fine is not None else None
        rows[model] = row
        own = "" if fine is None else f"; NEST at 1e-12 {sum(row['nest'])}"
        print(
            f"{model}: {sum(row['spikes'])} spikes of {args.sets} sets; off in float64 {sum(row['float64'])}, "
            f"in float32 {sum(row['float32'])}{own}\n  float64 by set {row['float64']}\n  NEST itself    {row['nest']}",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
