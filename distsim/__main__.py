"""``python -m distsim`` and the command ``distsim``: listens to signals first of all, then reads the command line."""

import signal


def main() -> None:
    """Run the command line."""
    from distsim import interrupts

    interrupts.own()
    # Until the run listens: a job may be asked to stop while it still starts, and is asked again.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        from distsim.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        interrupts.end()


if __name__ == "__main__":
    main()
