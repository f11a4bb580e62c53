"""Check types with mypy on a tree of links that looks like the installed package."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("configs", "io", "jobs", "partitioners", "slurm")


def main() -> int:
    """Link the package's folders below build/types/distsim and run mypy there."""
    tree = ROOT / "build" / "types" / "distsim"
    tree.mkdir(parents=True, exist_ok=True)
    for link in tree.iterdir():
        link.unlink()
    for path in [*(ROOT / "distsim").iterdir(), *(ROOT / name for name in MAPPED)]:
        if path.name != "__pycache__":
            (tree / path.name).symlink_to(path)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "distsim"]
    return subprocess.run(command, cwd=tree.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
