"""Exchange of spikes: local spikes of an interval in, those of all ranks out.

A message has a fixed size that all ranks know: number of spikes, number in each step of the
interval, gids. Where some rank fired more than a message holds, all ranks see that in the same
messages, and a second, larger round follows; the size is kept.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import uint32

from distsim.communication.allgather import allgather


@numba.njit(error_model="numpy")
def allgather_spikes(collective, outgoing, n_out, per_lag, interval, cap):
    """Give every rank the spikes of all ranks. Collective.

    Parameters
    ----------
    collective : Collective
    outgoing : uint32 [>= n_out]
        gids of the local spikes, in order of step.
    n_out : int
    per_lag : int64 [interval]
        Spikes in each step.
    interval, cap : int
        Steps of an interval; spikes that a message has room for.

    Returns
    -------
    status, received, words, cap, n_sent, n_messages
        MPI's error code; uint32 [n_ranks * words], a message of `words` words from each rank: total,
        number per step, gids; the cap of the next call; words and messages that this rank sent.
    """
    n_ranks = collective.n_ranks
    n_sent, n_messages = np.int64(0), np.int64(0)
    while True:
        words = 1 + interval + cap
        message = np.empty(words, np.uint32)
        message[0] = uint32(n_out)
        for lag in range(interval):
            message[1 + lag] = uint32(per_lag[lag])
        for i in range(min(n_out, cap)):
            message[1 + interval + i] = outgoing[i]
        if n_ranks == 1:
            received, status = message, np.int64(0)
        else:
            received = np.empty(n_ranks * words, np.uint32)
            status = allgather(collective, message, received, words)
            n_sent += words * (n_ranks - 1)
            n_messages += n_ranks - 1
        if status != 0:
            return status, received, words, cap, n_sent, n_messages
        most = np.int64(0)
        for rank in range(n_ranks):
            most = max(most, np.int64(received[rank * words]))
        if most <= cap:
            return status, received, words, cap, n_sent, n_messages
        cap = 2 * most
