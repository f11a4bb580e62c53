"""What may come up while a run goes, and on which all ranks agree: a signal to stop, a checkpoint that is due."""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import numpy as np

from distsim import interrupts
from distsim.communication import Communicator
from distsim.errors import Interrupted, Stopped
from distsim.network.config import CheckpointConfig
from distsim.notices import gathered

Method = TypeVar("Method", bound=Callable[..., Any])

# SIGUSR1 is what Slurm is asked to send before a time limit, SIGTERM what it sends at one.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


def in_order(method: Method) -> Method:
    """Make a method of a simulation gather its warnings, and come to its end in order where Ctrl-C came meanwhile."""
    return interrupts.noted(orderly=True)(gathered(method))


def start(method: Method) -> Method:
    """Make the method that starts a simulation gather its warnings, and give up what it took where it fails."""
    whole = gathered(method)

    @functools.wraps(method)
    def tried(self: Any, *arguments: Any, **named: Any) -> Any:
        with interrupts.noted():
            try:
                return whole(self, *arguments, **named)
            except BaseException:
                if (stopping := getattr(self, "stopping", None)) is not None:
                    stopping.forget()
                if (folder := getattr(self, "folder", None)) is not None:
                    folder.let_go()
                raise

    return tried  # type: ignore[return-value]


class Stopping:
    """Whether to stop, and when the next checkpoint is due; the same on all ranks after `agree`.

    Parameters
    ----------
    config : CheckpointConfig
    dt : float
        Step (ms).
    ranks : Communicator
    """

    def __init__(self, config: CheckpointConfig, dt: float, ranks: Communicator):
        self.ranks = ranks
        self.stop = False
        self.interrupted = False
        kind, every = config.times() or ("wall", float("inf"))
        self.every_steps = round(every / dt) if kind == "biological" else None
        self._every_seconds = every if kind == "wall" else float("inf")
        self._last = time.monotonic()
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def watch(self) -> None:
        """Begin to listen to signals, in the main thread; a thread of a user's has signals of its own."""
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._ask) for s in SIGNALS}

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def agree(self, step: int, seconds: float) -> tuple[bool, float]:
        """Return whether a checkpoint is due at this step, and the longest of the ranks' seconds. Collective.

        Sets `stop` where any rank was sent a signal, and `interrupted` too where it was Ctrl-C's.
        """
        late = time.monotonic() - self._last >= self._every_seconds and self.ranks.rank == 0
        mine = (self._asked, interrupts.asked(), late, seconds)
        asked, interrupted, due, longest = self.ranks.largest(np.array(mine, np.float64))
        self.stop, self.interrupted = bool(asked or interrupted), bool(interrupted)
        biological = self.every_steps is not None and step % self.every_steps == 0
        return bool(due) or biological or self.stop, float(longest)

    def leave(self, checkpoint: Path | None) -> None:
        """Raise what a signal asked for, on all ranks: Interrupted or Stopped."""
        where = str(checkpoint) if checkpoint is not None else None
        if self.interrupted:
            raise Interrupted(where)
        if self.stop:
            self._asked = False
            raise Stopped(str(where))

    def checkpoint_written(self) -> None:
        """Count wall time to the next checkpoint from now."""
        self._last = time.monotonic()

    def forget(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
