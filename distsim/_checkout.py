"""A digest of all sources that are compiled, which names what was compiled of them."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@functools.cache
def sources_digest(package: Path = PACKAGE) -> str:
    """Return a digest of the compiled sources of the package as they are now, 16 hexadecimal digits.

    Those are the files that import numba or llvmlite and those of the folders that write code; what
    stands elsewhere may change without anything being compiled again.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        if b"numba" in text or b"llvmlite" in text or path.parent.name in ("models", "synapses", "odes"):
            digest.update(f"{path.relative_to(package).as_posix()} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


def cache_folder(root: Path) -> Path:
    """Return the folder of the compiled code of the sources of a checkout as they are now."""
    folder = root / "build" / "compiled" / sources_digest(root / "distsim")
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return folder
