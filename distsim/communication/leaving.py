"""How a run with several ranks ends early: together with exit code 2, 75 or 130, or for a fault at once for all."""

from __future__ import annotations

import os
import sys
import time
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from distsim import interrupts
from distsim.errors import InputError, Interrupted, Stopped

if TYPE_CHECKING:
    from distsim.communication.communicator import Communicator

EXIT_INPUT = 2
EXIT_FAULT = 1
EXIT_STOPPED = 75
# Seconds that a rank with bad input waits for the others to meet the same error.
PATIENCE = 10.0
INTERRUPTED_PATIENCE = 0.5
# Seconds for mpiexec to pass our line on: what an aborted job has not passed on is lost.
FORWARDING = 0.3


def end_with(world: Communicator, error: BaseException) -> NoReturn:
    """End this process, and with it all ranks, as an error asks for: in order where all may meet it, or at once."""
    if exit_code(error) == EXIT_FAULT:
        fault(world, error)
    leave(world, error)


def leave(world: Communicator, error: BaseException) -> NoReturn:
    """Print one line, on one rank where all met the error, and leave with the code of `exit_code`. Collective.

    A rank that met it alone aborts the others: they would wait for it for ever.
    """
    code = exit_code(error)
    interrupts.done()
    # A rank that Ctrl-C finds before the first step may be the only one, or the others may not be able to listen.
    alone = isinstance(error, KeyboardInterrupt) and not isinstance(error, Interrupted)
    together = world.meet(timeout=INTERRUPTED_PATIENCE if alone else PATIENCE)
    if world.rank == 0 or not together:
        print(f"distsim: {' '.join((str(error) or 'interrupted').split())}", file=sys.stderr, flush=True)
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


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error that ends the command line in order, or of a fault."""
    if isinstance(error, KeyboardInterrupt):
        return interrupts.EXIT_INTERRUPTED
    return EXIT_INPUT if isinstance(error, InputError) else EXIT_STOPPED if isinstance(error, Stopped) else EXIT_FAULT


def fault(world: Communicator, error: BaseException) -> NoReturn:
    """Tell what happened on which rank and end all ranks with exit code 1."""
    # Those of the machine, the user and the model are told in one line; all others are mistakes of the program.
    if not isinstance(error, OSError | FloatingPointError | MemoryError):
        # One write: the tracebacks of several ranks do not mix line by line.
        sys.stderr.write("".join(traceback.format_exception(error)))
    text = str(error) or type(error).__name__
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
        end_with(world, error)

    sys.excepthook = ended
