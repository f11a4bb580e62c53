"""What voltage-based plasticity sees of its targets, noted after every step.

    ltp(t) = (u(t) - theta_plus)+ (u_bar_plus(t - delay_u_bars) - theta_minus)+
    ltd(t) = (u_bar_minus(t - delay_u_bars) - theta_minus)+ [u_bar_bar(t)^2 / u_ref_squared]

A step with ltp above zero is to a synapse what a postsynaptic spike is to spike-timing dependent rules, with
ltp in the place of the trace; ltd is what an arriving spike finds. Clopath et al. (2010), equations 1 to 3;
the delay is that of their published code, which NEST has as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
from numba import float32

from distsim.network.checks import to_steps
from distsim.registry import models, synapses
from distsim.simulation.plasticity import place_in_ring
from distsim.synapses.base import POTENTIALS

if TYPE_CHECKING:
    from distsim.construction.local_network import LocalNetwork
    from distsim.network import Network


class Voltages(NamedTuple):
    """Potentials of the targets of voltage-based synapses.

    Attributes
    ----------
    part : np.ndarray
        int64 [n, 7]: part, first column, steps of delay_u_bars; rows of V_m, u_bar_plus, u_bar_minus, u_bar_bar.
    constants : np.ndarray
        float32 [n, 4]: theta_plus for V_m as it is kept, theta_minus for the low-passed ones, 1 / u_ref_squared or 0.
    plus, minus : np.ndarray
        float32 [n_steps, n_columns], u_bar_plus and u_bar_minus of the last steps at place step modulo n_steps.
    ltd : np.ndarray
        float32 [n_steps, n_columns], the same of ltd.
    """

    part: np.ndarray
    constants: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    ltd: np.ndarray


def watched(network: Network, local: LocalNetwork, state: np.ndarray, dt: float) -> Voltages:
    """Return the potentials that the plastic parts of a rank need, as if they had always been as at the beginning."""
    rows, constants, first, longest, spans = [], [], 0, 0, []
    for i, part in enumerate(local.plastic.parts):
        synapse = network.projections[part.number].synapse
        if not synapses.get(synapse.model).voltage:
            continue
        population, params = network.populations[part.population], synapse.params
        model = models.get(population.model)
        variables, offsets = list(model.declaration.state), model.offsets(population.params)
        delay = to_steps(params["delay_u_bars"], dt)
        rows.append([i, first, delay, *(variables.index(name) for name in POTENTIALS)])
        homeostasis = 0.0 if params["A_LTD_const"] else 1.0 / params["u_ref_squared"]
        constants.append([params["theta_plus"] - offsets.get("V_m", 0.0), params["theta_minus"], homeostasis])
        spans.append(slice(part.target_first, part.target_first + part.n_targets))
        first, longest = first + part.n_targets, max(longest, delay + 1)
    # An arrival looks back by twice the dendritic share of its delay, a step of an interval by that besides.
    n_ltd = 2 * network.max_delay_steps(dt) + network.min_delay_steps(dt) + 2 if rows else 1
    found = Voltages(
        part=np.array(rows, np.int64).reshape(-1, 7),
        constants=np.array(constants, np.float32).reshape(-1, 3),
        plus=np.zeros((max(longest, 1), first), np.float32),
        minus=np.zeros((max(longest, 1), first), np.float32),
        ltd=np.zeros((n_ltd, first), np.float32),
    )
    for (_, column, _, _, plus, minus, _), span in zip(rows, spans, strict=True):
        columns = slice(column, column + span.stop - span.start)
        found.plus[:, columns], found.minus[:, columns] = state[plus, span], state[minus, span]
    return found


@numba.njit(error_model="numpy")
def note_voltages(rings, net, state, t):
    """Note the potentials of step t; return the rings, perhaps larger, with the steps that potentiate."""
    part, constants, plus, minus, ltd = net.voltages
    n_steps, n_ltd = plus.shape[0], ltd.shape[0]
    for v in range(part.shape[0]):
        p, column, delay = part[v, 0], part[v, 1], part[v, 2]
        theta_plus, theta_minus, homeostasis = constants[v, 0], constants[v, 1], constants[v, 2]
        target_first, n_targets, ring_first = net.part[p, 13], net.part[p, 5], net.part[p, 4]
        new, old = t % n_steps, (t - delay) % n_steps
        for l in range(n_targets):
            c, i = column + l, target_first + l
            plus[new, c], minus[new, c] = state[part[v, 4], i], state[part[v, 5], i]
            below = max(minus[old, c] - theta_minus, float32(0))
            slow = float32(state[part[v, 6], i])
            ltd[t % n_ltd, c] = below * (slow * slow * homeostasis) if homeostasis > float32(0) else below
            above = max(float32(state[part[v, 3], i]) - theta_plus, float32(0))
            ltp = above * max(plus[old, c] - theta_minus, float32(0))
            if ltp > float32(0):
                rings, place = place_in_ring(rings, net, p, ring_first + l)
                rings.trace[0, place] = ltp
                rings.step[place] = t
                rings.n_posts[ring_first + l] += 1
    return rings
