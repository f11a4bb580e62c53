"""Where a checkout keeps its compiled code: a folder named by a digest of all sources that are compiled."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def cache_folder(root: Path) -> Path:
    """Return the folder of the compiled code of the sources below `root` as they are now.

    Those are the files that import numba or llvmlite and those of the folders that write code; what
    stands elsewhere may change without anything being compiled again.
    """
    digest = hashlib.sha256()
    for path in sorted((root / "distsim").rglob("*.py")):
        text = path.read_bytes()
        if b"numba" in text or b"llvmlite" in text or path.parent.name in ("models", "synapses", "odes"):
            digest.update(f"{path.relative_to(root)} {len(text)}\n".encode() + text)
    folder = root / "build" / "compiled" / digest.hexdigest()[:16]
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return folder
