"""Distributions as tables for compiled code, and the fixed-point grids on which weights lie."""

from __future__ import annotations

import numpy as np

from distsim.construction.kernels import TABLE
from distsim.errors import InputError
from distsim.network import Network, Projection
from distsim.network.checks import HIGHEST, LOWEST, to_steps
from distsim.network.delays import drawn_delay
from distsim.registry import models, synapses

WEIGHT_LIMIT = 32767
CURRENT_GENERATORS = ("dc_generator", "step_current_generator", "noise_generator")


def knots() -> np.ndarray:
    """Return the quantiles of a table: float64 [3 (TABLE + 1)], the range, its lowest and highest cell."""
    k = np.arange(TABLE + 1) / TABLE
    u = np.concatenate([k, k / TABLE, 1.0 - 1.0 / TABLE + k / TABLE])
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


def weight_bounds(projection: Projection) -> tuple[float, float]:
    """Return the smallest and largest weight that a projection can draw."""
    rule = projection.rule
    if rule.name == "edges" and (listed := rule.columns["weight"]) is not None:
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


def weight_grids(network: Network, dt: float) -> dict[str, np.ndarray]:
    """Return the size of one grid step per population and receptor, in the weight's unit.

    A weight is an integer of at most 16 bits on this grid, and a step's input an int32 sum of them:
    exact in any order. Where a neuron has so many inputs on one receptor that all of them at once
    could overflow 32 bits, the grid is made coarser. Depends on the description alone.
    """
    largest: dict[tuple[str, int], float] = {}
    inputs: dict[tuple[str, int], float] = {}
    # Sum of the largest plastic weights onto a neuron: they may outgrow what they began with, in 32 bits.
    plastic: dict[tuple[str, int], float] = {}
    for projection in network.projections:
        device = network.devices.get(projection.pre.slices[0].name)
        if device is not None and device.model in CURRENT_GENERATORS:
            continue
        low, high = weight_bounds(projection)
        if not np.isfinite([low, high]).all():
            raise InputError(f"network.projections '{projection.name}'.weight", "expected finite weights")
        indegree = projection.rule.max_indegree(len(projection.pre), len(projection.post))
        if device is not None and device.model == "poisson_generator":
            # Spikes of one connection in one step, at most: 10 standard deviations above the mean.
            mean = device.params["rate"] * dt / 1000.0
            indegree *= mean + 10.0 * np.sqrt(mean) + 10.0
        for part in projection.post.slices:
            positive, negative = receptor_planes(network, projection, part.name)
            for plane, bound in ((positive, max(high, 0.0)), (negative, max(-low, 0.0))):
                key = (part.name, plane)
                largest[key] = max(largest.get(key, 0.0), bound)
                if projection.is_plastic:
                    upper = synapses.get(projection.synapse.model).bounds(projection.synapse.params, bound)[1]
                    plastic[key] = plastic.get(key, 0.0) + (indegree * upper if bound > 0.0 else 0.0)
                else:
                    inputs[key] = inputs.get(key, 0.0) + (indegree if bound > 0.0 else 0.0)
    grids = {}
    for name, population in network.populations.items():
        receptors = models.get(population.model).declaration.receptors
        steps = np.ones(len(receptors))
        for plane in range(len(receptors)):
            bound = largest.get((name, plane), 0.0)
            if bound > 0.0:
                n_inputs = inputs.get((name, plane), 0.0) + plastic.get((name, plane), 0.0) / bound
                limit = min(WEIGHT_LIMIT, int((2**31 - 1) / max(n_inputs, 1.0)))
                if limit < 64:
                    raise InputError(
                        f"network.populations.{name}",
                        f"expected fewer than 3e7 inputs per neuron, got {n_inputs:.3g}",
                    )
                steps[plane] = bound / limit
                fixed = (population.weight_step or {}).get(receptors[plane].name)
                if fixed is not None and bound / fixed > limit + 0.5:
                    raise InputError(
                        f"network.populations.{name}.weight_step.{receptors[plane].name}",
                        f"expected at least {bound / limit:g}, for weights up to {bound:g}, got {fixed:g}",
                    )
                steps[plane] = fixed or steps[plane]
        grids[name] = steps
    return grids
