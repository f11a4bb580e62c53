"""A process that judges cases, one after the other, each in a child of its own; one line of JSON for each.

``long.py`` and the tests start it, with the checkout that is judged in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.robustness import circuit_bases, config_bases, config_cases, folder_cases, judge, sonata_violations, trees

Found = dict[str, Any]


def warm_up(folder: Path) -> None:
    """Read all bases in this process, so that what they import and keep is there when it is forked."""
    from distsim import cli

    here = fresh(folder / "warm")
    config_bases.write_files(here)
    for name in sorted(set(config_bases.names())):
        path = here / f"{name}.yaml"
        path.write_text(trees.text(config_bases.tree(name)), encoding="utf-8")
        cli.app(["info", str(path)], standalone_mode=False)
    shutil.rmtree(here)
    gc.collect()
    gc.freeze()


def fresh(folder: Path) -> Path:
    """Return an empty folder for a case."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def configs(folder: Path) -> Callable[[str, int], Found]:
    """Return what judges a config: `distsim info`, and for some a short run."""
    warm_up(folder)

    def one(operator: str, seed: int) -> Found:
        case = config_cases.case(operator, seed)
        here = fresh(folder / "case")
        ended = judge.command(["info", *config_cases.write(case, here)], here)
        kind, line = judge.outcome(ended, case.broken)
        return {"base": case.base, "note": case.note, "outcome": kind, "line": line, "seconds": ended.seconds}

    return one


def circuits(folder: Path) -> Callable[[str, int], Found]:
    """Return what judges a circuit: it is read, built and simulated for some steps."""
    from distsim import cli

    readable = set()
    for base in circuit_bases.BASES:
        circuit_bases.make(base, folder / "intact" / base)
        arguments = [
            "run",
            str(folder / "intact" / base / "simulation_config.json"),
            "-q",
            "--output",
            str(folder / "warm" / base),
        ]
        # What is broken of a base that an older checkout cannot read says nothing.
        with contextlib.suppress(Exception):
            cli.app(arguments, standalone_mode=False)
            readable.add(base)
    gc.collect()
    gc.freeze()

    def one(operator: str, seed: int) -> Found:
        base, _, violation = operator.partition("/")
        if violation and base not in readable:
            return {"base": base, "note": "", "outcome": "left out", "line": "", "seconds": 0.0}
        here = folder / "case"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(folder / "intact" / base, here)
        rng = random.Random(f"{operator} {seed}")
        note, broken = sonata_violations.apply(base, violation, rng, here) if violation else ("intact", None)
        ended = judge.command(["run", "simulation_config.json", "-q", "--output", "out"], here)
        kind, line = judge.outcome(ended, broken)
        return {"base": base, "note": note, "outcome": kind, "line": line, "seconds": ended.seconds}

    return one


def folders(folder: Path) -> Callable[[str, int], Found]:
    """Return what judges a run folder: it is refused, or goes on to the same spikes."""
    expected = []
    for name in folder_cases.BASES:
        folder_cases.made(fresh(folder / "intact" / name), name)
    folder_cases.made(fresh(folder / "other"), "stopped", seed=8)
    (folder / "kept").mkdir()
    (folder / "kept" / "kept.txt").write_text("kept")
    expected = results(folder / "intact" / "finished" / "finished")
    # The compiled code of a run is in this process once it has simulated.
    from distsim import cli

    cli.app(
        ["run", str(folder / "intact" / "finished" / "finished.yaml"), "-q", "--output", str(folder / "warm")],
        standalone_mode=False,
    )
    gc.collect()
    gc.freeze()

    def one(operator: str, seed: int) -> Found:
        base, _, change = operator.partition("/")
        elsewhere = fresh(folder / "around")
        here = elsewhere / "case"
        for name in ("kept", "other"):
            shutil.copytree(folder / name, elsewhere / name)
        shutil.copytree(folder / "intact" / base / base, here)
        note: str | None = "intact"
        if change == "byte":
            note = folder_cases.nth_byte(here, seed)
        elif change:
            note = folder_cases.OPERATORS[change](random.Random(f"{operator} {seed}"), here, elsewhere)
        if note is None:
            return {"base": base, "note": "", "outcome": "left out", "line": "no such byte", "seconds": 0.0}
        before, summary = digests(elsewhere), content(here / "summary.json")
        ended = judge.command(["run", "case", "--resume", "-q"], elsewhere)
        kind, line = judge.outcome(ended, None)
        if digests(elsewhere) != before:
            kind, line = "wrong", f"files outside the folder changed ({kind} {line})"
        elif kind == "fine" and content(here / "summary.json") != summary:
            found = results(here)
            kind, line = (
                ("fine", line) if found == expected else ("wrong", f"exit code 0 and {found} instead of {expected}")
            )
        return {"base": base, "note": note, "outcome": kind, "line": line, "seconds": ended.seconds}

    return one


