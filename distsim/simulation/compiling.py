"""Ctrl-C while numba compiles: heeded between two passes of its compiler, where nothing is half done."""

from __future__ import annotations

from functools import cache

from numba.core import event

from distsim import interrupts


class _BetweenPasses(event.Listener):
    """Heeds SIGINT whenever a pass of the compiler begins."""

    def on_start(self, event: event.Event) -> None:
        interrupts.check()

    def on_end(self, event: event.Event) -> None:
        pass


@cache
def heed_interrupts() -> None:
    """Let numba's compiler stop at SIGINT while a simulation is being made."""
    event.register("numba:run_pass", _BetweenPasses())
