"""Runs in the formats of other tools: Neo blocks, NWB files."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.errors import InputError
from distsim.io.whole_files import check_target, whole

if TYPE_CHECKING:
    import neo

    from distsim.io.run import Run


def _imported(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(module, f"expected it to be installed: pip install 'distsim[{extra}]'") from None


def _trains(run: Run, population: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (node id, spike times in ms) of every neuron of a population, silent ones too."""
    times, ids = run.spikes(population)
    order = np.argsort(ids, kind="stable")
    edges = np.searchsorted(ids[order], np.arange(run.populations[population] + 1))
    times = times[order]
    for node in range(run.populations[population]):
        yield node, times[edges[node] : edges[node + 1]]


def _has_spikes(run: Run) -> bool:
    return (run.path / "spikes.h5").exists() or (run.path / "spikes.zarr").exists()


def _states(run: Run) -> Iterator[tuple[str, str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (report, population, times, node ids, values) of everything recorded of states."""
    for report in run.reports():
        for population in [*run.populations, "lfp"]:
            try:
                yield report, population, *run.states(report, population)
            except InputError:
                continue


def _unit(run: Run, report: str) -> str:
    """Return the unit of a report's variable."""
    from distsim.registry import models

    for population in run.config.network.resolved().populations.values():
        for name, variable in models.get(population.model).declaration.state.items():
            if report == name or report.startswith(f"{name}_"):
                return variable.unit
    return "pA"


def to_neo(run: Run, population: str | None = None) -> neo.Block:
    """Return a Neo block: a spike train per neuron, an analog signal per report and population.

    Parameters
    ----------
    run : Run
    population : str, optional
        All where not given; every neuron becomes an object, so choose one of a large network.
    """
    neo_, pq = _imported("neo", "neo"), _imported("quantities", "neo")
    block = neo_.Block(name=run.summary["network"]["name"], distsim_version=run.summary["distsim_version"])
    segment = neo_.Segment(name=str(run.path))
    for name in [population] if population else run.populations:
        for node, times in _trains(run, name) if _has_spikes(run) else ():
            train = neo_.SpikeTrain(
                times, units="ms", t_start=0.0, t_stop=run.duration_ms + 1e-6, population=name, node_id=node
            )
            segment.spiketrains.append(train)
    for report, name, times, ids, values in _states(run):
        if population in (None, name) and len(times):
            every = times[1] - times[0] if len(times) > 1 else 1.0
            signal = neo_.AnalogSignal(
                values, units=_unit(run, report), t_start=times[0] * pq.ms, sampling_period=every * pq.ms,
                name=f"{report} of {name}", array_annotations={"node_id": ids},
            )  # fmt: skip
            segment.analogsignals.append(signal)
    block.segments.append(segment)
    return block


def to_nwb(run: Run, path: Path) -> Path:
    """Write a new NWB file: neurons as units with their spike times (s), reports as time series.

    Raises
    ------
    InputError
        Where the file exists.
    """
    pynwb = _imported("pynwb", "nwb")
    check_target(path, None)
    started = datetime.datetime.fromisoformat(run.summary["started"])
    file = pynwb.NWBFile(
        session_description=f"simulation of {run.summary['network']['name']} with distsim "
        f"{run.summary['distsim_version']}",
        identifier=f"{run.summary['config_sha256']}-{run.summary['started']}",
        session_start_time=started,
    )
    if _has_spikes(run):
        file.add_unit_column("population", "population of the neuron")
        file.add_unit_column("node_id", "index of the neuron in its population")
        for name in run.populations:
            for node, times in _trains(run, name):
                file.add_unit(spike_times=times / 1000.0, population=name, node_id=node)
    for report, name, times, ids, values in _states(run):
        text = f"{report} of neurons {ids[0]} to {ids[-1]} of {name}"
        series = pynwb.TimeSeries(
            name=f"{report}_{name}", data=values, unit=_unit(run, report), timestamps=times / 1000.0, description=text
        )
        file.add_acquisition(series)
    with whole(path) as part, pynwb.NWBHDF5IO(str(part), "w") as out:
        out.write(file)
    return path
