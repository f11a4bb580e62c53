"""Distributions as tables for compiled code, and what a projection can draw."""

from __future__ import annotations

import numpy as np

from distsim.construction.records import TABLE, TAIL_BITS
from distsim.network import Network, Projection
from distsim.network.checks import HIGHEST, LOWEST, to_steps
from distsim.network.delays import drawn_delay
from distsim.registry import models


def knots() -> np.ndarray:
    """Return the quantiles of a table, float64 [3 (TABLE + 1) + 2 TABLE]: its range, its tails, its last words."""
    k, tail = np.arange(TABLE + 1) / TABLE, 2.0**-TAIL_BITS
    last = (np.arange(TABLE) + 0.5) * 2.0**-32
    u = np.concatenate([k, k * tail, 1.0 - tail + k * tail, last, 1.0 - last[::-1]])
    return np.clip(u, LOWEST, HIGHEST)


def table(distribution) -> np.ndarray:
    """Return the inverse distribution as float32 knots, or one value where it is constant."""
    if distribution.is_constant:
        return np.array([distribution.mean()], dtype=np.float32)
    return distribution.ppf(knots()).astype(np.float32)


def delay_table(delay, dt: float) -> np.ndarray:
    """Return the table of a delay in steps (float32); a constant one is rounded already."""
    if delay.is_constant:
        return np.array([to_steps(delay.mean(), dt)], dtype=np.float32)
    return (drawn_delay(delay, dt).ppf(knots()) / dt).astype(np.float32)


def listed_weights(projection: Projection) -> np.ndarray | None:
    """Return the weights of a list of edges (float64 [n]), None where they are drawn."""
    return projection.rule.columns["weight"] if projection.rule.name == "edges" else None


def constant_weight(projection: Projection) -> float | None:
    """Return the one weight of all synapses of a projection, None where they differ."""
    drawn = listed_weights(projection) is None
    return float(projection.weight.mean()) if drawn and projection.weight.is_constant else None


def weight_bounds(projection: Projection) -> tuple[float, float]:
    """Return the smallest and largest weight that a projection can draw."""
    if (listed := listed_weights(projection)) is not None:
        return float(listed.min(initial=0.0)), float(listed.max(initial=0.0))
    w = projection.weight
    if w.is_constant:
        return w.mean(), w.mean()
    low, high = w.ppf(np.array([LOWEST, HIGHEST]))
    return float(low), float(high)


def receptor_planes(network: Network, projection: Projection, population: str) -> tuple[int, int]:
    """Return the receptor index of positive and of negative weights onto `population`."""
    receptors = models.get(network.populations[population].model).declaration.receptors
    if projection.receptor is not None:
        index = [r.name for r in receptors].index(projection.receptor)
        return index, index
    if len(receptors) == 1:
        return 0, 0
    signs = [r.sign for r in receptors]
    return signs.index(1), signs.index(-1)
