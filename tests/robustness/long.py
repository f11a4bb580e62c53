"""The long attack: everything that tests/robustness does in the suite, many times, and what takes a machine for hours.

    python tests/robustness/long.py --only configs,circuits --rounds 10000,650
    python tests/robustness/long.py --only kills --rounds 100
    python tests/robustness/long.py --checkout ../fc25feb --only configs

Parts: configs, sonata, folders, bytes (every byte of a small folder), kills, disks (as root: mounts a small tmpfs),
networks, soak (--minutes), interrupts. All are drawn from --seed. The table at the end counts what came of the cases; a
case that failed is told with the command that repeats it. Leaves with 1 where something failed.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.robustness.judge import BAD  # noqa: E402

# Cases of a part where --rounds does not say.
ROUNDS = {"configs": 10_000, "sonata": 700, "folders": 156, "bytes": 40_000, "kills": 100, "disks": 40, "networks": 60, "soak": 1,
          "interrupts": 1}  # fmt: skip
WORKER = {"configs": "configs", "sonata": "circuits", "folders": "folders", "bytes": "bytes"}
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# What a single part has said of a case: {"part", "operator", "seed", "outcome", "line", ...}.
Found = dict[str, Any]


def environment(checkout: Path) -> dict[str, str]:
    """Return the environment in which a checkout's distsim is imported, and the harness from here."""
    return {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": f"{checkout}{os.pathsep}{ROOT}"}


def judged(part: str, n: int, seed: int, workers: int, checkout: Path) -> list[Found]:
    """Return what the workers say of n cases."""
    begin = seed * 1_000_000
    if part == "bytes":
        begin = 0
    command = [
        "nice",
        "-n",
        "5",
        sys.executable,
        "-m",
        "tests.robustness.worker",
        WORKER[part],
        "--begin",
        str(begin),
        "--end",
        str(begin + n),
    ]
    processes = [
        subprocess.Popen(
            [*command, "--stripe", f"{i}/{workers}"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(checkout),
            cwd=ROOT,
        )
        for i in range(workers)
    ]
    found: list[Found] = []
    for process in processes:
        assert process.stdout is not None
        found += [json.loads(line) | {"part": part} for line in process.stdout]
        if process.wait() != 0:
            found.append(
                {
                    "part": part,
                    "operator": "worker",
                    "seed": seed,
                    "outcome": "fault",
                    "line": f"exit code {process.returncode}",
                }
            )
    return found


def repeated(case: Found) -> str:
    """Return the command that repeats a case."""
    if case["part"] in WORKER:
        return f"python -m tests.robustness.worker {WORKER[case['part']]} --case {case['operator']!r}:{case['seed']} --keep FOLDER"
    return f"python tests/robustness/long.py --only {case['part']} --seed {case['seed']} --rounds 1"


def table(found: list[Found], seconds: dict[str, float]) -> str:
    """Return the counts of outcomes by part, as Markdown."""
    rows = [
        "| part | cases | fine | refused | tracebacks | hangs | accepted though broken | silently wrong | other faults | minutes |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|---|")
    for part in seconds:
        n = collections.Counter(case["outcome"] for case in found if case["part"] == part)
        left_out = n.pop("left out", 0)
        others = sum(n[k] for k in ("memory", "died", "line", "fault", "slow"))
        shown = [n["fine"], n["refused"], n["traceback"], n["hang"], n["accepted"], n["wrong"], others]
        cases = f"{n.total():,}" + (f" ({left_out} left out)" if left_out else "")
        rows.append(f"| {part} | {cases} | {' | '.join(f'{x:,}' for x in shown)} | {seconds[part] / 60:.1f} |")
    return "\n".join(rows)


def other_part(part: str, n: int, args: argparse.Namespace, checkout: Path) -> list[Found]:
    """Return what came of a part that has a module of its own."""
    from tests.robustness import disks, interrupting, kills, networks, soak

    os.environ.update(environment(checkout))
    run = {
        "kills": lambda: kills.rounds(n, args.seed, args.verbose), "disks": lambda: disks.sweep(n, args.seed),
        "networks": lambda: networks.rounds(n, args.seed, args.verbose), "soak": lambda: soak.watched(args.minutes, args.seed),
        "interrupts": lambda: interrupting.rounds(n, args.seed),
    }  # fmt: skip
    return [case | {"part": part} for case in run[part]()]


def main() -> int:
    """Run the parts, print failures and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(ROUNDS), help="parts, separated by commas")
    parser.add_argument("--rounds", default="", help="cases of each part of --only, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the soak")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose distsim is judged")
    parser.add_argument("--save", type=Path, help="file for all cases, a line of JSON each")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    parts = args.only.split(",")
    if unknown := set(parts) - set(ROUNDS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    given = [int(n) for n in args.rounds.split(",")] if args.rounds else [ROUNDS[p] for p in parts]
    if len(given) != len(parts):
        parser.error("expected as many --rounds as parts in --only")
    found: list[Found] = []
    seconds: dict[str, float] = {}
    for part, n in zip(parts, given, strict=True):
        since = time.monotonic()
        here = (
            judged(part, n, args.seed, args.workers, args.checkout.resolve())
            if part in WORKER
            else other_part(part, n, args, args.checkout.resolve())
        )
        seconds[part] = time.monotonic() - since
        found += here
        for case in (c for c in here if c["outcome"] in BAD):
            print(
                f"{part}: {case['outcome']}: {case.get('note', '')}: {case['line']}\n    {repeated(case)}".replace(
                    "\0", "\\0"
                ),
                flush=True,
            )
    if args.save:
        args.save.write_text("".join(json.dumps(case) + "\n" for case in found), encoding="utf-8")
    print(f"\n{datetime.date.today()}, python {' '.join(sys.argv)}\n\n{table(found, seconds)}")
    return int(any(case["outcome"] in BAD for case in found))


if __name__ == "__main__":
    sys.exit(main())
