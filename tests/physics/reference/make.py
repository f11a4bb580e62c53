"""Write the reference numbers that the physics tests compare with: runs NEST, not needed by the tests.

    python tests/physics/reference/make.py

writes single_neurons.json and device_statistics.json next to this file, in some ten seconds on one core.
Floats have all their digits: reading a file gives the bits that NEST computed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import device_statistics
import nest
import single_neurons

FOLDER = Path(__file__).parent
COMMAND = "python tests/physics/reference/make.py"


def as_text(value: Any, indent: int = 0) -> str:
    """Return JSON with one key a line and every list on one line, so that a change shows as one line."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    pad = " " * (indent + 1)
    rows = [f"{pad}{json.dumps(key)}: {as_text(item, indent + 1)}" for key, item in value.items()]
    return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"


def write(name: str, content: dict[str, Any]) -> None:
    """Write `content` under the description of how it was made."""
    made = {"simulator": f"NEST {nest.__version__}", "command": COMMAND, "dt": single_neurons.DT}
    text = as_text(made | content) + "\n"
    # What the tests will read is exactly what was computed.
    if json.loads(text) != made | content:
        raise RuntimeError(f"{name} does not read back as it was written")
    (FOLDER / name).write_text(text)
    print(f"{name}: {len(text) / 1e6:.2f} MB")


def main() -> None:
    """Run all cases in NEST and write both files."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    cases = {model: single_neurons.cases_of(model) for model in single_neurons.PARAMS}
    write(
        "single_neurons.json",
        {
            "onsets": single_neurons.onsets(),
            "rounded_delays": single_neurons.rounded_delays(),
            "cases": cases,
        },
    )
    write(
        "device_statistics.json",
        {
            "noise_generator": device_statistics.noise_generator(),
            "poisson_generator": device_statistics.poisson_generator(),
        },
    )


if __name__ == "__main__":
    main()
