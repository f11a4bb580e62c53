"""Communicators: the ranks that simulate one network together; one process alone is one of them."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import numpy as np

from distsim.communication.allgather import SERIAL, Collective, collective

# Set by the launchers of the MPI libraries and of Slurm.
LAUNCHER_VARIABLES = ("PMI_RANK", "PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALRANKID", "SLURM_STEPID")


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


def communicator() -> Communicator:
    """Return the world: all ranks that were started together. MPI starts at the first call.

    Raises
    ------
    RuntimeError
        Where a launcher started several ranks and mpi4py cannot be imported: each would
        simulate the whole network on its own.
    """
    global _world
    if _world is None:
        launched = any(name in os.environ for name in LAUNCHER_VARIABLES)
        try:
            _world = MPICommunicator() if launched else SerialCommunicator()
        except (ImportError, RuntimeError) as error:
            if int(os.environ.get("PMI_SIZE", os.environ.get("OMPI_COMM_WORLD_SIZE", "2"))) > 1:
                raise RuntimeError(f"started on several ranks, but MPI cannot be used: {error}") from error
            _world = SerialCommunicator()
    return _world
