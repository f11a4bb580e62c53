"""What several tests share: commands run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Keep libraries from starting threads: two cores serve all ranks of a test."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def names_of_checkout() -> set[str]:
    """Return what lies in the checkout, but for caches, what is compiled, and what a developer may be writing meanwhile."""
    kept = {".git", ".venv", "build", "__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"}
    found = set()
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if name not in kept]
        found |= {os.path.relpath(os.path.join(folder, name), ROOT) for name in (*below, *files)
                  if not name.endswith((".py", ".md"))}  # fmt: skip
    return found


@pytest.fixture(scope="session", autouse=True)
def private(tmp_path_factory):
    """A folder in which commands run where a test names none: tests write nothing into the checkout or a user's home."""
    before = names_of_checkout()
    folder = tmp_path_factory.mktemp("private")
    outside = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    (folder / "commands").mkdir()
    yield folder / "commands"
    os.environ.pop("XDG_STATE_HOME")
    if outside is not None:
        os.environ["XDG_STATE_HOME"] = outside
    left = names_of_checkout() - before
    assert not left, f"tests wrote into the checkout: {sorted(left)}"


@pytest.fixture(scope="session")
def mpiexec() -> str:
    """Path of the mpiexec that the test extra installs."""
    path = Path(sys.executable).with_name("mpiexec")
    assert path.is_file(), "mpiexec is missing: install the extra 'test'"
    return str(path)


@pytest.fixture(scope="session")
def ranks(mpiexec, private):
    """Return a function that runs Python with arguments on n ranks: ``ranks(n, *arguments, **kwargs)``."""

    def run(n: int, *arguments: object, timeout: float = 300.0, **kwargs) -> subprocess.CompletedProcess[str]:
        command = [mpiexec, "-n", str(n), sys.executable, *map(str, arguments)]
        environment = {**os.environ, **kwargs.pop("env", {})}
        kwargs.setdefault("cwd", private)
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment, check=False, **kwargs
        )

    return run


@pytest.fixture(scope="session")
def distsim(private):
    """Return a function that runs the command line in one process: ``distsim("info", "cuba", cwd=...)``."""

    def run(*arguments: object, **kwargs) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "distsim", *map(str, arguments)]
        kwargs.setdefault("cwd", private)
        return subprocess.run(command, capture_output=True, text=True, timeout=300.0, check=False, **kwargs)

    return run
