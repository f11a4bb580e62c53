"""Ctrl-C at moments spread over a whole run: from the shell, in scripts and in a notebook, on one rank and on two.

python tests/robustness/interrupts.py --rounds 20

A round sends SIGINT once, at a moment of its own, to a run in each of six ways, and holds it to what docs/exit_codes.md
says: exit code 130 on all ranks, one line, no traceback and no segmentation fault; before the first step nothing is left
that hinders the same command, after it there is a checkpoint. The run is then begun again, or gone on with, and must end
with the bits of an undisturbed one. The suite does a few moments (test_interrupts.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MPIEXEC = str(Path(sys.executable).with_name("mpiexec"))
# Longer than anything here takes: what takes longer hangs.
DEADLINE = 180.0
NETWORK = """
network:
  name: interrupted
  populations:
    exc: {size: 800, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
    inh: {size: 200, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
  devices:
    drive: {model: poisson_generator, params: {rate: 8000.0}}
  projections:
    - {pre: drive, post: [exc, inh], weight: 40.0}
    - {pre: exc, post: [exc, inh], rule: {fixed_indegree: 80}, weight: {normal: [40, 4]}, delay: {uniform: [0.5, 4]}}
    - {pre: inh, post: [exc, inh], rule: {pairwise_bernoulli: 0.1}, weight: -200.0, delay: {uniform: [0.5, 2.5]}}
  recorders:
    - {record: spikes, from: [exc, inh]}
    - {record: V_m, from: {population: exc, slice: [5, 30]}, every: 0.7}
simulation: {duration: DURATION, seed: 7}
"""
# What a user would write who catches Ctrl-C, once, and goes on. With a run folder as its argument it writes there.
SCRIPT = """
import sys
import distsim as ds
from distsim.network.config import load_config
ranks = ds.communicator()
config = load_config(sys.argv[1])
total = config.simulation.duration
if len(sys.argv) > 2:
    config = config.with_output(sys.argv[2])
def say(*words):
    if ranks.rank == 0:
        print(*words, flush=True)
say("listening")
try:
    sim = ds.Simulation.from_config(config)
except KeyboardInterrupt:
    if ranks.n_ranks > 1:
        raise
    say("caught before the first step")
    sim = ds.Simulation.from_config(config)
while sim.biological_ms < total:
    try:
        sim.run(round(total - sim.biological_ms, 9))
    except KeyboardInterrupt:
        say("caught at", sim.biological_ms)
try:
    summary = sim.close()
except KeyboardInterrupt:
    say("caught at the end")
    summary = sim.close()
say("hash", summary["spike_hash"])
"""
# A kernel's way of running cells: Python's own handler, an exception ends the cell and not the process.
CELLS = """
import signal, sys, threading
def beat():
    while True:
        threading.Event().wait(0.01)
threading.Thread(target=beat, daemon=True).start()
names = {}
for line in sys.stdin:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        exec(compile(eval(line), "<cell>", "exec"), names)
        print("ok", flush=True)
    except BaseException as error:
        print("error", type(error).__name__, flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
"""
BUILD = """
import distsim as ds
from distsim.network.config import load_config
config = load_config({network!r})
total = config.simulation.duration
print("listening", flush=True)
sim = ds.Simulation.from_config(config)
"""
RUN = "sim.run(round(total - sim.biological_ms, 9))"
HASH = 'print("hash", sim.close()["spike_hash"], flush=True)'


@dataclass
class Outcome:
    """What came of one SIGINT.

    Attributes
    ----------
    what : str
        Where it hit: before the first step, while running, at the end, or after it.
    seconds : float
        From the signal to the end of the processes, or of the call.
    """

    what: str
    seconds: float


def environment() -> dict[str, str]:
    """Return the environment of all processes here."""
    return {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def start(n_ranks: int, *words: object) -> subprocess.Popen[str]:
    """Start Python with arguments on n ranks, as the foreground job of a terminal: a process group of its own."""
    launch = [MPIEXEC, "-n", str(n_ranks)] if n_ranks > 1 else []
    return subprocess.Popen(
        [*launch, sys.executable, "-u", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True,
    )  # fmt: skip


def ranks_of(process: subprocess.Popen[str], n_ranks: int) -> list[psutil.Process]:
    """Return the processes of the ranks."""
    if n_ranks == 1:
        return [psutil.Process(process.pid)]
    found = psutil.Process(process.pid).children(recursive=True)
    return [p for p in found if Path(p.exe()).name.startswith("python")]


def until_listening(process: subprocess.Popen[str], n_ranks: int) -> None:
    """Wait until all ranks handle SIGINT and have the thread that watches for it; before, the system ends them."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        try:
            ranks = ranks_of(process, n_ranks)
            if len(ranks) == n_ranks and all(p.num_threads() > 1 for p in ranks):
                return
        except psutil.Error:
            pass
        time.sleep(0.002)


def send(process: subprocess.Popen[str], n_ranks: int, to: str) -> None:
    """Send SIGINT: to the process group as a terminal does, to mpiexec only, or to the last rank only."""
    if to == "group":
        os.killpg(process.pid, signal.SIGINT)
    elif to == "mpiexec":
        process.send_signal(signal.SIGINT)
    else:
        ranks_of(process, n_ranks)[-1].send_signal(signal.SIGINT)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; what hangs is an error."""
    try:
        out, errors = process.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        for rank in psutil.Process(process.pid).children(recursive=True):
            rank.kill()
        process.kill()
        raise AssertionError(f"hangs: {process.args}") from None
    return process.returncode, out, errors


def check_words(errors: str) -> None:
    """Hold stderr to one line of ours: no traceback, no crash; mpiexec has words of its own."""
    for wrong in ("Traceback", "Segmentation", "BAD TERMINATION", "MPI_Abort"):
        assert wrong not in errors, errors
    lines = [line for line in errors.splitlines() if line.startswith("distsim: ") and "warning" not in line]
    assert len(lines) == 1, errors


def spike_hash(folder: Path) -> str:
    """Return the hash of a finished run."""
    return json.loads((folder / "summary.json").read_text())["spike_hash"]


def shell(network: Path, folder: Path, n_ranks: int, moment: float, to: str, expected: str) -> Outcome:
    """Interrupt `distsim run` a while after it listens, then begin again or go on."""
    words = ["-m", "distsim", "run", network, "-q", "--output", folder]
    process = start(n_ranks, *words)
    until_listening(process, n_ranks)
    time.sleep(moment)
    if process.poll() is None:
        send(process, n_ranks, to if n_ranks > 1 else "group")
    begin = time.monotonic()
    code, _, errors = finish(process)
    seconds = time.monotonic() - begin
    if (folder / "summary.json").exists():
        # All was done: it came while the files were closed, or when nothing was left to do.
        assert code in (0, 130), (code, errors)
        what = "at the end" if code else "after the end"
    else:
        assert code == 130, (code, errors)
        check_words(errors)
        stepped = bool(list(folder.glob("checkpoints/t_*.h5")))
        assert stepped == ("to be resumed from" in errors), errors
        what = "running" if stepped else "before the first step"
        again = ["-m", "distsim", "run", folder, "--resume", "-q"] if stepped else words
        code, _, errors = finish(start(n_ranks, *again))
        assert code == 0, errors
    assert spike_hash(folder) == expected, "other bits"
    return Outcome(what, seconds)


def script(network: Path, folder: Path, n_ranks: int, moment: float, to: str, expected: str) -> Outcome:
    """Interrupt a script that catches KeyboardInterrupt and runs on; every other one writes a run folder."""
    path = network.with_name("script.py")
    path.write_text(SCRIPT)
    process = start(n_ranks, path, network, *([folder] if len(folder.name) % 2 else []))
    assert process.stdout is not None and process.stdout.readline() == "listening\n"
    time.sleep(moment)
    if process.poll() is None:
        send(process, n_ranks, to if n_ranks > 1 else "group")
    begin = time.monotonic()
    code, out, errors = finish(process)
    seconds = time.monotonic() - begin
    if f"hash {expected}" in out:
        told = [line for line in out.splitlines() if line.startswith("caught")]
        # Python's own Ctrl-C ends what is between the calls of distsim, or behind the last.
        assert code == 0 or not told, (code, out, errors)
        return Outcome("running" if " at " in str(told) else told[0][7:] if told else "after the end", seconds)
    assert "hash" not in out, "other bits"
    if n_ranks == 1:
        # Between two calls of distsim: KeyboardInterrupt ended the script.
        assert code in (130, -signal.SIGINT) and "Segmentation" not in errors, (code, out, errors)
        return Outcome("between calls", seconds)
    assert code == 130, (code, out, errors)
    check_words(errors)
    return Outcome("before the first step", seconds)


class Cells:
    """A kernel that runs cells: ipykernel's where jupyter_client is installed, else a loop of the same kind."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", CELLS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(), start_new_session=True,
        )  # fmt: skip

    def run(self, cell: str) -> list[str]:
        """Run a cell; return what it printed, and how it ended: ``ok`` or ``error NAME``."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(repr(cell) + "\n")
        self.process.stdin.flush()
        lines: list[str] = []
        while not lines or not lines[-1].startswith(("ok", "error")):
            line = self.process.stdout.readline()
            assert line, f"the kernel died: {self.process.wait(10)}"
            lines.append(line.rstrip("\n"))
        return lines

    def interrupt(self) -> None:
        """Press the stop button."""
        self.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End the kernel."""
        self.process.kill()
        self.process.wait()


class Kernel:
    """A Jupyter kernel of this Python."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(env=environment())

    def run(self, cell: str) -> list[str]:
        """Run a cell; return what it printed, and how it ended: ``ok`` or ``error NAME``."""
        printed: list[str] = []

        def hear(message: dict) -> None:
            if message["msg_type"] == "stream":
                printed.extend(message["content"]["text"].splitlines())

        reply = self.client.execute_interactive(cell, timeout=DEADLINE, output_hook=hear)["content"]
        assert self.manager.is_alive(), "the kernel died"
        return [*printed, "ok" if reply["status"] == "ok" else f"error {reply['ename']}"]

    def interrupt(self) -> None:
        """Press the stop button."""
        self.manager.interrupt_kernel()

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def kernel() -> Cells | Kernel:
    """Return a kernel."""
    try:
        import ipykernel  # noqa: F401
        import jupyter_client  # noqa: F401
    except ImportError:
        return Cells()
    return Kernel()


def notebook(network: Path, folder: Path, n_ranks: int, moment: float, to: str, expected: str) -> Outcome:
    """Press a notebook's stop button while cells build, run and close; every cell is run again that was stopped."""
    cells = kernel()
    try:
        cells.run("import distsim as ds; ds.Simulation")
        pressed = [0.0]

        def press() -> None:
            pressed[0] = time.monotonic()
            cells.interrupt()

        timer = threading.Timer(moment, press)
        timer.start()
        what, seconds = "after the end", 0.0
        for name, cell in (
            ("before the first step", BUILD.format(network=str(network))),
            ("running", RUN),
            ("at the end", HASH),
        ):
            while (lines := cells.run(cell))[-1] != "ok":
                assert lines[-1] in ("error KeyboardInterrupt", "error Interrupted"), lines
                what, seconds = name, time.monotonic() - pressed[0]
        timer.cancel()
        assert f"hash {expected}" in lines, lines
        return Outcome(what, seconds)
    finally:
        cells.close()


WAYS = {
    "shell, 1 rank": (shell, 1), "shell, 2 ranks": (shell, 2), "script, 1 rank": (script, 1),
    "script, 2 ranks": (script, 2), "notebook": (notebook, 1),
}  # fmt: skip
TO = ("group", "mpiexec", "rank")


def undisturbed(network: Path, folder: Path) -> tuple[str, float]:
    """Return the hash of a run that nobody interrupts, and the seconds it takes once all is compiled."""
    for name in ("warm", "undisturbed"):
        begin = time.monotonic()
        code, _, errors = finish(start(2, "-m", "distsim", "run", network, "-q", "--output", folder / name))
        assert code == 0, errors
        seconds = time.monotonic() - begin
    return spike_hash(folder / "undisturbed"), seconds


def interrupt_rounds(rounds: int, seed: int = 1, ways: tuple[str, ...] = tuple(WAYS), duration: float = 6000.0) -> None:
    """Do the rounds; print one line each, and what the signals hit and how long the ends took.

    Raises
    ------
    AssertionError
        Where a run does other than docs/exit_codes.md says.
    """
    dice = random.Random(seed)
    hits: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        network = Path(place) / "net.yaml"
        network.write_text(NETWORK.replace("DURATION", str(duration)))
        expected, seconds = undisturbed(network, Path(place))
        for number in range(rounds):
            for way in ways:
                act, n_ranks = WAYS[way]
                moment = seconds * (number + dice.random()) / rounds
                to = TO[number % len(TO)]
                folder = Path(place) / ("run" + "x" * (number % 2))
                try:
                    outcome = act(network, folder, n_ranks, moment, to, expected)
                except AssertionError as error:
                    error.add_note(f"round {number} of seed {seed}: {way}, after {moment:.2f} s, to the {to}")
                    raise
                hits.setdefault(f"{way}: {outcome.what}", []).append(outcome.seconds)
                shutil.rmtree(folder, ignore_errors=True)
            print(f"round {number}: all ways end as they should", flush=True)
    for hit, took in sorted(hits.items()):
        print(f"{hit}: {len(took)} times, ended within {max(took):.2f} s")


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ways", default=",".join(WAYS), help="some of the ways, by the beginning of their names")
    args = parser.parse_args()
    ways = tuple(w for w in WAYS if any(w.startswith(a) for a in args.ways.split(",")))
    interrupt_rounds(args.rounds, args.seed, ways)


if __name__ == "__main__":
    main()
