"""Mean and variance of V_m below threshold under noise and Poisson drive, in NEST and in theory."""

from __future__ import annotations

import math
from typing import Any

import nest
import numpy as np
from single_neurons import DT, PARAMS, reset

N_NEURONS = 200
TRANSIENT_MS = 200.0


def sample_voltages(neurons: Any, duration: float) -> np.ndarray:
    """Simulate and return V_m with one row per step after the transient, one column per neuron."""
    meter = nest.Create("multimeter", params={"interval": DT, "record_from": ["V_m"], "start": TRANSIENT_MS})
    nest.Connect(meter, neurons)
    nest.Simulate(TRANSIENT_MS + duration + 1.0)
    events = meter.get("events")
    order = np.lexsort((events["senders"], np.rint(np.asarray(events["times"]) / DT)))
    n_steps = round(duration / DT)
    # Phases inside a millisecond are counted from the first sample, so it has to be the one assumed.
    if round(float(np.min(events["times"])) / DT) != round(TRANSIENT_MS / DT) + 1:
        raise RuntimeError("the multimeter did not start at the first step after the transient")
    return np.asarray(events["V_m"])[order][: n_steps * len(neurons)].reshape(n_steps, len(neurons))


def noise_generator(duration: float = 5000.0) -> dict[str, Any]:
    """Return V_m statistics of iaf_psc_exp under a noise current held for ``dt`` = 1 ms.

    Notes
    -----
    The current is constant over an interval of 1 ms, so the variance of V_m depends on the phase inside
    it. At the end of an interval, with E = exp(-dt_noise / tau_m) and R = tau_m / C_m, it is
    (R std)^2 (1 - E) / (1 + E). Phase k of ``variance_by_phase`` is the sample at (k + 1) steps into a
    millisecond of the clock.
    """
    device = {"mean": 100.0, "std": 50.0, "dt": 1.0}
    params = PARAMS["iaf_psc_exp"] | {"V_th": 1e9}
    reset()
    neurons = nest.Create("iaf_psc_exp", N_NEURONS, params=params | {"V_m": params["E_L"]})
    nest.Connect(nest.Create("noise_generator", params=device), neurons, syn_spec={"weight": 1.0, "delay": 1.0})
    v = sample_voltages(neurons, duration)
    by_phase = v.reshape(-1, round(device["dt"] / DT), N_NEURONS)
    resistance, decay = params["tau_m"] / params["C_m"], math.exp(-device["dt"] / params["tau_m"])
    return {
        "model": "iaf_psc_exp",
        "params": params,
        "device": {"model": "noise_generator", "params": device, "weight": 1.0, "delay": 1.0},
        "n_neurons": N_NEURONS,
        "transient_ms": TRANSIENT_MS,
        "duration": duration,
        "mean": float(v.mean()),
        "variance": float(v.var()),
        "variance_by_phase": [float(by_phase[:, k].var()) for k in range(by_phase.shape[1])],
        "correlation_between_neurons": float(mean_correlation(v)),
        "theory": {
            "mean": params["E_L"] + resistance * device["mean"],
            "variance_at_interval_end": (resistance * device["std"]) ** 2 * (1 - decay) / (1 + decay),
        },
    }


def poisson_generator(duration: float = 5000.0) -> dict[str, Any]:
    """Return V_m statistics of iaf_psc_delta under Poisson input, with Campbell's theorem beside them.

    Notes
    -----
    Campbell: mean E_L + w rate tau_m, variance w^2 rate tau_m / 2. On the grid, with E = exp(-dt / tau_m)
    and lambda = rate dt: mean E_L + w lambda / (1 - E), variance w^2 lambda / (1 - E^2), because the
    spikes of a step are added whole at its end.
    """
    rate, weight = 10_000.0, 0.1
    params = PARAMS["iaf_psc_delta"] | {"V_th": 1e9}
    reset()
    neurons = nest.Create("iaf_psc_delta", N_NEURONS, params=params | {"V_m": params["E_L"]})
    drive = nest.Create("poisson_generator", params={"rate": rate})
    nest.Connect(drive, neurons, syn_spec={"weight": weight, "delay": 1.0})
    v = sample_voltages(neurons, duration)
    tau_s, decay, per_step = params["tau_m"] / 1000.0, math.exp(-DT / params["tau_m"]), rate * DT / 1000.0
    return {
        "model": "iaf_psc_delta",
        "params": params,
        "device": {"model": "poisson_generator", "params": {"rate": rate}, "weight": weight, "delay": 1.0},
        "n_neurons": N_NEURONS,
        "transient_ms": TRANSIENT_MS,
        "duration": duration,
        "mean": float(v.mean()),
        "variance": float(v.var()),
        "correlation_between_neurons": float(mean_correlation(v)),
        "theory": {
            "campbell_mean": params["E_L"] + weight * rate * tau_s,
            "campbell_variance": weight**2 * rate * tau_s / 2,
            "grid_mean": params["E_L"] + weight * per_step / (1 - decay),
            "grid_variance": weight**2 * per_step / (1 - decay**2),
        },
    }


def mean_correlation(v: np.ndarray) -> float:
    """Return the mean correlation of V_m over pairs of neurons, near 0 where each draws its own noise."""
    matrix = np.corrcoef(v[::10].T)
    return float(matrix[np.triu_indices_from(matrix, k=1)].mean())
