"""The popular article's claims, recomputed: what it says, what the arithmetic or the literature says, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distsim.energy.learning import inference_flop
from distsim.energy.profiles import data, read_profile
from distsim.energy.ranges import Range

GPT4_PARAMETERS, GPT4_ACTIVE = 1.8e12, 280e9
BRAIN_WATTS, NEOCORTICAL_SYNAPSES = 20.0, 1.5e14


@dataclass(frozen=True)
class Claim:
    """A figure of the article beside its recomputed value.

    Attributes
    ----------
    what, unit, why : str
    claimed : float
    recomputed : Range
    unverified : bool
        The recomputed value was not read in its primary source.
    """

    what: str
    unit: str
    claimed: float
    recomputed: Range
    why: str
    unverified: bool = False

    @property
    def factor(self) -> float:
        """Claimed over recomputed."""
        return self.claimed / self.recomputed.typical

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"claim": self.what, "unit": self.unit, "claimed": self.claimed, "factor": self.factor,
                "recomputed": self.recomputed.to_list(), "why": self.why, "unverified": self.unverified}  # fmt: skip


def _literature(name: str, event: str) -> Range:
    import importlib.resources
    from pathlib import Path

    folder = Path(str(importlib.resources.files("distsim.configs") / "energy"))
    return read_profile(folder / f"{name}.yaml").price(event) * 1e12


def claims() -> list[Claim]:
    """Return all claims of the article that can be recomputed."""
    kwh = 3.7e18 / (20e15 / 1000.0) / 3.6e6
    training = {row["model"]: row for row in data("deep_learning")["training"] if row["set"] == "literature"}
    arrivals = Range(NEOCORTICAL_SYNAPSES * 0.16, NEOCORTICAL_SYNAPSES * 0.4, NEOCORTICAL_SYNAPSES * 1.0)
    per_arrival = Range(*(BRAIN_WATTS / n * 1e12 for n in reversed(arrivals.to_list())))
    h100 = 989e12 / 700.0
    exact = Range.of
    return [
        Claim("energy of a GPT-4 inference", "kWh", 185.0, exact(kwh),
              "3.7e18 FLOP / 20e15 FLOP/s per kW = 185 kW s, not kWh: a unit slip of 3,600"),
        Claim("FLOP of a GPT-4 forward pass", "FLOP", 3.7e18,
              Range(inference_flop(GPT4_ACTIVE, 1), inference_flop(GPT4_PARAMETERS, 1),
                    inference_flop(GPT4_PARAMETERS, 1)),
              "2 FLOP per parameter and token: 3.6e12 dense, 5.6e11 with 280e9 active; the article's own table has "
              "3.7e15"),
        Claim("efficiency of a GPU", "FLOP/s per kW", 20e15, exact(h100 * 1000.0),
              "an H100 peaks at 989e12 FLOP/s (dense bf16) on 700 W"),
        Claim("energy of a GPU operation", "pJ", 1e6, Range(0.71, 1.28, 10.8),
              "H100 and A100 at their peak; 10.8 pJ with node, PUE and 10 % utilisation"),
        Claim("energy of a brain's operation", "pJ", 1e-3, per_arrival,
              "20 W over 1.5e14 synapses at 0.16 to 1 Hz, per presynaptic arrival; the article's own inputs, "
              "20 W over 1e15 to 1e16 operations/s, give 2 to 20 fJ"),
        Claim("Loihi 2, synaptic operation", "pJ", 32.0, _literature("loihi2", "synaptic_event"),
              "no price is published; lower bound from Hala Point, 2,600 W over 380e12 synapses/s"),
        Claim("NorthPole, synaptic operation", "pJ", 3.2, _literature("northpole", "dense_mac"),
              "digital and not spiking: there is no synaptic operation to price, only MACs", True),
        Claim("Neurogrid, synaptic operation", "pJ", 0.032, _literature("neurogrid", "synaptic_event"),
              "about 3 W over 8e9 synapses", True),
        Claim("neurons of a Loihi 2 core", "neurons", 128.0, exact(8192.0),
              "128 is the number of cores; a core holds up to 8,192 neurons"),
        Claim("GPT-3 training, power", "MW", 1.3, exact(training["GPT-3"]["energy_mwh"] / (14.8 * 24.0)),
              "1.3 is its energy in GWh: 1,287 MWh in 14.8 days"),
        Claim("PaLM training, the article's MW read as GWh", "GWh", 3.5, exact(training["PaLM"]["energy_mwh"] / 1000.0),
              "an energy, called a power", True),
        Claim("PaLM training, CO2", "t", 1500.0, exact(float(training["PaLM"]["co2_t"])),
              "published by its authors", True),
        Claim("cortical neurons active at a moment", "%", 2.0, Range(0.1, 1.0, 15.0),
              "under 1 % substantially active (Lennie 2003), at most 15 % (Attwell & Laughlin 2001)"),
    ]  # fmt: skip
