"""Bounds of what a step can add up on a receptor of one neuron: no sum of any run is larger.

A step's input of a neuron is the sum, over the synapses at which a spike arrives in that step, of weight times number
of spikes. A synapse has one delay, so that the spikes that arrive through it in a step are those that its source fired
in one step: one of a neuron, of a spike generator as many as its list has in that step, of a Poisson generator as many
as its table of counts has (`poisson_generator.largest_count`). With m the largest of these numbers, K the largest
in-degree and w the sizes of weights of one sign, the sum of a projection's input is at most m times the sum of all w
onto a neuron, whichever of its sources spike, and that is

- for a list of edges the largest sum over its targets;
- at most K max(w);
- where K independent w are drawn, with mean mu and second moment v, also at most K mu + t but for a probability of
  exp(-L) a neuron and projection, where t^2 / 2 = L (K v + max(w) t / 3): Bernstein's inequality. With L = 70, 1e9
  neurons with 1e4 projections each fail with a probability of 4e-18.

Several projections onto one receptor add up. In-degrees that are drawn have such a bound too (`Rule.max_indegree`).
Plastic weights count with their upper bound, and no source releases more than its whole weight.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from distsim.construction.laws import sizes
from distsim.construction.tables import (
    constant_weight,
    listed_weights,
    receptor_planes,
    weight_bounds,
)
from distsim.devices.poisson_generator import LARGEST_MEAN, largest_count
from distsim.network import Device, Network, Projection
from distsim.network.checks import to_steps
from distsim.registry import CurrentSource, PoissonSource, SpikeSource, synapses

# Of the probability that a sum of drawn weights is larger than its bound: minus its logarithm.
SURE = 70.0


@dataclass
class Sums:
    """What can arrive at one receptor of a population's neurons in a step, at most.

    Attributes
    ----------
    largest : float
        The largest size of a static weight.
    static, plastic : float
        Sums of sizes of static and of plastic weights.
    n_inputs : float
        Spikes, each of which may have been rounded.
    """

    largest: float = 0.0
    static: float = 0.0
    plastic: float = 0.0
    n_inputs: float = 0.0

    @property
    def total(self) -> float:
        """Sum of sizes of all weights."""
        return self.static + self.plastic


def largest_sums(network: Network, dt: float) -> dict[tuple[str, int], Sums]:
    """Return the bounds of every population and receptor index that something arrives at."""
    found: dict[tuple[str, int], Sums] = {}
    for projection in network.projections:
        device = network.devices.get(projection.pre.slices[0].name)
        if device is not None and isinstance(device.kind, CurrentSource):
            continue
        n_inputs, repeated = _inputs(network, projection, dt)
        by_sign = [
            (bound, repeated * _sum(projection, negative)) for negative, bound in enumerate(_largest(projection))
        ]
        if projection.is_plastic:
            low, high = weight_bounds(projection)
            upper = synapses.get(projection.synapse.model).bounds(projection.synapse.params, max(-low, high))[1]
            sign = int(low + high < 0.0)
            by_sign = [(upper, n_inputs * upper) if k == sign else (0.0, 0.0) for k in range(2)]
        for part in projection.post.slices:
            for plane, (bound, total) in zip(receptor_planes(network, projection, part.name), by_sign, strict=True):
                if bound > 0.0:
                    sums = found.setdefault((part.name, plane), Sums())
                    sums.n_inputs += n_inputs
                    if projection.is_plastic:
                        sums.plastic += total
                    else:
                        sums.static += total
                        sums.largest = max(sums.largest, bound)
    return found


def _largest(projection: Projection) -> tuple[float, float]:
    """Return the largest sizes of positive and of negative weights."""
    low, high = weight_bounds(projection)
    return max(high, 0.0), max(-low, 0.0)


def _inputs(network: Network, projection: Projection, dt: float) -> tuple[float, float]:
    """Return the largest number of spikes that a neuron gets in a step, and the same for each of its synapses."""
    indegree = projection.rule.max_indegree(len(projection.pre), len(projection.post))
    device = network.devices.get(projection.pre.slices[0].name)
    if device is None:
        return indegree, 1.0
    most = 0
    for part in projection.pre.slices:
        device = network.devices[part.name]
        if device.spikes:
            most = max(most, _most_in_a_step(device, part.start, part.stop, dt))
        else:
            # Connections of one weight and delay are one train with the rate of all of them.
            n = len(part) if is_one_train(projection) else 1
            mean = device.rate * dt / 1000.0 * n
            n_drives = math.ceil(mean / LARGEST_MEAN)
            most = max(most, n_drives * largest_count(mean / n_drives) if n_drives else 0)
    if isinstance(device.kind, PoissonSource) and is_one_train(projection):
        return float(most * len(projection.pre.slices)), most * len(projection.pre.slices) / indegree
    return indegree * most, float(most)


def is_one_train(projection: Projection) -> bool:
    """Return whether a Poisson projection's connections onto a neuron are drawn as one train for each device."""
    return projection.rule.name == "all_to_all" and projection.weight.is_constant and projection.delay.is_constant


def _most_in_a_step(device: Device, first: int, last: int, dt: float) -> int:
    """Return the most spikes that one of a spike generator's sources emits in one step."""
    start, stop = device.params["start"], device.params["stop"]
    kind = device.kind
    assert isinstance(kind, SpikeSource)
    lists = {id(times): times for times in kind.times(device.params, device.size)[first:last]}
    most = 0
    for times in lists.values():
        counts = Counter(to_steps(time, dt) for time in times if start < time <= stop)
        most = max(most, max(counts.values(), default=0))
    return most


def _sum(projection: Projection, negative: int) -> float:
    """Return the largest sum of the sizes of a neuron's weights of one sign in a projection."""
    largest = _largest(projection)[negative]
    indegree = projection.rule.max_indegree(len(projection.pre), len(projection.post))
    if (listed := listed_weights(projection)) is not None:
        sized = np.maximum(-listed if negative else listed, 0.0)
        return float(np.bincount(projection.rule.columns["post"], sized, minlength=1).max())
    if constant_weight(projection) is not None:
        return indegree * largest
    mean, second = sizes(projection.weight)[negative]
    return min(indegree * largest, indegree * mean + _excess(indegree, second, largest))


def _excess(n: float, second: float, largest: float) -> float:
    """Return t of Bernstein's inequality for n weights, see the module."""
    a = SURE * largest / 3.0
    return a + math.sqrt(a * a + 2.0 * SURE * n * second)
