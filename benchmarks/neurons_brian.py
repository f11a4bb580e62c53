"""Neurons without synapses in Brian2's C++ standalone mode: one line of JSON with ns per neuron and step on one core.

    python benchmarks/neurons_brian.py aeif_cond_exp --current 700

Equations and parameters are those of NEST's models, integrated with exponential Euler, Brian2's own choice for both;
NEST's and ours take smaller errors for a longer step (adaptive Runge-Kutta, and RK4 in parts).
"""

import argparse
import json
import sys
import tempfile

import brian2 as b
from brian2 import NeuronGroup, SpikeMonitor, mA, ms, mV, nS, pA, pF

N, MS = 10_000, 500.0
AEIF = """
dv/dt = (-30*nS*(v + 70.6*mV) + 30*nS*2*mV*exp(clip((v + 50.4*mV)/(2*mV), -100, 20)) - ge*v - gi*(v + 85*mV) - w + I)
        /(281*pF) : volt (unless refractory)
dw/dt = (4*nS*(v + 70.6*mV) - w)/(144*ms) : amp
dge/dt = -ge/(0.2*ms) : siemens
dgi/dt = -gi/(2*ms) : siemens
"""
IAF = """
dv/dt = (-16.6667*nS*(v + 70*mV) - ge*v - gi*(v + 85*mV) + I)/(250*pF) : volt (unless refractory)
dge/dt = -ge/(0.2*ms) : siemens
dgi/dt = -gi/(2*ms) : siemens
"""
HH = """
dv/dt = (-12000*nS*m**3*h*(v - 50*mV) - 3600*nS*n**4*(v + 77*mV) - 30*nS*(v + 54.402*mV) + ie + ii + I)/(100*pF) : volt
dm/dt = (am*(1 - m) - 4*exp(-(v + 65*mV)/(18*mV))*m)/ms : 1
dh/dt = (0.07*exp(-(v + 65*mV)/(20*mV))*(1 - h) - h/(1 + exp(-(v + 35*mV)/(10*mV))))/ms : 1
dn/dt = (an*(1 - n) - 0.125*exp(-(v + 65*mV)/(80*mV))*n)/ms : 1
am = 1/exprel(-(v + 40*mV)/(10*mV)) : 1
an = 0.1/exprel(-(v + 55*mV)/(10*mV)) : 1
dye/dt = -ye/(0.2*ms) : amp
die/dt = ye/ms - ie/(0.2*ms) : amp
dyi/dt = -yi/(2*ms) : amp
dii/dt = yi/ms - ii/(2*ms) : amp
"""
MODELS = {
    "aeif_cond_exp": (
        AEIF,
        {"threshold": "v > 0*mV", "reset": "v = -60*mV; w += 80.5*pA", "refractory": "False"},
        -70.6,
    ),
    "iaf_cond_exp": (IAF, {"threshold": "v > -55*mV", "reset": "v = -60*mV", "refractory": 2 * ms}, -70.0),
    "hh_psc_alpha": (HH, {"threshold": "v > 0*mV", "refractory": "v > 0*mV"}, -65.0),
}


def main() -> None:
    """Build, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--current", type=float, default=0.0)
    args = parser.parse_args()
    if args.model not in MODELS:
        sys.exit(3)
    equations, options, start = MODELS[args.model]
    b.set_device("cpp_standalone", directory=tempfile.mkdtemp())
    b.defaultclock.dt = 0.1 * ms
    names = {"I": args.current * pA, "mA": mA, "pF": pF, "nS": nS}
    cells = NeuronGroup(N, equations, method="exponential_euler", namespace=names, **options)
    cells.v = start * mV
    spikes = SpikeMonitor(cells)
    b.run(MS * ms)
    found = {
        "brian2_version": b.__version__,
        "ns": float(b.device._last_run_time) * 1e9 / (MS * 10) / N,
        "rate_hz": spikes.num_spikes / N / MS * 1e3,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
