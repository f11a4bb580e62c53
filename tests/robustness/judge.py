"""One command in a process of its own, forked from a warm one, and what came of it.

The process may take a time of the processor and memory; what it says and leaves with is what a user sees.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

# A hang: so much time of a processor (s), or so long in all (s), on a machine that does much else.
CPU_SECONDS, WALL_SECONDS = 10, 60
SLOW_SECONDS = 2.0
MEMORY_BYTES = 2 << 30
LONGEST_LINE = 300


@dataclass
class Ended:
    """How a command ended: its exit code or minus the signal, what it printed, time of the processor (s)."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    hung: bool


def command(arguments: list[str], folder: Path, cpu_seconds: int = CPU_SECONDS) -> Ended:
    """Run the command line with arguments in a folder; return how it ended."""
    out, err = folder / ".stdout", folder / ".stderr"
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _child(arguments, folder, out, err, cpu_seconds)
    handle = os.pidfd_open(pid)
    over = _waits_for_ever(pid, handle)
    if over:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    os.close(handle)
    code = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    texts = [p.read_bytes()[:100_000].decode("utf-8", "backslashreplace") for p in (out, err)]
    for path in (out, err):
        path.unlink()
    hung = over or code == -signal.SIGXCPU or (code < 0 and seconds >= cpu_seconds)
    return Ended(code, *texts, seconds, hung)


def _waits_for_ever(pid: int, handle: int) -> bool:
    """Return whether a process is still there after all its time, or after ten seconds in which it does nothing."""
    begin, before = time.monotonic(), 0.0
    while not select.select([handle], [], [], WALL_SECONDS / 6)[0]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        now = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if now - before < 0.02 or time.monotonic() - begin > WALL_SECONDS:
            return True
        before = now
    return False


def _child(arguments: list[str], folder: Path, out: Path, err: Path, cpu_seconds: int) -> None:
    """Be the command: never returns."""
    code = 1
    try:
        gc.disable()
        os.chdir(folder)
        for path, number in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        sys.argv = ["distsim", *arguments]
        from distsim import cli

        gc.enable()
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def outcome(ended: Ended, broken: str | None) -> tuple[str, str]:
    """Return (class, line) of a command.

    Returns
    -------
    str
        ``fine``; ``refused``: in one line, exit code 2; ``accepted``: although it is broken; ``traceback``;
        ``memory``; ``hang``; ``died`` of a signal; ``line``: refused, but not in one line of at most 300
        characters without control characters; ``fault``: another exit code.
    str
        What it said last.
    """
    lines = [s for s in ended.stderr.splitlines() if s.strip()]
    last = (lines or [""])[-1][:400]
    if ended.hung:
        return "hang", f"{ended.seconds:.1f} s of a processor"
    if "MemoryError" in ended.stderr:
        return "memory", last
    if "Traceback (most recent call last)" in ended.stderr:
        return "traceback", _where(ended.stderr) + last
    if ended.code < 0:
        return "died", signal.Signals(-ended.code).name
    if ended.code == 0:
        # Warnings of libraries are no words of ours.
        foreign = [s for s in lines if not s.startswith("distsim: ") or problem(s)]
        return ("accepted", broken) if broken else ("line", foreign[0][:400]) if foreign else ("fine", last)
    if ended.code != 2:
        return "fault", f"exit code {ended.code}: {last}"
    said = [s for s in lines if not s.startswith("distsim: warning: ")]
    if len(said) != 1 or not said[0].startswith("distsim: ") or any(problem(s) for s in lines):
        return "line", last
    return ("refused", last) if ended.seconds < SLOW_SECONDS else ("slow", f"{ended.seconds:.1f} s: {last}")


def problem(line: str) -> bool:
    """Return whether a line is too long or has characters that a terminal obeys."""
    return len(line) > LONGEST_LINE or not line.isprintable()


def _where(text: str) -> str:
    """Return the last place of distsim's own in a traceback."""
    found = re.findall(r'File "[^"]*?/(\w+/\w+\.py)", line (\d+), in (\w+)', text)
    return f"{found[-1][0]}:{found[-1][1]} " if found else ""


# What must not come of any case.
BAD = ("accepted", "traceback", "memory", "hang", "died", "line", "fault", "slow", "wrong")
