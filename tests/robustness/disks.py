"""A disk that is full, at every moment of a run: one line, and with more room the run goes on to the same spikes.

Mounts a small tmpfs in a private folder, so it runs as root only, and never in the suite.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.distributed.kill_rounds import COMPILING, CONFIG, distsim, finish, results
from tests.robustness import kills
from tests.robustness.judge import problem


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """Give a file system of a size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def resize(folder: Path, kilobytes: int) -> None:
    """Give a file system another size."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(folder)], check=True)


def used(folder: Path) -> int:
    """Return the kilobytes that files take."""
    return sum(-(-p.stat().st_size // 4096) * 4 for p in folder.rglob("*") if p.is_file())


def sweep(n: int, seed: int) -> list[dict[str, Any]]:
    """Return what came of n sizes, from nearly nothing to what the run needs, on 1 and 2 ranks in turn."""
    if os.geteuid() != 0:
        raise SystemExit("disks: expected to be root, to mount a tmpfs")
    found = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        config = place / "net.yaml"
        config.write_text(CONFIG)
        code, errors = finish(distsim(2, "run", config, "--output", place / "undisturbed", "-q"), COMPILING)
        assert code == 0, errors
        expected = results(place / "undisturbed")
        # The logs and the files that they become lie side by side, and so do three checkpoints.
        enough = 4 * used(place / "undisturbed") + 2000
        for number in range(n):
            kilobytes = 8 + round(enough * 0.6 * (number + random.Random(f"{seed} {number}").random()) / n)
            found.append(
                one(place, config, kilobytes, 1 + number % 2, enough, expected)
                | {"operator": f"{kilobytes} kB", "seed": seed}
            )
    return found


def one(place: Path, config: Path, kilobytes: int, n_ranks: int, enough: int, expected: tuple) -> dict[str, Any]:
    """Run on a small disk, and go on with room enough."""
    with small_disk(place / "disk", kilobytes) as disk:
        run = disk / "run"
        try:
            code, errors = finish(distsim(n_ranks, "run", config, "--output", run, "-q"), kills.PATIENCE)
            said = last(errors)
            if code != 0 and ("Traceback" in errors or problem(said) or "distsim" not in said):
                return {
                    "outcome": "traceback" if "Traceback" in errors else "line",
                    "line": said,
                    "note": f"{n_ranks} ranks",
                }
            before = progress(run)
            resize(disk, enough)
            if code != 0:
                begun = (run / "config.yaml").exists()
                arguments = ["run", run, "--resume", "-q"] if begun else ["run", config, "--output", run, "-q"]
                again, errors = finish(distsim(3 - n_ranks, *arguments), kills.PATIENCE)
                if again != 0:
                    return {
                        "outcome": "fault",
                        "line": f"does not go on: exit code {again}: {last(errors)}",
                        "note": said,
                    }
                went_on = json.loads((run / "summary.json").read_text())["run"].get("resumed_from_ms")
                if before > 0.0 and not went_on:
                    return {
                        "outcome": "fault",
                        "line": "simulated again from the start although there was a checkpoint",
                        "note": said,
                    }
            outcome, line = kills.compared(results(run), expected, run)
        except AssertionError as error:
            return {"outcome": "hang", "line": str(error)[:300], "note": f"{n_ranks} ranks"}
    return {"outcome": outcome, "line": line, "note": f"{n_ranks} ranks, exit code {code}: {said}"}


def last(errors: str) -> str:
    """Return what a command said last."""
    return ([s for s in errors.splitlines() if s.startswith("distsim")] or errors.splitlines() or [""])[-1]


def progress(run: Path) -> float:
    """Return how much of a run is in its newest checkpoint, 1 for all of it, 0 where there is none."""
    times = [
        float(p.name.removeprefix("t_").removesuffix(".h5").removesuffix(".end"))
        for p in run.glob("checkpoints/t_*.h5")
    ]
    return max(times, default=0.0) / 3100.0
