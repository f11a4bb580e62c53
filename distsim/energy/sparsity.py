"""Sparsity: the fraction of neurons that fire within a window of time."""

from __future__ import annotations

import numpy as np


def active_fraction(
    times: np.ndarray, neurons: np.ndarray, n_neurons: int, start: float, stop: float, window: float
) -> float:
    """Return the mean over windows of the fraction of neurons that fire in one.

    Parameters
    ----------
    times : np.ndarray
        float64 [n], spike times (ms).
    neurons : np.ndarray
        int64 [n].
    n_neurons : int
    start, stop : float
        Time that is cut into windows (ms); a rest shorter than a window is left out.
    window : float
        ms.
    """
    n_windows = int((stop - start) / window + 1e-9)
    if n_windows == 0 or n_neurons == 0:
        return float("nan")
    # A spike at t belongs to the step that ends there: windows are open on the left.
    number = np.ceil((times - start) / window - 1e-9).astype(np.int64) - 1
    inside = (number >= 0) & (number < n_windows)
    pairs = np.unique(number[inside] * np.int64(n_neurons) + neurons[inside])
    return pairs.shape[0] / (n_windows * n_neurons)
