"""``python -m distsim`` is the command line."""

from distsim.cli import main

main()
