"""Configs that are right and have of everything: what the operators of config_cases.py break.

They say what they did since before the harness was made, so that it can be pointed at older commits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

STATIC = """
network:
  name: static
  params: {J: 40.0, g: 5.0, K: 8}
  scale: 1.0
  populations:
    exc: {size: 40, model: iaf_psc_exp, params: {C_m: 250.0, tau_m: 10 ms, t_ref: 2.0, V_th: -50.0, V_reset: -65.0},
          init: {V_m: {uniform: [-70.0, -55.0]}}}
    inh: {size: 10, model: iaf_psc_alpha, params: {tau_syn_ex: 0.5, I_e: 10.0},
          init: {V_m: {normal: {mean: -60.0, sd: 3.0, low: -75.0, high: -55.0}}}}
  devices:
    drive: {model: poisson_generator, params: {rate: 8000.0, start: 0.0, stop: 500.0}}
    noise: {model: noise_generator, params: {mean: 5.0, std: 50.0, dt: 1.0}}
    clock: {model: spike_generator, size: 2, params: {spike_times: [[1.0, 2.0], [1.5]]}}
    ramp: {model: step_current_generator, params: {amplitude_times: [1.0, 2.0], amplitude_values: [20.0, 40.0]}}
    clamp: {model: dc_generator, params: {amplitude: 30.0, start: 1.0, stop: 2.0}}
  projections:
    - {pre: drive, post: [exc, inh], weight: =J}
    - {pre: noise, post: exc, delay: 1.0}
    - {pre: ramp, post: {population: inh, slice: [2, 8]}, delay: 0.5}
    - {pre: clamp, post: inh, weight: 2.0}
    - {name: clocked, pre: clock, post: [exc, inh], weight: 300.0, delay: {uniform: [0.5, 1.5]}, receptor: ex}
    - {pre: exc, post: [exc, inh], rule: {fixed_indegree: =K}, weight: {normal: [40.0, 4.0]}, delay: {uniform: [0.5, 4.0]}}
    - {pre: inh, post: [exc, inh], rule: {pairwise_bernoulli: 0.2}, weight: =-g * J, delay: 1.5 ms}
    - {pre: [exc, inh], post: exc, rule: {rule: fixed_total_number, n: 50, autapses: false, multapses: false},
       weight: {lognormal: {mu: 2.0, sigma: 0.5, high: 100.0, outside: clip}}, delay: {exponential: {beta: 1.0, low: 0.2}}}
    - {pre: inh, post: inh, rule: {fixed_outdegree: 3}, weight: -20.0, delay: 1.0}
    - {pre: exc, post: exc, rule: one_to_one, weight: 1.0, delay: 2.0}
  recorders:
    - {record: spikes, from: [exc, inh]}
    - {record: V_m, from: [{population: exc, slice: [5, 30]}, inh], every: 0.5}
    - {record: V_m, from: exc, every: 1.0, reduce: mean}
    - {record: lfp, from: exc, every: 0.5}
simulation: {duration: 3.0, dt: 0.1, seed: 3, transient: 1.0, partitioner: balanced, exchange: auto, precision: float32}
output: {format: hdf5}
checkpoint: {every: 1 ms, keep: 2}
"""
LEARNING = """
network:
  name: learning
  params: {w: 20.0}
  populations:
    pre: {size: 20, model: iaf_psc_exp, init: {V_m: {uniform: [-70.0, -55.0]}}}
    post: {size: 10, model: iaf_psc_exp}
    reward: {size: 2, model: iaf_psc_exp, params: {I_e: 400.0}}
  devices:
    drive: {model: poisson_generator, params: {rate: 9000.0}}
    clock: {model: spike_generator, params: {spike_times: [1.0, 2.0, 2.5]}}
  projections:
    - {pre: drive, post: [pre, post, reward], weight: 60.0}
    - {name: pairs, pre: pre, post: post, rule: {fixed_indegree: 5}, weight: =w, delay: 1.5,
       synapse: {model: stdp_synapse, lambda: 0.01, alpha: 1.05, mu_plus: 0.0, mu_minus: 0.5, Wmax: 100.0,
                 tau_plus: 20.0, tau_minus: 20.0, axonal_delay: 0.5}}
    - {pre: pre, post: post, rule: {fixed_indegree: 4}, weight: {uniform: [1.0, 30.0]}, delay: 2.0,
       synapse: {model: stdp_dopamine_synapse, transmitter: reward, transmitter_delay: 1.0, A_plus: 1.0, A_minus: 1.5,
                 tau_c: 100.0, tau_n: 50.0, b: 0.1, Wmin: 0.0, Wmax: 60.0}}
    - {pre: clock, post: post, weight: 30.0, delay: 1.0, synapse: {model: tsodyks2_synapse, U: 0.5, tau_rec: 100.0}}
    - {pre: post, post: reward, rule: all_to_all, weight: 5.0, delay: 1.0, synapse: stdp_triplet_synapse}
  recorders:
    - {record: spikes, from: [pre, post]}
