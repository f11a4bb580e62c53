"""Rings of postsynaptic spikes: a synapse that looks back finds every one it may have to see, and one before those."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from distsim.simulation.plasticity import FIRST_RING, NEVER, Rings, place_in_ring


# The first larger ring compiles.
@settings(deadline=None)
@given(gaps=st.lists(st.integers(1, 8), min_size=2 * FIRST_RING, max_size=6 * FIRST_RING), window=st.integers(1, 200))
def test_spikes_since_a_look_are_kept(gaps, window):
    """After each spike, until a spike or a beginning before the last look; 16 spikes in one window once hung a rank."""
    rings = Rings(np.zeros(1, np.int64), np.full(FIRST_RING, NEVER, np.int32), np.zeros((1, FIRST_RING), np.float32))
    steps = np.cumsum(gaps)
    for q, step in enumerate(steps.tolist()):
        read_until = step - window if step > window else NEVER
        net = SimpleNamespace(read_until=np.array([read_until]))
        rings, place = place_in_ring.py_func(rings, net, 0, 0)
        rings.step[place] = step
        rings.n_posts[0] += 1
        size = rings.step.shape[0]
        found = [int(rings.step[(q - back) % size]) for back in range(size)]
        expected = [int(s) for s in steps[: q + 1][::-1] if s >= read_until]
        assert found[: len(expected)] == expected
        assert min(found) < read_until or min(found) == NEVER
