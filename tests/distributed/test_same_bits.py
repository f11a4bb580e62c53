"""Spikes are identical, bit for bit, on any number of ranks and with any partitioner. Sacred: never loosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("same_bits.py")
RANKS = (1, 2, 3, 4, 7)


@pytest.fixture(scope="module")
def found(ranks, tmp_path_factory):
    """Hashes and counts by number of ranks, network and partitioner."""
    folder = tmp_path_factory.mktemp("same_bits")
    results = {}
    for n in RANKS:
        done = ranks(n, SCRIPT, folder / f"{n}.json", timeout=600)
        assert done.returncode == 0, done.stderr
        results[n] = json.loads((folder / f"{n}.json").read_text())
    return results


@pytest.mark.parametrize("network", ["microcircuit", "brunel", "cuba", "coba", "lognormal", "exact"])
def test_same_spikes_on_any_number_of_ranks_with_any_partitioner(found, network):
    """One hash, one number of synapses and of events for all."""
    expected = found[1][network]["balanced"]
    assert expected[1] > 500, "a network that hardly fires proves nothing"
    assert {"balanced", "block", "round_robin", "lopsided"} <= set(found[1][network])
    for n in RANKS:
        for partitioner, values in found[n][network].items():
            assert values == expected, f"{n} ranks, {partitioner}"


def test_networks_differ(found):
    """The hash tells networks apart."""
    hashes = {found[1][network]["balanced"][0] for network in found[1]}
    assert len(hashes) == 6
