"""NEST's hpc_benchmark: what configs/hpc_benchmark.yaml is measured against.

    python benchmarks/hpc_benchmark_nest.py --threads 2 --transient 50 --duration 250

Network and numbers of NEST's example hpc_benchmark at scale 1, its stdp_pl_synapse_hom without the variant that
saves memory at the cost of the number of targets; the spikes of all neurons are recorded to memory. The last
line printed is JSON; see `brunel_nest.measured`.

Morrison, Aertsen, Diesmann (2007) Spike-timing-dependent plasticity in balanced random networks.
Neural Computation 19:1437-1467, doi:10.1162/neco.2007.19.6.1437
"""

from __future__ import annotations

import json
from typing import Any

import nest
from brunel_nest import measured, parser

N_EXC, N_INH, C_EXC, C_INH = 9000, 2250, 9000, 2250
DELAY, G, ETA = 1.5, -5.0, 1.685
TAU_M, C_M, V_TH, TAU_SYN = 10.0, 250.0, 20.0, 0.32582722403722841
# pA: a spike raises V_m by 0.14 mV at most.
J = 45.609600316540956
NEURON = {"E_L": 0.0, "C_m": C_M, "tau_m": TAU_M, "t_ref": 0.5, "V_th": V_TH, "V_reset": 0.0, "tau_syn_ex": TAU_SYN,
          "tau_syn_in": TAU_SYN, "tau_minus": 30.0}  # fmt: skip
STDP = {"alpha": 0.0513, "lambda": 0.1, "mu": 0.4, "tau_plus": 15.0}


def build() -> tuple[dict[str, Any], int]:
    """Make the network; returns its populations and the number of synapses between neurons."""
    start = NEURON | {"V_m": nest.random.normal(5.7, 7.2)}
    exc, inh = nest.Create("iaf_psc_alpha", N_EXC, params=start), nest.Create("iaf_psc_alpha", N_INH, params=start)
    nest.CopyModel("static_synapse", "excitatory", {"weight": J, "delay": DELAY})
    nest.CopyModel("static_synapse", "inhibitory", {"weight": G * J, "delay": DELAY})
    nest.CopyModel("stdp_pl_synapse_hom", "plastic", STDP)
    drawn = {"rule": "fixed_indegree", "allow_autapses": True, "allow_multapses": True}
    nest.Connect(exc, exc, drawn | {"indegree": C_EXC}, {"synapse_model": "plastic", "weight": J, "delay": DELAY})
    nest.Connect(exc, inh, drawn | {"indegree": C_EXC}, "excitatory")
    nest.Connect(inh, exc + inh, drawn | {"indegree": C_INH}, "inhibitory")
    n_synapses = nest.num_connections
    rate = 1000.0 * ETA * V_TH * C_M / (TAU_M * J * 2.718281828459045 * TAU_SYN)
    drive = nest.Create("poisson_generator", params={"rate": rate})
    nest.Connect(drive, exc + inh, syn_spec="excitatory")
    return {"exc": exc, "inh": inh}, n_synapses


if __name__ == "__main__":
    print(json.dumps(measured(build, **vars(parser(__doc__).parse_args()))))
