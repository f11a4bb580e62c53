"""What the steps of models compute with, as numbers, and how large their input gets: finite, or refused.

Whatever would make a state infinite or undefined from the first step on is refused here, with its place in the config,
before any work is done. `simulation/finiteness.py` looks at what the states become while the run goes on.
"""

from __future__ import annotations

import math

import numpy as np

from distsim.construction.tables import weight_bounds
from distsim.errors import InputError
from distsim.network import Network
from distsim.network.checks import HIGHEST, LOWEST
from distsim.network.declarations import Population
from distsim.registry import devices, models

# Currents and weights add up in a neuron's input: each may be as large as the largest number divided by this.
ROOM = 2.0**32
# A normal number of 53 random bits lies at most so many standard deviations from its mean.
MOST_DEVIATIONS = 9.0


def constants(network: Network, dt: float, dtype: np.dtype) -> np.ndarray:
    """Return what the step of every population's model computes with; see `NeuronModel.constants`.

    Parameters
    ----------
    network : Network
        Resolved.
    dt : float
        Step (ms).
    dtype : np.dtype
        Of the simulation's state.

    Returns
    -------
    np.ndarray
        [n_populations, most constants of a model]

    Raises
    ------
    InputError
        With the parameter that makes a constant infinite or undefined, and for what cannot be computed.
    """
    table = [_of_population(name, p, dt, dtype) for name, p in network.populations.items()]
    found = np.zeros((len(table), max(len(row) for row in table)), dtype)
    for row, values in zip(found, table, strict=True):
        row[: len(values)] = values
    return found


def _of_population(name: str, population: Population, dt: float, dtype: np.dtype) -> np.ndarray:
    """Return the constants of one population."""
    place = f"network.populations.{name}.params"
    found, problem = _computed(population.model, population.params, dt, dtype)
    if found is not None:
        return found
    # The parameter whose default would make everything finite is the one to name.
    for key, parameter in models.get(population.model).declaration.parameters.items():
        value = population.params[key]
        if value != parameter.default and _computed(
            population.model, population.params | {key: parameter.default}, dt, dtype
        )[0] is not None:  # fmt: skip
            raise InputError(f"{place}.{key}", f"{problem}, got {value:g}")
    raise InputError(place, problem)


def _computed(model: str, params: dict[str, float], dt: float, dtype: np.dtype) -> tuple[np.ndarray | None, str]:
    """Return a model's constants, or None and what is wrong."""
    wanted = f"expected a value from which {model} with dt = {dt:g} ms has finite constants in {dtype}"
    with np.errstate(all="ignore"):
        try:
            found = np.array(models.get(model).constants(params, dt), np.float64).astype(dtype)
        except InputError as error:
            return None, str(error)
        except (ArithmeticError, ValueError):
            return None, wanted
    # A parameter may be infinite where the model declares it so: a bound that is none.
    endless = any(math.isinf(p.default) for p in models.get(model).declaration.parameters.values())
    finite = not np.isnan(found).any() if endless else np.isfinite(found).all()
    return (found, "") if finite else (None, wanted)


def check_numbers(network: Network, dt: float, dtype: np.dtype) -> None:
    """Raise where parameters, weights or currents would make a state infinite or undefined: `constants`, `check_input`.

    Raises
    ------
    InputError
        With the place in the config.
    """
    constants(network, dt, dtype)
    with np.errstate(all="ignore"):
        check_input(network, dtype)
        for name, population in network.populations.items():
            for variable, law in population.init.items():
                if not np.isfinite(extremes := law.ppf(np.array([LOWEST, HIGHEST])).astype(dtype)).all():
                    place = f"network.populations.{name}.init.{variable}"
                    problem = f"expected values that are finite in {dtype}, got {extremes[0]} to {extremes[1]}"
                    raise InputError(place, problem)


def check_input(network: Network, dtype: np.dtype) -> None:
    """Raise where a weight or a current is so large that a neuron's input could become infinite.

    Raises
    ------
    InputError
        With the projection or the device's parameter.
    """
    limit = float(np.finfo(dtype).max) / ROOM
    # Weights are drawn in single precision whatever the state's.
    heaviest = float(np.finfo(np.float32).max) / ROOM
    for i, projection in enumerate(network.projections):
        largest = max(weight_bounds(projection), key=abs)
        if not abs(largest) <= heaviest:
            problem = f"expected weights of at most {heaviest:.1e} in size, got {largest:g}"
            raise InputError(f"network.projections.{i}.weight", problem)
        name = projection.pre.slices[0].name
        if name in network.devices:
            _check_current(network, name, abs(largest), limit, dtype)


def _check_current(network: Network, name: str, factor: float, limit: float, dtype: np.dtype) -> None:
    """Raise where a current generator's numbers times a weight are out of range."""
    device = network.devices[name]
    for key, parameter in devices.get(device.model).parameters.items():
        if parameter.unit != "pA":
            continue
        largest = float(np.abs(np.ravel(device.params[key])).max(initial=0.0)) * MOST_DEVIATIONS * max(factor, 1.0)
        if not largest <= limit:
            raise InputError(
                f"network.devices.{name}.params.{key}",
                f"expected a current below {limit / MOST_DEVIATIONS / max(factor, 1.0):.1e} pA in {dtype}, "
                f"got {np.abs(np.ravel(device.params[key])).max():g}",
            )
