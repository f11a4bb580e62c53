"""Neurons of models without exact integration, in NEST: run by NEST's Python, not needed by the tests.

python tests/physics/reference/more_neurons.py
"""

from __future__ import annotations

import json
from pathlib import Path

import nest
from single_neurons import DT, record, reset

DURATION = 120.0
EXC, INH = [10.0, 12.0, 12.5, 50.0, 80.0, 81.0], [30.0, 55.0, 82.0]
CASES = {
    "iaf_cond_exp": [
        ({"I_e": 0.0}, (8.0, -5.0)),
        ({"I_e": 400.0}, (8.0, -5.0)),
        ({"I_e": 100.0, "tau_syn_ex": 1.5, "tau_syn_in": 8.0, "t_ref": 3.0}, (40.0, -20.0)),
    ],
    "izhikevich": [
        ({"I_e": 0.0}, (5.0, -5.0)),
        ({"I_e": 10.0}, (5.0, -5.0)),
        ({"I_e": 10.0, "a": 0.1, "b": 0.2, "c": -65.0, "d": 2.0}, (8.0, -8.0)),
    ],
}
RECORDED = {"iaf_cond_exp": ["V_m", "g_ex", "g_in"], "izhikevich": ["V_m", "U_m"]}


def main() -> None:
    """Run all cases and write more_neurons.json."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    found: dict[str, list] = {}
    for model, cases in CASES.items():
        found[model] = []
        for changed, (weak, strong) in cases:
            reset()
            # NEST's adaptive method as fine as it gets: its own error must not be what is compared with.
            fine = {"gsl_error_tol": 1e-12} if "gsl_error_tol" in nest.GetDefaults(model) else {}
            neuron = nest.Create(model, params=changed | ({"V_m": -65.0} if model == "izhikevich" else {}) | fine)
            for times, weight in ((EXC, weak), (INH, strong)):
                source = nest.Create("spike_generator", params={"spike_times": times})
                nest.Connect(source, neuron, syn_spec={"weight": weight, "delay": 1.0})
            recorder = nest.Create("spike_recorder")
            nest.Connect(neuron, recorder)
            traces = record(neuron, DURATION, RECORDED[model])
            spikes = [float(t) for t in recorder.get("events")["times"] if t <= DURATION + 1e-6]
            found[model].append({"params": changed, "weights": [weak, strong], "traces": traces, "spikes": spikes})
    data = {"simulator": f"NEST {nest.__version__}", "command": "python tests/physics/reference/more_neurons.py", "dt": DT,
            "duration": DURATION, "times": [EXC, INH], "cases": found}  # fmt: skip
    (Path(__file__).parent / "more_neurons.json").write_text(json.dumps(data) + "\n")


if __name__ == "__main__":
    main()
