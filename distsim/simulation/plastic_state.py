"""What a checkpoint holds of plastic synapses: by projection and target, so that any number of ranks can go on.

The synapses of a target lie in order of source, delay and drawing, which no number of ranks changes. Sources
and spikes on their way are known to all ranks alike; rank 0 writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from distsim.construction.plastic_synapses import Part
from distsim.simulation.plasticity import larger_rings
from distsim.synapses.generated import FIELDS

if TYPE_CHECKING:
    from distsim.io.checkpoint_file import CheckpointReader, CheckpointWriter
    from distsim.simulation.learning import Learning
    from distsim.simulation.simulation import Simulation

Blocks = Iterator[tuple[int, np.ndarray]]
# Values that one rank gathers, or reads, at a time.
BLOCK = 1 << 22
# Arrays of sources and of spikes on their way, the same on every rank.
SHARED = ("last", "trace", "modulation")
FLYING = ("sender", "previous", "after", "gain")


@dataclass
class Piece:
    """Values of a part's targets: ``values(first, last)``; target l has starts[l + 1] - starts[l] of them."""

    places: np.ndarray
    starts: np.ndarray
    values: Callable[[int, int], np.ndarray]


@numba.njit(cache=True, error_model="numpy")
def by_target(target, n_targets):
    """Return where each target's synapses begin, int64 [n_targets + 1], and the synapses in order of target, uint32."""
    starts = np.zeros(n_targets + 1, np.int64)
    for i in range(target.shape[0]):
        starts[np.int64(target[i]) + 1] += 1
    for l in range(n_targets):
        starts[l + 1] += starts[l]
    place = starts.copy()
    order = np.empty(target.shape[0], np.uint32)
    for i in range(target.shape[0]):
        l = np.int64(target[i])
        order[place[l]] = i
        place[l] += 1
    return starts, order


def gathered(simulation: Simulation) -> list[tuple[str, int, Any, Blocks]]:
    """Return (name, size, dtype, blocks) of what is kept by target; reading the blocks is collective. Collective."""
    learning, ranks = simulation.engine.learning, simulation.ranks
    size = int(ranks.largest(np.array([learning.ring_size]))[0])
    _grow_rings(learning, size)
    found: list[tuple[str, int, Any, Blocks]] = []
    for name, (number, projection, post) in _columns(learning).items():
        n_targets = len(projection.post.slices[post])
        parts = [(i, p) for i, p in enumerate(learning.local.plastic.parts) if (p.number, p.post) == (number, post)]
        counts = np.zeros(n_targets, np.int64)
        for _, part in parts:
            counts[_places(learning, part)] = np.bincount(_targets(learning, part), minlength=part.n_targets)
        offsets = np.concatenate([[0], np.cumsum(ranks.sum(counts))])
        for array, dtype in _of_synapses(learning, number):
            blocks = _blocks(simulation, parts, offsets, _synapses, array)
            found.append((f"{name}/{array}", int(offsets[-1]), dtype, blocks))
        of_targets = (("n_posts", np.int64, 1), ("step", np.int32, size), *_traces(learning, size))
        for array, dtype, width in (*of_targets, *_potentials(learning, number)):
            blocks = _blocks(simulation, parts, width * np.arange(n_targets + 1), _ring, array, width)
            found.append((f"{name}/{array}", n_targets * width, dtype, blocks))
        found.append((f"{name}/offsets", n_targets + 1, np.int64, iter([(0, offsets)])))
    return found


def write_shared(file: CheckpointWriter, learning: Learning, step: int) -> None:
    """Write what is the same on every rank; by rank 0."""
    if not learning.projections:
        return
    for name in SHARED:
        file.array(f"plastic/{name}", getattr(learning.plastic, name))
    flight = learning.flight
    steps, projections, entries = [], [], []
    n_slots, n_projections, _ = flight.slots.shape
    for s in range(max(1, step - n_slots + 1), step + 1):
        for k in range(n_projections):
            first, last = flight.slots[s % n_slots, k]
            entries.append(np.arange(first, last))
            steps.append(np.full(last - first, s))
            projections.append(np.full(last - first, k))
    place = np.concatenate([np.empty(0, np.int64), *entries])
    file.array("flight/step", np.concatenate([np.empty(0, np.int64), *steps]))
    file.array("flight/projection", np.concatenate([np.empty(0, np.int64), *projections]))
    for name in FLYING:
        file.array(f"flight/{name}", getattr(flight, name)[place])