def content(path: Path) -> bytes | None:
    """Return the bytes of a file, None where there is none."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def results(run: Path) -> Any:
    """Return the hash of a run's spikes and that of its recorded states; what is wrong where they cannot be read."""
    import h5py

    try:
        summary = json.loads((run / "summary.json").read_text())
        with h5py.File(run / "states.h5") as file:
            states = hashlib.sha256(file["report/cells/data"][:].tobytes()).hexdigest()
        with h5py.File(run / "spikes.h5") as file:
            n = file["spikes/cells/timestamps"].shape[0]
        return [summary["spike_hash"], states[:16], n]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"nothing that can be read: {error}"[:200]


def digests(folder: Path) -> dict[str, str]:
    """Return what is around a run folder, and in it nothing."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if (
            inside.parts[0] != "case"
            and inside.name not in (".stdout", ".stderr")
            and path.is_file()
            and not path.is_symlink()
        ):
            found[str(inside)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


KINDS = {"configs": configs, "circuits": circuits, "folders": folders, "bytes": folders}


def operators(kind: str) -> list[str]:
    """Return the operators of a kind in the order in which they come, again and again."""
    if kind == "configs":
        # 37 is prime to the length: operators are mixed from the start.
        names = config_cases.SCHEDULE
        return [names[i * 37 % len(names)] for i in range(len(names))]
    if kind == "bytes":
        return ["stopped/byte"]
    if kind == "folders":
        # A run that finished has no logs any more.
        of_logs = ("records", "swap", "rename", "header")
        bases, names = folder_cases.BASES, folder_cases.OPERATORS
        return [f"{b}/{name}" for name in names for b in bases if b != "finished" or name not in of_logs]
    found = [
        f"{b}/{name}" for b in circuit_bases.BASES for name in (*sonata_violations.surely(b), *sonata_violations.OPEN)
    ]
    random.Random(1).shuffle(found)
    return found


def schedule(kind: str, begin: int, end: int) -> Iterator[tuple[str, int]]:
    """Yield the cases (operator, seed) with these numbers."""
    names = operators(kind)
    for number in range(begin, end):
        yield names[number % len(names)], number


def main() -> None:
    """Judge the cases that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--begin", type=int, default=0)
    parser.add_argument("--end", type=int, default=0)
    parser.add_argument("--stripe", default="0/1", help="I/N: every Nth case, from the Ith on")
    parser.add_argument("--case", action="append", help="OPERATOR:SEED, this case alone; may be repeated")
    parser.add_argument("--keep", help="new folder in which what the case wrote stays")
    args = parser.parse_args()
    index, n = map(int, args.stripe.split("/"))
    told = os.fdopen(os.dup(1), "w", buffering=1)
    with contextlib.ExitStack() as stack:
        folder = Path(args.keep) if args.keep else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="r")))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        one = KINDS[args.kind](folder)
        if args.case:
            parted = (text.rpartition(":") for text in args.case)
            cases = iter([(operator, int(seed)) for operator, _, seed in parted])
        else:
            cases = (c for i, c in enumerate(schedule(args.kind, args.begin, args.end)) if i % n == index)
        for operator, seed in cases:
            found = {"kind": args.kind, "operator": operator, "seed": seed, **one(operator, seed)}
            told.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    sys.exit(main())
