"""Delays on the grid of steps: which can be drawn, which are refused, which are told to have been rounded.

As in NEST a delay is rounded to the nearest step, halves up, and a drawn one that would be rounded to none, being
below half a step, is drawn again. So what lies between half a step and one becomes one step, as in the reference
implementation of the microcircuit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distsim.errors import InputError
from distsim.network.checks import HIGHEST, LARGEST_DELAY_STEPS, LOWEST, to_steps
from distsim.network.distributions import Distribution
from distsim.notices import warn

if TYPE_CHECKING:
    from distsim.network.declarations import Projection
    from distsim.network.network import Network

# Part of a step by which a time may miss the grid before it counts as lying beside it: single precision's digits.
TOLERANCE = 1e-6


def drawn_delay(delay: Distribution, dt: float) -> Distribution:
    """Return the law by which delays (ms) are drawn before they are rounded: nothing below half a step of `dt` (ms)."""
    return delay.truncated(0.5 * dt)


def listed_delays(p: Projection) -> np.ndarray | None:
    """Return the delays (ms) that explicit edges list, None where a projection lists none."""
    listed = p.rule.columns["delay"] if p.rule.name == "edges" else None
    return listed if listed is not None and listed.size else None


def delay_steps_bounds(p: Projection, dt: float) -> tuple[int, int]:
    """Return the smallest and largest delay in steps that a draw can give."""
    listed = listed_delays(p)
    if listed is not None:
        return to_steps(listed.min(), dt), to_steps(listed.max(), dt)
    low, high = drawn_delay(p.delay, dt).ppf(np.array([LOWEST, HIGHEST]))
    return max(1, to_steps(float(low), dt)), max(1, to_steps(float(high), dt))


def check_delays(p: Projection, dt: float, place: str) -> None:
    """Raise InputError where delays are shorter than a step, or nearly all drawn ones than half a step, or too long."""
    listed = listed_delays(p)
    given = float(listed.min()) if listed is not None else p.delay.mean() if p.delay.is_constant else None
    if given is not None and given < dt * (1.0 - TOLERANCE):
        raise InputError(place, f"expected a delay of at least one step of {dt:g} ms, got {given:g}")
    if given is None and (p.delay.bounds()[1] < 0.5 * dt or drawn_delay(p.delay, dt).mass() < 1e-6):
        raise InputError(place, f"expected delays of at least half a step of {dt:g} ms, nearly all are below")
    if delay_steps_bounds(p, dt)[1] > LARGEST_DELAY_STEPS:
        raise InputError(place, f"expected delays below {LARGEST_DELAY_STEPS} steps of {dt:g} ms")


def warn_of_rounding(net: Network, dt: float) -> None:
    """Warn of constant and listed delays of a resolved network that lie between two steps of `dt` (ms)."""
    for i, p in enumerate(net.projections):
        place, listed = f"network.projections.{i}.delay", listed_delays(p)
        if listed is not None:
            off = np.abs(np.floor(listed / dt + 0.5 + 1e-9) * dt - listed)
            n = int((off > TOLERANCE * dt).sum())
            if n:
                warn(
                    place,
                    f"{n} of {listed.size} listed delays lie between two steps of {dt:g} ms and are rounded to the "
                    f"nearest, by up to {off.max():.3g} ms",
                )
        elif p.delay.is_constant:
            given, rounded = p.delay.mean(), to_steps(p.delay.mean(), dt) * dt
            if abs(rounded - given) > TOLERANCE * dt:
                warn(place, f"{given:g} ms lies between two steps of {dt:g} ms and is rounded to {rounded:g} ms")
