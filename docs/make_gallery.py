"""Make docs/gallery.md: what every neuron and every synapse model does, and its parameters, from the models themselves.

python docs/make_gallery.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import distsim as ds
from distsim.registry import Declaration, models, synapses

HERE = Path(__file__).parent
COLUMNS = 3
# A current (pA) that makes a neuron fire with default parameters, and its largest weights; others get these.
CURRENT = {"hh_psc_alpha": 700.0, "izhikevich": 10.0, "leaky_integrator": 300.0, "nir_if": 0.08, "nir_lif": 1.4,
           "nir_cubalif": 1.4, "mat2_psc_exp": 600.0, "glif_psc": 350.0, "aeif_psc_exp": 700.0,
           "aeif_cond_exp": 700.0, "aeif_psc_delta_clopath": 1000.0, "hh_psc_alpha_clopath": 700.0}  # fmt: skip
DEFAULT_CURRENT = 450.0
LEVEL_5 = {"spike_dependent_threshold": 1, "after_spike_currents": 1, "adapting_threshold": 1}


def trace(model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, the membrane potential and spikes of a neuron with a step of current from 20 to 170 ms."""
    net = ds.Network("gallery")
    declared = models.get(model).declaration
    variable = next(v for v in ("V_m", "v") if v in declared.state)
    neuron = net.population("neuron", 1, model, **(LEVEL_5 if model == "glif_psc" else {}))
    amplitude = CURRENT.get(model, DEFAULT_CURRENT)
    net.project(net.device("step", "dc_generator", amplitude=amplitude, start=20.0, stop=170.0), neuron)
    net.record("spikes", neuron)
    net.record(variable, neuron, every=0.1)
    sim = ds.Simulation(net)
    sim.run(200.0)
    times, _, values = sim.states(variable)["neuron"]
    return times, values[:, 0], sim.spikes()[0]


def neurons_figure(names: list[str]) -> None:
    """Draw all neuron models' answers to a step of current."""
    rows = -(-len(names) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(11, 1.9 * rows), sharex=True, layout="constrained")
    for axis, name in zip(axes.flat, names, strict=False):
        times, values, spikes = trace(name)
        axis.plot(times, values, lw=0.8, color="#1f5f8b")
        top = values.max() + 0.12 * max(np.ptp(values), 1e-9)
        axis.plot(spikes, np.full(spikes.shape, top), "|", color="#c0392b", ms=6)
        axis.axvspan(20, 170, color="0.95", zorder=0)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel("ms", fontsize=8)
    figure.savefig(HERE / "images" / "neurons.png", dpi=90)


def changes(model: str, differences: np.ndarray, repeats: int = 20) -> np.ndarray:
    """Return a weight's relative change by pairs, for every time (ms) from the arrival to the target's spike."""
    net = ds.Network("pairs")
    n = len(differences)
    neurons = net.population("neurons", n, "iaf_psc_delta", V_th=5.0, E_L=0.0, V_reset=0.0, t_ref=0.5)
    starts = [1000.0 * k + 200.0 for k in range(repeats)]
    times = [[round(t + d - 1.0, 1) for t in starts] for d in differences]
    drive = net.device("drive", "spike_generator", size=n, spike_times=times)
    source = net.device("source", "spike_generator", spike_times=[round(t - 0.1, 1) for t in starts])
    synapse: dict[str, Any] = {"model": model}
    parameters = synapses.get(model).parameters
    weight = 0.5 * parameters["Wmax"].default if "Wmax" in parameters else 50.0
    if synapses.get(model).modulated:
        # Dopamine half a second after every pair.
        net.device("dopamine", "spike_generator", spike_times=[t + 500.0 for t in starts])
        synapse["transmitter"] = "dopamine"
    # What the plastic synapse itself does to the membrane is kept far below threshold.
    scale = 1e-3 / weight
    for name in ("Wmax", "Aplus", "Aplus_triplet", "Aminus", "Aminus_triplet", "eta", "A_plus", "A_minus"):
        if name in parameters:
            synapse[name] = parameters[name].default * scale
    if "mu" in parameters:
        synapse["lambda"] = parameters["lambda"].default * scale ** (1.0 - parameters["mu"].default)
        synapse["alpha"] = parameters["alpha"].default * scale ** (parameters["mu"].default - 1.0) / 20.0
    if "tau_rate" in parameters:
        # Scaling alone would be a line.
        synapse |= {"A_plus": 0.005 * 1e-3, "A_minus": 0.005}
    net.project(drive, neurons, "one_to_one", weight=10.0, delay=1.0)
    net.project(source, neurons, weight=1e-3, delay=0.1, synapse=synapse, name="plastic")
    sim = ds.Simulation(net)
    sim.run(starts[-1] + 1500.0)
    found = sim.weights("plastic")
    return found.weight[np.argsort(found.target)] / 1e-3 - 1.0


def changes_by_rate(model: str, rates: np.ndarray, difference: float) -> np.ndarray:
    """Return the relative change by 15 times 5 pairs for every rate (Hz) of theirs: Clopath et al., figure 2."""
    net = ds.Network("rates")
    n, pairs = len(rates), [(6000.0 * k + 200.0, i) for k in range(15) for i in range(5)]
    neurons = net.population("neurons", n, "aeif_psc_delta_clopath")
    met = [[round(start + 1000.0 * i / rate, 1) for start, i in pairs] for rate in rates]
    # A spike reaches the target's membrane a step after the potential that it is added to.
    fired = [[round(t + difference - 0.2, 1) for t in times] for times in met]
    drive = net.device("drive", "spike_generator", size=n, spike_times=fired)
    source = net.device("source", "spike_generator", size=n, spike_times=[[*times, 91_000.0] for times in met])
    net.project(drive, neurons, "one_to_one", weight=90.0, delay=0.1)
    net.project(source, neurons, "one_to_one", weight=0.5, delay=0.1, synapse=model, name="plastic")
    sim = ds.Simulation(net)
    sim.run(91_500.0)
    found = sim.weights("plastic")
    return found.weight[np.argsort(found.target)] / 0.5 - 1.0


