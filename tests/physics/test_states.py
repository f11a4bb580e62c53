"""Recorded states: the values that the neurons have, means and the LFP proxy from them, readers and formats agree."""

from __future__ import annotations

import libsonata
import numpy as np
import pytest
import xarray

import distsim as ds

EVERY = 0.5
RUN = 40.0


def network():
    """Two driven populations of different models, recorded in every way."""
    net = ds.Network("states")
    exc = net.population("exc", 60, "iaf_psc_exp", init={"V_m": ds.uniform(-70, -55)})
    inh = net.population("inh", 20, "iaf_psc_exp", tau_syn_in=4.0, E_L=-65.0, V_reset=-66.0)
    net.poisson(exc + inh, rate=9000.0, weight=40.0)
    net.project(exc, exc + inh, ds.fixed_indegree(20), weight=ds.normal(40, 4), delay=ds.uniform(0.5, 2))
    net.project(inh, exc + inh, ds.fixed_indegree(5), weight=-150.0, delay=1.0)
    net.record("spikes", exc + inh)
    net.record("V_m", exc[10:30] + inh, every=EVERY)
    net.record("V_m", exc[20:40], every=EVERY)
    for variable in ("I_syn_ex", "I_syn_in"):
        net.record(variable, exc + inh, every=EVERY)
        net.record(variable, exc + inh, every=EVERY, reduce="mean")
    net.record("lfp", exc + inh, every=EVERY)
    return net


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same network in HDF5 and in Zarr, and stepped by hand."""
    folder = tmp_path_factory.mktemp("states")
    found = {}
    for form in ("hdf5", "zarr"):
        config = ds.load_config(_yaml(folder, form))
        with ds.Simulation.from_config(config) as sim:
            sim.run(RUN)
        found[form] = ds.open_run(folder / form)
    by_hand = {}
    sim = ds.Simulation(network(), seed=3)
    for _ in range(round(RUN / EVERY)):
        sim.run(EVERY)
        for population in ("exc", "inh"):
            for variable in ("V_m", "I_syn_ex", "I_syn_in"):
                by_hand.setdefault((variable, population), []).append(sim.state(population, variable)[1].copy())
    return found, {k: np.array(v, np.float32) for k, v in by_hand.items()}


def _yaml(folder, form):
    from distsim.network.config import from_dict

    config = from_dict({"network": network(), "simulation": {"seed": 3, "duration": RUN},
                        "output": {"path": str(folder / form), "format": form}})  # fmt: skip
    path = folder / f"{form}.yaml"
    path.write_text(config.to_yaml())
    return path


@pytest.mark.parametrize("form", ["hdf5", "zarr"])
def test_values(runs, form):
    """Every recorded value is the neuron's, at its time; slices that overlap are recorded once."""
    found, by_hand = runs
    run = found[form]
    assert run.reports() == sorted(["V_m", "I_syn_ex", "I_syn_ex_mean", "I_syn_in", "I_syn_in_mean", "lfp"])
    times, ids, values = run.states("V_m", "exc")
    assert np.allclose(times, EVERY * np.arange(1, 81), atol=1e-12) and ids.tolist() == list(range(10, 40))
    assert np.array_equal(values, by_hand["V_m", "exc"][:, 10:40])
    assert np.array_equal(run.states("I_syn_in", "inh")[2], by_hand["I_syn_in", "inh"])
    window = run.states("V_m", "inh", 10.0, 12.0)
    assert window[0].tolist() == [10.0, 10.5, 11.0, 11.5] and np.array_equal(window[2], by_hand["V_m", "inh"][19:23])


@pytest.mark.parametrize("form", ["hdf5", "zarr"])
def test_mean_and_lfp(runs, form):
    """Means of the recorded values; the LFP as its definition says, the excitatory part 6 ms late."""
    found, by_hand = runs
    run = found[form]
    for population in ("exc", "inh"):
        for variable in ("I_syn_ex", "I_syn_in"):
            mean = run.states(f"{variable}_mean", population)[2][:, 0]
            expected = by_hand[variable, population].astype(np.float64).mean(axis=1)
            assert np.allclose(mean, expected, rtol=1e-6, atol=1e-5)
    excitatory, inhibitory = (
        sum(by_hand[v, p].astype(np.float64).sum(axis=1) for p in ("exc", "inh")) for v in ("I_syn_ex", "I_syn_in")
    )
    late = np.concatenate([np.zeros(12), excitatory[:-12]])
    assert np.allclose(run.states("lfp")[2][:, 0], late - 1.65 * inhibitory, rtol=1e-6, atol=1e-2)
    assert run.states("lfp")[2][40:].mean() > 1000.0


def test_states_in_memory(runs):
    """Without an output folder the same arrays."""
    sim = ds.Simulation(network(), seed=3)
    sim.run(RUN)
    for report in ("V_m", "I_syn_ex_mean", "lfp"):
        for population, (times, ids, values) in sim.states(report).items():
            expected = runs[0]["hdf5"].states(report, population)
            assert np.array_equal(times, expected[0]) and np.array_equal(ids, expected[1])
            assert np.array_equal(values, expected[2])
    with pytest.raises(ds.InputError, match="unknown report"):
        sim.states("w")


