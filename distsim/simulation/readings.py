"""What a simulation tells of itself: time, states, weights, recordings; also after its end."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.communication import Communicator
from distsim.errors import unknown
from distsim.network import Network
from distsim.network.config import Config
from distsim.notices import Notices, gathered
from distsim.simulation import recorded
from distsim.simulation.engine import Engine
from distsim.simulation.learning import Weights
from distsim.simulation.recording import Recording
from distsim.simulation.run_folder import RunFolder


class Readings:
    """The part of `Simulation` that changes nothing.

    Attributes
    ----------
    config : Config
        With the network as it was when the simulation was made.
    network : Network
        Resolved.
    closed : bool
        Whether it runs no more.
    final : dict or None
        The summary, once it is closed.
    """

    config: Config
    network: Network
    ranks: Communicator
    notices: Notices
    engine: Engine
    folder: RunFolder | None
    recording: Recording
    closed: bool
    final: dict[str, Any] | None

    @property
    def biological_ms(self) -> float:
        """Time simulated so far (ms)."""
        return self.engine.step * self.config.simulation.dt

    def state(self, population: str, variable: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (gids, values) of a state variable of this rank's neurons of a population.

        Raises
        ------
        InputError
            For unknown populations and variables.
        """
        if population not in self.network.populations:
            raise unknown("state", "population", population, self.network.populations)
        return self.engine.state(population, variable)

    def weights(self, projection: str) -> Weights:
        """Return the synapses of a plastic projection, by its name, onto this rank's neurons, as they are now.

        A projection without a name is called ``"exc->exc"``; InputError for one that is not plastic.
        """
        return self.engine.learning.weights(projection, self.engine.step, self.engine.min_delay)

    @gathered
    def spikes(
        self, population: str | None = None, start: float | None = None, stop: float | None = None, *,
        local: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Return the recorded spikes of all ranks, the same on every rank, by (time, gid). Collective, but for `local`.

        While a run with an output folder goes they are in the logs, of its earlier sessions too; then in its files.

        Parameters
        ----------
        population : str, optional
            All populations where not given.
        start, stop : float, optional
            Window of time (ms), start <= t < stop.
        local : bool
            Those of this rank's neurons only; one rank alone may ask.

        Returns
        -------
        times : np.ndarray
            float64 [n], ms.
        neurons : np.ndarray
            int64 [n], index in the population; gids, counted through all populations, where none is given.

        Raises
        ------
        InputError
            On all ranks, for an unknown population, where no spikes are recorded, and for more than fit into memory.
        """
        return recorded.spikes(self.recording, population, start, stop, local, self.complete)

    @gathered
    def states(
        self, report: str, start: float | None = None, stop: float | None = None
    ) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return the recorded states of all ranks, the same on every rank. Collective.

        Parameters
        ----------
        report : str
            Name of the quantity, such as ``"V_m"``, ``"V_m_mean"`` or ``"lfp"``.
        start, stop : float, optional
            Window of time (ms), start <= t < stop.

        Returns
        -------
        dict
            Population to (times in ms [n_times], node ids [n], values [n_times, n]).

        Raises
        ------
        InputError
            On all ranks, for an unknown report, and for more than fits into memory.
        """
        return recorded.states(self.recording, report, start, stop, self.complete)

    @property
    def complete(self) -> bool:
        """Whether there is a run folder and all is written into it."""
        return self.folder is not None and self.final is not None

    def __repr__(self) -> str:
        settings, ranks = self.config.simulation, self.ranks.n_ranks
        where = f", output {self.folder.path}" if self.folder is not None else ""
        return (
            f"<Simulation of '{self.network.name}': {self.network.n_neurons:,} neurons on {ranks} "
            f"rank{'' if ranks == 1 else 's'}, dt {settings.dt:g} ms, {self.biological_ms:g} ms simulated"
            f"{where}{', closed' if self.closed else ''}>"
        )
