"""Deep learning: FLOP and energy of training and of inference, dense and mixture of experts."""

from __future__ import annotations


def training_flop(parameters: float, tokens: float) -> float:
    """Return the FLOP of training, 6 N D (Kaplan et al. 2020, arXiv:2001.08361); N active parameters."""
    return 6.0 * parameters * tokens


def inference_flop(active_parameters: float, tokens: float) -> float:
    """Return the FLOP of generating tokens, 2 N_active each; of a mixture of experts only the active count."""
    return 2.0 * active_parameters * tokens


def joules(flop: float, peak_flop_per_second: float, mfu: float, node_watts: float, load: float, pue: float) -> float:
    """Return the energy of FLOP on accelerators (Epoch AI 2025).

    Parameters
    ----------
    flop, peak_flop_per_second : float
    mfu : float
        Fraction of the peak that is reached.
    node_watts : float
        Power of an accelerator with its share of the node.
    load, pue : float
        Fraction of that power in use; power usage effectiveness of the data centre.
    """
    return flop / (peak_flop_per_second * mfu) * node_watts * load * pue


def watt_hours(energy_joules: float) -> float:
    """Return joules as Wh."""
    return energy_joules / 3600.0
