"""Numbers that are none: refused before any work where parameters make them, told with the neuron where a run does."""

from __future__ import annotations

import numpy as np
import pytest

import distsim as ds
from distsim.construction.neuron_constants import check_numbers
from distsim.errors import InputError
from distsim.simulation.finiteness import all_finite


def network(model="iaf_psc_exp", weight=100.0, noise=0.0, **params):
    """Return a neuron that a spike generator and a noise current drive."""
    net = ds.Network("one")
    neuron = net.population("neuron", 3, model, **params)
    net.project(net.device("spikes", "spike_generator", spike_times=[1.0, 2.0]), neuron, weight=weight, delay=1.0)
    net.project(net.device("noise", "noise_generator", std=noise), neuron)
    net.record("spikes", neuron)
    return net


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"tau_m": 1e-9}, "network.populations.neuron.params.tau_m: expected a value from which iaf_psc_exp"),
        ({"weight": 1e60}, "network.projections.0.weight: expected weights of at most"),
        ({"weight": -1e308}, "network.projections.0.weight: expected "),
        ({"noise": 1e308}, "network.devices.noise.params.std: expected a current "),
        ({"C_m": 1e-320}, "network.populations.neuron.params.C_m: expected a value from which"),
        ({"model": "iaf_cond_exp", "C_m": 1e-320}, "network.populations.neuron.params.C_m"),
        ({"model": "hh_psc_alpha", "tau_syn_ex": 1e-320}, "network.populations.neuron.params.tau_syn_ex"),
        ({"model": "glif_psc", "th_voltage_decay": 9.43 / 58.72, "g": 9.43}, "neuron.params.th_voltage_decay"),
    ],
)
def test_refused_before_any_work(tmp_path, precision, given, place):
    """One line with the place; no folder is left."""
    with pytest.raises(InputError) as error:
        ds.Simulation(network(**given), precision=precision, output=str(tmp_path / "run"))
    assert place in str(error.value) and "\n" not in str(error.value), error.value
    assert not (tmp_path / "run").exists()


def test_what_single_precision_cannot_hold_is_refused_there_only():
    """A parameter, an initial value and a current beyond 3e38."""
    for given in ({"V_th": 1e39}, {"init": {"V_m": ds.uniform(0.0, 1e39)}}, {"noise": 1e39}):
        net = network(**given).resolved()
        with pytest.raises(InputError, match="in float32"):
            check_numbers(net, 0.1, np.dtype(np.float32))
        check_numbers(net, 0.1, np.dtype(np.float64))


def test_many_finite_inputs_make_an_infinite_state(tmp_path):
    """A shipped model: the run ends before anything of that chunk is recorded."""
    net = network("leaky_integrator", weight=7e28, C_m=1e-10)
    net.record("V_m", "neuron", every=0.1)
    sim = ds.Simulation(net)
    sim.run(1.0)
    with pytest.raises(
        FloatingPointError, match=r"V_m of neuron 0 of 'neuron' \(gid 0\) is inf at step 110, 11 ms: leaky"
    ):
        sim.run(20.0)
    # It stays so: neither a second try nor a checkpoint is a way around.
    for refused in (lambda: sim.run(1.0), lambda: sim.checkpoint(tmp_path / "checkpoint")):
        with pytest.raises(FloatingPointError, match="at step 110"):
            refused()
    assert not (tmp_path / "checkpoint").exists()
    assert sim.states("V_m")["neuron"][0].shape == (10,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_finite(dtype):
    """Against numpy, each of the values that are none at each of some places, and the largest that are finite."""
    values = np.random.default_rng(1).normal(size=(3, 50)).astype(dtype)
    values[0, :4] = np.finfo(dtype).max, np.finfo(dtype).min, np.finfo(dtype).tiny, -0.0
    assert all_finite(values)
    for wrong in (np.inf, -np.inf, np.nan, -np.nan):
        for place in (0, 1, 77, 149):
            other = values.copy()
            other.reshape(-1)[place] = wrong
            assert not all_finite(other)


@pytest.mark.parametrize("model", ["iaf_psc_delta", "iaf_psc_exp", "iaf_psc_alpha", "iaf_cond_exp", "aeif_psc_exp"])
def test_long_refractory_periods(model):
    """40,000 steps of 0.01 ms: the interval between spikes is longer than t_ref, and not what is left modulo 65,536."""
    net = ds.Network("one")
    neuron = net.population("neuron", 1, model, t_ref=400.0, I_e=2000.0)
    net.record("spikes", neuron)
    sim = ds.Simulation(net, dt=0.01)
    sim.run(1000.0)
    times = np.sort(sim.spikes()[0])
    assert times.size >= 2 and (np.diff(times) > 400.0).all() and np.diff(times).max() < 450.0


def test_refractory_periods_of_equations_and_of_own_models():
    """A model from equations, and one whose author wrote 16-bit numbers."""
    ds.equations(
        "own_long", "dV/dt = (20.0 - V / 1.0) / tau", parameters={"tau": (5.0, "ms"), "T": (400.0, "ms")},
        receptors={}, threshold="V > 10.0", reset="V = 0.0", refractory="T",
    )  # fmt: skip

    @ds.neuron_model(parameters={"T": (400.0, "ms")}, state={"V": (0.0, "")}, receptors={})
    def own_sixteen(V, refractory, dt, T):
        spiked = refractory == 0
        left = np.int16(T / dt + 0.5) if spiked else np.int16(max(refractory - 1, 0))
        return V, left, spiked

    for model in ("own_long", "own_sixteen"):
        net = ds.Network("one")
        net.record("spikes", net.population("neuron", 1, model))
        sim = ds.Simulation(net, dt=0.01)
        sim.run(1000.0)
        times = np.sort(sim.spikes()[0])
        assert times.size == 3 if model == "own_sixteen" else times.size >= 2
        assert (np.diff(times) > 399.99).all(), times


def test_refractory_periods_that_no_number_holds():
    """More steps than single precision counts."""
    net = ds.Network("one")
    net.population("neuron", 1, "iaf_psc_exp", t_ref=3000.0)
    with pytest.raises(
        InputError, match=r"neuron.params.t_ref: expected a refractory period below 16,777,216 steps of"
    ):
        ds.Simulation(net, dt=1e-4)


def test_one_rank_ends_all_with_one_line(ranks, tmp_path):
    """Of two ranks the second alone has the neuron that diverges."""
    script = tmp_path / "run.py"
    script.write_text(
        "import distsim as ds\n"
        "net = ds.Network('two')\n"
        "a = net.population('a', 1, 'leaky_integrator'); b = net.population('b', 1, 'leaky_integrator', C_m=1e-10)\n"
        "net.project(net.device('s', 'spike_generator', spike_times=[30.0]), b, weight=7e28, delay=1.0)\n"
        "net.project(a, a, weight=1.0, delay=1.0)\n"
        f"ds.Simulation(net, output={str(tmp_path / 'run')!r}).run(100000.0)\n"
    )
    done = ranks(2, script, timeout=120.0)
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("distsim:")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert "V_m of neuron 0 of 'b' (gid 1) is inf at step" in lines[0]
    assert not (tmp_path / "run" / "summary.json").exists()
