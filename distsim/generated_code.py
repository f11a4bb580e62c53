"""Generated code, in files so that numba keeps what it compiles of it: in a folder that nobody else can write to.

A module that is there is executed, and what numba has kept beside it is loaded: whoever can write there can run code as
this user.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from distsim import __version__
from distsim._checkout import sources_digest
from distsim.notices import warn


def module(name: str, source: str) -> Any:
    """Return the module of generated source.

    Its name has a digest of the source and of all files whose functions it may take in: with another helper it is
    another module, and nothing that was compiled with the old one is run.
    """
    source = f"# distsim {__version__}, compiled with the functions of {sources_digest()}\n{source}"
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    path = folder(_candidates()) / f"distsim_model_{re.sub(r'[^A-Za-z0-9_]', '_', name)[:80]}_{digest}.py"
    if not path.is_file() or path.is_symlink() or path.read_text(encoding="utf-8") != source:
        # Several ranks may write it: each a file of its own, renamed.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as file:
            file.write(source)
        os.replace(file.name, path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    # numba looks the module up by its name, when it compiles and when it loads what it kept.
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


def _candidates() -> tuple[Path, ...]:
    """Return where generated code may be kept: beside numba's cache, in the user's, else in the temporary folder."""
    root = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "distsim", Path(tempfile.gettempdir()) / f"distsim-{os.getuid()}"


@cache
def folder(candidates: tuple[Path, ...]) -> Path:
    """Return the first folder that is this user's alone, made where it is missing; else a new one of this process.

    One that is a symbolic link, belongs to somebody else, or can be written by others is not used, and that is said.
    """
    for path in candidates:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        problem = _problem(path)
        if problem is None:
            if os.access(path, os.W_OK):
                return path
        else:
            warn(str(path), f"{problem}, so generated code is not kept there")
    private = Path(tempfile.mkdtemp(prefix="distsim-"))
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    warn(str(private), "generated code is kept here for this process alone, so it is compiled again each time")
    return private


def _problem(path: Path) -> str | None:
    """Return why a folder is not this user's alone."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        return "it is a symbolic link"
    if found.st_uid != os.geteuid():
        return "it belongs to somebody else"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others can write to it (chmod go-w)"
    return None
