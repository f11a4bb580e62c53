"""The loop: deliver, update, exchange; reads like the methods section of a paper."""

from distsim.simulation.simulation import Simulation

__all__ = ["Simulation"]
