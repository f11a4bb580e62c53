"""Voltage-based STDP (NEST's clopath_synapse).

    every step:  w <- w + A_LTP x_bar (u - theta_plus)+ (u_bar_plus - theta_minus)+ dt
    pre spike:   w <- w - A_LTD (u_bar_minus - theta_minus)+ [u_bar_bar^2 / u_ref_squared]
                 x_bar <- x_bar + 1 / tau_x,    and between spikes tau_x dx_bar/dt = -x_bar

u is the target's potential, u_bar_plus, u_bar_minus and u_bar_bar are low-passed in the target: its model has them
as state variables (`aeif_psc_delta_clopath`, `hh_psc_alpha_clopath`, one of your own). The two in the products are
taken delay_u_bars earlier, as the authors' code and NEST do; before the run they are what they are at its start (in
NEST 0 mV). With A_LTD_const = 1 the bracket is left out; with 0 depression is homeostatic. NEST keeps all of these
but tau_x, Wmin and Wmax with the neuron.

Clopath C, Buesing L, Vasilaki E, Gerstner W (2010). Connectivity reflects coding: a model of voltage-based
STDP with homeostasis. Nat Neurosci 13:344-352, equations 1 to 4. doi:10.1038/nn.2479
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return A_LTP dt / tau_x: the trace counts spikes."""
    return {"potentiation": p["A_LTP"] * dt / p["tau_x"]}


def on_pre(w, ltd, A_LTD):
    """Depress by the low-passed potential."""
    return w - A_LTD * ltd


def on_post(w, x_bar, ltp, potentiation):
    """Potentiate by the potential of a step."""
    return w + potentiation * ltp * x_bar


VARIANT = synapse_model(
    "clopath_synapse",
    parameters={
        "tau_x": Parameter(15.0, "ms", "time constant of the presynaptic trace", above=0.0),
        "A_LTD": Parameter(14e-5, "", "depression, in the weight's unit per mV", at_least=0.0),
        "A_LTP": Parameter(8e-5, "", "potentiation, in the weight's unit per mV squared", at_least=0.0),
        "theta_plus": Parameter(-45.3, "mV", "threshold of the potential for potentiation"),
        "theta_minus": Parameter(-70.6, "mV", "threshold of the low-passed potentials"),
        "A_LTD_const": Parameter(1.0, "", "1: depression as it is; 0: homeostatic", at_least=0.0, at_most=1.0),
        "u_ref_squared": Parameter(60.0, "", "square of the reference of u_bar_bar (mV^2)", above=0.0),
        "delay_u_bars": Parameter(5.0, "ms", "delay of the low-passed potentials", at_least=0.0, at_most=1000.0),
        "Wmin": Parameter(0.0, "", "smallest size of a weight", at_least=0.0),
        "Wmax": Parameter(100.0, "", "largest size of a weight", above=0.0),
    },
    pre={"x_bar": "tau_x"},
    on_pre=on_pre,
    on_post=on_post,
    derived=derived,
    voltage=True,
)
