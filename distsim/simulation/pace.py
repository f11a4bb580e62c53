"""How far a simulation advances between two looks at recordings, progress and signals."""

from __future__ import annotations

# Biological time (ms) of the first chunk, and of the longest: a look costs what a small network needs for many steps.
FIRST_CHUNK_MS, CHUNK_MS = 10.0, 200.0
# Wall time of a chunk above which the next one is shorter; below half of it the next one is longer.
CHUNK_SECONDS = 0.5


class Pace:
    """Steps of the next chunk: ranks answer a signal within a second or so, however large the network.

    Parameters
    ----------
    dt : float
        Step (ms).
    largest : int
        The most steps of a chunk.
    """

    def __init__(self, dt: float, largest: int):
        self.largest = largest
        self.steps = min(largest, max(1, round(FIRST_CHUNK_MS / dt)))

    def took(self, seconds: float) -> None:
        """Choose the next chunk by the wall time of the last one, the longest of all ranks."""
        if seconds > CHUNK_SECONDS:
            self.steps = max(1, self.steps // 2)
        elif seconds < CHUNK_SECONDS / 2:
            self.steps = min(2 * self.steps, self.largest)
