"""One full-scale microcircuit in NEST, its spikes kept: the networks that ours are compared with.

    python benchmarks/microcircuit_nest_spikes.py --seed 1 --output nest_1.npz

Same network as microcircuit_nest.py. The file holds, for every population, the spikes of all neurons after the
transient as int64 steps and int32 neurons (from 0); microcircuit_comparison.py reads it. On two cores a network of
10 s takes some 20 to 25 minutes and, with the synapses of small memory that are the default here, 11 GB.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import nest
import numpy as np
import yaml
from brunel_nest import DT, parser, recorded
from microcircuit_nest import CONFIG, build, computed


def main() -> None:
    """Build, simulate in pieces of half a second, write the spikes."""
    options = parser(__doc__)
    options.set_defaults(transient=1000.0, duration=10_000.0)
    options.add_argument("--output", type=Path, required=True, help="file for the spikes (.npz)")
    options.add_argument("--scale", type=float, default=1.0, help="size; in-degrees stay as they are")
    chosen = options.parse_args()
    network = yaml.safe_load(CONFIG.read_text())["network"]
    network = computed(network, network["params"])

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=DT, local_num_threads=chosen.threads, rng_seed=chosen.seed, print_time=False)
    begin = time.perf_counter()
    populations, n_synapses = partial(build, network, chosen.scale, "static_synapse_hpc")()
    recorders = recorded(populations, chosen.transient)
    nest.Prepare()
    print(json.dumps({"n_synapses": n_synapses, "build_wall_seconds": time.perf_counter() - begin}), flush=True)
    done, last = 0.0, chosen.transient + chosen.duration
    while done < last:
        piece = min(500.0, last - done)
        nest.Run(piece)
        done += piece
        print(f"{done:g} ms after {time.perf_counter() - begin:.0f} s", flush=True)
    nest.Cleanup()

    arrays: dict[str, np.ndarray] = {}
    for name, recorder in recorders.items():
        events = recorder.get("events")
        first = populations[name][0].global_id
        arrays[f"{name}_steps"] = np.rint(np.asarray(events["times"]) / DT).astype(np.int64)
        arrays[f"{name}_ids"] = (np.asarray(events["senders"]) - first).astype(np.int32)
    told = {
        "simulator": f"NEST {nest.__version__}", "seed": chosen.seed, "t_start_ms": chosen.transient, "t_stop_ms": last,
        "dt_ms": DT, "sizes": {name: len(p) for name, p in populations.items()},
    }  # fmt: skip
    with open(chosen.output, "wb") as file:
        np.savez_compressed(file, about=json.dumps(told), **arrays)
    print(f"{chosen.output}: {sum(a.size for k, a in arrays.items() if k.endswith('_ids'))} spikes")


if __name__ == "__main__":
    main()