def read(file: CheckpointReader, learning: Learning) -> None:
    """Bring the plastic synapses, their sources and targets to where the checkpoint was taken."""
    if not learning.projections:
        return
    for name in SHARED:
        getattr(learning.plastic, name)[:] = file.array(f"plastic/{name}")
    _read_flight(file, learning)
    names = {(number, post): name for name, (number, _, post) in _columns(learning).items()}
    for i, part in enumerate(learning.local.plastic.parts):
        name, places = names[part.number, part.post], _places(learning, part)
        offsets = file.array(f"{name}/offsets")
        starts, order = by_target(_targets(learning, part), part.n_targets)
        for array, _ in _of_synapses(learning, part.number):
            values = _array(learning, i, part, array)
            for lo, hi in _runs(starts):
                runs = [np.arange(offsets[p], offsets[p + 1]) for p in places[lo:hi]]
                values[order[starts[lo] : starts[hi]]] = file.places(f"{name}/{array}", np.concatenate(runs))
        size = file.array(f"{name}/step").shape[0] // (offsets.shape[0] - 1)
        _grow_rings(learning, size)
        first, last = learning.ring_range(i)
        learning.rings.n_posts[first:last] = file.array(f"{name}/n_posts")[places]
        learning.rings.step[first * size : last * size] = (
            file.array(f"{name}/step").reshape(-1, size)[places].reshape(-1)
        )
        for array, _, _ in _traces(learning, size):
            row = learning.rings.trace[int(array.removeprefix("trace_"))]
            row[first * size : last * size] = file.array(f"{name}/{array}").reshape(-1, size)[places].reshape(-1)
        for array, _, width in _potentials(learning, part.number):
            _columns_of(learning, i, array)[:] = file.array(f"{name}/{array}").reshape(-1, width)[places].T
    # What a synapse has seen is kept as what it has not: the target's count has more bits.
    for i, part in enumerate(learning.local.plastic.parts):
        pointer, first = _array(learning, i, part, "unread"), learning.ring_range(i)[0]
        pointer[:] = (learning.rings.n_posts[first + _targets(learning, part).astype(np.int64)] - pointer).astype(
            np.uint16
        )


def _read_flight(file: CheckpointReader, learning: Learning) -> None:
    """Take up the spikes that are on their way."""
    steps, projections = file.array("flight/step"), file.array("flight/projection")
    n, flight = steps.shape[0], learning.flight
    room = max(2 * n, flight.sender.shape[0])
    arrays = []
    for name in FLYING:
        values = file.array(f"flight/{name}")
        arrays.append(np.concatenate([values, np.zeros((room - n, *values.shape[1:]), values.dtype)]))
    learning.flight = flight._replace(**dict(zip(FLYING, arrays, strict=True)))
    flight.slots[:] = 0
    n_slots = flight.slots.shape[0]
    for i in range(n):
        slot = flight.slots[steps[i] % n_slots, projections[i]]
        slot[0] = i if slot[1] == 0 else slot[0]
        slot[1] = i + 1
    flight.tail[0] = n


def _grow_rings(learning: Learning, size: int) -> None:
    """Let every target's ring hold `size` spikes."""
    while learning.rings.n_posts.size and learning.ring_size < size:
        learning.rings = larger_rings(learning.rings)


def _columns(learning: Learning) -> dict[str, tuple[int, Any, int]]:
    """Return (projection's index, projection, target slice) by name in the file."""
    return {
        f"plastic/{number}/{post}": (number, p, post)
        for number, p in learning.projections
        for post in range(len(p.post.slices))
    }


def _of_synapses(learning: Learning, number: int) -> list[tuple[str, Any]]:
    """Return name and dtype of what every synapse of a projection has."""
    real, n_variables = learning.dtype, len(learning.model(number).state)
    return [("weight", real), ("unread", np.uint16), *((f"state_{k}", real) for k in range(n_variables))]


def _traces(learning: Learning, size: int) -> list[tuple[str, Any, int]]:
    return [(f"trace_{k}", np.float32, size) for k in range(learning.rings.trace.shape[0])]


def _potentials(learning: Learning, number: int) -> list[tuple[str, Any, int]]:
    """Return (name, dtype, number of steps) of what a voltage-based rule keeps of every target."""
    if not learning.model(number).voltage:
        return []
    voltages = learning.plastic.voltages
    return [(f"voltage_{name}", np.float32, getattr(voltages, name).shape[0]) for name in ("plus", "minus", "ltd")]


