"""Communicators: the ranks that simulate one network together; one process alone is one of them."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim import interrupts
from distsim.communication.leaving import end_all_ranks_on_errors
from distsim.communication.mpi import start_mpi
from distsim.errors import InputError

if TYPE_CHECKING:
    from distsim.communication.allgather import Collective

# Number of ranks, as the launchers of MPICH, Open MPI and Slurm tell it.
SIZE_VARIABLES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
# Bytes of an object that travel with its length; a larger one follows in a message of its own.
SHORT = 4096


class SerialCommunicator:
    """One process alone; needs no MPI."""

    rank = 0
    n_ranks = 1
    library = "none"

    def collective(self) -> Collective:
        """Return what compiled code exchanges through."""
        from distsim.communication.allgather import SERIAL

        return SERIAL

    def bcast(self, thing: Any) -> Any:
        """Return rank 0's object on every rank. Collective."""
        return thing

    def gather(self, thing: Any) -> list[Any] | None:
        """Return all ranks' objects on rank 0, None elsewhere. Collective."""
        return [thing]

    def allgather(self, thing: Any) -> list[Any]:
        """Return all ranks' objects on every rank. Collective."""
        return [thing]

    def sum(self, array: np.ndarray) -> np.ndarray:
        """Return the sum of all ranks' arrays. Collective."""
        return array

    def largest(self, array: np.ndarray) -> np.ndarray:
        """Return the elementwise largest of all ranks' arrays. Collective."""
        return array

    def barrier(self) -> None:
        """Wait for all ranks. Collective."""

    def meet(self, timeout: float) -> bool:
        """Wait for all ranks, at most `timeout` seconds; return whether all came."""
        return True

    def abort(self, code: int) -> None:
        """End all ranks at once."""
        sys.stderr.flush()
        os._exit(code)


class MPICommunicator:
    """The ranks that `mpiexec` or `srun` started."""

    def __init__(self) -> None:
        self._comm, self._leaving, self._meetings, self.library = start_mpi(launched_ranks())
        self.rank = self._comm.rank
        self.n_ranks = self._comm.size

    def collective(self) -> Collective:
        """Return what compiled code exchanges through."""
        from distsim.communication.allgather import SERIAL, collective

        return collective(self._comm) if self.n_ranks > 1 else SERIAL

    def bcast(self, thing: Any) -> Any:
        """Return rank 0's object on every rank. Collective."""
        message = np.zeros(8 + SHORT, np.uint8)
        if self.rank == 0:
            whole = np.frombuffer(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL), np.uint8)
            message[:8] = np.frombuffer(np.int64(whole.size).tobytes(), np.uint8)
            message[8 : 8 + min(whole.size, SHORT)] = whole[:SHORT]
        self._meetings.wait(self._comm.Ibcast(message), message)
        size = int(message[:8].view(np.int64)[0])
        if size > SHORT:
            if self.rank != 0:
                whole = np.empty(size, np.uint8)
            self._meetings.wait(self._comm.Ibcast(whole), whole)
        elif self.rank != 0:
            whole = message[8 : 8 + size]
        return thing if self.rank == 0 else pickle.loads(whole.tobytes())

    def gather(self, thing: Any) -> list[Any] | None:
        """Return all ranks' objects on rank 0, None elsewhere. Collective."""
        whole = np.frombuffer(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL), np.uint8)
        sizes = self._sizes(whole)
        received = np.empty(int(sizes.sum()), np.uint8) if self.rank == 0 else None
        into = (received, sizes) if self.rank == 0 else None
        self._meetings.wait(self._comm.Igatherv(whole, into), whole, received, sizes)
        return self._objects(received, sizes) if received is not None else None

    def allgather(self, thing: Any) -> list[Any]:
        """Return all ranks' objects on every rank. Collective."""
        whole = np.frombuffer(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL), np.uint8)
        sizes = self._sizes(whole)
        received = np.empty(int(sizes.sum()), np.uint8)
        self._meetings.wait(self._comm.Iallgatherv(whole, (received, sizes)), whole, received, sizes)
        return self._objects(received, sizes)

    def _sizes(self, whole: np.ndarray) -> np.ndarray:
        mine, sizes = np.array([whole.size], np.int64), np.empty(self.n_ranks, np.int64)
        self._meetings.wait(self._comm.Iallgather(mine, sizes), mine, sizes)
        return sizes

    @staticmethod
    def _objects(received: np.ndarray, sizes: np.ndarray) -> list[Any]:
        ends = np.cumsum(sizes)
        return [pickle.loads(received[end - n : end].tobytes()) for n, end in zip(sizes, ends, strict=True)]

    def sum(self, array: np.ndarray) -> np.ndarray:
        """Return the sum of all ranks' arrays. Collective."""
        total = np.empty_like(array)
        self._meetings.wait(self._comm.Iallreduce(array, total), array, total)
        return total

    def largest(self, array: np.ndarray) -> np.ndarray:
        """Return the elementwise largest of all ranks' arrays. Collective."""
        from mpi4py import MPI

        found = np.empty_like(array)
        self._meetings.wait(self._comm.Iallreduce(array, found, op=MPI.MAX), array, found)
        return found

    def barrier(self) -> None:
        """Wait for all ranks. Collective."""
        self._meetings.wait(self._comm.Ibarrier())

    def meet(self, timeout: float) -> bool:
        """Wait for all ranks, at most `timeout` seconds; return whether all came.

        Others may wait for this rank elsewhere at that: who meets to leave does so apart from all else.
        """
        return self._meetings.wait(self._leaving.Ibarrier(), timeout=timeout)

    def abort(self, code: int) -> None:
        """End all ranks at once: an uncaught error on one rank would leave the others waiting for ever."""
        sys.stderr.flush()
        self._comm.Abort(code)


Communicator = SerialCommunicator | MPICommunicator
_world: Communicator | None = None


def on_first_rank(ranks: Communicator, action: Callable[[], Any]) -> Any:
    """Return what rank 0's action gives on all ranks; an InputError or OSError is raised on all. Collective."""

    def caught() -> Any:
        try:
            return action()
        except (InputError, OSError) as error:
            return error

    found = ranks.bcast(caught() if ranks.rank == 0 else None)
    if isinstance(found, InputError | OSError):
        raise found
    return found


def launched_ranks() -> int:
    """Return how many ranks a launcher says it started; 1 without a launcher, 2 where it does not say."""
    for name in SIZE_VARIABLES:
        if name in os.environ:
            return int(os.environ[name])
    return 2 if "PMIX_RANK" in os.environ else 1


def communicator() -> Communicator:
    """Return the world: all ranks that were started together. MPI starts at the first call.

    Raises
    ------
    RuntimeError
        Where a launcher started several ranks and they do not find each other: each would
        simulate the whole network on its own.
    """
    global _world
    if _world is not None:
        return _world
    launched = any(name in os.environ for name in (*SIZE_VARIABLES, "PMIX_RANK"))
    reason = "mpiexec belongs to another MPI library than mpi4py found"
    try:
        _world = MPICommunicator() if launched else SerialCommunicator()
    except (ImportError, RuntimeError) as error:
        reason, _world = str(error), SerialCommunicator()
    if _world.n_ranks == 1 and launched_ranks() > 1 and "PMIX_RANK" not in os.environ:
        raise RuntimeError(f"started on {launched_ranks()} ranks that do not find each other: {reason}")
    if _world.n_ranks > 1:
        interrupts.ends_ranks(_world.rank, _world.n_ranks, _world.abort)
        end_all_ranks_on_errors(_world)
    return _world
