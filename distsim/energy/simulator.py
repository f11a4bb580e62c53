"""What the simulation itself took: measured where the machine tells, else estimated and called so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distsim.energy.profiles import data
from distsim.energy.ranges import Range

# Power of one busy core with its share of memory, node and cooling (W): a stated assumption, not a measurement.
WATTS_PER_CORE = Range(5.0, 10.0, 20.0)


@dataclass(frozen=True)
class SimulatorEnergy:
    """Energy of the simulated phase after the transient, construction left out.

    Attributes
    ----------
    joules : Range
    measured : bool
    how : str
    joules_per_event : Range or None
        Per recurrent synaptic event, the field's definition; None where there was none.
    """

    joules: Range
    measured: bool
    how: str
    joules_per_event: Range | None


def simulator_energy(summary: dict[str, Any], watts_per_core: Range | None = None) -> SimulatorEnergy:
    """Return what a run took.

    Parameters
    ----------
    summary : dict
        summary.json of the run.
    watts_per_core : Range, optional
        Used where nothing was measured.
    """
    n_ranks, run = summary["run"]["n_ranks"], summary["run"]
    wall = summary["timing"]["real_time_factor"] * run["duration_ms"] / 1000.0
    events = summary["counts"]["synaptic_events"]
    measured = summary.get("energy", {}).get("measured_joules")
    if measured is not None and watts_per_core is None:
        joules = Range.of(measured)
        return SimulatorEnergy(joules, True, summary["energy"]["meter"], joules / events if events else None)
    told = summary.get("energy", {}).get("watts_per_core")
    power = watts_per_core or (Range.of(told) if told else WATTS_PER_CORE)
    joules = power * (n_ranks * wall)
    how = f"estimated: {n_ranks} cores x {wall:.3g} s x {power.low:g} to {power.high:g} W per core"
    return SimulatorEnergy(joules, False, how, joules / events if events else None)


def published() -> list[dict[str, Any]]:
    """Return the published energies of the cortical microcircuit, dearest first."""
    return sorted(data("microcircuit_published"), key=lambda row: -row["uj_per_event"])
