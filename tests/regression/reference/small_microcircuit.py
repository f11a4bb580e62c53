"""Statistics of the microcircuit at scale 0.05 in NEST, over several seeds: what test_microcircuit compares with.

    python tests/regression/reference/small_microcircuit.py      # needs NEST; some minutes

Writes small_microcircuit.json beside itself: mean and standard deviation between seeds (network and noise drawn
anew) of every population's rate, CV of intervals, correlation and synchrony, 2 s after 0.5 s of transient. The
in-degrees are those of the full network (network.scale keeps them), so the rates are not the published ones.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "benchmarks"))
import microcircuit_nest
import nest
import yaml

SCALE, TRANSIENT, DURATION, SEEDS = 0.05, 500.0, 2000.0, range(101, 109)


def own_statistics():
    """Return benchmarks/statistics.py as a module; by its path, for the standard library has one of its name."""
    spec = importlib.util.spec_from_file_location("spike_statistics", HERE.parents[2] / "benchmarks" / "statistics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Simulate all seeds and write the JSON."""
    statistics = own_statistics()
    network = yaml.safe_load(microcircuit_nest.CONFIG.read_text())["network"]
    network = microcircuit_nest.computed(network, network["params"])
    runs = []
    for seed in SEEDS:
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.set(resolution=0.1, local_num_threads=2, rng_seed=seed)
        populations, _ = microcircuit_nest.build(network, SCALE, "static_synapse")
        recorders = {}
        for name, population in populations.items():
            recorders[name] = nest.Create("spike_recorder")
            nest.Connect(population, recorders[name])
        nest.Simulate(TRANSIENT + DURATION)
        found = {}
        for name, recorder in recorders.items():
            events = recorder.get("events")
            ids = np.asarray(events["senders"]) - populations[name].tolist()[0]
            steps = statistics.to_steps(events["times"])
            found[name] = statistics.population_statistics(
                steps, ids, len(populations[name]), TRANSIENT, TRANSIENT + DURATION
            )
        runs.append(found)
        print(seed, {n: round(f["mean_rate_Hz"], 3) for n, f in found.items()}, flush=True)
    keys = ("mean_rate_Hz", "cv_isi_mean", "corr_mean_2ms", "synchrony_var_over_mean_3ms")
    table = {k: {n: [r[n][k] for r in runs] for n in runs[0]} for k in keys}
    result = {
        "simulator": f"NEST {nest.__version__}",
        "command": "python tests/regression/reference/small_microcircuit.py",
        "scale": SCALE, "transient_ms": TRANSIENT, "duration_ms": DURATION, "seeds": list(SEEDS),
        "mean": {k: {n: float(np.mean(v)) for n, v in t.items()} for k, t in table.items()},
        "sd": {k: {n: float(np.std(v, ddof=1)) for n, v in t.items()} for k, t in table.items()},
    }  # fmt: skip
    (HERE / "small_microcircuit.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
