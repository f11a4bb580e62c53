"""Seconds of a rank."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clocks:
    """Seconds of this rank that a resumed run carries on; wall time but for `cpu`.

    Attributes
    ----------
    run : float
        Running, the transient included.
    counted, record, checkpoint, cpu : float
        After the transient: in all, recording, writing checkpoints; CPU time.
    """

    run: float = 0.0
    counted: float = 0.0
    record: float = 0.0
    checkpoint: float = 0.0
    cpu: float = 0.0
