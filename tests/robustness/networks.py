"""Random networks on 1, 2, 3 and 5 ranks, cut into chunks in other ways, stopped and taken up: always the same bits.

Only few sets of models are drawn, so that few loops are compiled.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.distributed.kill_rounds import COMPILING, MPIEXEC, distsim, finish, results

RANKS = (1, 2, 3, 5)
MODELS = (["iaf_psc_exp"], ["iaf_psc_exp", "iaf_psc_alpha"], ["iaf_cond_exp", "izhikevich"])
# Weights that make neurons fire: (drive, excitation, inhibition).
WEIGHTS = {
    "iaf_psc_exp": (60.0, 40.0, -150.0),
    "iaf_psc_alpha": (60.0, 40.0, -150.0),
    "iaf_cond_exp": (6.0, 2.0, -8.0),
    "izhikevich": (8.0, 2.0, -6.0),
}


def drawn(dice: random.Random) -> dict[str, Any]:
    """Return the config of a random network, small and lively."""
    models = dice.choice(MODELS)
    populations = {
        f"p{i}": {"size": dice.randint(1, 300), "model": dice.choice(models)} for i in range(dice.randint(1, 5))
    }
    for i, model in enumerate(models):
        populations[f"q{i}"] = {"size": dice.randint(20, 200), "model": model}
    devices: dict[str, Any] = {
        "drive": {"model": "poisson_generator", "params": {"rate": dice.uniform(4000.0, 12000.0)}}
    }
    trains = [sorted(round(0.1 * dice.randint(1, 3000), 1) for _ in range(dice.randint(0, 20))) for _ in range(3)]
    devices["clock"] = {"model": "spike_generator", "size": 3, "params": {"spike_times": trains}}
    if dice.random() < 0.5:
        devices["noise"] = {
            "model": "noise_generator",
            "params": {"mean": 1.0, "std": 20.0, "dt": dice.choice([0.1, 1.0])},
        }
    projections: list[dict[str, Any]] = []
    for name, p in populations.items():
        drive, excitation, _ = WEIGHTS[p["model"]]
        projections.append({"pre": "drive", "post": name, "weight": drive, "delay": dice.choice([0.1, 1.0])})
        if dice.random() < 0.4:
            projections.append({"pre": "clock", "post": name, "weight": 4 * excitation, "delay": delay(dice)})
        if "noise" in devices and dice.random() < 0.4:
            projections.append({"pre": "noise", "post": name})
    for _ in range(dice.randint(1, 8)):
        pre, post = (dice.choice(list(populations)) for _ in range(2))
        _, excitation, inhibition = WEIGHTS[populations[post]["model"]]
        mean = dice.choice([excitation, excitation, inhibition])
        weight = dice.choice([mean, {"normal": [mean, abs(mean) / 10]}, {"uniform": sorted([mean, 1.5 * mean])}])
        projections.append(
            {
                "pre": pre,
                "post": post,
                "rule": rule(dice, populations[pre]["size"], populations[post]["size"]),
                "weight": weight,
                "delay": delay(dice),
            }
        )
    recorders: list[dict[str, Any]] = [{"record": "spikes", "from": list(populations)}]
    first = next(iter(populations))
    if dice.random() < 0.7:
        recorders.append({"record": "V_m", "from": first, "every": dice.choice([0.1, 0.7, 1.0, 10.0])})
    if dice.random() < 0.3:
        recorders.append({"record": "V_m", "from": first, "every": 1.0, "reduce": "mean"})
    return {
        "network": {
            "name": "drawn",
            "populations": populations,
            "devices": devices,
            "projections": projections,
            "recorders": recorders,
        },
        "simulation": {"duration": 300.0, "seed": dice.randrange(2**63), "transient": dice.choice([0.0, 50.0])},
    }


def delay(dice: random.Random) -> Any:
    """Return a delay, constant or drawn, from one step to many."""
    return dice.choice(
        [0.1, 1.5, 20.0, {"uniform": [0.1, 3.0]}, {"normal": [1.5, 0.7]}, {"exponential": {"beta": 2.0, "high": 30.0}}]
    )


def rule(dice: random.Random, n_pre: int, n_post: int) -> Any:
    """Return a rule of connection for some thousand synapses at most."""
    n = dice.randint(0, min(20, n_pre))
    one = "one_to_one" if n_pre == n_post else "all_to_all" if n_pre * n_post < 3000 else {"fixed_indegree": n}
    total = {"rule": "fixed_total_number", "n": dice.randint(0, n_pre * n_post // 2), "multapses": dice.random() < 0.5}
    return dice.choice(
        [
            {"fixed_indegree": n},
            {"fixed_outdegree": dice.randint(0, min(20, n_post))},
            {"pairwise_bernoulli": dice.uniform(0.0, 0.2)},
            total,
            one,
        ]
    )


def run(config: Path, folder: Path, n_ranks: int, dice: random.Random | None) -> None:
    """Run once; with dice cut into other chunks, stopped at a moment and gone on with on other ranks."""
    if dice is None:
        code, errors = finish(distsim(n_ranks, "run", config, "-q", "--output", folder), COMPILING)
        assert code == 0, f"exit code {code} on {n_ranks} ranks: {errors[-300:]}"
        return
    every = f"checkpoint.every={dice.choice([3.7, 11.1, 50.0])} ms"
    partitioner = f"simulation.partitioner={dice.choice(['balanced', 'block', 'round_robin'])}"
    moment, victim = dice.uniform(5.0, 280.0), dice.randrange(n_ranks)
    script = [
        MPIEXEC,
        "-n",
        str(n_ranks),
        sys.executable,
        "-m",
        "tests.robustness.networks",
        str(config),
        str(folder),
        str(moment),
        str(victim),
        every,
        partitioner,
    ]
    stopped = subprocess.run(script, capture_output=True, text=True, timeout=COMPILING, check=False)
    assert stopped.returncode == 75, (
        f"exit code {stopped.returncode} in place of 75 on {n_ranks} ranks: {stopped.stderr[-300:]}"
    )
    code, errors = finish(distsim(dice.choice(RANKS[:3]), "run", folder, "--resume", "-q"), COMPILING)
    assert code == 0, f"does not go on: exit code {code}: {errors[-300:]}"


def rounds(n: int, seed: int, verbose: bool = False) -> list[dict[str, Any]]:
    """Return what came of n networks."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(seed, seed + n):
            dice = random.Random(f"network {number}")
            config = Path(name) / f"{number}.yaml"
            config.write_text(yaml.safe_dump(drawn(dice)))
            outcome, line, spikes = "fine", "", 0
            try:
                run(config, Path(name) / f"{number}-1", 1, None)
                expected = results(Path(name) / f"{number}-1")
                spikes = expected[1]["spikes"]
                for n_ranks in RANKS[1:]:
                    folder = Path(name) / f"{number}-{n_ranks}"
                    run(config, folder, n_ranks, dice)
                    if not same(results(folder), expected):
                        outcome, line = "wrong", f"other bits on {n_ranks} ranks"
            except (AssertionError, subprocess.TimeoutExpired) as error:
                outcome, line = (
                    "hang" if "hangs" in str(error) or "timed out" in str(error) else "fault",
                    str(error)[:300],
                )
            if verbose:
                print(f"network {number}: {spikes} spikes, {outcome} {line}", flush=True)
            found.append(
                {"operator": "network", "seed": number, "outcome": outcome, "line": line, "note": f"{spikes} spikes"}
            )
    return found


def same(found: tuple, expected: tuple) -> bool:
    """Return whether two runs have the same spikes, counts and states."""
    states = found[2].keys() == expected[2].keys() and all(
        found[2][k].tobytes() == v.tobytes() for k, v in expected[2].items()
    )
    return found[:2] == expected[:2] and states


def main() -> None:
    """Run a config on these ranks until one of them gets SIGTERM at a biological moment (ms)."""
    config, folder, moment, victim, *changes = sys.argv[1:]
    from distsim.communication import communicator
    from distsim.network.config import load_config
    from distsim.simulation import Simulation

    ranks = communicator()

    def progress(stage: str, fraction: float, details: dict[str, float]) -> None:
        if stage == "run" and ranks.rank == int(victim) and details["biological_ms"] >= float(moment):
            os.kill(os.getpid(), signal.SIGTERM)

    loaded = load_config(config, changes).with_output(folder)
    simulation = Simulation.from_config(loaded, progress=progress)
    simulation.run(loaded.simulation.transient + loaded.simulation.duration)
    simulation.close()


if __name__ == "__main__":
    main()
