"""Delays that lie between two steps: told once where they were given, not where they were drawn."""

from __future__ import annotations

import pytest

import distsim as ds
from distsim.network.delays import warn_of_rounding


@pytest.mark.parametrize(
    ("delay", "told"),
    [
        (0.25, "0.25 ms lies between two steps of 0.1 ms and is rounded to 0.3 ms"),
        (1.04, "1.04 ms lies between two steps of 0.1 ms and is rounded to 1 ms"),
        (1.3, None),
        (0.1 + 0.2, None),
        (ds.normal(1.0, 0.3), None),
        ([0.3, 0.25, 0.52], "2 of 3 listed delays lie between two steps of 0.1 ms and are rounded to the nearest, "
                            "by up to 0.05 ms"),
        ([0.3, 0.5, 1e3], None),
    ],
)  # fmt: skip
def test_rounding_is_told(delay, told, capsys):
    """Of constants and lists; drawn delays lie between steps nearly always."""
    net = ds.Network("delays")
    a = net.population("a", 4, "iaf_psc_delta")
    if isinstance(delay, list):
        net.project(a, a, ds.edges([0, 1, 2], [1, 2, 3], None, delay))
    else:
        net.project(a, a, delay=delay)
    warn_of_rounding(net.resolved(), 0.1)
    expected = "" if told is None else f"distsim: warning: network.projections.0.delay: {told}\n"
    assert capsys.readouterr().err == expected


def test_in_the_summary():
    """A simulation's summary has it, once."""
    net = ds.Network("delays")
    a = net.population("a", 4, "iaf_psc_delta")
    net.project(a, a, delay=0.25)
    sim = ds.Simulation(net)
    assert [w["place"] for w in sim.notices.entries()] == ["network.projections.0.delay"]
