"""Single neurons and pairs in NEST: voltage traces, spike times, the step at which an input starts.

Each case lists every parameter that it uses, so that a reader of the JSON depends on no simulator's
defaults. A trace starts at ``t_first`` and has one sample per ``dt``: the sample at t is the state at
the end of the step (t - dt, t].
"""

from __future__ import annotations

from typing import Any

import nest
import numpy as np

DT = 0.1

# NEST's default parameters, spelled out.
NEURON = {
    "C_m": 250.0, "E_L": -70.0, "I_e": 0.0, "V_reset": -70.0, "V_th": -55.0, "t_ref": 2.0, "tau_m": 10.0,
}  # fmt: skip
SYNAPSE = {"tau_syn_ex": 2.0, "tau_syn_in": 2.0}
PARAMS: dict[str, dict[str, Any]] = {
    "iaf_psc_delta": NEURON | {"refractory_input": False},
    "iaf_psc_exp": NEURON | SYNAPSE,
    "iaf_psc_alpha": NEURON | SYNAPSE,
}
# Weak and strong weights: mV for delta, pA for the others. The weak ones stay below threshold, one strong
# input crosses it.
WEAK = {"iaf_psc_delta": (2.0, -1.5), "iaf_psc_exp": (300.0, -200.0), "iaf_psc_alpha": (150.0, -120.0)}
STRONG = {"iaf_psc_delta": 20.0, "iaf_psc_exp": 4500.0, "iaf_psc_alpha": 1800.0}


def reset() -> None:
    """Start from an empty kernel with one thread at the resolution of the references."""
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=1, rng_seed=1)


def spike_input(times: list[float], weight: float, delay: float = 1.0) -> dict[str, Any]:
    """Return the description of a spike_generator that projects to the neuron of a case."""
    return {"model": "spike_generator", "params": {"spike_times": times}, "weight": weight, "delay": delay}


def record(neuron: Any, duration: float, names: list[str]) -> dict[str, list[float]]:
    """Simulate `duration` and return one value per step, from the end of the first step on."""
    meter = nest.Create("multimeter", params={"interval": DT, "record_from": names})
    nest.Connect(meter, neuron)
    # The recorder delivers a sample one interval late: one extra millisecond completes the trace.
    nest.Simulate(duration + 1.0)
    events = meter.get("events")
    n_samples = round(duration / DT)
    steps = np.rint(np.asarray(events["times"]) / DT).astype(int)[:n_samples]
    if not np.array_equal(steps, np.arange(1, n_samples + 1)):
        raise RuntimeError("the multimeter did not deliver one sample per step from the first step on")
    return {name: [float(v) for v in events[name][:n_samples]] for name in names}


def run_case(
    model: str,
    params: dict[str, Any],
    inputs: list[dict[str, Any]],
    duration: float,
    currents: bool = False,
    trace_ms: float | None = None,
) -> dict[str, Any]:
    """Simulate one neuron and return the case: everything put in, traces and spike times.

    Parameters
    ----------
    model : str
        NEST neuron model.
    params : dict
        All parameters of the neuron.
    inputs : list of dict
        Devices with ``model``, ``params``, ``weight`` and ``delay``.
    duration : float
        Simulated time (ms).
    currents : bool
        Record the synaptic currents as well, where the model has them.
    trace_ms : float, optional
        Length of the stored trace (ms); all of it where not given.
    """
    reset()
    neuron = nest.Create(model, params=params | {"V_m": params["E_L"]})
    for device in inputs:
        source = nest.Create(device["model"], params=device["params"])
        nest.Connect(source, neuron, syn_spec={"weight": device["weight"], "delay": device["delay"]})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neuron, recorder)
    names = ["V_m"]
    if currents and model != "iaf_psc_delta":
        names += ["I_syn_ex", "I_syn_in"]
    traces = record(neuron, duration, names)
    n_stored = round((trace_ms or duration) / DT)
    spikes = [round(float(t), 4) for t in recorder.get("events")["times"] if t <= duration + DT / 2]
    return {
        "params": params,
        "init": {"V_m": params["E_L"]},
        "inputs": inputs,
        "duration": duration,
        "t_first": DT,
        "traces": {name: trace[:n_stored] for name, trace in traces.items()},
        "spikes": spikes,
    }


