"""Imports point downward only, MPI and HDF5 each have one home, and the wheel holds every folder."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = [
    {"_checkout", "errors", "generated_code", "interrupts", "notices", "units", "registry", "rng", "timers", "power"},
    {"network"},
    {"models", "devices", "synapses", "odes"},
    {"communication", "partitioners", "io"},
    {"construction"},
    {"simulation", "scaling"},
    {"jobs", "report", "analysis", "energy"},
    {"cli", "cli_jobs", "__init__", "__main__", "configs", "slurm"},
]
HOMES = {"mpi4py": "communication", "h5py": "io", "zarr": "io"}
FILES = sorted(
    [
        *(ROOT / "distsim").rglob("*.py"),
        *(ROOT / "io").glob("*.py"),
        *(ROOT / "partitioners").glob("*.py"),
        *(ROOT / "jobs").glob("*.py"),
    ]
)


def place(path: Path) -> str:
    """Return the folder, or module, of the package that a file belongs to."""
    parts = path.relative_to(ROOT).parts
    return parts[0] if parts[0] != "distsim" else parts[1].removesuffix(".py")


def layer(name: str) -> int:
    """Return the layer of a folder."""
    return next(i for i, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> set[str]:
    """Return the dotted names that a file imports at run time, wherever they stand."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        # What stands under TYPE_CHECKING is never imported.
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != "distsim" else {f"distsim.{a.name}" for a in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downward(path):
    """A file imports from its own layer or from lower ones."""
    here = layer(place(path))
    for name in imports(path):
        top = name.split(".")[0]
        if top == "distsim" and len(name.split(".")) > 1 and name != "distsim.__version__":
            assert layer(name.split(".")[1]) <= here, name
        if top in HOMES:
            assert place(path) == HOMES[top], name


def test_importing_starts_nothing():
    """No MPI, nothing compiled, and quickly: numba and scipy are not even imported."""
    code = "import sys, distsim; distsim.Network; print([m for m in ('mpi4py', 'numba', 'scipy', 'h5py') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    """What __all__ promises can be imported."""
    import distsim

    assert all(getattr(distsim, name) for name in distsim.__all__)
    assert set(distsim.__all__) == set(dir(distsim))


def test_every_folder_is_packaged():
    """A folder that is not listed would work in the checkout and miss in the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    below = {f"distsim.{p.parent.relative_to(ROOT / 'distsim')}".replace("/", ".") for p in FILES
             if p.name == "__init__.py" and p.is_relative_to(ROOT / "distsim") and p.parent != ROOT / "distsim"}  # fmt: skip
    mapped = {f"distsim.{p.parent.name}" for p in ROOT.glob("*/__init__.py")} - {"distsim.distsim"}
    assert set(project["packages"]) == {"distsim"} | below | mapped
    assert set(project["package-dir"]) == {"distsim"} | mapped


def test_one_version():
    """The package, its metadata and the citation agree."""
    import distsim

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert distsim.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_files_are_rooms():
    """No file of the package over 400 lines."""
    assert [str(p) for p in FILES if len(p.read_text().splitlines()) > 400] == []
