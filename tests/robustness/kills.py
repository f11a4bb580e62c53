"""Kills of ranks, at random moments, while a checkpoint is written and while the run closes; then the run goes on.

However often it is killed, the run ends with the spikes, counts and states of an undisturbed one.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.distributed.kill_rounds import CONFIG, distsim, finish, rank_processes, results, undisturbed

AIMS = ("random", "checkpoint", "closing")
# What is in the folder while a checkpoint is written, and while a run closes.
SIGNS: dict[str, Callable[[str], bool]] = {
    "checkpoint": lambda name: name.startswith(".t_"),
    "closing": lambda name: name.startswith(
        (".spikes.h5", "spikes.h5", ".states", "states.h5", "states_", ".summary", "summary.json")
    ),
}
# Kills of one round; then it is left in peace.
MOST = 5
# Longer than any run here on a machine that does much else (s): what takes longer hangs.
PATIENCE = 600.0


def names(folder: Path) -> list[str]:
    """Return the names of what is in a run folder and in its checkpoints."""
    found: list[str] = []
    for part in (folder, folder / "checkpoints"):
        try:
            found += os.listdir(part)
        except OSError:
            continue
    return found


def wait_for(process: subprocess.Popen[str], folder: Path, aim: str, seconds: float, dice: random.Random) -> bool:
    """Wait for the moment to kill; return whether it came."""
    if aim == "random":
        moment = time.monotonic() + dice.uniform(0.3, 1.0) * seconds
        while process.poll() is None and time.monotonic() < moment:
            time.sleep(0.005)
        return process.poll() is None
    # Of checkpoints not always the first.
    skipped = dice.randrange(8) if aim == "checkpoint" else 0
    # What an earlier kill left is no sign.
    before = any(map(SIGNS[aim], names(folder)))
    while process.poll() is None:
        there = any(map(SIGNS[aim], names(folder)))
        if there and not before:
            if skipped == 0:
                time.sleep(dice.choice([0.0, 0.0, 0.001, 0.003, 0.01, 0.05]))
                return process.poll() is None
            skipped -= 1
        before = there
        time.sleep(0.002)
    return False


def disturbed(config: Path, folder: Path, aim: str, seconds: float, dice: random.Random) -> int:
    """Run with kills until the run is complete; return how many there were."""
    kills = 0
    while True:
        n_ranks = dice.randint(1, 4)
        begun = (folder / "config.yaml").exists()
        if folder.exists() and not begun:
            shutil.rmtree(folder)  # killed before it had begun
        process = distsim(n_ranks, *(["run", folder, "--resume"] if begun else ["run", config, "--output", folder]))
        victims: list[psutil.Process] = []
        if kills < MOST and wait_for(process, folder, aim, seconds, dice):
            victims = rank_processes(process)
        if victims:
            try:
                dice.choice(victims).send_signal(signal.SIGKILL)
                kills += 1
            except psutil.NoSuchProcess:
                pass
        code, errors = finish(process, PATIENCE)
        if code == 0 or (victims and (folder / "summary.json").exists()):
            return kills
        if not victims:
            raise AssertionError(f"ended with {code} on {n_ranks} ranks: {errors[-300:]}")


def rounds(n: int, seed: int, verbose: bool = False) -> list[dict[str, Any]]:
    """Return what came of n rounds, the aims in turn."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "net.yaml"
        config.write_text(CONFIG)
        expected, seconds = undisturbed(config, Path(name))
        for number in range(seed, seed + n):
            run, aim = Path(name) / f"run{number}", AIMS[number % len(AIMS)]
            begin = time.monotonic()
            try:
                kills = disturbed(config, run, aim, seconds, random.Random(number))
                outcome, line = compared(results(run), expected, run)
            except AssertionError as error:
                kills, outcome, line = 0, "hang" if "hangs" in str(error) else "fault", str(error)
            if verbose:
                print(
                    f"kills {number}: {aim}, {kills} kills, {outcome} {line}, {time.monotonic() - begin:.0f} s",
                    flush=True,
                )
            found.append(
                {
                    "operator": aim,
                    "seed": number,
                    "outcome": outcome,
                    "line": line,
                    "note": f"{kills} kills",
                    "kills": kills,
                }
            )
            shutil.rmtree(run, ignore_errors=True)
    return found


def compared(found: tuple, expected: tuple, run: Path) -> tuple[str, str]:
    """Return the outcome of a run beside the undisturbed one."""
    if found[0] != expected[0]:
        return "wrong", "other spikes"
    if found[1] != expected[1]:
        return "wrong", f"other counts: {found[1]} instead of {expected[1]}"
    if found[2].keys() != expected[2].keys() or not all(np.array_equal(found[2][k], v) for k, v in expected[2].items()):
        return "wrong", "other states"
    left = [name for name in names(run) if name.endswith((".part",))]
    return ("wrong", f"left behind: {left}") if left else ("fine", "")
