"""Ctrl-C at moments spread over a whole run: interrupts.py does it, here it becomes a row of the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("interrupts.py")


def rounds(n: int, seed: int) -> list[dict[str, Any]]:
    """Return what came of n moments, each in all of the ways that the script knows."""
    command = [sys.executable, str(SCRIPT), "--rounds", str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    outcome = "fine" if done.returncode == 0 else "fault"
    return [
        {
            "operator": "interrupts",
            "seed": seed,
            "outcome": outcome,
            "line": "" if outcome == "fine" else said[-1][:300],
            "note": f"{n} rounds",
        }
    ]
