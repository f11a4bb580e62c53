"""Synapse models: how weights change, one model to a file."""