def releases(model: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the current that spikes at 20 Hz cause through a synapse with short-term plasticity."""
    net = ds.Network("releases")
    neuron = net.population("neuron", 1, "leaky_integrator", tau_syn=5.0)
    source = net.device("source", "spike_generator", spike_times=[50.0 * k for k in range(1, 11)] + [1200.0])
    net.project(source, neuron, weight=100.0, delay=1.0, synapse=model)
    net.record("I_syn", neuron, every=1.0)
    sim = ds.Simulation(net)
    sim.run(1400.0)
    times, _, values = sim.states("I_syn")["neuron"]
    return times, values[:, 0]


def synapses_figure(names: list[str]) -> None:
    """Draw the windows of all learning rules, and the releases of short-term plasticity."""
    rows = -(-len(names) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(11, 2.3 * rows), layout="constrained")
    differences = np.array([-80.0, -50.0, -30.0, -20.0, -10.0, -5.0, -2.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 80.0])
    for axis, name in zip(axes.flat, names, strict=False):
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
        if synapses.get(name).short_term:
            axis.plot(*releases(name), lw=0.9, color="#1f5f8b")
            axis.set_xlabel("ms; spikes at 20 Hz, and one at 1200 ms", fontsize=8)
            axis.set_ylabel("current (pA)", fontsize=8)
            continue
        if synapses.get(name).voltage:
            rates = np.array([1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0])
            for difference, label, color in ((10.0, "after", "#1f5f8b"), (-10.0, "before", "#c0392b")):
                found = 100.0 * changes_by_rate(name, rates, difference)
                axis.plot(rates, found, "o-", ms=3, lw=0.9, color=color, label=f"target 10 ms {label} source")
            axis.axhline(0.0, color="0.7", lw=0.6)
            axis.legend(fontsize=7, frameon=False)
            axis.set_xlabel("rate of the pairs (Hz)", fontsize=8)
            axis.set_ylabel("change by 75 pairs (%)", fontsize=8)
            continue
        found = 100.0 * changes(name, differences)
        for side in (differences < 0, differences > 0):
            axis.plot(differences[side], found[side], "o-", ms=3, lw=0.9, color="#1f5f8b")
        axis.axhline(0.0, color="0.7", lw=0.6)
        axis.axvline(0.0, color="0.7", lw=0.6)
        axis.set_xlabel("target's spike after the source's (ms)", fontsize=8)
        axis.set_ylabel("change by 20 pairs (%)", fontsize=8)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    figure.savefig(HERE / "images" / "synapses.png", dpi=90)


def section(module: str, declared: Declaration) -> list[str]:
    """Return a model's part of the page: the first line of its docstring, parameters, state, receptors."""
    doc = __import__(module, fromlist=["x"]).__doc__ or ""
    lines = [f"### {declared.name}", "", doc.strip().split("\n")[0], ""]
    equations = [line.strip() for line in doc.split("\n") if line.startswith("    ")]
    lines += ["```", *equations, "```", ""] if equations else []
    lines += ["| parameter | default | unit | |", "|---|---|---|---|"]
    for name, p in declared.parameters.items():
        lines.append(f"| `{name}` | {p.default:g} | {p.unit} | {p.doc} |")
    if declared.state:
        state = ", ".join(f"`{n}`" + (f" ({p.unit})" if p.unit else "") for n, p in declared.state.items())
        receptors = ", ".join(f"`{r.name}`" + (f" ({r.unit})" if r.unit else "") for r in declared.receptors)
        lines += ["", f"State: {state}. Receptors: {receptors}."]
    return [*lines, ""]


def main() -> None:
    """Write the page and its two pictures."""
    (HERE / "images").mkdir(exist_ok=True)
    neurons = [n for n in models.names() if ".py" not in n]
    rules = [n for n in synapses.names() if ".py" not in n]
    neurons_figure(neurons)
    synapses_figure(rules)
    page = [
        "# Gallery of models", "", "Made by `python docs/make_gallery.py` from the models themselves.", "",
        "## Neurons", "", "Membrane potential (blue, mV) and spikes (red), current from 20 to 170 ms; default "
        "parameters, glif_psc at level 5.", "", "![](images/neurons.png)", "",
    ]  # fmt: skip
    for name in neurons:
        page += section(f"distsim.models.{name}", models.get(name).declaration)
    page += ["## Synapses", "", "Change of a weight by twenty pairs of spikes, a second apart, with default parameters "
             "(weights in the middle of their range; stdp_dopamine_synapse with dopamine 0.5 s after each pair); "
             "of clopath_synapse by fifteen times five pairs, onto aeif_psc_delta_clopath, from 0.5, as in figure 2 of "
             "Clopath et al.; "
             "of short-term plasticity the current that spikes cause.", "", "![](images/synapses.png)", ""]  # fmt: skip
    for name in rules:
        page += section(f"distsim.synapses.{name}", synapses.get(name).declaration)
    (HERE / "gallery.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
