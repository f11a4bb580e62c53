"""Synaptic scaling: weights move together until the target fires at its rate; pair STDP along with it where wanted.

    post spike:  w <- w + A_plus x
    pre spike:   w <- w + w (eta (1 - a / a_goal) - A_minus y)

x and y are traces of presynaptic and postsynaptic spikes (`tau_plus`, `tau_minus`); a is a slow trace of the
postsynaptic ones (`tau_rate`), whose mean at the rate `rate` is a_goal = rate tau_rate. Potentiation is additive,
depression and scaling are proportional to the weight: scaling keeps the ratios that STDP has made.

van Rossum et al. let the weight drift, dw/dt = beta w (a_goal - a). Here that is sampled by the presynaptic
spikes, without which a weight has no effect: at a presynaptic rate f the drift is f eta w (1 - a / a_goal).
The inputs of a silent target grow as long as they are active. A target settles where eta is small beside
1 / (f tau_rate); else its rate swings about the goal.

van Rossum MCW, Bi GQ, Turrigiano GG (2000). Stable Hebbian learning from spike timing-dependent plasticity.
J Neurosci 20:8812-8821, equations 1, 2 and 7. doi:10.1523/JNEUROSCI.20-23-08812.2000
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def derived(p: dict[str, float], dt: float) -> dict[str, float]:
    """Return 1 / a_goal."""
    return {"per_goal": 1.0 / (1e-3 * p["rate"] * p["tau_rate"])}


def on_pre(w, y, a, eta, A_minus, per_goal):
    """Scale towards the target's rate, depress by the target's recent spikes."""
    return w + w * (eta * (1.0 - a * per_goal) - A_minus * y)


def on_post(w, x, A_plus):
    """Potentiate."""
    return w + A_plus * x


VARIANT = synapse_model(
    "stdp_homeostatic_synapse",
    parameters={
        "rate": Parameter(10.0, "Hz", "rate of the target that scaling holds", above=0.0),
        "tau_rate": Parameter(1000.0, "ms", "time constant of the trace that measures the rate", above=0.0),
        "eta": Parameter(1e-4, "", "largest growth at a presynaptic spike, in the weight", at_least=0.0, at_most=1.0),
        "A_plus": Parameter(0.0, "", "potentiation of pairs, in the weight's unit", at_least=0.0),
        "A_minus": Parameter(0.0, "", "depression of pairs, in the weight", at_least=0.0, at_most=1.0),
        "tau_plus": Parameter(20.0, "ms", "time constant of the presynaptic trace", above=0.0),
        "tau_minus": Parameter(20.0, "ms", "time constant of the fast postsynaptic trace", above=0.0),
        "Wmin": Parameter(0.0, "", "smallest size of a weight", at_least=0.0),
        "Wmax": Parameter(100.0, "", "largest size of a weight", above=0.0),
    },
    pre={"x": "tau_plus"},
    post={"y": "tau_minus", "a": "tau_rate"},
    on_pre=on_pre,
    on_post=on_post,
    derived=derived,
)
