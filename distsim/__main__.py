"""``python -m distsim`` is the command line."""

import signal

# Until the run listens: a job may be asked to stop while it still starts, and is asked again.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)

from distsim.cli import main  # noqa: E402

main()
