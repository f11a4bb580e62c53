"""The microcircuit at scale 0.05 against NEST: rates, irregularity, correlation and synchrony of every population."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from distsim.network.config import load_config
from distsim.simulation import Simulation

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference" / "small_microcircuit.json").read_text())
SEEDS = (1, 2, 3)
# A standard deviation from few seeds is rough: one below these is taken for chance.
FLOOR = {"mean_rate_Hz": 0.02, "cv_isi_mean": 0.005, "corr_mean_2ms": 5e-4, "synchrony_var_over_mean_3ms": 0.02}


def spike_statistics():
    """Return benchmarks/statistics.py as a module: one definition of the statistics for all."""
    path = HERE.parents[1] / "benchmarks" / "statistics.py"
    spec = importlib.util.spec_from_file_location("spike_statistics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found():
    """Mean over three seeds of every statistic: {key: {population: value}}."""
    statistics = spike_statistics()
    start, stop = REFERENCE["transient_ms"], REFERENCE["transient_ms"] + REFERENCE["duration_ms"]
    runs = []
    for seed in SEEDS:
        config = load_config("microcircuit", [f"network.scale={REFERENCE['scale']}", f"simulation.seed={seed}"])
        simulation = Simulation.from_config(config)
        simulation.run(stop)
        times, gids = simulation.spikes()
        steps = statistics.to_steps(times)
        run = {}
        for name, p in simulation.network.populations.items():
            mine = (gids >= p.first_gid) & (gids < p.first_gid + p.size)
            run[name] = statistics.population_statistics(steps[mine], gids[mine] - p.first_gid, p.size, start, stop)
        runs.append(run)
    return {key: {n: float(np.mean([r[n][key] for r in runs])) for n in runs[0]} for key in FLOOR}


@pytest.mark.parametrize("key", FLOOR)
def test_within_three_standard_deviations(found, key):
    """Both means are of few seeds: the standard deviation of their difference counts."""
    for name, mean in REFERENCE["mean"][key].items():
        sd = max(REFERENCE["sd"][key][name], FLOOR[key] * (1.0 if key != "synchrony_var_over_mean_3ms" else mean))
        of_difference = sd * np.sqrt(1 / len(SEEDS) + 1 / len(REFERENCE["seeds"]))
        assert found[key][name] == pytest.approx(mean, abs=3.0 * of_difference), name


def test_full_scale_counts(ranks, tmp_path):
    """298,880,968 synapses; recurrent and external events per biological second within 1 % of the published ones."""
    change = ("--set", "simulation.transient=500", "--duration", "1000", "--output", tmp_path / "run", "-q")
    done = ranks(2, "-m", "distsim", "run", "microcircuit", *change)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["network"]["n_synapses"] == 298_880_968
    assert summary["counts"]["synaptic_events"] == pytest.approx(9.667e8, rel=0.01)
    assert summary["counts"]["external_events"] == pytest.approx(1.263e9, rel=0.001)
    assert (
        sum(p.get("synaptic_events", 0) for p in summary["counts_by_projection"].values())
        == (summary["counts"]["synaptic_events"])
    )
