"""What may come up while a run goes, and on which all ranks agree: a signal to stop, a checkpoint that is due."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any

import numpy as np

from distsim.communication import Communicator
from distsim.network.config import CheckpointConfig

# SIGUSR1 is what Slurm is asked to send before a time limit, SIGTERM what it sends at one.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


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

        Sets `stop` where any rank was sent a signal.
        """
        late = time.monotonic() - self._last >= self._every_seconds and self.ranks.rank == 0
        asked, due, longest = self.ranks.largest(np.array([float(self._asked), float(late), seconds]))
        self.stop = bool(asked)
        biological = self.every_steps is not None and step % self.every_steps == 0
        return bool(due) or biological or self.stop, float(longest)

    def checkpoint_written(self) -> None:
        """Count wall time to the next checkpoint from now."""
        self._last = time.monotonic()

    def forget(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
