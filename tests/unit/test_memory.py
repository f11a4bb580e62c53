"""What is said where something does not fit into memory: true, also of what no number of ranks makes smaller."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

import distsim as ds
from distsim.construction.estimate import memory_bytes
from distsim.network.config import SimulationConfig
from distsim.simulation import memory


class Ranks:
    """Ranks on one machine, as far as `check_memory` asks them."""

    rank = 0

    def __init__(self, n_ranks: int):
        self.n_ranks = n_ranks

    def allgather(self, thing):
        """Return every rank's object."""
        return [thing] * self.n_ranks


@pytest.fixture(scope="module")
def network():
    """Half a million neurons with 100 synapses each: on very many ranks the index by source is what takes memory."""
    net = ds.Network("large")
    exc = net.population("exc", 500_000, "iaf_psc_exp")
    net.project(exc, exc, ds.fixed_indegree(100), weight=1.0, delay=ds.uniform(1.0, 2.0))
    return net.resolved()


def advice(network, n_ranks, free, monkeypatch):
    """Return what is said on some ranks with some bytes free."""
    monkeypatch.setattr(memory, "psutil", SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=free)))
    with pytest.raises(ds.InputError) as caught:
        memory.check_memory(network, SimulationConfig(), Ranks(n_ranks))
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)
    return str(caught.value)


def need(network, n):
    """Return the bytes of each of n ranks."""
    return memory_bytes(network, n, 0.1, 4)["total"]


@pytest.mark.parametrize("fraction", [0.8, 0.6])
def test_more_ranks_where_they_help(network, monkeypatch, fraction):
    """The number that is told holds the network, and some less do not."""
    free = fraction * need(network, 1)
    said = advice(network, 1, free, monkeypatch)
    n = int(re.search(r"about (\d+) ranks", said)[1])
    assert need(network, n) <= free < need(network, max(1, int(n * 0.95) - 1))


def test_more_ranks_where_they_do_not_help(network, monkeypatch):
    """A process alone takes more than there is: no number of ranks is promised."""
    least = need(network, 500_000)
    assert least > 100e6, "what every rank holds of its own must count here"
    said = advice(network, 1, 0.95 * least, monkeypatch)
    assert "more ranks do not help" in said and "about" not in said and "network.scale" in said


def test_fewer_ranks_where_they_help(network, monkeypatch):
    """Eight processes on one machine need more than one does."""
    said = advice(network, 8, 2.2 * need(network, 2), monkeypatch)
    assert "2 ranks would fit here" in said or "4 ranks would fit here" in said
