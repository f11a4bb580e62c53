"""Learning gives the same bits on any number of ranks and over checkpoint and restart. Sacred: never loosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("plastic_bits.py")
RANKS = (1, 2, 3, 4, 7)


@pytest.fixture(scope="module")
def found(ranks, tmp_path_factory):
    """What came out by number of ranks; and after a checkpoint of 2 ranks was taken up by 1, 3 and 7."""
    folder = tmp_path_factory.mktemp("plastic_bits")
    results = {}

    def run(n, name, *arguments):
        done = ranks(n, SCRIPT, folder / name, *arguments, timeout=600)
        assert done.returncode == 0, done.stderr
        results[name] = json.loads((folder / name).read_text())

    for n in RANKS:
        run(n, f"{n}", *(("--save", folder / "c.h5") if n == 2 else ()))
    for n in (1, 3, 7):
        run(n, f"restarted on {n}", folder / "c.h5")
    return results


def test_same_spikes_and_weights(found):
    """Spikes, weights, eligibilities and what each synapse has seen; with other partitioners too."""
    expected = found["1"]
    assert expected[2] > 3000 and expected[3] > 100_000, "a network that hardly learns proves nothing"
    for name, values in found.items():
        assert values == expected, name
