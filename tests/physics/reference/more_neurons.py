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
    "iaf_cond_alpha": [
        ({"I_e": 0.0}, (8.0, -5.0)),
        ({"I_e": 400.0, "tau_syn_ex": 1.5}, (4.0, -5.0)),
    ],
    "aeif_psc_exp": [
        ({"I_e": 700.0}, (200.0, -100.0)),
        ({"I_e": 800.0, "t_ref": 1.5, "tau_syn_ex": 2.0, "b": 30.0}, (300.0, -200.0)),
    ],
    "aeif_cond_exp": [
        ({"I_e": 0.0}, (60.0, -20.0)),
        ({"I_e": 900.0, "tau_w": 80.0}, (20.0, -20.0)),
        ({"I_e": 700.0, "t_ref": 2.0, "tau_syn_in": 8.0}, (30.0, -10.0)),
    ],
    "hh_psc_alpha": [
        ({"I_e": 0.0}, (2000.0, -500.0)),
        ({"I_e": 900.0}, (200.0, -500.0)),
    ],
    "aeif_psc_delta_clopath": [
        # NEST adds what arrives after the first of its own steps, up to a whole one early: no weight to speak of.
        ({"I_e": 1500.0}, (0.001, -0.001)),
        ({"I_e": 3000.0, "t_ref": 1.5, "t_clamp": 1.2, "V_th_max": -30.0}, (0.001, -0.001)),
    ],
    "hh_psc_alpha_clopath": [
        ({"I_e": 900.0}, (200.0, -500.0)),
    ],
    "mat2_psc_exp": [
        ({"I_e": 0.0}, (900.0, -200.0)),
        ({"I_e": 600.0, "t_ref": 4.0}, (300.0, -200.0)),
    ],
    "glif_psc": [
        (level | {"tau_syn": [2.0, 4.0]}, (700.0, -300.0))
        for level in (
            {"spike_dependent_threshold": r, "after_spike_currents": asc, "adapting_threshold": a}
            for r, asc, a in (
                (False,) * 3,
                (True, False, False),
                (False, True, False),
                (True, True, False),
                (True,) * 3,
            )
        )
    ],
}
# NEST's names of what is recorded.
RECORDED = {
    "iaf_cond_alpha": ["V_m", "g_ex", "g_in"],
    "aeif_psc_exp": ["V_m", "w"],
    "aeif_cond_exp": ["V_m", "w", "g_ex", "g_in"],
    "hh_psc_alpha": ["V_m", "Act_m", "Inact_h", "Act_n"],
    "aeif_psc_delta_clopath": ["V_m", "w", "z", "V_th", "u_bar_plus", "u_bar_minus", "u_bar_bar"],
    "hh_psc_alpha_clopath": ["V_m", "u_bar_plus", "u_bar_minus", "u_bar_bar"],
    "mat2_psc_exp": ["V_m"],
    "glif_psc": ["V_m", "threshold_spike", "threshold_voltage"],
    "iaf_cond_exp": ["V_m", "g_ex", "g_in"],
    "izhikevich": ["V_m", "U_m"],
}
# NEST's tolerance, where it is not as fine as it gets: after its first own step in a step, which a fine tolerance
# makes short, this neuron ends its clamp.
FINE = {"aeif_psc_delta_clopath": 1e-6}
# Initial values that are not NEST's.
BEGIN = {
    "izhikevich": {"V_m": -65.0},
    "hh_psc_alpha_clopath": {"u_bar_plus": -65.0, "u_bar_minus": -65.0, "u_bar_bar": -65.0},
}
# Where the current comes from a generator (pA).
DRIVEN = {"glif_psc": 350.0}


def main() -> None:
    """Run all cases and write more_neurons.json."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    found: dict[str, list] = {}
    for model, cases in CASES.items():
        found[model] = []
        for changed, (weak, strong) in cases:
            reset()
            # NEST's adaptive method as fine as it gets: its own error must not be what is compared with.
            fine = {"gsl_error_tol": FINE.get(model, 1e-12)} if "gsl_error_tol" in nest.GetDefaults(model) else {}
            neuron = nest.Create(model, params=changed | BEGIN.get(model, {}) | fine)
            if model in DRIVEN:
                # A step of current, which the model has no parameter for, as the generator gives it.
                generator = nest.Create("dc_generator", params={"amplitude": DRIVEN[model], "start": 5.0})
                nest.Connect(generator, neuron, syn_spec={"delay": 1.0})
            for port, (times, weight) in enumerate(((EXC, weak), (INH, strong)), start=1):
                source = nest.Create("spike_generator", params={"spike_times": times})
                synapse = {"weight": weight, "delay": 1.0, "receptor_type": port if "tau_syn" in changed else 0}
                nest.Connect(source, neuron, syn_spec=synapse)
            recorder = nest.Create("spike_recorder")
            nest.Connect(neuron, recorder)
            traces = record(neuron, DURATION, RECORDED[model])
            # Seven places behind the point are more than anything is compared to.
            traces = {variable: [round(value, 7) for value in values] for variable, values in traces.items()}
            spikes = [float(t) for t in recorder.get("events")["times"] if t <= DURATION + 1e-6]
            found[model].append({"params": changed, "weights": [weak, strong], "traces": traces, "spikes": spikes})
    data = {"simulator": f"NEST {nest.__version__}", "command": "python tests/physics/reference/more_neurons.py", "dt": DT,
            "duration": DURATION, "times": [EXC, INH], "driven": DRIVEN, "cases": found}  # fmt: skip
    (Path(__file__).parent / "more_neurons.json").write_text(json.dumps(data) + "\n")


if __name__ == "__main__":
    main()
