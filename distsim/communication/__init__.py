"""Ranks and what crosses them; the only folder that knows MPI."""

from distsim.communication.communicator import Communicator, SerialCommunicator, communicator, on_first_rank
from distsim.communication.leaving import end_with, fault, leave
from distsim.communication.meeting import limit_start

__all__ = [
    "Communicator",
    "SerialCommunicator",
    "communicator",
    "end_with",
    "fault",
    "leave",
    "limit_start",
    "on_first_rank",
]
