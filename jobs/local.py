"""This machine as a cluster: jobs wait in order until enough cores are free; a limit stops and restarts them.

A job is one process of this module, detached from who submitted it; cores are files that it holds locked, so
that a job that dies gives them back.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from distsim.io.whole_files import ANYTHING, check_regular, whole
from distsim.jobs.record import job_folder, state_folder

POLL = 0.2
# Seconds between a run being asked to stop, at its limit, and being killed.
GRACE = 30.0
EXIT_STOPPED = 75
MAIN = "from distsim.jobs.local import main; main()"


def start(folder: Path, ranks: int, minutes: float, signal_seconds: float, max_requeues: int, cores: int) -> str:
    """Start the process that queues for cores and then runs ``job.sh``; return its id."""
    job = job_folder(folder)
    words = [sys.executable, "-c", MAIN, str(folder), str(ranks), str(minutes), str(signal_seconds),
             str(max_requeues), str(cores)]  # fmt: skip
    _tell(job, "PENDING")
    check_regular(job / "queue.txt")
    with open(job / "queue.txt", "ab") as out:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=job
        )
    return str(process.pid)


def state(folder: Path) -> str:
    """Return the state of a local job, in Slurm's words."""
    try:
        told = json.loads((job_folder(folder) / "local.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "UNKNOWN"
    alive = told["state"] not in ("PENDING", "RUNNING") or told["pid"] is None or _alive(told["pid"])
    return told["state"] if alive else "NODE_FAIL"


def cancel(folder: Path, job_id: str) -> None:
    """Cancel a local job."""
    if state(folder) in ("PENDING", "RUNNING"):
        os.kill(int(job_id), signal.SIGTERM)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A process that has ended and that nobody has waited for is none.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def _tell(job: Path, said: str, pid: int | None = None) -> None:
    with whole(job / "local.json", ANYTHING) as part:
        part.write_text(json.dumps({"state": said, "pid": pid}) + "\n", encoding="utf-8")


def _take_cores(wanted: int, cores: int) -> list[IO[str]]:
    """Wait for cores, first come first served; return the locked files that stand for them."""
    folder = state_folder() / "cores"
    folder.mkdir(exist_ok=True)
    wanted = min(wanted, cores)
    held: list[IO[str]] = []
    with open(folder / "queue", "a", encoding="utf-8") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        while len(held) < wanted:
            names = {file.name for file in held}
            for number in range(cores):
                if len(held) == wanted or str(folder / str(number)) in names:
                    continue
                file = open(folder / str(number), "a", encoding="utf-8")  # noqa: SIM115
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    held.append(file)
                except BlockingIOError:
                    file.close()
            if len(held) < wanted:
                time.sleep(POLL)
    return held


class _Cancelled(Exception):
    """SIGTERM came."""


def run(folder: Path, ranks: int, minutes: float, signal_seconds: float, max_requeues: int, cores: int) -> int:
    """Wait for cores, run the job until it is done, return its exit code."""
    job = job_folder(folder)

    def cancelled(number: int, frame: object) -> None:
        raise _Cancelled

    signal.signal(signal.SIGTERM, cancelled)
    _tell(job, "PENDING", os.getpid())
    script: subprocess.Popen[bytes] | None = None
    try:
        held = _take_cores(ranks, cores)
        for count in range(max_requeues + 1):
            _tell(job, "RUNNING", os.getpid())
            environment = {**os.environ, "DISTSIM_RESTART_COUNT": str(count)}
            script = subprocess.Popen(["bash", str(job / "job.sh")], env=environment, start_new_session=True, cwd=job)
            code = _limited(script, minutes * 60.0, signal_seconds)
            if code != EXIT_STOPPED:
                break
        for file in held:
            file.close()
        _tell(job, "COMPLETED" if code == 0 else "TIMEOUT" if code == EXIT_STOPPED else "FAILED", os.getpid())
        return code
    except _Cancelled:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if script is not None:
            _end(script)
        _tell(job, "CANCELLED", os.getpid())
        return 128 + signal.SIGTERM


def _limited(script: subprocess.Popen[bytes], limit: float, signal_seconds: float) -> int:
    """Wait for a script; ask it to stop before its limit, kill it some time after."""
    try:
        return script.wait(timeout=max(limit - signal_seconds, 1.0))
    except subprocess.TimeoutExpired:
        script.send_signal(signal.SIGUSR1)
    try:
        return script.wait(timeout=signal_seconds + GRACE)
    except subprocess.TimeoutExpired:
        _end(script)
        return script.wait()


def _end(script: subprocess.Popen[bytes]) -> None:
    """Kill a script and all that it started, mpiexec's ranks too: they are sessions of their own."""
    import psutil

    try:
        started = psutil.Process(script.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        started = []
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    script.kill()


def main() -> None:
    """Be the process of one job; the arguments are those of `run`."""
    folder, ranks, minutes, signal_seconds, max_requeues, cores = sys.argv[1:]
    sys.exit(run(Path(folder), int(ranks), float(minutes), float(signal_seconds), int(max_requeues), int(cores)))
