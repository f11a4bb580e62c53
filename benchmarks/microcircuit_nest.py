"""The cortical microcircuit of configs/microcircuit.yaml in NEST, with Poisson drive.

    python benchmarks/microcircuit_nest.py --threads 2

reads all numbers from the config, so that both simulators run the same network. The last line printed
is JSON; see `measured`. At full scale it takes some 16 GB of memory and, on two cores, minutes for a
biological second. `--scale 0.02` keeps the in-degrees and shrinks populations and numbers of synapses,
for a quick look: the rates are then others.

Potjans & Diesmann (2014) The cell-type specific cortical microcircuit. Cerebral Cortex 24:785-806,
doi:10.1093/cercor/bhs358
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import nest
import numpy as np
import yaml
from brunel_nest import DT, measured, parser

CONFIG = Path(__file__).parents[1] / "configs" / "microcircuit.yaml"


def computed(value: Any, params: dict[str, float]) -> Any:
    """Return `value` with every expression in it ("=g * J") replaced by its number."""
    if isinstance(value, dict):
        return {key: computed(item, params) for key, item in value.items()}
    if isinstance(value, list):
        return [computed(item, params) for item in value]
    if isinstance(value, str) and value.startswith("="):
        return eval(value[1:], {"__builtins__": {}}, params)  # the repository's own config
    return value


def distribution(value: Any, low: float = -np.inf) -> tuple[Any, float]:
    """Return NEST's form of a number or a normal distribution redrawn below `low`, and its mean."""
    if not isinstance(value, dict):
        return float(value), float(value)
    (name, given), *others = value.items()
    if name != "normal" or others:
        raise ValueError(f"only normal distributions are translated, got {value}")
    if isinstance(given, list):
        given = dict(zip(("mean", "sd"), given, strict=True))
    drawn = nest.random.normal(mean=given["mean"], std=given["sd"])
    low, high = max(low, given.get("low", -np.inf)), given.get("high", np.inf)
    if np.isfinite(low) or np.isfinite(high):
        drawn = nest.math.redraw(drawn, min=low, max=high)
    return drawn, given["mean"]


def scaled(n: int, scale: float) -> int:
    """Return `n` at this scale, rounded half up as the config's own scale does."""
    return max(1, int(n * scale + 0.5))


def create_populations(network: dict[str, Any], scale: float) -> dict[str, Any]:
    """Return the populations by name, with initial values drawn."""
    populations = {}
    for name, p in network["populations"].items():
        initial = {key: distribution(value)[0] for key, value in p["init"].items()}
        populations[name] = nest.Create(p["model"], scaled(p["size"], scale), params=p["params"] | initial)
    return populations


def connect(projection: dict[str, Any], pre: Any, post: Any, scale: float) -> None:
    """Connect two populations, or a device and a population, as the projection says."""
    weight, mean_weight = distribution(projection["weight"])
    # As the reference implementation does it (microcircuit-PD14-model): what would be rounded to no step at all
    # is redrawn, and what lies between half a step and a whole one becomes one step.
    delay, _ = distribution(projection["delay"], low=0.5 * DT)
    rule: dict[str, Any] = {"rule": "all_to_all"}
    if projection["rule"] != "all_to_all":
        n = projection["rule"]["fixed_total_number"]
        rule = {"rule": "fixed_total_number", "N": scaled(n, scale)}
        rule |= {"allow_autapses": True, "allow_multapses": True}
    model = "excitatory" if mean_weight > 0.0 else "inhibitory"
    nest.Connect(pre, post, rule, {"synapse_model": model, "weight": weight, "delay": delay})


def build(network: dict[str, Any], scale: float, synapse_model: str) -> tuple[dict[str, Any], int]:
    """Make the network; returns its populations and the number of synapses between neurons."""
    # NEST numbers the connections of a thread and a synapse model with 27 bits, too few for half of the
    # microcircuit in one model: excitatory and inhibitory sources get one each.
    for name in ("excitatory", "inhibitory"):
        nest.CopyModel(synapse_model, name)
    populations = create_populations(network, scale)
    devices = {name: nest.Create(d["model"], params=d["params"]) for name, d in network["devices"].items()}
    for projection in network["projections"]:
        if projection["pre"] in populations:
            connect(projection, populations[projection["pre"]], populations[projection["post"]], scale)
    n_synapses = nest.num_connections
    for projection in network["projections"]:
        if projection["pre"] in devices:
            connect(projection, devices[projection["pre"]], populations[projection["post"]], scale)
    return populations, n_synapses


def main() -> None:
    """Read the config, measure, print one line of JSON."""
    options = parser(__doc__)
    options.add_argument("--scale", type=float, default=1.0, help="size; in-degrees stay as they are")
    options.add_argument(
        "--synapse-model",
        default="static_synapse",
        choices=["static_synapse", "static_synapse_hpc"],
        help="_hpc takes less memory",
    )
    chosen = vars(options.parse_args())
    scale, synapse_model = chosen.pop("scale"), chosen.pop("synapse_model")
    network = yaml.safe_load(CONFIG.read_text())["network"]
    network = computed(network, network["params"])
    found = measured(partial(build, network, scale, synapse_model), **chosen)
    print(json.dumps(found | {"scale": scale, "synapse_model": synapse_model}))


if __name__ == "__main__":
    main()
