"""Connections from devices to this rank's neurons, as the arrays that the loop reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distsim import rng
from distsim.construction.columns import TARGET_BLOCK_BITS, Edges, block_sizes, columns, count, draw, record_type
from distsim.construction.local_network import LocalNetwork
from distsim.construction.records import weights_in
from distsim.construction.sources import SourceGroup
from distsim.construction.sums import is_one_train
from distsim.construction.tables import constant_weight, receptor_planes
from distsim.construction.weights import as_drawn, whole
from distsim.devices.base import ADD, SCATTER, STORE, Currents, Drives
from distsim.devices.poisson_generator import LANES, LARGEST_MEAN, thresholds
from distsim.network import Device, Network, Projection
from distsim.network.checks import to_steps
from distsim.registry import CurrentSource, PoissonSource, Source, SpikeSource

NEVER = 2**62


@dataclass
class DriveParts:
    """A Poisson drive before it is packed: the arrays of `Drives`, for one drive."""

    mean: float
    window: tuple[int, int]
    number: int
    projection: int
    uniform: tuple[int, int, int, float] | None  # plane, first and last neuron, weight
    targets: np.ndarray
    weights: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


def step_or_never(time: float, dt: float) -> int:
    """Return a time (ms) in steps; infinity becomes a step that never comes."""
    return to_steps(time, dt) if np.isfinite(time) else NEVER


# Streams of connections of devices are numbered apart from those of synapses.
FIRST_NUMBER = 1 << 20


def device_projections(network: Network, kind: type[Source]) -> list[tuple[int, Projection]]:
    """Return (number, projection) of those that start at devices of this kind.

    Numbers count the projections of Poisson and current generators alone: what these draw does not depend
    on how the synapses are described, by rules or edge by edge.
    """
    own = [p for p in network.projections if (d := network.devices.get(p.pre.slices[0].name)) is not None
           and not d.spikes]  # fmt: skip
    return [(i, p) for i, p in enumerate(own) if isinstance(network.devices[p.pre.slices[0].name].kind, kind)]


def index_of(network: Network, projection: Projection) -> int:
    """Return a projection's index; two of them may be equal."""
    return next(i for i, p in enumerate(network.projections) if p is projection)


