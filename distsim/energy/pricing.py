"""E = static power x wall time + sum of counts x prices: an activity, priced on a substrate.

Rules: an all-in price never gets static power on top; a chip that cannot hold the network is priced
as the chips it needs, with the traffic between them where a price for it exists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from distsim.energy.activity import Activity
from distsim.energy.profiles import Profile, Steps
from distsim.energy.ranges import Range, total

Operation = Literal["real time", "as fast as possible"]


@dataclass(frozen=True)
class Priced:
    """An activity on a substrate.

    Attributes
    ----------
    profile : Profile
    operation : {"real time", "as fast as possible"}
    n_chips : int
    wall_seconds : float
    terms : dict
        Joules by what they are spent on.
    biological_seconds : float
    """

    profile: Profile
    operation: Operation
    n_chips: int
    wall_seconds: float
    terms: dict[str, Range]
    biological_seconds: float

    @property
    def joules(self) -> Range:
        """Energy of the whole activity."""
        return total(list(self.terms.values()))

    @property
    def shares(self) -> dict[str, float]:
        """Fraction of the typical energy by cause: the profile's own split, or that of the terms."""
        if self.profile.shares:
            return {name: percent / 100.0 for name, percent in self.profile.shares.items()}
        whole = self.joules.typical
        return {name.replace("_", " "): term.typical / whole for name, term in self.terms.items() if term.typical > 0.0}

    @property
    def watts(self) -> Range:
        """Energy per biological second: in real time, the power."""
        return self.joules / self.biological_seconds


def chips(profile: Profile, activity: Activity) -> int:
    """Return how many chips hold the network.

    Where a neuron has more inputs than a chip gives it, it is split over several neurons.
    """
    capacity = profile.capacity
    if capacity is None:
        return 1
    split = math.ceil(activity.indegree / capacity.fan_in) if capacity.fan_in else 1
    needed = [1.0]
    if capacity.neurons:
        needed.append(activity.n_neurons * split / capacity.neurons)
    if capacity.synapses:
        needed.append(activity.n_synapses / capacity.synapses)
    return math.ceil(max(needed))


def hops(activity: Activity, n_chips: int) -> Range:
    """Return the links between chips that spikes cross, on a square mesh.

    A spike goes to every chip that may hold one of its targets: one link each where they share their way,
    and as many as two random chips are apart, 2/3 of the mesh's side, where each goes on its own.
    """
    reached = min(n_chips - 1, activity.n_synapses / activity.n_neurons)
    links = activity.spikes * reached
    return Range(links, links, links * max(1.0, 2.0 / 3.0 * math.sqrt(n_chips)))


def counts(profile: Profile, activity: Activity, n_chips: int) -> dict[str, Range]:
    """Return how often each event happened, as the substrate would count."""
    dt = activity.dt_ms
    steps = profile.step_ms or Steps(low=dt, typical=dt, high=dt)
    updates = Range(*sorted(activity.updates(step) for step in (steps.low, steps.typical, steps.high)))
    return {
        "neuron_second": Range.of(activity.n_neurons * activity.seconds),
        "neuron_update": updates,
        "spike": Range.of(activity.spikes),
        "synaptic_event": Range.of(activity.synaptic_events),
        "external_event": Range.of(activity.external_events),
        "plasticity_update": Range.of(activity.plasticity_updates),
        "hop": hops(activity, n_chips) if n_chips > 1 else Range.of(0.0),
        "dense_mac": Range.of(activity.n_synapses * activity.seconds * 1000.0 / dt),
    }


def price(profile: Profile, activity: Activity, operation: Operation = "real time") -> Priced | None:
    """Return what an activity costs on a substrate; None where its speed in this operation is not known."""
    if operation == "real time":
        wall = activity.seconds
    elif profile.real_time_factor is not None:
        wall = activity.seconds * profile.real_time_factor.typical
    else:
        return None
    n_chips = chips(profile, activity)
    happened = counts(profile, activity, n_chips)
    terms = {event: happened[event] * profile.price(event) for event in profile.prices}
    if profile.static_power is not None and not profile.all_in:
        terms["static power"] = profile.static_power.in_unit("W") * (n_chips * wall)
    return Priced(profile, operation, n_chips, wall, terms, activity.seconds)
