"""The Vogels-Abbott network with conductances in Brian2's C++ standalone mode: one line of JSON.

    python benchmarks/coba_brian.py --duration 10000

Parameters as in configs/coba.yaml; equations and exponential Euler as in Brian2's own example of the network. Needs
Brian2 and a C++ compiler. The time is that of the compiled program's run, without generation and compilation.
"""

import argparse
import json
import tempfile

import brian2 as b
from brian2 import NeuronGroup, SpikeMonitor, Synapses, ms, mV, nS, pF

EQUATIONS = """
dv/dt = (-g_L*(v - E_L) - ge*(v - E_e) - gi*(v - E_i))/C : volt (unless refractory)
dge/dt = -ge/(5*ms) : siemens
dgi/dt = -gi/(10*ms) : siemens
"""


def main() -> None:
    """Build, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=10_000.0, help="ms")
    parser.add_argument("--method", default="exponential_euler", help="euler is the cheapest")
    parser.add_argument("--single", action="store_true", help="single precision; Brian2's default is double")
    args = parser.parse_args()
    if args.single:
        b.prefs.core.default_float_dtype = b.numpy.float32
    folder = tempfile.mkdtemp()
    b.set_device("cpp_standalone", directory=folder)
    b.seed(1)
    b.defaultclock.dt = 0.1 * ms
    names = {"C": 200 * pF, "g_L": 10 * nS, "E_L": -60 * mV, "E_e": 0 * mV, "E_i": -80 * mV}
    neurons = NeuronGroup(
        4000, EQUATIONS, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * ms, method=args.method,
        namespace=names,
    )  # fmt: skip
    neurons.v = "-60*mV + rand()*10*mV"
    exc = Synapses(neurons[:3200], neurons, on_pre="ge += 6*nS")
    inh = Synapses(neurons[3200:], neurons, on_pre="gi += 67*nS")
    exc.connect(p=0.02)
    inh.connect(p=0.02)
    # Conductances to begin with, as in Brian2's example, instead of the random input of the first 50 ms.
    neurons.ge = "(randn()*1.5 + 4)*10*nS"
    neurons.gi = "(randn()*12 + 20)*10*nS"
    spikes = SpikeMonitor(neurons)
    b.run(args.duration * ms)
    found = {
        "brian2_version": b.__version__,
        "seconds_per_second": float(b.device._last_run_time) / (1e-3 * args.duration),
        "rate_hz": spikes.num_spikes / 4000 / (1e-3 * args.duration),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
