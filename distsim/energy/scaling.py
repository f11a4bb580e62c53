"""From the simulated network to column, area, cortex and brain: by terms, each with its range; never a bare multiple.

The network has its local synapses only; the long-range rest of a real neuron's synapses is a term of its
own. The mean rate is an axis: the model fires at rates that a brain's budget does not allow everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from distsim.energy.activity import Activity
from distsim.energy.pricing import chips, hops, price
from distsim.energy.profiles import Profile
from distsim.energy.ranges import NOTHING, Range

# Synapses of a neuron of real cortex, local and long-range together.
SYNAPSES_PER_NEURON = Range(7_000.0, 8_500.0, 10_000.0)
RATES_HZ = (0.1, 0.16, 0.5, 1.0, 2.0, 3.2, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """How many neurons, from what source."""

    name: str
    neurons: Range
    source: str


def scales(activity: Activity) -> list[Scale]:
    """Return the sizes from the simulated network to the brain."""
    n = activity.n_neurons
    density = Range(16.3e9 / 2.5e5, 16.3e9 / 2.15e5, 20e9 / 1.8e5)  # neurons under 1 mm2 of human cortex
    return [
        Scale("network", Range.of(n), "as simulated"),
        Scale("column", density, "1 mm2 of human cortex: 16.3e9 to 20e9 neurons over 1.8e5 to 2.5e5 mm2"),
        Scale("macrocolumn area", density * 100.0, "100 mm2 of human cortex, an area of middle size (assumed)"),
        Scale("cortex", Range(16.3e9, 16.3e9, 20e9), "Azevedo 2009; high: Pakkenberg"),
        Scale("brain", Range(86e9, 86e9, 86e9), "Azevedo 2009; priced as if all neurons were cortical"),
    ]


@dataclass(frozen=True)
class ScaledPower:
    """Power of a substrate at a scale and mean rate, by terms (W)."""

    profile: str
    scale: str
    rate_hz: float
    n_chips: Range
    terms: dict[str, Range]

    @property
    def watts(self) -> Range:
        """All terms together."""
        found = NOTHING
        for term in self.terms.values():
            found = found + term
        return found


def scaled_power(profile: Profile, activity: Activity, scale: Scale, rate_hz: float) -> ScaledPower:
    """Return what a substrate takes to run this many neurons of the network's kind at a mean rate, in real time.

    Terms: neurons (rest, updates, spikes), local synapses (as many per neuron as in the network), long-range
    synapses (the rest of a real neuron's; none at the scale of the network itself), static power, hops.
    """
    local = activity.indegree
    beyond = NOTHING if scale.name == "network" else Range(
        *(max(k - local, 0.0) for k in SYNAPSES_PER_NEURON.to_list()))  # fmt: skip
    terms: dict[str, tuple[float, ...]] = {}
    n_chips = []
    for level in ("low", "typical", "high"):
        n, long_range = getattr(scale.neurons, level), getattr(beyond, level)
        events = {"local synapses": n * rate_hz * local, "long-range synapses": n * rate_hz * long_range}
        one = Activity(scale.name, n, n * (local + long_range), 1.0, activity.dt_ms, n * rate_hz, sum(events.values()))
        needed = chips(profile, one)
        n_chips.append(float(needed))
        priced = price(profile, one)
        assert priced is not None
        found = dict.fromkeys(("neurons", *events, "static power", "hops"), 0.0)
        for event, joules in priced.terms.items():
            value = getattr(joules, level)
            if event in ("synaptic_event", "dense_mac"):
                # A network without synapses has no such events at its own scale.
                shares = (("local synapses", local), ("long-range synapses", long_range)) if local + long_range else ()
                for name, share in shares:
                    found[name] += value * share / (local + long_range)
            elif event == "hop":
                found["hops"] += getattr(hops(one, needed) * profile.price("hop"), level) if needed > 1 else 0.0
            else:
                found["static power" if event == "static power" else "neurons"] += value
        for name, value in found.items():
            terms[name] = (*terms.get(name, ()), value)
    # Products in another order differ in their last digit: a range must not be upside down for that.
    ordered = {k: Range(*accumulate(v, max)) for k, v in terms.items() if v[2] > 0.0}
    return ScaledPower(profile.name, scale.name, rate_hz, Range(*n_chips), ordered)
