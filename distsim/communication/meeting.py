"""Waiting for other ranks without using up a core, and knowing who is missing.

Before the first step of a simulation nobody may be waited for in silence: after `NOTICE` seconds a rank asks the
others, which answer while they wait themselves, and names those that do not; after the start's time limit all ranks
end. A rank that is stopped, hangs in a file system or died without its launcher's notice is found that way.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from distsim import interrupts
from distsim.notices import warn

# Seconds until a rank that is waited for is named, and for the others to answer who is there.
NOTICE = 30.0
ANSWERING = 2.0
# Seconds by which a rank asks later than the one before it, so that mostly one asks; of the first ranks only.
STAGGER, STAGGERED = 1.0, 10
# Seconds of polling without sleep, and of the longest sleep; in between it sleeps a tenth of what it waited already.
QUICK, LONGEST_SLEEP = 0.001, 0.02
QUESTION, ANSWER = 1, 2
_start_timeout = 600.0


def start_timeout() -> float:
    """Return how many seconds a rank waits for others before the first step until all ranks end."""
    return _start_timeout


def limit_start(seconds: float) -> None:
    """Set how many seconds a rank waits for others before the first step until all ranks end; 600 where not set."""
    global _start_timeout
    _start_timeout = seconds


class Meetings:
    """The meetings of one rank with all others.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        For questions and answers alone.
    """

    def __init__(self, comm: Any):
        self._comm = comm
        self._number = 0
        self._told_of = -1
        self._questions: list[Any] = []
        self._abandoned: list[Any] = []

    def wait(self, request: Any, *buffers: Any, timeout: float | None = None) -> bool:
        """Wait until a request is done; return whether it was within `timeout` seconds.

        Parameters
        ----------
        request : mpi4py.MPI.Request
        *buffers : object
            Memory that the request reads or writes.

        Raises
        ------
        KeyboardInterrupt
            After SIGINT, before the first step.
        """
        self._number += 1
        begin = time.monotonic()
        self._asked_at: float | None = None
        try:
            while not request.Test():
                waited = time.monotonic() - begin
                if timeout is not None and waited > timeout:
                    self._abandoned.append((request, buffers))
                    return False
                if waited > QUICK:
                    interrupts.check()
                    self._attend(begin, waited)
                    time.sleep(min(waited / 10.0, LONGEST_SLEEP))
        except BaseException:
            # MPI may write there until the process ends.
            self._abandoned.append((request, buffers))
            raise
        return True

    def _attend(self, begin: float, waited: float) -> None:
        """Answer who asks; ask, tell and end where the wait becomes long."""
        if waited < 10 * QUICK:
            return
        from mpi4py import MPI

        status = MPI.Status()
        while self._comm.Iprobe(tag=QUESTION, status=status):
            number = self._comm.recv(source=status.source, tag=QUESTION)
            self._questions.append(self._comm.isend((number, self._number), dest=status.source, tag=ANSWER))
            if number == self._number:
                self._told_of = number
        if not interrupts.starting():
            return
        rank = self._comm.rank
        if self._told_of != self._number and waited > NOTICE + STAGGER * min(rank, STAGGERED):
            self._told_of, self._asked_at = self._number, time.monotonic()
            others = [r for r in range(self._comm.size) if r != rank]
            self._questions += [self._comm.isend(self._number, dest=r, tag=QUESTION) for r in others]
        if self._asked_at is not None and time.monotonic() - self._asked_at > ANSWERING:
            self._asked_at = None
            warn(
                "ranks",
                f"{self._missing()} not come for {waited:.0f} s to where the others wait: {caller()}",
                here=True,
            )
        if waited > _start_timeout:
            text = f"waited {_start_timeout:g} s for other ranks in {caller()}: all ranks end (see --start-timeout)"
            interrupts.end(1, text)

    def _missing(self) -> str:
        """Return which ranks have not answered that they wait here, as the beginning of a sentence."""
        from mpi4py import MPI

        here, status = {self._comm.rank}, MPI.Status()
        while self._comm.Iprobe(tag=ANSWER, status=status):
            asked, number = self._comm.recv(source=status.source, tag=ANSWER)
            if asked == self._number and number >= asked:
                here.add(status.source)
        missing = [str(r) for r in range(self._comm.size) if r not in here]
        if not missing:
            return "nobody is missing, but a message of another rank has"
        listed = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
        return (
            f"rank {listed} of {self._comm.size} has"
            if len(missing) == 1
            else f"ranks {listed} of {self._comm.size} have"
        )


def caller() -> str:
    """Return what function of distsim, or of a script, waits for the other ranks."""
    frame = sys._getframe(1)
    while frame.f_back is not None and "communication" in frame.f_globals.get("__name__", ""):
        frame = frame.f_back
    return f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}"