simulation: {duration: 3.0, dt: 0.1, seed: 5}
checkpoint: {every: 30min, keep: 1}
"""
LISTED = """
network:
  name: listed
  populations:
    cells: {size: 12, model: iaf_cond_exp, params: {E_ex: 0.0, E_in: -85.0, g_L: 16.0}, init: {V_m: -62.0},
            weight_step: {exc: 0.01, inh: 0.02}, nodes: {population: v1, ids: [[0, 4], [8, 16]]}}
    others: {size: 4, model: izhikevich, params: {a: 0.02, b: 0.2, c: -65.0, d: 8.0}}
    deltas: {size: 6, model: iaf_psc_delta}
  devices:
    trains: {model: spike_generator, size: 3, params: {spike_times: [[0.5], [], [1.0, 1.0, 2.0]]}}
  projections:
    - {pre: trains, post: cells, rule: {edges: {pre: [0, 1, 2, 2], post: [0, 3, 3, 11], weight: [1.0, 2.0, -1.0, 3.5],
       delay: [0.1, 1.0, 2.0, 0.5]}}}
    - {pre: cells, post: others, rule: {edges: {file: edges.csv}}}
    - {pre: cells, post: cells, rule: {edges: {file: edges.npz}}, receptor: inh}
    - {pre: trains, post: deltas, weight: 1.5, delay: 0.3}
  recorders:
    - {record: spikes, from: [cells, others, deltas]}
    - {record: g_ex, from: cells, every: 0.5 ms}
simulation: {duration: 2.0, transient: 1.0, dt: 0.1, seed: 9, precision: float64, partitioner: round_robin}
output: {format: zarr}
"""
CODED = """
network:
  name: coded
  populations:
    own: {size: 5, model: "model.py:leaky", params: {tau: 12.0}, init: {V: 0.5}}
    more: {size: 5, model: iaf_psc_exp}
  devices: {drive: {model: poisson_generator, params: {rate: 1000.0}}}
  projections:
    - {pre: drive, post: own, weight: 0.2}
    - {pre: own, post: more, weight: 30.0, delay: 1.0}
  recorders: [{record: spikes, from: own}, {record: V, from: own, every: 1.0}]
simulation: {duration: 2.0, seed: 2}
"""
MODEL = """
import numpy as np
import distsim as ds


def derived(p, dt):
    return {"decay": np.exp(-dt / p["tau"])}


@ds.neuron_model(
    parameters={"tau": (10.0, "ms"), "V_th": (1.0, "mV"), "t_ref": (2.0, "ms")},
    state={"V": (0.0, "mV")},
    receptors={"spikes": ("mV", 0)},
    derived=derived,
)
def leaky(V, spikes, refractory, dt, decay, V_th, t_ref):
    U = V if refractory > 0 else decay * V + spikes
    spiked = U >= V_th
    left = np.int16(t_ref / dt + 0.5) if spiked else np.int16(max(refractory - 1, 0))
    return (0.0 if spiked else U), left, spiked
"""
CSV = "pre,post,weight,delay\n0,0,1.5,1.0\n3,1,2.5,1.5\n11,3,0.5,0.1\n"
SHIPPED = ("brunel", "coba", "cuba", "hpc_benchmark", "microcircuit", "quickstart", "song2000", "vogels2011")
TEXTS = {"static": STATIC, "learning": LEARNING, "listed": LISTED, "coded": CODED}


def names() -> list[str]:
    """Return the names of all bases: those above three times as often as a shipped network."""
    return [*TEXTS, *TEXTS, *TEXTS, *SHIPPED]


def tree(name: str) -> dict[str, Any]:
    """Return a base as plain data of its own."""
    text = TEXTS.get(name) or (ROOT / "configs" / f"{name}.yaml").read_text("utf-8")
    found: dict[str, Any] = _apart(yaml.safe_load(text))
    return found


def _apart(data: Any) -> Any:
    """Return a copy in which what an anchor shares is apart."""
    if isinstance(data, dict):
        return {key: _apart(value) for key, value in data.items()}
    return [_apart(value) for value in data] if isinstance(data, list) else data


def write_files(folder: Path) -> None:
    """Write the files that the bases name."""
    import numpy as np

    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    (folder / "edges.csv").write_text(CSV, encoding="utf-8")
    np.savez(folder / "edges.npz", pre=[0, 5], post=[1, 2], weight=[3.0, 4.0], delay=[1.0, 2.0])
