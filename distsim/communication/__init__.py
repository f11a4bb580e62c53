"""Ranks and what crosses them; the only folder that knows MPI."""

from distsim.communication.communicator import Communicator, SerialCommunicator, communicator

__all__ = ["Communicator", "SerialCommunicator", "communicator"]
