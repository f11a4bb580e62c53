"""Ctrl-C: what SIGINT does while distsim is at work, so that nothing is left half done and all ranks end alike.

Python's own handler raises KeyboardInterrupt between any two instructions, also between those that numba executes to
hand over a result of compiled code: that is a segmentation fault. So the first SIGINT inside a block of `noted` only
sets a flag. `check` heeds it where nothing is half done, and the ranks of a running simulation agree on it at the end
of a chunk of steps; where nobody has heeded it by the end of the block, KeyboardInterrupt is raised there. Outside of
such blocks a script keeps Python's own Ctrl-C.

The command line calls `own` first of all: from then on a thread sees to it that a process which cannot heed the flag,
such as one inside a long compilation, ends all the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

EXIT_INTERRUPTED = 130
# Two SIGINTs closer than this (s) are one press of Ctrl-C, which the terminal and mpiexec both may pass on.
TOGETHER = 0.5
# Seconds after which the command line's thread ends a process that has not heeded SIGINT.
GRACE = 1.2


class _State:
    """What is known of SIGINT in this process.

    Attributes
    ----------
    asked : int
        Presses of Ctrl-C that nobody has heeded yet.
    depth, orderly, compiled : int
        Blocks of `noted` that are open, of all kinds and of each kind.
    owned : bool
        Whether this is the command line, which ends the process, and no script or notebook, which goes on.
    rank, n_ranks : int
        This process among those that `end` ends.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.last = float("-inf")
        self.depth = self.orderly = self.compiled = 0
        self.owned = False
        self.rank, self.n_ranks = int(os.environ.get("PMI_RANK", 0)), int(os.environ.get("PMI_SIZE", 1))
        self.abort: Callable[[int], Any] | None = None


_state = _State()


def asked() -> bool:
    """Return whether SIGINT came and nobody has heeded it yet."""
    return _state.asked > 0


def starting() -> bool:
    """Return whether a simulation is being made: then a SIGINT ends it, and a rank that does not come is told."""
    return not _state.orderly and (_state.owned or _state.depth > 0)


def check() -> None:
    """Heed SIGINT here: raise KeyboardInterrupt, but for the first one inside what ends in order."""
    if _state.asked > (1 if _state.orderly else 0) and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


@contextmanager
def noted(*, orderly: bool = False, compiled: bool = False) -> Iterator[None]:
    """Note SIGINT inside this block instead of raising KeyboardInterrupt anywhere.

    Parameters
    ----------
    orderly : bool
        For what comes to an end in order by itself after one SIGINT: `check` does not raise, a second SIGINT does.
    compiled : bool
        For calls of compiled code, which nothing may interrupt: a second SIGINT is heeded at the block's end.

    Raises
    ------
    KeyboardInterrupt
        At the end of the outermost block, where SIGINT came and nobody inside has heeded it.
    """
    if threading.current_thread() is not threading.main_thread():
        # Signals come to the main thread alone, and are its own affair.
        yield
        return
    _state.depth += 1
    _state.orderly += orderly
    _state.compiled += compiled
    before = None
    try:
        before = _listen()
        yield
    except KeyboardInterrupt:
        # Heeded: the flag is for the next one. The command line leaves, and is to know that it was asked.
        if _state.depth == 1 and not _state.owned:
            _state.asked = 0
        raise
    finally:
        try:
            if before is not None:
                signal.signal(signal.SIGINT, before)
        finally:
            _state.depth -= 1
            _state.orderly -= orderly
            _state.compiled -= compiled
    if (compiled and _state.asked > 1) or (_state.depth == 0 and _state.asked):
        if _state.depth == 0 and not _state.owned:
            _state.asked = 0
        raise KeyboardInterrupt


def _listen() -> Any:
    """Take SIGINT, in the outermost block of the main thread; return the handler to give it back to."""
    if _state.depth > 1 or _state.owned:
        return None
    before = signal.getsignal(signal.SIGINT)
    # A shell that starts a job in the background lets it ignore Ctrl-C; None is a handler that Python did not install.
    if before in (signal.SIG_IGN, None):
        return None
    _state.asked, _state.last = 0, float("-inf")
    signal.signal(signal.SIGINT, _note)
    return before


def _note(number: int, frame: FrameType | None) -> None:
    """Handle SIGINT: count it, and heed it at once where that is right."""
    now = time.monotonic()
    if _state.asked and now - _state.last < TOGETHER:
        return
    _state.last = now
    _state.asked += 1
    if _state.asked > 1 and (_state.owned or _state.n_ranks > 1):
        end()
    if _state.compiled == 0 and ((_state.owned and _state.depth == 0) or _state.asked > 1):
        raise KeyboardInterrupt


def own() -> None:
    """Take SIGINT for the whole process, which is the command line's: it ends within `GRACE`, or in order and then."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        return
    _state.owned = True
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(read,), daemon=True).start()
    signal.signal(signal.SIGINT, _note)


def done() -> None:
    """Let SIGINT do nothing any more: all is done and written, or told, and only the process's end is left."""
    if _state.owned:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _state.owned, _state.asked = False, 0


def ends_ranks(rank: int, n_ranks: int, abort: Callable[[int], Any]) -> None:
    """Say which rank this is, and how all are ended with an exit code."""
    _state.rank, _state.n_ranks, _state.abort = rank, n_ranks, abort


def _watch(read: int) -> None:
    """Be the thread that ends a process whose main thread does not come to heed SIGINT."""
    presses, last = 0, float("-inf")
    while True:
        numbers = os.read(read, 4096)
        if signal.SIGINT not in numbers:
            continue
        now = time.monotonic()
        if now - last < TOGETHER:
            continue
        presses, last = presses + 1, now
        threading.Thread(target=_patience, args=(presses,), daemon=True).start()


def _patience(presses: int) -> None:
    """End the process after a while, but for one that ends in order after the first SIGINT."""
    end_by = time.monotonic() + GRACE
    while presses > 1 or not _state.orderly:
        if not _state.owned:
            return
        if time.monotonic() > end_by:
            end()
        time.sleep(0.05)


def end(code: int = EXIT_INTERRUPTED, text: str = "interrupted") -> None:
    """Print one line and end all ranks at once, from whatever thread and wherever the main thread is."""
    # The first rank's line is enough where it speaks, too.
    if _state.rank > 0:
        time.sleep(0.3)
    os.write(2, f"distsim: {text}\n".encode())
    # What an aborted job has not passed on is lost.
    time.sleep(0.2 if _state.n_ranks > 1 else 0.0)
    threading.Thread(target=end_ranks, args=(code,), daemon=True).start()
    time.sleep(1.0 if _state.n_ranks > 1 else 0.0)
    os._exit(code)


def end_ranks(code: int) -> None:
    """End all ranks, also before MPI has started in this one: MPICH's mpiexec would wait for a rank that just exits."""
    # MPI's own words about it would be a second line.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if _state.abort is not None:
        _state.abort(code)
    elif "PMI_FD" in os.environ:
        with contextlib.suppress(OSError):
            os.write(int(os.environ["PMI_FD"]), f"cmd=abort exitcode={code}\n".encode())
            time.sleep(1.0)
    os._exit(code)
