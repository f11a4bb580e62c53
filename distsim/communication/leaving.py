"""How a run with several ranks ends early: together with exit code 2 or 75, or for a fault at once for all."""

from __future__ import annotations

import os
import sys
import time
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from distsim.errors import InputError, Stopped

if TYPE_CHECKING:
    from distsim.communication.communicator import Communicator

EXIT_INPUT = 2
EXIT_FAULT = 1
EXIT_STOPPED = 75
# Seconds that a rank with bad input waits for the others to meet the same error.
PATIENCE = 10.0
# Seconds for mpiexec to pass our line on: what an aborted job has not passed on is lost.
FORWARDING = 0.3


def leave(world: Communicator, error: InputError | Stopped) -> NoReturn:
    """Print one line, on one rank where all met the error, and leave with exit code 2 or 75. Collective.

    A rank that met it alone aborts the others: they would wait for it for ever.
    """
    code = EXIT_STOPPED if isinstance(error, Stopped) else EXIT_INPUT
    together = world.meet(timeout=PATIENCE)
    if world.rank == 0 or not together:
        print(f"distsim: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    if world.n_ranks > 1:
        # Where each rank ended with an error of its own, mpiexec would kill the slower ones and report the
        # signal. One abort gives the job our code; MPI's words about it would be a second line.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        if world.rank == 0 or not together:
            time.sleep(FORWARDING)
            world.abort(code)
        time.sleep(PATIENCE)
    os._exit(code)


def fault(world: Communicator, error: BaseException) -> NoReturn:
    """Tell what happened on which rank and end all ranks with exit code 1."""
    # Those of the machine, the user and the model are told in one line; all others are mistakes of the program.
    if not isinstance(error, OSError | KeyboardInterrupt | FloatingPointError):
        # One write: the tracebacks of several ranks do not mix line by line.
        sys.stderr.write("".join(traceback.format_exception(error)))
    text = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
    where = f" (rank {world.rank} of {world.n_ranks})" if world.n_ranks > 1 else ""
    print(f"distsim: {text}{where}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    if world.n_ranks > 1:
        time.sleep(FORWARDING)
    world.abort(EXIT_FAULT)
    os._exit(EXIT_FAULT)


def end_all_ranks_on_errors(world: Communicator) -> None:
    """Make an uncaught error of a script on one of several ranks end the others too.

    Called when the ranks are first asked for, never at import.
    """

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, InputError | Stopped):
            leave(world, error)
        fault(world, error)

    sys.excepthook = ended
