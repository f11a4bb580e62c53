"""Communicators: the ranks that simulate one network together; one process alone is one of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from distsim.communication.allgather import SERIAL, Collective, collective
from distsim.communication.leaving import end_all_ranks_on_errors
from distsim.errors import InputError

# Number of ranks, as the launchers of MPICH, Open MPI and Slurm tell it.
SIZE_VARIABLES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


class SerialCommunicator:
    """One process alone; needs no MPI."""

    rank = 0
    n_ranks = 1
    library = "none"

    def collective(self) -> Collective:
        """Return what compiled code exchanges through."""
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
        from mpi4py import MPI

        self._comm = MPI.COMM_WORLD
        self.rank = self._comm.rank
        self.n_ranks = self._comm.size
        self.library = MPI.Get_library_version().split("\n")[0].strip().rstrip("\x00")

    def collective(self) -> Collective:
        """Return what compiled code exchanges through."""
        return collective(self._comm) if self.n_ranks > 1 else SERIAL

    def bcast(self, thing: Any) -> Any:
        """Return rank 0's object on every rank. Collective."""
        return self._comm.bcast(thing)

    def gather(self, thing: Any) -> list[Any] | None:
        """Return all ranks' objects on rank 0, None elsewhere. Collective."""
        return self._comm.gather(thing)

    def allgather(self, thing: Any) -> list[Any]:
        """Return all ranks' objects on every rank. Collective."""
        return self._comm.allgather(thing)

    def sum(self, array: np.ndarray) -> np.ndarray:
        """Return the sum of all ranks' arrays. Collective."""
        total = np.empty_like(array)
        self._comm.Allreduce(array, total)
        return total

    def largest(self, array: np.ndarray) -> np.ndarray:
        """Return the elementwise largest of all ranks' arrays. Collective."""
        from mpi4py import MPI

        found = np.empty_like(array)
        self._comm.Allreduce(array, found, op=MPI.MAX)
        return found

    def barrier(self) -> None:
        """Wait for all ranks. Collective."""
        self._comm.Barrier()

    def meet(self, timeout: float) -> bool:
        """Wait for all ranks, at most `timeout` seconds; return whether all came."""
        request = self._comm.Ibarrier()
        end = time.monotonic() + timeout
        while not request.Test():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

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
        end_all_ranks_on_errors(_world)
    return _world
