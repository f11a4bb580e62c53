"""The smallest change that a rule makes, of every shipped rule by hand, and when it is warned of."""

from __future__ import annotations

import numpy as np
import pytest

import distsim as ds
from distsim.network.config import load_config
from distsim.registry import synapses
from distsim.synapses.resolution import smallest_change, warn_of_small_changes

# Of a weight of one with the default parameters: what `on_pre` and `on_post` do with traces of zero and of one.
BY_HAND = {
    "clopath_synapse": 8e-5 * 0.1 / 15.0 * 100.0,
    "stdp_dopamine_synapse": 1.0 * 1000.0 / 1200.0,
    "stdp_homeostatic_synapse": 1e-4 * (1.0 / 10.0 * 1000.0 / 1000.0 - 1.0) * -1.0,
    "stdp_nn_symm_synapse": 0.01,
    "stdp_pl_synapse_hom": 0.1,
    "stdp_synapse": 0.01,
    "vogels_sprekeler_synapse": 0.12 * 0.001,
    "tsodyks2_synapse": np.inf,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_smallest_change(name):
    """With the rule's own function."""
    model = synapses.get(name)
    params = {n: p.default for n, p in model.parameters.items()}
    weight = 0.5 if name == "vogels_sprekeler_synapse" else 1.0
    assert smallest_change(model, params, 0.1, weight) == pytest.approx(BY_HAND[name], rel=1e-6)


@pytest.mark.parametrize(("rate", "told"), [(1e-2, ""), (1e-5, ""), (1e-6, "up to 6%"), (3e-8, "up to 100%")])
def test_warning(rate, told, capsys):
    """From 50 steps of single precision downward."""
    net = ds.Network("slow")
    a = net.population("a", 2, "iaf_psc_exp")
    net.project(a, a, weight=1.0, synapse={"model": "stdp_synapse", "lambda": rate, "Wmax": 2.0, "mu_plus": 0.0})
    warn_of_small_changes(net.resolved().projections[0], 0.1, "here")
    err = capsys.readouterr().err
    assert (told in err and "here: stdp_synapse changes a weight of 1" in err) if told else err == ""


@pytest.mark.parametrize("name", ["hpc_benchmark", "song2000", "vogels2011"])
def test_shipped_networks_learn_in_single_precision(name, capsys):
    """Without a warning."""
    for p in load_config(name).network.resolved().projections:
        if p.is_plastic:
            warn_of_small_changes(p, 0.1, "here")
    assert capsys.readouterr().err == ""
