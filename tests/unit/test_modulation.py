"""The third factor's table: a weight between events is as if it were bounded at every step."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distsim.synapses.modulation import TABLE, TURNS, WIDTH, driven, extend, move_origin, row

PARAMS = {"tau_c": 80.0, "tau_n": 15.0, "b": 0.0}


def stepwise(releases, params, dt, u, s, w, c, low, high):
    """Return the weight at step s, bounded at every step, from n and c as they are step by step."""
    tau_c, tau_n, b = params["tau_c"], params["tau_n"], params["b"]
    n, both = 0.0, 1.0 / tau_c + 1.0 / tau_n
    for t in range(s):
        n += releases.get(t, 0) / tau_n
        if t >= u:
            w += c * (-n * math.expm1(-dt * both) / both + b * tau_c * math.expm1(-dt / tau_c))
            w = min(max(w, low), high)
            c *= math.exp(-dt / tau_c)
        n *= math.exp(-dt / tau_n)
    return w


@pytest.mark.parametrize("b", [0.15, 0.0, -0.02])
def test_as_if_bounded_at_every_step(b):
    """Random releases, intervals, eligibilities of either sign and bounds near and far; also after the origin moved."""
    draw = np.random.default_rng(5)
    params, dt, n_steps = PARAMS | {"b": b}, 0.5, 600
    touched = 0
    for trial in range(40):
        releases = {int(t): int(n) for t, n in zip(draw.integers(1, n_steps, 25), draw.integers(1, 4, 25), strict=True)}
        m = row(n_steps + 2, params, dt)
        for t in range(1, n_steps + 1):
            extend(m, releases.get(t, 0), t)
        origin = 0
        if trial % 2:
            origin = int(draw.integers(1, 200))
            move_origin(m, origin)
        for _ in range(25):
            u = int(draw.integers(origin, n_steps - 1))
            s = int(draw.integers(u + 1, n_steps + 1))
            low, high = 1.0, 1.0 + float(draw.choice([0.3, 3.0, 100.0]))
            w, c = float(draw.uniform(low, high)), float(draw.normal(0.0, 0.5))
            expected = stepwise(releases, params, dt, u, s, w, c, low, high)
            assert driven(m, u, s, w, c, low, high) == pytest.approx(expected, abs=1e-11)
            only_last = stepwise(releases, params, dt, u, s, w, c, -1e9, 1e9)
            touched += abs(min(max(only_last, low), high) - expected) > 1e-3
    # Bounding it at the end alone, which is the same where n - b keeps its sign, would have failed here.
    assert touched > 50 if b > 0.0 else touched == 0


def test_the_table_wraps():
    """Steps, and turns, beyond the table's size overwrite the oldest."""
    params, dt = PARAMS | {"b": 0.28}, 0.5
    m = row(64, params, dt)
    releases = {t: 1 for t in range(3, 1000, 7)}
    for t in range(1, 1001):
        extend(m, releases.get(t, 0), t)
        if t % 20 == 0:
            move_origin(m, t - 30)
    assert m[TABLE + WIDTH * (1000 % 64) + TURNS] > 200
    for c in (0.3, -0.3):
        expected = stepwise(releases, params, dt, 975, 1000, 1.9, c, 1.0, 2.0)
        assert driven(m, 975, 1000, 1.9, c, 1.0, 2.0) == pytest.approx(expected, abs=1e-11)
