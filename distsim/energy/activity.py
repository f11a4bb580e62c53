"""What happened in a run, as far as anything charges for it; and NeuroBench's names for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distsim.errors import InputError


@dataclass(frozen=True)
class Activity:
    """Counts of a stretch of biological time.

    Attributes
    ----------
    n_neurons, n_synapses : float
        Synapses between neurons; external input has none.
    seconds : float
        Biological time.
    dt_ms : float
        Step of the simulation.
    spikes, synaptic_events, external_events, plasticity_updates : float
    """

    name: str
    n_neurons: float
    n_synapses: float
    seconds: float
    dt_ms: float
    spikes: float
    synaptic_events: float
    external_events: float = 0.0
    plasticity_updates: float = 0.0

    @property
    def indegree(self) -> float:
        """Synapses per neuron."""
        return self.n_synapses / self.n_neurons

    @property
    def rate_hz(self) -> float:
        """Mean rate of a neuron."""
        return self.spikes / self.n_neurons / self.seconds

    def updates(self, step_ms: float) -> float:
        """Return the neuron updates that a clock of this step makes."""
        return self.n_neurons * self.seconds * 1000.0 / step_ms

    def neurobench(self, footprint_bytes: float) -> dict[str, float]:
        """Return the metrics of NeuroBench (Yik et al. 2025, doi:10.1038/s41467-025-56739-4) by its names.

        A spike carries no value, so that every synaptic operation is an accumulation (AC); there are no MACs.
        """
        updates = self.updates(self.dt_ms)
        return {
            "footprint_bytes": footprint_bytes,
            "connection_sparsity": 1.0 - min(self.n_synapses / self.n_neurons**2, 1.0),
            "activation_sparsity": 1.0 - self.spikes / updates,
            "effective_acs": self.synaptic_events + self.external_events,
            "effective_macs": 0.0,
            "dense_operations": self.n_synapses * updates / self.n_neurons,
            "membrane_updates": updates,
        }


def activity_of(summary: dict[str, Any]) -> Activity:
    """Return the activity of a run from its summary.

    Raises
    ------
    InputError
        For a run that counted nothing: no time after its transient, or no neurons.
    """
    counts, run = summary["counts"], summary["run"]
    if not summary["network"]["n_neurons"] > 0:
        raise InputError("network", "expected a run with at least one neuron: there is nothing to price")
    if not run["duration_ms"] > 0.0:
        raise InputError("duration", "expected a run with time after its transient: nothing was counted")
    return Activity(
        name=summary["network"]["name"],
        n_neurons=summary["network"]["n_neurons"],
        n_synapses=summary["network"]["n_synapses"],
        seconds=run["duration_ms"] / 1000.0,
        dt_ms=run["dt_ms"],
        spikes=counts["spikes"],
        synaptic_events=counts["synaptic_events"],
        external_events=counts["external_events"],
        plasticity_updates=counts["plasticity_updates"],
    )
