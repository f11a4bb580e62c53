"""Plastic synapses of one rank as the arrays and the function that the compiled loop takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types

from distsim import generated_code
from distsim.construction.kernels import BLOCK_BITS
from distsim.construction.local_network import LocalNetwork
from distsim.construction.plastic_synapses import plastic_projections
from distsim.construction.sources import cells
from distsim.construction.tables import constant_weight, weight_bounds
from distsim.errors import InputError, unknown
from distsim.network import Network
from distsim.network.checks import to_steps
from distsim.registry import synapses
from distsim.simulation.plasticity import (
    FIRST_RING,
    NEVER,
    Flight,
    Plastic,
    Rings,
)
from distsim.simulation.voltages import watched
from distsim.synapses.base import SynapseModel
from distsim.synapses.generated import FIELDS, source
from distsim.synapses.modulation import TABLE, row
from distsim.synapses.resolution import warn_of_small_changes
from distsim.synapses.traces import ALL, NEAREST, RELEASE, RELEASED, VOLTAGE

# Biological time (ms) between looks at the synapses of silent sources: without them, a target's ring would have to
# hold all its spikes since the source's last one.
LOOK_MS = 500.0
# Most steps between them: a synapse counts its target's spikes in 16 bits.
MOST_STEPS = 30_000


class Weights(NamedTuple):
    """Synapses one by one.

    Attributes
    ----------
    source : np.ndarray
        int64, position among the projection's sources.
    target : np.ndarray
        int64, gid.
    delay : np.ndarray
        float64, ms.
    weight : np.ndarray
        float32, float64 with ``precision: float64``; with its sign, in the receptor's unit.
    """

    source: np.ndarray
    target: np.ndarray
    delay: np.ndarray
    weight: np.ndarray


class Learning:
    """Plastic synapses, spikes on their way to them, recent spikes of their targets; and the compiled learning.

    Attributes
    ----------
    projections : list of (int, Projection)
        Those that are plastic, with their index in the network.
    models : list of SynapseModel
        Their models, each once.
    plastic, flight, rings
        See `distsim.simulation.plasticity`.
    """

    def __init__(self, network: Network, local: LocalNetwork, state: np.ndarray, dt: float):
        self.network, self.local, self.dt = network, local, dt
        # Weights and variables of synapses have the precision of the neurons' state; traces are always single.
        self.dtype = state.dtype
        self.projections = plastic_projections(network)
        self.models: list[SynapseModel] = []
        self.module: Any = None
        for _, p in self.projections:
            if (model := synapses.get(p.synapse.model)) not in self.models:
                self.models.append(model)
        self.first_sender = np.cumsum([0, *(len(p.pre) for _, p in self.projections)])
        # At least one trace, so that shapes do not depend on the models; the release takes two.
        n_pre = max([1, *(len(m.pre) + 2 * m.short_term for m in self.models)])
        n_post = max([1, *(len(m.at_post) for m in self.models)])
        self.plastic = self._plastic(n_pre, n_post, state)
        if self.dtype == np.float32:
            for number, p in self.projections:
                warn_of_small_changes(p, dt, f"network.projections.{number}.synapse")
        n_targets = sum(part.n_targets for part in local.plastic.parts)
        self.rings = Rings(
            n_posts=np.zeros(n_targets, np.int64),
            step=np.full(n_targets * FIRST_RING, NEVER, np.int32),
            trace=np.zeros((n_post, n_targets * FIRST_RING), np.float32),
        )
        n_slots = network.max_delay_steps(dt) + 2
        self.flight = Flight(
            sender=np.empty(1024, np.int64),
            previous=np.empty(1024, np.int64),
            after=np.empty((1024, n_pre), np.float32),
            gain=np.empty(1024, np.float32),
            slots=np.zeros((n_slots, len(self.projections), 2), np.int64),
            tail=np.zeros(1, np.int64),
        )

    def _plastic(self, n_pre: int, n_post: int, initial: np.ndarray) -> Plastic:
        """Return the synapses, with what is known of their sources at step 0."""
        found, parts, dt = self.local.plastic, self.local.plastic.parts, self.dt
        found.weight = found.weight.astype(self.dtype, copy=False)
        rows, constants, arriving, ring_first, state_first, ends_first, voltage_first = [], [], [], 0, 0, 0, 0
        state, rate_post = [np.empty(0, self.dtype)], np.zeros((len(parts), n_post), np.float32)
        kind_post = np.full((len(parts), n_post), ALL, np.uint8)
        numbers = [number for number, _ in self.projections]
        for i, part in enumerate(parts):
            k = numbers.index(part.number)
            projection = self.projections[k][1]
            model, params = synapses.get(projection.synapse.model), projection.synapse.params
            low, high = model.bounds(params, max(abs(w) for w in weight_bounds(projection)))
            how = self.local.representation
            grid, unit = how.grids[part.population][part.plane], how.units[part.population][part.plane]
            arriving.append([1.0 / grid, 1.5 * 2.0**52 * unit])
            constants.append([low, high, *model.constants(params, dt).values()])
            for j, trace in enumerate(model.post):
                rate_post[i, j] = _rate(params[trace.tau], dt)
                kind_post[i, j] = NEAREST if trace.nearest else ALL
            mine = found.weight[part.first : part.first + part.n]
            if (constant := constant_weight(projection)) is not None:
                mine[:] = abs(constant)
            np.clip(mine, low, high, out=mine)
            field = {
                "rule": self.models.index(model), "projection": k, "sign": part.sign,
                "input_first": part.plane * self.local.stride + part.target_first, "ring_first": ring_first,
                "n_targets": part.n_targets, "first_delay": part.first_delay, "n_delays": part.n_delays,
                "n_rows": len(projection.pre), "sender_first": self.first_sender[k], "ends_first": ends_first,
                "part_first": part.first, "axonal": to_steps(projection.synapse.axonal_delay, dt),
                "target_first": part.target_first,
                "uses_posts": not model.voltage and (bool(model.post) or model.on_post is not None),
                "voltage_first": voltage_first if model.voltage else 0, "state_first": state_first,
            }  # fmt: skip
            if model.voltage:
                kind_post[i, 0] = VOLTAGE
                voltage_first += part.n_targets
            rows.append([int(field[name]) for name in FIELDS])
            state += [np.full(part.n, value, self.dtype) for value in model.state.values()]
            ring_first, ends_first = ring_first + part.n_targets, ends_first + part.ends.size
            state_first += part.n * len(model.state)
        block_first, senders = self._senders()
        last, trace, rate_pre, kind_pre, release = self._sources(n_pre)
        width = max((len(row) for row in constants), default=1)
        every = self._every()
        modulated, modulation, transmitters = self._transmitters(every)
        return Plastic(
            part=np.array(rows, np.int64).reshape(len(parts), len(FIELDS)),
            constants=np.array([row + [0.0] * (width - len(row)) for row in constants], self.dtype).reshape(-1, width),
            arriving=np.array(arriving).reshape(len(parts), 2),
            target=found.target, weight=found.weight, pointer=np.zeros(found.target.shape[0], np.uint16),
            state=np.concatenate(state), stride=np.array([p.n for p in parts], np.int64),
            ends=np.concatenate([np.empty(0, np.uint32), *(p.ends.reshape(-1) for p in parts)]),
            kind_post=kind_post, rate_post=rate_post, rate_pre=rate_pre, kind_pre=kind_pre, block_first=block_first,
            senders=senders,
            last=last, trace=trace, release=release, every=np.array([every], np.int64),
            read_until=np.full(len(parts), 2 * NEVER, np.int64), updates=np.zeros(len(self.projections), np.int64),
            fault=np.full(4, -1, np.int64), modulated=modulated,
            modulation=modulation, transmitters=transmitters,
            voltages=watched(self.network, self.local, initial, dt),
        )  # fmt: skip

    def _every(self) -> int:
        """Return the steps between looks at the synapses of silent sources."""
        # Of a third factor's table the numbers span exp(2 every / tau_c).
        spans = [10.0 * p.synapse.params["tau_c"] for _, p in self.projections if p.synapse.transmitter is not None]
        longest = self.network.max_delay_steps(self.dt)
        return min(max(round(min([LOOK_MS, *spans]) / self.dt), 2 * longest + 2), MOST_STEPS)

    def _transmitters(self, every: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which projections have a third factor, its state, and which sources release it."""
        rows, transmitters = [], np.zeros((len(self.projections), 3), np.int64)
        for k, (_, p) in enumerate(self.projections):
            if p.synapse.transmitter is None:
                rows.append(np.zeros(TABLE + 1))
                continue
            delay = to_steps(p.synapse.params["transmitter_delay"], self.dt)
            rows.append(row(2 * every + 4 * self.network.max_delay_steps(self.dt) + delay, p.synapse.params, self.dt))
            group = self.local.groups[p.synapse.transmitter]
            first = group.first_block << BLOCK_BITS
            transmitters[k] = first, first + group.size, delay
        width = max((r.shape[0] for r in rows), default=TABLE + 1)
        # One width for all: a row that is larger than it needs to be has to be a power of two as well.
        modulation = np.zeros((len(rows), width))
        for k, values in enumerate(rows):
            modulation[k, : values.shape[0]] = values
        modulated = np.array([p.synapse.transmitter is not None for _, p in self.projections], np.uint8)
        return modulated, modulation, transmitters

    def _senders(self) -> tuple[np.ndarray, np.ndarray]:
        """Return which sources of every block are senders of which projection."""
        groups = self.local.groups
        n_blocks = sum(g.n_blocks for g in groups.values())
        by_block: list[list[tuple[int, int, int, int]]] = [[] for _ in range(n_blocks)]
        for k, (_, projection) in enumerate(self.projections):
            for cell in cells(projection, groups)[0]:
                by_block[cell.block].append((k, cell.first, cell.size, int(self.first_sender[k]) + cell.position))
        first = np.cumsum([0, *(len(entries) for entries in by_block)]).astype(np.int64)
        return first, np.array([e for entries in by_block for e in entries], np.int64).reshape(-1, 4)

    def _sources(self, n_pre: int) -> tuple[np.ndarray, ...]:
        """Return last spikes, traces, their decay and kind, and releases, of all projections."""
        n = len(self.projections)
        trace = np.zeros((int(self.first_sender[-1]), n_pre), np.float32)
        rate, kind = np.zeros((n, n_pre), np.float32), np.full((n, n_pre), ALL, np.int64)
        release = np.zeros(n, np.float32)
        for k, (_, projection) in enumerate(self.projections):
            model, params = synapses.get(projection.synapse.model), projection.synapse.params
            for j, one in enumerate(model.pre):
                rate[k, j], kind[k, j] = _rate(params[one.tau], self.dt), NEAREST if one.nearest else ALL
            if model.short_term:
                j = len(model.pre)
                rate[k, j : j + 2] = _rate(params["tau_fac"], self.dt), _rate(params["tau_rec"], self.dt)
                kind[k, j : j + 2], release[k] = (RELEASE, RELEASED), params["U"]
                trace[self.first_sender[k] : self.first_sender[k + 1], j : j + 2] = params["U"], 1.0
        return np.full(trace.shape[0], NEVER, np.int64), trace, rate, kind, release

    @property
    def ring_size(self) -> int:
        """Spikes that the ring of a target holds."""
        return FIRST_RING if not self.rings.n_posts.size else self.rings.step.shape[0] // self.rings.n_posts.shape[0]

    def ring_range(self, i: int) -> tuple[int, int]:
        """Return which targets' rings are those of part i: first, last + 1."""
        first = int(self.plastic.part[i, FIELDS.index("ring_first")])
        return first, first + self.local.plastic.parts[i].n_targets

    def model(self, number: int) -> SynapseModel:
        """Return the model of the projection with this index in the network."""
        return next(synapses.get(p.synapse.model) for n, p in self.projections if n == number)

    def check_finite(self) -> None:
        """Raise FloatingPointError where a rule has made a weight, or a state variable, that is no finite number."""
        i, synapse, row, step = (int(v) for v in self.plastic.fault)
        if i < 0:
            return
        part = self.local.plastic.parts[i]
        gid = int(self.local.gids[part.target_first + int(self.plastic.target[synapse])])
        population = self.network.populations[part.population]
        projection = self.network.projections[part.number]
        raise FloatingPointError(
            f"w of a synapse from source {row} onto neuron {gid - population.first_gid} of '{part.population}' "
            f"(gid {gid}) in projection '{projection.name}' is no finite number any more at step {step}, "
            f"{step * self.dt:g} ms: {projection.synapse.model} diverged"
        )

    def weights(self, name: str, step: int, min_delay: int) -> Weights:
        """Return the synapses of a projection onto this rank's neurons, up to date; see `Simulation.weights`."""
        numbers = {str(p.name): number for number, p in self.projections}
        if name not in numbers:
            if name in (str(p.name) for p in self.network.projections):
                others = (
                    f"those that can: {', '.join(numbers)}" if numbers else "this network has no plastic projection"
                )
                problem = f"expected a plastic projection: the weights of '{name}' are static and cannot be read"
                raise InputError("weights", f"{problem} ({others})")
            raise unknown("weights", "projection", name, numbers or [str(p.name) for p in self.network.projections])
        found: list[tuple[np.ndarray, ...]] = [(*(np.empty(0, np.int64),) * 3, np.empty(0, self.dtype))]
        for i, part in enumerate(self.local.plastic.parts):
            if part.number != numbers[name]:
                continue
            # What the targets have fired meanwhile is paired on a copy: looking changes nothing.
            mine = slice(part.first, part.first + part.n)
            net = self.plastic._replace(
                **{
                    name: getattr(self.plastic, name).copy()
                    for name in ("weight", "pointer", "state", "updates", "fault")
                }
            )
            if self.module is not None and step > 0:
                nothing_arrives = np.zeros(1, self.local.representation.input)
                self.module.catch_up(nothing_arrives, step, min_delay, step + 1, i, net, self.flight, self.rings)
            slot = np.repeat(np.arange(part.ends.size), np.diff(np.concatenate([[0], part.ends.reshape(-1)])))
            rows, delays = np.divmod(slot, part.n_delays)
            gids = self.local.gids[part.target_first + net.target[mine].astype(np.int64)]
            found.append((rows, gids, delays + part.first_delay, part.sign * net.weight[mine]))
        source, target, delay, weight = (np.concatenate(column) for column in zip(*found, strict=True))
        return Weights(source, target, np.round(delay * self.dt, 9), weight)

    def function(self) -> object:
        """Return the compiled learning, as a function that can be passed to the loop; one that does nothing without."""
        signature = types.int64(
            numba.from_dtype(self.local.representation.input)[::1],
            types.int64,
            types.int64,
            *(numba.typeof(t) for t in (self.plastic, self.flight, self.rings)),
        )
        names = [list(m.constants({n: p.default for n, p in m.parameters.items()}, self.dt)) for m in self.models]
        self.module = generated_code.module("synapses", source(self.models, names)) if self.models else None
        learn = self.module.learn if self.module is not None else nothing
        return numba.cfunc(signature, cache=True, error_model="numpy")(learn)


def nothing(inp, t, min_delay, net, flight, rings):
    """Learn nothing: a network of static synapses."""
    return 0


def _rate(tau: float, dt: float) -> float:
    """Return the decay of a time constant (ms) per step, as a power of two."""
    return dt / tau / np.log(2.0) if tau > 0.0 else np.inf
