"""Ranks and what crosses them; the only folder that knows MPI."""

from distsim.communication.communicator import Communicator, SerialCommunicator, communicator, on_first_rank
from distsim.communication.leaving import fault, leave

__all__ = ["Communicator", "SerialCommunicator", "communicator", "fault", "leave", "on_first_rank"]
