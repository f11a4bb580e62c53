"""Neurons without synapses in NEST: one line of JSON with ns per neuron and step on one thread.

python benchmarks/neurons_nest.py aeif_cond_exp --current 700
"""

import argparse
import json
import sys
import time

import nest

N, MS = 1000, 500.0


def main() -> None:
    """Build, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--current", type=float, default=0.0)
    args = parser.parse_args()
    if args.model not in nest.node_models:
        sys.exit(3)
    nest.set_verbosity("M_ERROR")
    nest.resolution = 0.1
    cells = nest.Create(args.model, N)
    nest.Connect(nest.Create("dc_generator", params={"amplitude": args.current}), cells)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(MS)
    before = recorder.n_events
    begin = time.perf_counter()
    nest.Simulate(MS)
    seconds = time.perf_counter() - begin
    rate = (recorder.n_events - before) / N / MS * 1e3
    print(json.dumps({"nest_version": nest.__version__, "ns": seconds * 1e9 / (MS * 10) / N, "rate_hz": rate}))


if __name__ == "__main__":
    main()
