"""What a network declares: populations, devices, projections, recorders; plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distsim.network import delays
from distsim.registry import CurrentSource, PoissonSource, SpikeSource, devices


@dataclass
class Population:
    """Neurons of one model, a contiguous range of gids.

    `params` and `init` are as written in an unresolved network; in a resolved one every parameter is
    a float and every state variable has a `Distribution`.

    `weight_step`, of receptor names to numbers, fixes of what weights are multiples, as an exported network
    needs it to be read back with the same bits; a step finer than 16 bits hold asks for weights of 32 bits.
    `nodes`, with the keys ``population`` and ``ids`` (runs ``[start, stop]``), says which SONATA nodes the
    neurons are.
    """

    name: str
    size: Any
    model: str
    params: dict[str, Any]
    init: dict[str, Any]
    first_gid: int = 0
    weight_step: dict[str, float] | None = None
    nodes: dict[str, Any] | None = None


@dataclass
class Device:
    """Generators of spikes or currents: `size` independent ones with the same parameters."""

    name: str
    model: str
    size: Any
    params: dict[str, Any]

    @property
    def kind(self) -> SpikeSource | PoissonSource | CurrentSource:
        """What it is to the engine, and how that follows from its parameters."""
        kind: SpikeSource | PoissonSource | CurrentSource = devices.get(self.model)
        return kind

    @property
    def spikes(self) -> bool:
        """Whether its spikes travel through synapses."""
        return isinstance(self.kind, SpikeSource)

    @property
    def rate(self) -> float:
        """Rate of each of its Poisson trains (Hz); 0 where it has none."""
        kind = self.kind
        return kind.rate(self.params) if isinstance(kind, PoissonSource) else 0.0


@dataclass(frozen=True)
class Synapse:
    """A synapse model and all its parameters, of a projection in a resolved network.

    `transmitter` is the population whose spikes release the third factor of a rule that takes one.
    """

    model: str
    params: dict[str, float]
    axonal_delay: float = 0.0
    transmitter: str | None = None


@dataclass
class Projection:
    """Which sources connect to which targets; describes synapses, holds none.

    In a resolved network `pre` and `post` are `Selection`, `rule` is a `Rule`, `weight` and `delay`
    are `Distribution` (delay in ms), and `synapse` is a `Synapse` where weights are plastic.
    """

    name: str | None
    pre: Any
    post: Any
    rule: Any
    weight: Any
    delay: Any
    receptor: str | None = None
    synapse: Any = "static"

    @property
    def is_plastic(self) -> bool:
        """Whether the synapses of a resolved projection change."""
        return isinstance(self.synapse, Synapse)

    def delay_steps_bounds(self, dt: float) -> tuple[int, int]:
        """Return the smallest and largest delay in steps of `dt` that a draw can give."""
        return delays.delay_steps_bounds(self, dt)


@dataclass
class Recorder:
    """What is recorded, from which neurons.

    Attributes
    ----------
    record : str
        ``"spikes"``, a state variable, or ``"lfp"``.
    source
        As written; a `Selection` in a resolved network.
    every : float or None
        Time between samples (ms); None for spikes.
    reduce : {"mean"} or None
        Mean over the neurons of each part of the source.
    """

    record: str
    source: Any
    every: Any = None
    reduce: str | None = None
