"""Cases computed with NEST (reference/make.py), and how distsim simulates the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from distsim.network import Network
from distsim.simulation import Simulation

REFERENCE = Path(__file__).parent / "reference"
SINGLE = json.loads((REFERENCE / "single_neurons.json").read_text())
DEVICES = json.loads((REFERENCE / "device_statistics.json").read_text())
DT = SINGLE["dt"]
MODELS = tuple(SINGLE["cases"])
TRACED = [(m, c) for m in MODELS for c in SINGLE["cases"][m] if "traces" in SINGLE["cases"][m][c]]


def population(net: Network, name: str, model: str, params: dict[str, Any], size: int = 1, **init: Any):
    """Add a population with NEST's parameters; what NEST has a switch for and distsim does not is left out."""
    given = {k: v for k, v in params.items() if k != "refractory_input"}
    selection = net.population(name, size, model, init=init, **given)
    net.record("spikes", selection)
    return selection


def inputs(net: Network, target: Any, devices: list[dict[str, Any]]) -> None:
    """Add the devices of a case."""
    for i, device in enumerate(devices):
        source = net.device(f"device_{i}", device["model"], **device["params"])
        net.project(source, target, weight=device["weight"], delay=device["delay"])


def weight_tolerance(devices: list[dict[str, Any]]) -> float:
    """Return the largest rounding of a weight on the 16-bit grid, half a step of the largest."""
    return max((abs(d["weight"]) for d in devices), default=0.0) / 65_534


def traces(net: Network, name: str, variables: list[str], n_steps: int, precision: str = "float64"):
    """Simulate step by step; return the traces of the first neuron, and all recorded spikes (times, gids)."""
    simulation = Simulation(net, dt=DT, precision=precision)
    found: dict[str, list[float]] = {v: [] for v in variables}
    for _ in range(n_steps):
        simulation.run(DT)
        for variable in variables:
            found[variable].append(float(simulation.state(name, variable)[1][0]))
    recorded = any(recorder.record == "spikes" for recorder in net.recorders)
    spikes = simulation.spikes() if recorded else (np.empty(0), np.empty(0, np.int64))
    return {k: np.array(v) for k, v in found.items()}, spikes