def _columns_of(learning: Learning, i: int, array: str) -> np.ndarray:
    """Return the potentials that are kept of part i's targets: [n_steps, n_targets]."""
    first = int(learning.plastic.part[i, FIELDS.index("voltage_first")])
    whole = getattr(learning.plastic.voltages, array.removeprefix("voltage_"))
    return whole[:, first : first + learning.local.plastic.parts[i].n_targets]


def _targets(learning: Learning, part: Part) -> np.ndarray:
    return learning.plastic.target[part.first : part.first + part.n]


def _places(learning: Learning, part: Part) -> np.ndarray:
    """Return the place of each of a part's targets in its slice of the projection's targets."""
    number = [n for n, _ in learning.projections].index(part.number)
    piece = learning.projections[number][1].post.slices[part.post]
    gids = learning.local.gids[part.target_first : part.target_first + part.n_targets]
    return gids - learning.network.populations[part.population].first_gid - piece.start


def _array(learning: Learning, i: int, part: Part, name: str) -> np.ndarray:
    """Return a part's array of one value per synapse, as it lies in the rank's memory."""
    plastic = learning.plastic
    if name.startswith("state_"):
        first = int(plastic.part[i, -1]) + int(name.removeprefix("state_")) * part.n
        return plastic.state[first : first + part.n]
    whole = {"weight": plastic.weight, "unread": plastic.pointer}[name]
    return whole[part.first : part.first + part.n]


def _synapses(learning: Learning, i: int, part: Part, name: str) -> Piece:
    """Return the synapses of a part by target."""
    target, values = _targets(learning, part), _array(learning, i, part, name)
    starts, order = by_target(target, part.n_targets)

    def some(lo: int, hi: int) -> np.ndarray:
        chosen = order[starts[lo] : starts[hi]]
        if name != "unread":
            return values[chosen]
        n_posts = learning.rings.n_posts[learning.ring_range(i)[0] + target[chosen].astype(np.int64)]
        return (n_posts - values[chosen]).astype(np.uint16)

    return Piece(_places(learning, part), starts, some)


def _ring(learning: Learning, i: int, part: Part, name: str, width: int) -> Piece:
    """Return what is known of the spikes, or of the potential, of a part's targets."""
    rings, (first, last) = learning.rings, learning.ring_range(i)
    if name.startswith("voltage_"):
        mine = _columns_of(learning, i, name).T.reshape(-1)
    elif name.startswith("trace_"):
        mine = rings.trace[int(name[6:]), first * width : last * width]
    else:
        mine = getattr(rings, name)[first * width : last * width]
    starts = width * np.arange(part.n_targets + 1)
    return Piece(_places(learning, part), starts, lambda lo, hi: mine[lo * width : hi * width])


def _runs(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield ranges of targets that have some `BLOCK` values together."""
    lo, n = 0, starts.shape[0] - 1
    while lo < n:
        hi = max(lo + 1, int(np.searchsorted(starts, starts[lo] + BLOCK, side="right")) - 1)
        yield lo, min(hi, n)
        lo = hi


def _blocks(
    simulation: Simulation, parts: list[tuple[int, Part]], offsets: np.ndarray, pieces: Any, *what: Any
) -> Blocks:
    """Yield (first place, values) of all ranks' parts, on rank 0; those of target p from offsets[p] on. Collective."""
    learning, ranks = simulation.engine.learning, simulation.ranks
    mine = [pieces(learning, i, part, *what) for i, part in parts]
    for first, last in _runs(offsets):
        sent = []
        for piece in mine:
            lo, hi = (int(i) for i in np.searchsorted(piece.places, [first, last]))
            sent.append((piece.places[lo:hi], np.diff(piece.starts[lo : hi + 1]), piece.values(lo, hi)))
        everyones = ranks.gather(sent)
        begin = int(offsets[first])
        block = None
        for places, counts, values in (one for several in everyones or () for one in several):
            if block is None:
                block = np.zeros(int(offsets[last]) - begin, values.dtype)
            at = np.repeat(offsets[places] - begin - np.cumsum(counts) + counts, counts) + np.arange(values.shape[0])
            block[at] = values
        if block is not None:
            yield begin, block
