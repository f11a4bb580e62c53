"""A finished run, read: spikes and states by population and window of time, never more than asked for."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from distsim.errors import InputError, shown, unknown
from distsim.network.config import Config, load_config

if TYPE_CHECKING:
    import neo
    import pandas as pd

# Version of summary.json and of the run folder.
SCHEMA = 1


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Return the summary of a run that is complete, None of one that is not.

    Raises
    ------
    InputError
        Where it was written in another schema.
    """
    path = folder / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError):
        raise InputError(str(path), "expected JSON") from None
    if not isinstance(summary, dict):
        raise InputError(str(path), f"expected a JSON object, got {shown(summary)}")
    if summary.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema", f"expected {SCHEMA}, got {shown(summary.get('schema'))}")
    return summary


class Run:
    """The folder of a finished run; `open_run` gives one.

    Attributes
    ----------
    path : Path
    summary : dict
        summary.json.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        found = read_summary(self.path)
        if found is None and (self.path / "config.yaml").exists():
            problem = "expected a run that is complete, this one is not: distsim run FOLDER --resume goes on with it"
            raise InputError(str(self.path), problem)
        if found is None:
            raise InputError(str(self.path), "expected the folder of a run")
        self.summary = found

    def __repr__(self) -> str:
        return f"<Run in {self.path}: '{self.summary['network']['name']}', {self.duration_ms:g} ms>"

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What the run warned of: dicts of place, text, count."""
        return self.summary.get("warnings", [])

    @functools.cached_property
    def config(self) -> Config:
        """The effective config."""
        return load_config(self.path)

    @property
    def populations(self) -> dict[str, int]:
        """Population names and sizes, in order of gid."""
        return {name: p["n"] for name, p in self.summary["network"]["populations"].items()}

    @property
    def duration_ms(self) -> float:
        """Simulated time, the transient included (ms)."""
        return self.summary["run"]["transient_ms"] + self.summary["run"]["duration_ms"]

    def spikes(
        self, population: str | None = None, start: float | None = None, stop: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return spikes in order of time.

        Parameters
        ----------
        population : str, optional
            All populations where not given.
        start, stop : float, optional
            Window of time (ms), start <= t < stop.

        Returns
        -------
        times : np.ndarray
            float64 [n], ms.
        neurons : np.ndarray
            int64 [n], index in the population; gids, counted through all populations, where none is given.

        Raises
        ------
        InputError
            For an unknown population, and a run that recorded no spikes.
        """
        if population is not None and population not in self.populations:
            raise unknown("spikes", "population", population, self.populations)
        if (self.path / "spikes.zarr").exists():
            return self._zarr_spikes(population, start, stop)
        found = []
        first_gids = self._first_gids()
        for name in self.populations if population is None else [population]:
            times, ids = self._sonata_spikes(name, start, stop)
            found.append((times, ids if population is not None else ids + first_gids[name]))
        times, neurons = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if population is None:
            order = np.lexsort((neurons, times))
            times, neurons = times[order], neurons[order]
        return times, neurons

    def n_spikes(self, population: str | None = None, start: float | None = None, stop: float | None = None) -> int:
        """Return how many spikes `spikes` would return at most, without reading them all."""
        if (self.path / "spikes.zarr").exists():
            return sum(len(steps) for steps, _ in self._zarr_chunks(start, stop))
        groups = dict.fromkeys(self._group(name) for name in (self.populations if population is None else [population]))
        with self._spike_file() as file:
            return sum(hi - lo for lo, hi in (_span(file[g]["timestamps"], start, stop) for g in groups))

    def _first_gids(self) -> dict[str, int]:
        sizes = list(self.populations.values())
        return dict(zip(self.populations, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    def _spike_file(self) -> h5py.File:
        try:
            return h5py.File(self.path / "spikes.h5", "r")
        except FileNotFoundError:
            raise InputError(str(self.path), "expected recorded spikes, there are none") from None

    def _group(self, name: str) -> str:
        """Return the group of a population's spikes; populations that are nodes of one circuit share theirs."""
        nodes = self.summary["network"]["populations"][name].get("nodes")
        return f"spikes/{nodes['population'] if nodes else name}"

    def _sonata_spikes(self, name: str, start: float | None, stop: float | None) -> tuple[np.ndarray, np.ndarray]:
        with self._spike_file() as file:
            group = file[self._group(name)]
            lo, hi = _span(group["timestamps"], start, stop)
            found, ids = group["timestamps"][lo:hi], group["node_ids"][lo:hi].astype(np.int64)
        nodes = self.summary["network"]["populations"][name].get("nodes")
        if nodes is None:
            return found, ids
        # Node ids of a circuit: those of this population, as indices in it.
        own = np.concatenate([np.arange(*run) for run in nodes["ids"]])
        mine = np.isin(ids, own)
        return found[mine], np.searchsorted(own, ids[mine])

    def _zarr_chunks(self, start: float | None, stop: float | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (steps, gids) of a window of time, some at a time."""
        from distsim.io.zarr_output import sorted_spikes

        dt = self.summary["run"]["dt_ms"]
        window = [None if t is None else int(np.ceil(t / dt - 1e-9)) for t in (start, stop)]
        return sorted_spikes(self.path / "spikes.zarr", *window)

    def _zarr_spikes(self, name: str | None, start: float | None, stop: float | None) -> tuple[np.ndarray, np.ndarray]:
        from distsim.io.sonata_spikes import timestamps

        first = 0 if name is None else self._first_gids()[name]
        last = 2**62 if name is None else first + self.populations[name]
        times, neurons = [np.empty(0)], [np.empty(0, np.int64)]
        for steps, gids in self._zarr_chunks(start, stop):
            mine = (gids >= first) & (gids < last)
            times.append(timestamps(steps[mine], self.summary["run"]["dt_ms"]))
            neurons.append(gids[mine] - first)
        return np.concatenate(times), np.concatenate(neurons)

    def spikes_frame(
        self, population: str | None = None, start: float | None = None, stop: float | None = None
    ) -> pd.DataFrame:
        """Return spikes as a pandas DataFrame with columns ``time_ms``, ``population``, ``node_id``; see `spikes`."""
        import pandas as pd

        names = list(self.populations)
        if population is None:
            times, gids = self.spikes(None, start, stop)
            first = np.array(list(self._first_gids().values()))
            codes = np.searchsorted(first, gids, side="right") - 1
            ids = gids - first[codes]
        else:
            times, ids = self.spikes(population, start, stop)
            codes = np.full(ids.shape[0], names.index(population))
        return pd.DataFrame(
            {"time_ms": times, "population": pd.Categorical.from_codes(codes, names), "node_id": ids}, copy=False
        )

    def reports(self) -> list[str]:
        """Return the names of the reports of states."""
        if (self.path / "states.zarr").exists():
            return sorted(p.name for p in (self.path / "states.zarr").iterdir() if p.is_dir())
        if (self.path / "states.h5").exists():
            with h5py.File(self.path / "states.h5", "r") as file:
                return [str(group["data"].attrs["report"]) for group in list(file["report"].values())[:1]]
        return sorted(p.stem.removeprefix("states_") for p in self.path.glob("states_*.h5"))

    def states(
        self, report: str, population: str | None = None, start: float | None = None, stop: float | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return recorded states.

        Parameters
        ----------
        report : str
            One of `reports`, such as ``"V_m"``, ``"V_m_mean"`` or ``"lfp"``.
        population : str, optional
            Needed where the report has several.
        start, stop : float, optional
            Window of time (ms), start <= t < stop.

        Returns
        -------
        times : np.ndarray
            float64 [n_times], ms.
        node_ids : np.ndarray
            int64 [n].
        values : np.ndarray
            float32 [n_times, n].
        """
        if report not in self.reports():
            raise unknown("states", "report", report, self.reports())
        zarr_path = self.path / "states.zarr"
        return (self._zarr_states if zarr_path.exists() else self._sonata_states)(report, population, start, stop)

    def _sonata_states(
        self, report: str, population: str | None, start: float | None, stop: float | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        several = self.path / f"states_{report}.h5"
        with h5py.File(several if several.exists() else self.path / "states.h5", "r") as file:
            group = file["report"][_chosen(population, list(file["report"]))]
            begin, _, every = group["mapping/time"][:]
            times = np.round(begin + every * np.arange(group["data"].shape[0]), 9)
            part = _window(times, start, stop)
            return times[part], group["mapping/node_ids"][:].astype(np.int64), group["data"][part]

    def _zarr_states(
        self, report: str, population: str | None, start: float | None, stop: float | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        import zarr

        group: Any = zarr.open_group(self.path / "states.zarr", mode="r")[report]
        names = group["population"].attrs["names"]
        columns = np.flatnonzero(group["population"][:] == names.index(_chosen(population, names)))
        times = group["time"][:]
        part = _window(times, start, stop)
        (variable,) = set(group.array_keys()) - {"time", "node_id", "population"}
        values = group[variable][part, columns[0] : columns[-1] + 1]
        return times[part], group["node_id"][:][columns], values

    def to_neo(self, population: str | None = None) -> neo.Block:
        """Return spikes and states as a Neo block with one segment (extra ``neo``); see `io.exports`."""
        from distsim.io.exports import to_neo

        return to_neo(self, population)

    def to_nwb(self, path: str | Path) -> Path:
        """Write spikes and states into a new NWB file (extra ``nwb``); see `io.exports`."""
        from distsim.io.exports import to_nwb

        return to_nwb(self, Path(path))


def open_run(path: str | Path) -> Run:
    """Return a finished run for reading.

    Raises
    ------
    InputError
        For a folder that is no run, a run that is not complete, and a later version of the format.
    """
    return Run(path)


def _span(times: h5py.Dataset, start: float | None, stop: float | None) -> tuple[int, int]:
    """Return the first place of ascending times in a window, and the first behind it."""
    return 0 if start is None else _place(times, start), times.shape[0] if stop is None else _place(times, stop)


def _place(times: h5py.Dataset, time: float) -> int:
    """Return the first place of ascending times at or after a time, reading a handful of them."""
    low, high = 0, times.shape[0]
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if times[middle] < time - 1e-9 else (low, middle)
    return low


def _window(times: np.ndarray, start: float | None, stop: float | None) -> slice:
    lo, hi = (None if t is None else int(np.searchsorted(times, t - 1e-9)) for t in (start, stop))
    return slice(lo, hi)


def _chosen(population: str | None, names: list[str]) -> str:
    """Return the population that is meant."""
    if population is None and len(names) == 1:
        return names[0]
    if population not in names:
        raise unknown("states", "population", str(population), names)
    return population
