"""What this rank owns: description and partition become local arrays, drawn without communication."""

from distsim.construction.local_network import LocalNetwork, build

__all__ = ["LocalNetwork", "build"]
