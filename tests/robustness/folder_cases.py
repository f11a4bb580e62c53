"""Run folders that ended early, and what may happen to their files before somebody goes on with them.

Whatever happens, going on is refused in one line or ends with the same spikes, and nothing outside the folder changes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

CONFIG = """
network:
  name: small
  populations:
    cells: {size: 30, model: iaf_psc_exp, init: {V_m: {uniform: [-70, -55]}}}
  devices:
    drive: {model: poisson_generator, params: {rate: 9000.0}}
  projections:
    - {pre: drive, post: cells, weight: 60.0}
    - {pre: cells, post: cells, rule: {fixed_indegree: 5}, weight: {normal: [40, 4]}, delay: {uniform: [0.5, 4]}}
  recorders:
    - {record: spikes, from: cells}
    - {record: V_m, from: {population: cells, slice: [3, 6]}, every: 1.0}
simulation: {duration: 100.0, transient: 10.0, seed: 7}
checkpoint: {every: 20 ms, keep: 2}
"""
Change = Callable[[random.Random, Path, Path], str]
BASES = ("stopped", "again", "killed", "finished")


def made(folder: Path, name: str, seed: int = 7) -> Path:
    """Make the folder of a run that was stopped by SIGTERM, twice (again), killed, or that finished."""
    path = folder / name
    config = folder / f"{name}.yaml"
    config.write_text(CONFIG.replace("seed: 7", f"seed: {seed}"))
    moments = {"stopped": [(50.0, signal.SIGTERM)], "again": [(30.0, signal.SIGTERM), (70.0, signal.SIGTERM)],
               "killed": [(50.0, signal.SIGKILL)], "finished": [(1e9, signal.SIGTERM)]}  # fmt: skip
    for moment, number in moments[name]:
        pid = os.fork()
        if pid == 0:
            _run(config, path, moment, number)
        os.waitpid(pid, 0)
    ended = (path / "summary.json").exists()
    if (
        not path.is_dir()
        or ended != (name == "finished")
        or not (name == "finished" or list(path.glob("checkpoints/t_*.h5")))
    ):
        raise AssertionError(f"the run {name} did not end as it should")
    return path


def _run(config: Path, path: Path, moment: float, number: int) -> None:
    """Run in a child process until a biological moment (ms): never returns."""
    code = 1
    try:
        from distsim.errors import Stopped
        from distsim.network.config import load_config
        from distsim.simulation import Simulation

        def progress(stage: str, fraction: float, details: dict[str, float]) -> None:
            # After the chunk is recorded and before its checkpoint is written.
            if stage == "run" and details["biological_ms"] >= moment:
                os.kill(os.getpid(), number)

        if path.exists():
            simulation = Simulation.resume(path, progress=progress)
        else:
            simulation = Simulation.from_config(load_config(config).with_output(str(path)), progress=progress)
        try:
            simulation.run(round(110.0 - simulation.biological_ms, 9))
            simulation.close()
        except Stopped:
            code = 75
        code = 0
    finally:
        os._exit(code)


def files(folder: Path, suffix: str = "") -> list[Path]:
    """Return the files of a run folder, in order of name."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name.endswith(suffix))


