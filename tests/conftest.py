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


@pytest.fixture(scope="session")
def mpiexec() -> str:
    """Path of the mpiexec that the test extra installs."""
    path = Path(sys.executable).with_name("mpiexec")
    assert path.is_file(), "mpiexec is missing: install the extra 'test'"
    return str(path)


@pytest.fixture(scope="session")
def ranks(mpiexec):
    """Return a function that runs Python with arguments on n ranks: ``ranks(n, *arguments, **kwargs)``."""

    def run(n: int, *arguments: object, timeout: float = 300.0, **kwargs) -> subprocess.CompletedProcess[str]:
        command = [mpiexec, "-n", str(n), sys.executable, *map(str, arguments)]
        environment = {**os.environ, **kwargs.pop("env", {})}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment, check=False, **kwargs
        )

    return run


@pytest.fixture(scope="session")
def distsim():
    """Return a function that runs the command line in one process: ``distsim("info", "cuba", cwd=...)``."""

    def run(*arguments: object, **kwargs) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "distsim", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300.0, check=False, **kwargs)

    return run