def listed_connections(
    network: Network, local: LocalNetwork, number: int, projection: Projection, dt: float, seed: int
):
    """Return a device projection's connections onto local neurons, ascending by target.

    Returns
    -------
    source, target, plane, weight, delay : np.ndarray
        int64: position among the sources, local neuron, receptor, weight as in `connections_of`, delay in steps.
    """
    groups, block = {}, 0
    low, high = projection.delay_steps_bounds(dt)
    sizes = {part.name: network.devices[part.name].size for part in projection.pre.slices}
    for name, size in sizes.items():
        n_blocks = -(-size // 1024)
        groups[name] = SourceGroup(name, size, block, n_blocks, low, high - low + 1, [0, 1])
        block += n_blocks
    found = connections_of(network, local, projection, number, groups, dt, seed)
    order = np.argsort(found[1], kind="stable")
    return tuple(a[order] for a in found)


def connections_of(
    network: Network, local: LocalNetwork, projection: Projection, number: int, groups, dt: float, seed: int
):
    """Return a projection's connections onto local neurons one by one; for the few that devices have.

    Returns
    -------
    source, target, plane, weight, delay : np.ndarray
        int64: position among the sources, local neuron, receptor, weight in the input's unit (float64; in its
        own where the source is a current generator), delay in steps.
    """
    is_current = isinstance(network.devices[projection.pre.slices[0].name].kind, CurrentSource)
    gids, constant = local.gids, constant_weight(projection)
    rounding = local.representation.rounding
    if is_current:
        small = constant is not None and local.representation.static == "int16"
        rounding = (lambda population, planes: whole(projection)) if small else as_drawn
    parts = columns(network, [(number + FIRST_NUMBER, projection)], gids, rounding, groups, dt)
    per_block = np.zeros(sum(g.n_blocks for g in groups.values()), dtype=np.int64)
    listed: dict[int, Edges] = {}
    found: list[list[np.ndarray]] = [[np.empty(0, np.int64)] for _ in range(5)]
    n_target_blocks = (gids.shape[0] >> TARGET_BLOCK_BITS) + 1
    for i, column in enumerate(parts):
        per_block[:] = 0
        count(column, i, groups, per_block, listed, seed)
        for c, cell in enumerate(column.cells):
            group = next(g for g in groups.values() if g.first_block <= cell.block < g.first_block + g.n_blocks)
            size = block_sizes(group)[cell.block - group.first_block]
            most = per_block[cell.block]
            records = np.empty(most, record_type(column.rounding))
            out = (np.empty(most, np.uint32), records, np.zeros(size, np.uint32))
            shape = (n_target_blocks, size, group.first_delay, group.n_delays)
            n = draw(column, c, listed.get(i), group, shape, seed, out, 0) if column.gids.shape[0] else 0
            row, delay = np.divmod(out[0][:n].astype(np.int64), group.n_delays)
            plane_and_block, source = np.divmod(row, size)
            plane, target_block = np.divmod(plane_and_block, n_target_blocks)
            weight = weights_in(records[:n])
            if is_current and constant is not None:
                weight = np.full(n, constant)
            target = (target_block << TARGET_BLOCK_BITS) | (records[:n] & records.dtype.type(0xFFFF)).astype(np.int64)
            position = source - cell.first + cell.position
            for column_of, values in zip(
                found, (position, target, plane, weight, delay + group.first_delay), strict=True
            ):
                column_of.append(np.broadcast_to(values, n))
    return [np.concatenate(f) for f in found]


def ordinals(target: np.ndarray) -> np.ndarray:
    """Return each connection's number among those of its target; `target` is ascending."""
    first = np.flatnonzero(np.diff(target, prepend=-1))
    lengths = np.diff(np.append(first, target.shape[0]))
    return np.arange(target.shape[0]) - np.repeat(first, lengths)


def poisson_drives(network: Network, local: LocalNetwork, dt: float, seed: int) -> Drives:
    """Return all Poisson drives onto this rank's neurons."""
    parts: list[DriveParts] = []
    for number, projection in device_projections(network, PoissonSource):
        found = _uniform_drives if is_one_train(projection) else _listed_drives
        parts += found(network, local, number, projection, dt, seed)
    return _packed(network, local, parts, seed)


def _window(device: Device, delay: int, dt: float) -> tuple[int, int]:
    """Return the steps [first, last) in which a drive's spikes arrive: emitted in (start, stop]."""
    stop = step_or_never(device.params["stop"], dt)
    return to_steps(device.params["start"], dt) + 1 + delay, NEVER if stop == NEVER else stop + 1 + delay


def _uniform_drives(network, local, number, projection, dt, seed) -> list[DriveParts]:
    """Return the drives of a projection of every generator to every target with one weight and delay."""
    found: list[DriveParts] = []
    delay = projection.delay_steps_bounds(dt)[0]
    weight = projection.weight.mean()
    nothing = np.empty(0, dtype=np.int64)
    for source in projection.pre.slices:
        device = network.devices[source.name]
        mean = device.rate * dt / 1000.0 * len(source)
        for part in projection.post.slices:
            population = network.populations[part.name]
            first_gid = population.first_gid + part.start
            first, last = (int(i) for i in np.searchsorted(local.gids, [first_gid, first_gid + len(part)]))
            plane = receptor_planes(network, projection, part.name)[1 if weight < 0 else 0]
            on_input = local.representation.on_input(part.name, plane, weight)
            found.append(
                DriveParts(
                    mean,
                    _window(device, delay, dt),
                    number * 64 + len(found),
                    index_of(network, projection),
                    (plane, first, last, on_input),
                    nothing,
                    nothing,
                    local.gids[first:last],
                    np.zeros(last - first, dtype=np.int64),
                )
            )
    return found


def _listed_drives(network, local, number, projection, dt, seed) -> list[DriveParts]:
    """Return the drives of any other projection: one train per connection, drives by device and delay."""
    source, target, plane, weight, delay = listed_connections(network, local, number, projection, dt, seed)
    ordinal = ordinals(target)
    found = []
    position = 0
    for part in projection.pre.slices:
        device = network.devices[part.name]
        inside = (source >= position) & (source < position + len(part))
        for d in np.unique(delay[inside]):
            these = np.flatnonzero(inside & (delay == d))
            found.append(
                DriveParts(
                    device.rate * dt / 1000.0,
                    _window(device, int(d), dt),
                    number * 64,
                    index_of(network, projection),
                    None,
                    plane[these] * local.stride + target[these],
                    weight[these],
                    local.gids[target[these]],
                    ordinal[these],
                )
            )
        position += len(part)
    return found


def _packed(network: Network, local: LocalNetwork, parts: list[DriveParts], seed: int) -> Drives:
    """Put the drives one after the other into arrays; split those with too large a mean."""
    split = []
    for part in parts:
        if part.mean > 0.0 and part.lo.shape[0]:
            n = int(np.ceil(part.mean / LARGEST_MEAN))
            split += [(part, part.mean / n, i) for i in range(n)]
    kind, place, elements, tables = [], [], [], []
    stored: list[tuple[int, int]] = []
    weight: list[float] = []
    n = 0
    for part, mean, _ in split:
        elements.append((n, n + part.lo.shape[0]))
        n += part.lo.shape[0]
        tables.append(thresholds(mean))
        if part.uniform is None:
            kind.append(SCATTER)
            place.append(0)
            weight.append(0)
            continue
        plane, first, last, on_input = part.uniform
        run = (plane * local.stride + first, plane * local.stride + last)
        fresh = all(run[1] <= a or b <= run[0] for a, b in stored)
        kind.append(STORE if fresh else ADD)
        place.append(run[0])
        weight.append(on_input)
        if fresh:
            stored.append(run)
    # Stores come first: what is stored later would undo what was added before.
    order = sorted(range(len(split)), key=lambda k: kind[k] != STORE)
    edges = np.array(sorted([0, *(x for run in stored for x in run), local.n_planes * local.stride]))
    gaps = edges.reshape(-1, 2)
    lengths = np.array([[t[1].shape[0], t[3].shape[0]] for t in tables], dtype=np.int64).reshape(-1, 2)
    ends = np.cumsum(lengths, axis=0).reshape(-1, 2)

    def joined(values, dtype):
        arrays = [np.asarray(v) for v in values]
        return np.concatenate(arrays).astype(dtype) if arrays else np.empty(0, dtype)

    def per_drive(values, dtype, shape=(-1,)):
        return np.array(list(values), dtype=dtype).reshape(shape)[order] if order else np.empty((0, *shape[1:]), dtype)

    keys = [rng.key(seed, rng.STREAM_POISSON, part.number | i << 24) for part, _, i in split]
    return Drives(
        zeroed=gaps[gaps[:, 0] < gaps[:, 1]].astype(np.int64),
        kind=per_drive(kind, np.int64),
        elements=per_drive(elements, np.int64, (-1, 2)),
        place=per_drive(place, np.int64),
        weight=per_drive(weight, local.representation.input),
        targets=joined([p.targets if p.uniform is None else np.zeros(p.lo.shape[0]) for p, _, _ in split], np.int64)
        if any(p.uniform is None for p, _, _ in split) else np.zeros(0, np.int64),
        weights=joined(
            [p.weights if p.uniform is None else np.zeros(p.lo.shape[0]) for p, _, _ in split],
            local.representation.input,
        ) if any(p.uniform is None for p, _, _ in split) else np.zeros(0, local.representation.input),
        lo=joined([p.lo for p, _, _ in split], np.uint32),
        projection=per_drive((p.projection for p, _, _ in split), np.int64),
        hi=joined([p.hi for p, _, _ in split], np.uint32),
        window=per_drive([p.window for p, _, _ in split], np.int64, (-1, 2)),
        keys=per_drive(keys, np.uint32, (-1, 4)),
        first=per_drive([t[0] for t in tables], np.int64),
        n_thresholds=per_drive([t[2] for t in tables], np.int64),
        table_range=per_drive(np.stack([ends[:, 0] - lengths[:, 0], ends[:, 0]], axis=1), np.int64, (-1, 2)),
        tail_range=per_drive(np.stack([ends[:, 1] - lengths[:, 1], ends[:, 1]], axis=1), np.int64, (-1, 2)),
        table=joined([t[1] for t in tables], np.uint16),
        tail=joined([t[3] for t in tables], np.uint32),
        counts=np.zeros((LANES, n), np.uint8),
        drawn=np.full(len(split), -1, np.int64),
    )  # fmt: skip


def current_connections(network: Network, local: LocalNetwork, dt: float, seed: int) -> Currents:
    """Return all connections of current generators onto this rank's neurons."""
    names = [n for n, d in network.devices.items() if isinstance(d.kind, CurrentSource)]
    columns: list[list[np.ndarray]] = [[np.empty(0, np.int64)] for _ in range(6)]
    for number, projection in device_projections(network, CurrentSource):
        source, target, _, weight, delay = listed_connections(network, local, number, projection, dt, seed)
        ordinal = ordinals(target)
        position = 0
        for part in projection.pre.slices:
            inside = (source >= position) & (source < position + len(part))
            device = np.full(int(inside.sum()), names.index(part.name))
            # Connections of other projections have other counters: the number goes into the high word.
            hi = ordinal[inside] | (number << 20)
            for column, values in zip(
                columns, (target[inside], weight[inside], hi, device, delay[inside], source[inside]), strict=True
            ):
                column.append(values)
            position += len(part)
    target, weight, hi, device, delay, _ = (np.concatenate(c) for c in columns)
    order = np.argsort(target, kind="stable")
    changes = [_changes(network.devices[name], dt) for name in names]
    ends = np.cumsum([0] + [len(c) for c in changes])
    std, every, window = [], [], []
    for name in names:
        params, kind = network.devices[name].params, network.devices[name].kind
        assert isinstance(kind, CurrentSource)
        deviation, interval = (0.0, dt) if kind.noise is None else kind.noise(params)
        std.append(deviation)
        every.append(max(1, to_steps(interval, dt)))
        stop = step_or_never(params["stop"], dt)
        window.append((to_steps(params["start"], dt) + 1, NEVER if stop == NEVER else stop + 1))
    return Currents(
        target=target[order].astype(np.int64), weight=weight[order].astype(np.float64),
        lo=local.gids[target[order].astype(np.int64)].astype(np.uint32), hi=hi[order].astype(np.uint32),
        device=device[order].astype(np.int64), delay=delay[order].astype(np.int64),
        change_steps=np.array([s for c in changes for s, _ in c], np.int64),
        change_values=np.array([v for c in changes for _, v in c], np.float64),
        change_range=np.stack([ends[:-1], ends[1:]], axis=1).astype(np.int64),
        noise_std=np.array(std, np.float64), noise_every=np.array(every, np.int64),
        noise_window=np.array(window, np.int64).reshape(-1, 2),
        keys=np.array([rng.key(seed, rng.STREAM_NOISE, i) for i in range(len(names))], np.uint32).reshape(-1, 4),
        delays=np.unique(delay).astype(np.int64),
    )  # fmt: skip


def _changes(device: Device, dt: float) -> list[tuple[int, float]]:
    """Return (step, current in pA) at which a device's mean current changes, relative to its delay.

    A current that starts at time s moves the membrane in the update that begins there, as in NEST.
    """
    params = device.params
    start, stop = to_steps(params["start"], dt), step_or_never(params["stop"], dt)
    kind = device.kind
    assert isinstance(kind, CurrentSource)
    steps = [(to_steps(t, dt), v) for t, v in kind.changes(params, dt)]
    before = [v for s, v in steps if s <= start]
    found = [(start, before[-1] if before else 0.0)] + [(s, v) for s, v in steps if start < s < stop]
    return [(s + 1, v) for s, v in found] + ([(stop + 1, 0.0)] if stop != NEVER else [])


def generated_spikes(network: Network, groups: dict[str, SourceGroup], dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Return all spikes of spike generators: int64 steps, ascending, and uint32 sources."""
    steps, sources = [], []
    for name, device in network.devices.items():
        kind = device.kind
        if not isinstance(kind, SpikeSource):
            continue
        start, stop = device.params["start"], device.params["stop"]
        first_block = groups[name].first_block
        for i, times in enumerate(kind.times(device.params, device.size)):
            for time in times:
                if start < time <= stop:
                    steps.append(to_steps(time, dt))
                    sources.append(((first_block + (i >> 10)) << 10) | (i & 1023))
    order = np.argsort(np.array(steps, np.int64), kind="stable")
    return np.array(steps, np.int64)[order], np.array(sources, np.uint32)[order]
