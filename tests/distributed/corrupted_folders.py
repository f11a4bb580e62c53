"""Damage the folder of a run that ended early, go on with it: it is refused in one line, or has the spikes of the undamaged one.

python tests/distributed/corrupted_folders.py --every 50          # each 50th byte of each file flipped, and all else
python tests/distributed/corrupted_folders.py --every 1           # every byte

The folder has logs of three ranks in two sessions, two checkpoints, and records behind the newest. The suite takes some
of all damages (test_corrupted_folders.py).
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from distsim.errors import InputError

DURATION = 300.0
CONFIG = """
network:
  name: damaged
  populations:
    exc: {size: 40, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
    inh: {size: 10, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
  devices:
    drive: {model: poisson_generator, params: {rate: 8000.0}}
  projections:
    - {pre: drive, post: [exc, inh], weight: 40.0}
    - {pre: exc, post: [exc, inh], rule: {fixed_indegree: 8}, weight: 40.0, delay: {uniform: [0.5, 4]}}
    - {pre: inh, post: [exc, inh], rule: {pairwise_bernoulli: 0.1}, weight: -200.0, delay: 1.0}
  recorders:
    - {record: spikes, from: [exc, inh]}
    - {record: V_m, from: [exc, inh], every: 5.0}
simulation: {duration: 300.0, seed: 7}
checkpoint: {every: 100 ms, keep: 2}
"""
# A session that dies without a word, as by kill -9, so and so many ms after the last checkpoint.
SESSION = """
import os, sys
from distsim import Simulation, load_config
config, folder, duration = sys.argv[1:]
if config == "resume":
    simulation = Simulation.resume(folder)
else:
    simulation = Simulation.from_config(load_config(config).with_output(folder))
simulation.run(float(duration))
simulation.ranks.barrier()
os._exit(0)
"""
MPIEXEC = str(Path(sys.executable).with_name("mpiexec"))
Damage = tuple[str, Callable[[Path], None]]


def make(folder: Path) -> None:
    """Make the folder ``folder/run`` of a run that ended early."""
    (folder / "net.yaml").write_text(CONFIG)
    (folder / "session.py").write_text(SESSION)
    for n_ranks, config, duration in ((2, folder / "net.yaml", 137.0), (1, "resume", 113.0)):
        words = [MPIEXEC, "-n", n_ranks, sys.executable, folder / "session.py", config, folder / "run", duration]
        subprocess.run([str(word) for word in words], capture_output=True, timeout=300, check=False)
    found = sorted(p.name for p in (folder / "run").rglob("*") if p.is_file())
    assert found == [
        ".lock", "config.sha256", "config.yaml", "spikes.0.0.log", "spikes.0.1.log", "spikes.1.0.log",
        "states.V_m.0.0.log", "states.V_m.0.1.log", "states.V_m.1.0.log", "t_100.h5", "t_200.h5",
    ]  # fmt: skip


def outcome(folder: Path) -> str:
    """Go on with a run in this process; return the hash of its spikes and states, or ``refused: ...``."""
    import distsim as ds

    try:
        with ds.Simulation.resume(folder) as simulation:
            simulation.run(round(DURATION - simulation.biological_ms, 9))
            found = simulation.close()["spike_hash"]
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        return f"refused: {error}"
    finally:
        gc.collect()
    times, _, values = ds.open_run(folder).states("V_m", "exc")
    return f"{found} {len(times)} {float(values.sum()):.6f}"


def flipped(path: str, place: int, bit: int) -> Damage:
    """Return one flipped bit."""

    def damage(folder: Path) -> None:
        data = bytearray((folder / path).read_bytes())
        data[place] ^= 1 << bit
        (folder / path).write_bytes(data)

    return f"{path}: bit {bit} of byte {place} flipped", damage


def flips(folder: Path, every: int, dice: random.Random) -> Iterator[Damage]:
    """Yield a flipped bit in each stretch of so many bytes of each file."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        for begin in range(0, size, every):
            place = dice.randrange(begin, min(begin + every, size))
            yield flipped(str(path.relative_to(folder)), place, dice.randrange(8))


def damages(folder: Path) -> Iterator[Damage]:
    """Yield every other damage: of each file, of pairs of them, of folders."""

    def of(path: str, what: str, action: Callable[[Path], None]) -> Damage:
        return f"{path}: {what}", lambda folder: action(folder / path)

    def cut(keep: float) -> Callable[[Path], None]:
        return lambda path: os.truncate(path, int(path.stat().st_size * keep))

    def appended(text: bytes) -> Callable[[Path], None]:
        return lambda path: path.write_bytes(path.read_bytes() + text)

    def linked(path: Path) -> None:
        # The very content, but elsewhere: what comes from elsewhere is not followed.
        elsewhere = path.parent / f"elsewhere.{path.name}.bak"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)

    def doubled(path: Path) -> None:
        os.link(path, path.parent / f"elsewhere.{path.name}.bak")

    def swapped(a: str, b: str) -> Damage:
        def swap(folder: Path) -> None:
            one, two = (folder / a).read_bytes(), (folder / b).read_bytes()
            (folder / a).write_bytes(two)
            (folder / b).write_bytes(one)

        return f"{a} and {b} swapped", swap

    def a_folder(path: Path) -> None:
        path.unlink()
        path.mkdir()

    def a_pipe(path: Path) -> None:
        path.unlink()
        os.mkfifo(path)

    for path in sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()):
        yield of(path, "removed", Path.unlink)
        for keep in (0.0, 0.3):
            yield of(path, f"cut to {keep:g}", cut(keep))
        for text in (b"\n", b"12345678" * 3):
            yield of(path, f"{text!r} appended", appended(text))
        yield of(path, "a symbolic link", linked)
        yield of(path, "a hard link", doubled)
        yield of(path, "a folder", a_folder)
        yield of(path, "a pipe", a_pipe)
    yield swapped("spikes.0.0.log", "spikes.0.1.log")
    yield swapped("states.V_m.0.0.log", "states.V_m.0.1.log")
    yield swapped("spikes.0.0.log", "states.V_m.0.0.log")
    yield swapped("checkpoints/t_100.h5", "checkpoints/t_200.h5")
    yield of("checkpoints", "a symbolic link", linked)
    yield of("checkpoints", "removed", shutil.rmtree)
    for stranger in (
        "spikes.7.7.log",
        "states.V_m.0.9.log",
        "spikes.h5",
        "states.h5",
        ".states.h5.part",
        "spikes.notes.log",
    ):
        yield of(stranger, "a stranger", lambda path: path.write_bytes(b"12345678" * 5))


def check(folder: Path, damage: Damage, expected: str) -> str:
    """Damage a copy of a folder and go on with it; return ``refused`` or ``same``, else raise."""
    text, action = damage
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        copy = Path(place) / "run"
        shutil.copytree(folder, copy)
        action(copy)
        found = outcome(copy)
    if found != expected and not found.startswith("refused: "):
        raise AssertionError(f"{text}: exit 0 with other spikes ({found} for {expected})")
    return "same" if found == expected else "refused"


def main() -> None:
    """Do all damages; print how many were refused and how many changed nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=50, help="flip a bit in each stretch of so many bytes")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        run = Path(place) / "run"
        shutil.copytree(run, Path(place) / "undamaged")
        expected = outcome(Path(place) / "undamaged")
        for kind, found in (("damages", damages(run)), ("flips", flips(run, args.every, random.Random(args.seed)))):
            print(kind, dict(Counter(check(run, damage, expected) for damage in found)), flush=True)


if __name__ == "__main__":
    main()
