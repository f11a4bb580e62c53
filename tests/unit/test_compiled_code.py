"""Compiled code never outlives its sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_checkout_compiles_anew_where_an_inlined_helper_changed(tmp_path):
    """An edit in one file changes what the compiled function of another file does, without removing any cache."""
    for name in ("distsim", "io", "partitioners", "jobs", "configs", "slurm"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    code = (
        "import numpy as np; from distsim.construction.kernels import bernoulli_indegrees;"
        "out = np.zeros(5, np.int64); n = np.full(5, 1000); k = np.arange(4, dtype=np.uint32);"
        "bernoulli_indegrees(out, np.arange(5), n, 0.5, k); print(out)"
    )

    def run() -> str:
        env = {"PATH": "/usr/bin:/bin"}
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    before = run()
    rng = tmp_path / "distsim" / "rng.py"
    text = rng.read_text()
    assert "def threefry4x32" in text
    # Another key: every number that the inlined generator gives is another one.
    constant = "0x1BD11BDA"
    assert constant in text
    rng.write_text(text.replace(constant, "0x1BD11BDB"))
    assert run() != before
    rng.write_text(text)
    assert run() == before


def test_an_installed_package_generates_anew_where_an_inlined_helper_changed(tmp_path):
    """The models' generated modules take in helpers of other files: with another helper nothing compiled before is run."""
    package = tmp_path / "distsim"
    shutil.copytree(ROOT / "distsim", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("io", "partitioners", "jobs"):
        shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import numpy as np; from distsim.registry import models; import distsim; m = models.get('izhikevich');"
        f"assert distsim.__file__.startswith({str(package)!r}), distsim.__file__;"
        "p = {k: v.default for k, v in m.declaration.parameters.items()};"
        "state = np.array([[-60.0], [-13.0]]); zeros = np.zeros((1, 1), np.int32);"
        "m.update(state, np.zeros(1, np.int32), zeros, np.zeros(1), 0, 1, np.array(m.constants(p, 0.1)), np.ones(1),"
        "np.zeros(2, np.int32), 0); print(state.ravel())"
    )

    def run() -> str:
        env = {"PATH": "/usr/bin:/bin", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    before = run()
    helper = package / "models" / "arithmetic.py"
    text = helper.read_text()
    old = "return lambda a, b, c: _fused(a, b, c)"
    assert text.count(old) == 1
    helper.write_text(text.replace(old, "return lambda a, b, c: _fused(a, b, c + a)"))
    assert run() != before
    helper.write_text(text)
    assert run() == before
