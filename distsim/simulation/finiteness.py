"""Whether all states are finite numbers: looked at after every chunk of steps, before anything of it is recorded."""

from __future__ import annotations

import numba
import numpy as np

from distsim.construction.local_network import LocalNetwork
from distsim.errors import InputError
from distsim.network import Network
from distsim.registry import models


@numba.njit(cache=True)
def _all_finite(bits, exponent):
    """Return whether no number of an array, given as its bits, has the exponent of infinity and NaN."""
    found = False
    for i in range(bits.shape[0]):
        found |= (bits[i] & exponent) == exponent
    return not found


def all_finite(values: np.ndarray) -> bool:
    """Return whether all of a contiguous array, float32 or float64, are finite; at the speed of memory."""
    kind, bits = (np.uint32, 0x7F800000) if values.dtype == np.float32 else (np.uint64, 0x7FF0000000000000)
    return bool(_all_finite(values.reshape(-1).view(kind), kind(bits)))


def check_states(state: np.ndarray, network: Network, local: LocalNetwork, step: int, dt: float) -> None:
    """Raise where a state variable of a neuron of this rank is no finite number any more.

    Parameters
    ----------
    state : np.ndarray
        float [n_state, stride].
    network : Network
    local : LocalNetwork
    step : int
        Steps done.
    dt : float
        Step (ms).

    Raises
    ------
    FloatingPointError
        With population, neuron, variable and time, for the first such neuron.
    InputError
        The same before the first step: the initial value is to blame.
    """
    if all_finite(state):
        return
    for name, (first, last) in local.ranges.items():
        population = network.populations[name]
        variables = list(models.get(population.model).declaration.state)
        wrong = np.argwhere(~np.isfinite(state[: len(variables), first:last]).T)
        if not wrong.size:
            continue
        i, k = (int(v) for v in wrong[0])
        gid, value = int(local.gids[first + i]), state[k, first + i]
        who = f"neuron {gid - population.first_gid} of '{name}' (gid {gid})"
        if step == 0:
            place = f"network.populations.{name}.init.{variables[k]}"
            raise InputError(place, f"expected finite numbers in {state.dtype}, {who} begins with {value}")
        raise FloatingPointError(
            f"{variables[k]} of {who} is {value} at step {step}, {step * dt:g} ms: {population.model} diverged"
        )