def fi_curve(model: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return spike counts and first spike times for constant currents, all neurons in one run."""
    reset()
    currents = [370.0, 376.0, 380.0, 400.0, 450.0, 600.0, 1000.0, 2000.0]
    neurons = nest.Create(model, len(currents), params=params | {"V_m": params["E_L"]})
    neurons.set([{"I_e": current} for current in currents])
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate(1001.0)
    events = recorder.get("events")
    keep = np.asarray(events["times"]) <= 1000.0 + DT / 2
    times, senders = np.asarray(events["times"])[keep], np.asarray(events["senders"])[keep]
    trains = [np.sort(times[senders == gid]) for gid in neurons.tolist()]
    return {
        "params": params,
        "init": {"V_m": params["E_L"]},
        "duration": 1000.0,
        "I_e": currents,
        "n_spikes": [len(train) for train in trains],
        "first_spikes": [[round(float(t), 4) for t in train[:3]] for train in trains],
    }


def pair(model: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return what neuron B sees of neuron A's spikes for several delays, some off the grid of steps."""
    delays = [0.1, 1.0, 1.5, 2.34]
    pre_params = params | {"I_e": 900.0}
    duration, weight = 20.0, WEAK[model][0]
    traces: dict[str, list[float]] = {}
    for delay in delays:
        reset()
        pre = nest.Create(model, params=pre_params | {"V_m": params["E_L"]})
        post = nest.Create(model, params=params | {"V_m": params["E_L"]})
        nest.Connect(pre, post, syn_spec={"weight": weight, "delay": delay})
        recorder = nest.Create("spike_recorder")
        nest.Connect(pre, recorder)
        traces[str(delay)] = record(post, duration, ["V_m"])["V_m"]
        spikes = [round(float(t), 4) for t in recorder.get("events")["times"] if t <= duration + DT / 2]
    return {
        "pre_params": pre_params,
        "post_params": params,
        "init": {"V_m": params["E_L"]},
        "weight": weight,
        "delays": delays,
        "duration": duration,
        "t_first": DT,
        "spikes_pre": spikes,
        "V_m_post": traces,
    }


def cases_of(model: str) -> dict[str, Any]:
    """Return all cases of one neuron model by name."""
    params = PARAMS[model]
    weak_ex, weak_in = WEAK[model]
    weak = [spike_input([1.0, 5.0, 5.1, 20.0], weak_ex), spike_input([10.0, 30.0], weak_in)]
    # Later inputs arrive in the refractory period, in its last step, and just after it.
    spike_at = {"iaf_psc_delta": 6.0, "iaf_psc_exp": 7.2, "iaf_psc_alpha": 9.0}[model]
    probes = [round(spike_at + after - 1.0, 1) for after in (0.5, 1.9, 2.0, 2.1, 2.2, 10.0)]
    strong = [
        spike_input([5.0], STRONG[model]),
        spike_input(probes, weak_ex),
        spike_input([30.0], STRONG[model]),
    ]
    dc = {"model": "dc_generator", "params": {"amplitude": 250.0, "start": 10.0, "stop": 50.0}}
    steps = {"amplitude_times": [10.0, 20.0, 35.0], "amplitude_values": [200.0, -100.0, 300.0]}
    stepped = {"model": "step_current_generator", "params": steps}
    once = {"weight": 1.0, "delay": 1.0}
    cases = {
        "weak_input": run_case(model, params, weak, 60.0, currents=True),
        "constant_current": run_case(model, params | {"I_e": 600.0}, [], 200.0, trace_ms=45.0),
        "fi_curve": fi_curve(model, params),
        "dc_generator": run_case(model, params, [dc | once], 60.0),
        "step_current_generator": run_case(model, params, [stepped | once], 60.0),
        "strong_input": run_case(model, params, strong, 45.0),
        "pair": pair(model, params),
    }
    if cases["strong_input"]["spikes"][0] != spike_at:
        raise RuntimeError(f"{model}: the inputs after the first spike are placed for {spike_at} ms")
    if model == "iaf_psc_delta":
        # V_m lands exactly on the threshold: it counts as crossed.
        cases["exact_threshold"] = run_case(model, params, [spike_input([1.0], 15.0)], 6.0)
    else:
        unequal = params | {"tau_syn_ex": 0.5, "tau_syn_in": 5.0}
        singular = params | {"tau_syn_ex": 10.0, "tau_syn_in": 10.0}
        nearly = params | {"tau_syn_ex": 10.001, "tau_syn_in": 9.999}
        cases["unequal_tau_syn"] = run_case(model, unequal, weak, 40.0, currents=True)
        cases["tau_syn_equals_tau_m"] = run_case(model, singular, weak, 40.0)
        cases["tau_syn_near_tau_m"] = run_case(model, nearly, weak, 40.0)
    return {name: {"model": model, **case} for name, case in cases.items()}


def onsets() -> dict[str, Any]:
    """Return the first sample of V_m that a device starting at 10 ms changes, by device and delay."""
    devices = {
        "dc_generator": {"amplitude": 100.0, "start": 10.0},
        "step_current_generator": {"amplitude_times": [10.0], "amplitude_values": [100.0]},
        "noise_generator": {"mean": 100.0, "std": 0.0, "dt": 1.0, "start": 10.0},
        "spike_generator": {"spike_times": [10.0]},
    }
    found: dict[str, Any] = {}
    for device, params in devices.items():
        found[device] = {}
        for delay in (0.1, 1.0, 1.5):
            case = run_case(
                "iaf_psc_delta",
                PARAMS["iaf_psc_delta"],
                [{"model": device, "params": params, "weight": 1.0, "delay": delay}],
                20.0,
            )
            changed = np.flatnonzero(np.array(case["traces"]["V_m"]) != -70.0)
            found[device][str(delay)] = round((int(changed[0]) + 1) * DT, 4)
    return found


def rounded_delays() -> dict[str, float]:
    """Return the delay (ms) that NEST makes of one off the grid of steps."""
    found = {}
    for delay in (0.14, 0.15, 0.16, 0.25, 2.34, 2.35, 2.36):
        reset()
        neurons = nest.Create("iaf_psc_delta", 2)
        nest.Connect(neurons[0], neurons[1], syn_spec={"weight": 1.0, "delay": delay})
        found[str(delay)] = round(float(nest.GetConnections().get("delay")), 4)
    return found
