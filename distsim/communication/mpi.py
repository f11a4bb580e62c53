"""How MPI starts: without holding Python up, so that a rank which never comes is told of, and Ctrl-C is heeded."""

from __future__ import annotations

import atexit
import ctypes
import threading
from typing import Any

from distsim import interrupts
from distsim.communication import meeting
from distsim.notices import warn


def start_mpi(n_ranks: int) -> tuple[Any, Any, meeting.Meetings, str]:
    """Start MPI; return the world, a copy of it for leaving, this rank's meetings, and the library's name. Collective.

    Parameters
    ----------
    n_ranks : int
        As the launcher tells it.

    MPI's own start waits for all ranks. mpi4py would do it with Python's lock held and no thread could run.
    """
    import mpi4py

    mpi4py.rc.initialize = False
    from mpi4py import MPI

    if not MPI.Is_initialized():
        late = f"not all of the {n_ranks} ranks have started MPI for {meeting.NOTICE:.0f} s: this rank waits for them"
        told = threading.Timer(meeting.NOTICE, warn, ("ranks", late), {"here": True})
        limit = meeting.start_timeout()
        text = f"waited {limit:g} s for all {n_ranks} ranks to start MPI: all ranks end (see --start-timeout)"
        ended = threading.Timer(limit, interrupts.end, (1, text))
        for timer in (told, ended):
            timer.daemon = True
            timer.start()
        code = ctypes.CDLL(MPI.__file__).MPI_Init_thread(None, None, MPI.THREAD_MULTIPLE, ctypes.byref(ctypes.c_int()))
        for timer in (told, ended):
            timer.cancel()
        if code != MPI.SUCCESS:
            raise RuntimeError(f"MPI_Init_thread failed with code {code}")
        for comm in (MPI.COMM_WORLD, MPI.COMM_SELF):
            comm.Set_errhandler(MPI.ERRORS_RETURN)
        atexit.register(_finalize)
    interrupts.check()
    apart, request = MPI.COMM_WORLD.Idup()
    meetings = meeting.Meetings(MPI.COMM_WORLD)
    meetings.wait(request)
    leaving, request = MPI.COMM_WORLD.Idup()
    meetings.wait(request)
    library = MPI.Get_library_version().split("\n")[0].strip().rstrip("\x00")
    return MPI.COMM_WORLD, leaving, meeting.Meetings(apart), library


def _finalize() -> None:
    """End MPI with the interpreter, as mpi4py does where it has started MPI itself."""
    from mpi4py import MPI

    if not MPI.Is_finalized():
        MPI.Finalize()
