"""Files that a config names and that are not what it says: lists of edges, models in Python."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Make = Callable[[Path], None]


def content(data: bytes | str) -> Make:
    """Return what writes a file."""
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8")) and None


def columns(**given: object) -> Make:
    """Return what writes columns, as NPZ or as CSV by the name of the file."""

    def write(path: Path) -> None:
        if path.suffix == ".npz":
            np.savez(path, **{k: np.asarray(v) for k, v in given.items()})  # type: ignore[arg-type]
        else:
            rows = zip(*(np.ravel(np.asarray(v)).tolist() for v in given.values()), strict=False)
            path.write_text(
                "\n".join([",".join(given), *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8"
            )

    return write


def objects(path: Path) -> None:
    """Columns that only pickle could read."""
    with open(path, "wb") as file:
        np.savez(file, pre=np.array([{}, None], dtype=object), post=np.array([1, 2]))


def archive(path: Path) -> None:
    """A ZIP of something else."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("pre.npy", b"\x93NUMPY\x01\x00no header at all")
        file.writestr("post.npy", b"")


def large(path: Path) -> None:
    """An array whose header tells of more than there is."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000000,), }"
    header = header.ljust(118 - 1) + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("pre", "post"):
            file.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64)


# By why it is wrong.
COLUMNS: dict[str, Make] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "empty": content(b""),
    "bytes": content(bytes(range(256)) * 4),
    "no table": content("\n\n,,,\n"),
    "a pipe": lambda path: os.mkfifo(path),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "rows of other length": content("pre,post\n1,2\n3\n4,5,6\n"),
    "words": content("pre,post\na,b\nc,d\n"),
    "no column post": columns(pre=[0, 1], weight=[1.0, 2.0]),
    "ids below 0": columns(pre=[-1, 0], post=[0, 1]),
    "ids beyond": columns(pre=[0, 400], post=[0, 1]),
    "ids beyond 32 bits": columns(pre=[0.0, 1e30], post=[0, 1]),
    "ids between": columns(pre=[0.5, 1.0], post=[0, 1]),
    "ids that are none": columns(pre=[np.nan, 1.0], post=[0, 1]),
    "weights without end": columns(pre=[0, 1], post=[0, 1], weight=[np.inf, 1.0]),
    "weights that are none": columns(pre=[0, 1], post=[0, 1], weight=[np.nan, 1.0]),
    "no delay": columns(pre=[0, 1], post=[0, 1], weight=[1.0, 1.0], delay=[0.0, 1.0]),
    "delays below 0": columns(pre=[0, 1], post=[0, 1], weight=[1.0, 1.0], delay=[-1.0, 1.0]),
    "delays without end": columns(pre=[0, 1], post=[0, 1], weight=[1.0, 1.0], delay=[1e300, 1.0]),
    "text": columns(pre=["a", "b"], post=["c", "d"]),
    "objects": objects,
    "no arrays": archive,
    "more than there is": large,
}  # fmt: skip
CODES: dict[str, Make] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "empty": content(b""),
    "no Python": content("def ((\n"),
    "bytes": content(b"\xff\xfe\x00\x00"),
    "NUL": content(b"x = 1\0\n"),
    "leaves": content("import sys\nsys.exit(0)\n"),
    "leaves with a word": content("import sys\nsys.exit('away')\n"),
    "raises": content("raise RuntimeError('one\\ntwo\\n' + 'x' * 5000)\n"),
    "raises what is no Exception": content("raise KeyboardInterrupt\n"),
    "raises GeneratorExit": content("raise GeneratorExit('x')\n"),
    "raises what cannot be shown": content(
        "class Bad(Exception):\n    def __str__(self):\n        raise ValueError('no')\nraise Bad\n"
    ),
    "imports nothing that is there": content("import nonesuch_at_all\n"),
    "without end": content("def f():\n    return f()\nf()\n"),
    "another thing": content("leaky = 3\n"),
    "a class": content("class leaky:\n    pass\n"),
    "another name": content("import distsim as ds\nother = 1\n"),
    "a step that is none": content(
        "import distsim as ds\n@ds.neuron_model(parameters={}, state={'V': 0.0}, receptors={'s': ('mV', 0)})\n"
        "def leaky(V, s):\n    return open('x'), s\n"
    ),
}  # fmt: skip
