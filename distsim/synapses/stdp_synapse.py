"""Pair STDP (NEST's stdp_synapse): additive, multiplicative, or between.

    post spike:  w <- w + lambda Wmax (1 - w / Wmax)^mu_plus x,         x <- x + 1 at presynaptic spikes
    pre spike:   w <- w - lambda Wmax alpha (w / Wmax)^mu_minus y,      y <- y + 1 at postsynaptic spikes

The traces x and y decay with `tau_plus` and `tau_minus`; all pairs of spikes count. mu_plus = mu_minus = 0
is the additive rule of Song, Miller & Abbott (2000), 1 the multiplicative one of Rubin, Lee & Sompolinsky
(2001), mu_plus = 0 with mu_minus = 1 that of van Rossum, Bi & Turrigiano (2000). `tau_minus` is a parameter
of the target neuron in NEST, here of the synapse.

Guetig R, Aharonov R, Rotter S, Sompolinsky H (2003). Learning input correlations through nonlinear
temporally asymmetric Hebbian plasticity. J Neurosci 23:3697-3714. doi:10.1523/JNEUROSCI.23-09-03697.2003
"""

from __future__ import annotations

from distsim.registry import Parameter
from distsim.synapses.base import synapse_model


def on_pre(w, y, lambda_, alpha, mu_minus, Wmax):
    """Depress."""
    return w - lambda_ * Wmax * alpha * (w / Wmax) ** mu_minus * y


def on_post(w, x, lambda_, mu_plus, Wmax):
    """Potentiate."""
    return w + lambda_ * Wmax * (1 - w / Wmax) ** mu_plus * x


PARAMETERS = {
    "tau_plus": Parameter(20.0, "ms", "time constant of potentiation", above=0.0),
    "tau_minus": Parameter(20.0, "ms", "time constant of depression", above=0.0),
    "lambda": Parameter(0.01, "", "size of a change, in largest weights", at_least=0.0),
    "alpha": Parameter(1.0, "", "depression relative to potentiation", at_least=0.0),
    "mu_plus": Parameter(1.0, "", "exponent of the distance to Wmax in potentiation", at_least=0.0),
    "mu_minus": Parameter(1.0, "", "exponent of the weight in depression", at_least=0.0),
    "Wmax": Parameter(100.0, "", "largest weight", above=0.0),
}

VARIANT = synapse_model(
    "stdp_synapse",
    parameters=PARAMETERS,
    pre={"x": "tau_plus"},
    post={"y": "tau_minus"},
    on_pre=on_pre,
    on_post=on_post,
)
