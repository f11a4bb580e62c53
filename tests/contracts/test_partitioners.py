"""What every partitioner keeps: each neuron has one owner, the same on every rank."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.network.config import load_config
from distsim.partitioners.balanced import neuron_costs
from distsim.registry import partitioners


@pytest.mark.parametrize("name", partitioners.names())
@pytest.mark.parametrize("n_ranks", [1, 2, 3, 7, 64, 5000])
def test_every_neuron_has_one_owner(name, n_ranks):
    """Also with more ranks than neurons; deterministic."""
    network = load_config("cuba").network.resolved()
    partition = partitioners.get(name).partition(network, n_ranks)
    assert partition.n_ranks == n_ranks
    gids = [partition.gids(rank) for rank in range(n_ranks)]
    assert np.array_equal(np.sort(np.concatenate(gids)), np.arange(network.n_neurons))
    assert all(np.all(np.diff(g) > 0) for g in gids)
    assert [partition.n_neurons(rank) for rank in range(n_ranks)] == [len(g) for g in gids]
    assert partitioners.get(name).partition(network, n_ranks) == partition


@pytest.mark.parametrize("n_ranks", [2, 3, 48, 1000])
def test_balanced_is_balanced(n_ranks):
    """The cost of two ranks differs by no more than one neuron's of the costliest population."""
    network = load_config("microcircuit").network.resolved()
    cost = neuron_costs(network)
    partition = partitioners.get("balanced").partition(network, n_ranks)
    of_gid = np.repeat(list(cost.values()), [p.size for p in network.populations.values()])
    loads = [of_gid[partition.gids(rank)].sum() for rank in range(n_ranks)]
    assert max(loads) - min(loads) <= max(cost.values())
