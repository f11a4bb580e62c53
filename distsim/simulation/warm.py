"""Compiling everything that a config needs, once, before many ranks would do it at a time."""

from __future__ import annotations

from distsim.communication import SerialCommunicator
from distsim.construction.tables import constant_weight
from distsim.construction.weights import representation
from distsim.network import Network, fixed_indegree, normal, pairwise_bernoulli, uniform
from distsim.network.config import Config
from distsim.registry import models
from distsim.simulation.simulation import Simulation


def warm(config: Config) -> None:
    """Simulate a handful of neurons of the config's models, so that numba keeps the compiled code."""
    net = Network("warm")
    resolved, settings = config.network.resolved(), config.simulation
    # Weights in 32 bits are asked for by a step that 16 bits do not hold.
    wide = representation(resolved, settings.dt, settings.weights).static == "float32"
    for model in sorted({p.model for p in resolved.populations.values()}):
        receptors = models.get(model).declaration.receptors
        steps = {r.name: 2.0**-30 for r in receptors} if wide else None
        neurons, unit = net.population(model, 20, model, weight_step=steps), receptors[0].unit
        net.poisson(neurons, rate=10_000.0, weight=1.0 if unit == "mV" else 50.0)
        for rule in (fixed_indegree(2), pairwise_bernoulli(0.1)):
            net.project(neurons, neurons, rule, weight=normal(1.0, 0.1), delay=uniform(1.0, 2.0))
    # The learning is compiled for the synapse models that a network has, in their order.
    for projection in resolved.projections:
        if projection.is_plastic:
            synapse = {"model": projection.synapse.model}
            if projection.synapse.transmitter is not None:
                synapse["transmitter"] = neurons.slices[0].name
            weight = 1.0 if constant_weight(projection) is not None else normal(1.0, 0.1)
            net.project(neurons, neurons, fixed_indegree(2), weight=weight, delay=1.0, synapse=synapse)
    Simulation(net, precision=settings.precision, communicator=SerialCommunicator()).run(2.0)