def remove(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Remove a file."""
    path = rng.choice(files(folder))
    path.unlink()
    return path.name


def truncate(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Cut a file, logs more often and in the middle of a record."""
    path = rng.choice([*files(folder), *files(folder, ".log")])
    size = rng.randrange(path.stat().st_size or 1)
    os.truncate(path, size)
    return f"{path.name} at {size}"


def flip(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Change a byte or some."""
    path = rng.choice([*files(folder), *files(folder, ".log")])
    data = bytearray(path.read_bytes())
    places = [rng.randrange(len(data)) for _ in range(rng.choice([1, 1, 1, 8]))] if data else []
    for place in places:
        data[place] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"{path.name} at {places}"


def append(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Append bytes: zeros, anything, a piece of the file itself, a record."""
    path = rng.choice([*files(folder), *files(folder, ".log")])
    data = path.read_bytes()
    begin = rng.randrange(len(data) // 8 + 1) * 8
    more = rng.choice(
        [bytes(8), bytes(4096), rng.randbytes(8), rng.randbytes(37), data[begin : begin + 80], data[-8:], b"\n"]
    )
    path.write_bytes(data + more)
    return f"{len(more)} bytes to {path.name}"


def empty(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Leave nothing of a file."""
    path = rng.choice(files(folder))
    path.write_bytes(b"")
    return path.name


def header(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Put something else in the place of a file's first bytes, or before them."""
    path = rng.choice([*files(folder, ".log"), *files(folder, ".h5")])
    data = path.read_bytes()
    new = rng.choice([rng.randbytes(64), b"distsim checkpoint format=99 step=1 bytes=1 sha256=" + b"0" * 64 + b"\n", b"{}\n", b"[]\n",
                      b'{"columns": [[0, 1, 2]]}\n', b"x" * 100_000, b"\n\n\n\n", b"null\n", b"\xff" * 40])  # fmt: skip
    path.write_bytes(new + data if rng.random() < 0.5 else new + data[len(new) :])
    return path.name


def records(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Change the records of a log: exchanged, doubled, left out, of another neuron, later than the run."""
    path = rng.choice([p for p in files(folder, ".log") if p.name.startswith("spikes")])
    data = bytearray(path.read_bytes())
    offset = len(data) % 8
    n = (len(data) - offset) // 8
    if n < 4:
        path.write_bytes(bytes(data) + rng.randbytes(8))
        return f"{path.name}: one more"
    a, b = sorted(rng.sample(range(n), 2))
    at = lambda i: slice(offset + 8 * i, offset + 8 * i + 8)  # noqa: E731
    how = rng.choice(["exchanged", "doubled", "left out", "another neuron", "no neuron", "later"])
    if how == "exchanged":
        data[at(a)], data[at(b)] = data[at(b)], data[at(a)]
    elif how == "doubled":
        data[at(a)] = data[at(a)] * 2
    elif how == "left out":
        del data[at(a)]
    elif how == "another neuron":
        data[at(a).start] ^= 1
    elif how == "no neuron":
        data[at(a)] = b"\xff\xff\xff\x7f" + data[at(a)][4:]
    else:
        data[at(a)] = data[at(a)][:4] + b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    return f"{path.name}: {how} at {a}"


def swap(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Exchange two files of a kind, or put another run's file into the place of one."""
    kind = rng.choice([".log", ".h5", ".log"])
    found = files(folder, kind)
    if len(found) > 1 and rng.random() < 0.5:
        a, b = rng.sample(found, 2)
        one, other = a.read_bytes(), b.read_bytes()
        a.write_bytes(other)
        b.write_bytes(one)
        return f"{a.name} and {b.name}"
    path = rng.choice(found)
    path.write_bytes(rng.choice(files(elsewhere / "other", kind)).read_bytes())
    return f"{path.name} of another run"


def rename(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Give a log or a checkpoint another name, or copy it there as well."""
    path = rng.choice([*files(folder, ".log"), *files(folder, ".h5")])
    names = ["spikes.7.0.log", "spikes.0.99.log", "spikes.x.y.log", "spikes.log", "spikes.0.0.0.log", "spikes.-1.0.log", "spikes.1.0.log",
             "states.V_m.3.0.log", "states.nonesuch.0.0.log", "spikes.99999999999999999999.0.log", "spikes..log"]  # fmt: skip
    if path.suffix == ".h5":
        names = [
            "t_10.h5",
            "t_1e400.h5",
            "t_nan.h5",
            "t_-5.h5",
            "t_99999.h5",
            "t_inf.h5",
            "t_.h5",
            "x.h5",
            "t_1_0.h5",
            "t_55.5.h5",
        ]
    new = path.with_name(rng.choice(names))
    shutil.copy(path, new)
    if rng.random() < 0.5 and new != path:
        path.unlink()
    return f"{path.name} as {new.name}"


def link(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Put a symbolic link into the place of a file or of the folder of checkpoints: elsewhere, to nowhere, to a device."""
    path = rng.choice([*files(folder), folder / "checkpoints", folder / ".lock", folder / "summary.json", folder / "progress.json",
                       folder / ".config.yaml.part", folder / "spikes.h5", folder / ".spikes.h5.part", folder / "spikes.9.0.log"])  # fmt: skip
    target = elsewhere / "kept" / "kept.txt"
    name = path.relative_to(folder)
    if path.is_dir():
        shutil.move(path, elsewhere / "kept" / "moved")
        target = elsewhere / "kept" / "moved"
    elif path.exists() and rng.random() < 0.5:
        target = elsewhere / "kept" / path.name
        shutil.move(path, target)
    elif rng.random() < 0.5:
        target = Path(
            rng.choice(
                ["/dev/null", "/dev/zero", "/dev/full", "nowhere", path.name, "/etc/passwd", ".", "/proc/self/mem"]
            )
        )
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return f"{name} to {'elsewhere' if elsewhere in target.parents else target}"


def instead(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Put a folder or a pipe into the place of a file."""
    path = rng.choice(
        [*files(folder), folder / "summary.json", folder / ".config.yaml.part", folder / "spikes.3.0.log"]
    )
    path.unlink(missing_ok=True)
    if rng.random() < 0.5:
        path.mkdir()
        (path / "kept.txt").write_text("kept")
        return f"a folder {path.name}"
    os.mkfifo(path)
    return f"a pipe {path.name}"


def summary(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Write a summary that is none."""
    text = rng.choice(["[]", "{}", "null", "3", '"x"', '{"schema": 1}', '{"schema": 2}', '{"schema": null}', '{"schema": 1, "network": []}',
                       "", "\0", "{", "[" * 100_000, '{"schema": 1, "run": {}, "timing": {}, "counts": {}, "rates_hz": {}}'])  # fmt: skip
    (folder / "summary.json").write_text(text)
    return text[:40]


def config(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Edit config.yaml, or put another one there."""
    path = folder / "config.yaml"
    text = path.read_text()
    edits = [("seed: 7", "seed: 8"), ("dt: 0.1", "dt: 0.2"), ("size: 30", "size: 31"), ("60.0", "61.0"), ("float32", "float64"), ("keep: 2", "keep: 1"),
             ("100.0", "120.0"), ("100.0", "40.0"), ("transient: 10.0", "transient: 20.0"), ("20 ms", "10 ms"), ("hdf5", "zarr"),
             ("balanced", "round_robin"), ("small", "../../kept"), ("spikes", "V_m"), ("every: 1.0", "every: 2.0"), ("", "x: 1\n"), ("network", "networks"),
             ("iaf_psc_exp", "iaf_psc_alpha"), ("[3, 6]", "[3, 9]"), ("9000.0", ".nan"), ("9000.0", "=10**400"), (str(folder), "/tmp/elsewhere")]  # fmt: skip
    old, new = rng.choice([e for e in edits if e[0] in text])
    path.write_text(text.replace(old, new, 1))
    return f"{old} to {new}"


def stray(rng: random.Random, folder: Path, elsewhere: Path) -> str:
    """Leave things in the folder that nobody expects."""
    name = rng.choice([".t_30.h5.part", "checkpoints/.t_70.h5.part", ".spikes.h5.part", "spikes.zarr", "states.h5", "job", "a\nb", "\udcff", "x" * 255,
                       "progress.json", "checkpoints/.x.part", ".summary.json.part", "states.V_m.5.0.log", "states_V_m.h5"])  # fmt: skip
    path = folder / name
    path.unlink(missing_ok=True)
    if rng.random() < 0.5:
        path.mkdir()
        (path / "inside").write_text("x")
    else:
        path.write_bytes(rng.randbytes(rng.randrange(100)))
    return repr(name)[:40]


OPERATORS: dict[str, Change] = {
    o.__name__: o for o in (remove, truncate, flip, append, empty, header, records, swap, rename, link, instead, summary, config, stray)
}  # fmt: skip


def nth_byte(folder: Path, number: int) -> str | None:
    """Flip one bit of the nth byte of all files of a folder; None where there are fewer."""
    for path in files(folder):
        data = bytearray(path.read_bytes())
        if number < len(data):
            data[number] ^= 1 << (number * 5 % 8)
            path.write_bytes(data)
            return f"{path.name} at {number}"
        number -= len(data)
    return None
