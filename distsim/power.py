"""Energy of a host's processors, where the kernel tells: RAPL through /sys/class/powercap.

The kernel's own interface is one file per package that counts microjoules; libraries around it add estimates
where there is no counter, which must not be mixed with what was measured.
"""

from __future__ import annotations

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
METER = "RAPL, processor packages (no memory, no power supply)"


class PowerMeter:
    """Counters of all processor packages of this host; reads nothing where there are none.

    The parts of a package have counters of their own (``intel-rapl:0:0``: core, uncore, dram); the package's has cores
    and uncore in it already, and memory is left out. The counter ``psys`` is of the whole
    platform, the packages included. So neither is added.

    Parameters
    ----------
    folder : Path
        Where the kernel shows them.
    """

    def __init__(self, folder: Path = POWERCAP):
        zones = sorted(p for p in folder.glob("intel-rapl:*") if p.name.count(":") == 1)
        self._packages = [p for p in zones if _name(p).startswith("package")]
        self._last = self._read()
        self._joules = 0.0

    @property
    def works(self) -> bool:
        """Whether there is a counter that may be read."""
        return self._last is not None

    def _read(self) -> list[int] | None:
        try:
            found = [int((p / "energy_uj").read_text()) for p in self._packages]
        except (OSError, ValueError):
            return None
        return found or None

    def joules(self) -> float | None:
        """Return the energy since this meter was made (J); None where it cannot be read.

        To be called more often than a counter wraps around, some minutes under full load.
        """
        now = self._read()
        if now is None or self._last is None:
            return None
        for package, before, after in zip(self._packages, self._last, now, strict=True):
            if after < before:
                after += int((package / "max_energy_range_uj").read_text())
            self._joules += (after - before) * 1e-6
        self._last = now
        return self._joules


def _name(zone: Path) -> str:
    """Return what a counter is of, such as ``package-0`` or ``psys``; a package where the kernel does not say."""
    try:
        return (zone / "name").read_text(encoding="utf-8").strip()
    except OSError:
        return "package"