def test_checkpoint_and_restore_in_memory(tmp_path):
    """A new simulation takes up where a checkpoint was taken; another network, or one that has run, is refused."""
    whole = ds.Simulation(network(), seed=3)
    whole.run(20.0)
    path = whole.checkpoint(tmp_path / "half.h5")
    whole.run(20.0)
    second = ds.Simulation(network(), seed=3)
    second.restore(path)
    assert second.biological_ms == 20.0
    second.run(20.0)
    times, gids = whole.spikes()
    late = times > 20.0
    assert late.sum() > 10
    for a, b in zip(second.spikes(), (times[late], gids[late]), strict=True):
        assert np.array_equal(a, b)
    assert second.summary()["counts"]["spikes"] == len(times)
    recorded, rest = whole.states("V_m")["exc"], second.states("V_m")["exc"]
    assert rest[0][0] == 20.5 and np.array_equal(rest[0], recorded[0][40:])
    assert np.array_equal(rest[2], recorded[2][40:])
    with pytest.raises(ds.InputError, match="expected a simulation that has not run yet"):
        second.restore(path)
    with pytest.raises(ds.InputError, match="it was written by another config"):
        ds.Simulation(network(), seed=4).restore(path)
    with pytest.raises(ds.InputError, match="expected a path"):
        whole.checkpoint()


def test_libsonata_reads_the_reports(runs):
    """The oracle that nobody here wrote: populations, ids, times, units and values."""
    run = runs[0]["hdf5"]
    reader = libsonata.ElementReportReader(str(run.path / "states_V_m.h5"))
    assert sorted(reader.get_population_names()) == ["exc", "inh"]
    population = reader["exc"]
    assert population.get_node_ids() == list(range(10, 40)) and population.data_units == "mV"
    assert population.times == (0.5, 40.5, 0.5) and population.time_units == "ms"
    frame = population.get(node_ids=[11, 39], tstart=10.0, tstop=11.0)
    expected = run.states("V_m", "exc")[2]
    assert np.allclose(frame.times, [10.0, 10.5, 11.0])
    assert np.array_equal(np.array(frame.data), expected[19:22][:, [1, 29]])


def test_xarray_reads_zarr(runs):
    """As arrays with named dimensions and coordinates."""
    run = runs[0]["zarr"]
    data = xarray.open_zarr(run.path / "states.zarr", group="V_m")
    assert data["V_m"].dims == ("time", "neuron") and data["V_m"].shape == (80, 50)
    part = data["V_m"].sel(time=slice(10.0, 11.0)).values
    assert np.array_equal(part[:, 30:], run.states("V_m", "inh", 10.0, 11.1)[2])
    spikes = xarray.open_zarr(run.path / "spikes.zarr")
    times, gids = run.spikes()
    assert np.array_equal(spikes["gid"].values, gids) and np.allclose(spikes["step"].values * 0.1, times)
    assert spikes.attrs["spike_hash"] == run.summary["spike_hash"] == runs[0]["hdf5"].summary["spike_hash"]


def test_spikes_by_population_and_window(runs):
    """Both formats give the same, as arrays and as a table."""
    hdf5, zarr = runs[0]["hdf5"], runs[0]["zarr"]
    for arguments in ((), ("inh",), ("exc", 10.0, 20.05), (None, 0.0, 5.0), ("exc", 39.9, None)):
        for a, b in zip(hdf5.spikes(*arguments), zarr.spikes(*arguments), strict=True):
            assert np.array_equal(a, b)
    times, gids = hdf5.spikes()
    inside = (times >= 10.0) & (times < 20.05) & (gids < 60)
    assert np.array_equal(hdf5.spikes("exc", 10.0, 20.05)[0], times[inside]) and inside.sum() > 10
    frame = zarr.spikes_frame()
    assert list(frame.columns) == ["time_ms", "population", "node_id"] and len(frame) == len(times)
    assert (frame["population"] == "inh").sum() == len(hdf5.spikes("inh")[0]) and frame["node_id"].max() < 60
    with pytest.raises(ds.InputError, match="unknown population 'ex'"):
        hdf5.spikes("ex")


def test_neo(runs):
    """A train per neuron, a signal per report and population, in their units."""
    run = runs[0]["hdf5"]
    block = run.to_neo()
    (segment,) = block.segments
    assert len(segment.spiketrains) == 80 and sum(len(t) for t in segment.spiketrains) == len(run.spikes()[0])
    signal = next(s for s in segment.analogsignals if s.name == "V_m of exc")
    assert str(signal.units.dimensionality) == "mV" and signal.shape == (80, 30)
    assert float(signal.t_start.rescale("ms")) == 0.5 and np.isclose(float(signal.sampling_period.rescale("ms")), 0.5)
    assert np.array_equal(np.asarray(signal), run.states("V_m", "exc")[2])


def test_nwb(runs, tmp_path):
    """pynwb reads units and series back."""
    import pynwb

    run = runs[0]["zarr"]
    path = run.to_nwb(tmp_path / "run.nwb")
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        nwb = file.read()
        units = nwb.units.to_dataframe()
        assert len(units) == 80
        expected = np.sort(run.spikes("inh")[0]) / 1000.0
        assert np.allclose(
            np.sort(np.concatenate(units[units["population"] == "inh"]["spike_times"].to_list())), expected
        )
        assert np.array_equal(nwb.acquisition["V_m_exc"].data[:], run.states("V_m", "exc")[2])
    with pytest.raises(ds.InputError, match="expected nothing under this name"):
        run.to_nwb(path)
