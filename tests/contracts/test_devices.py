"""A device does what its kind says, whatever its name; one that the engine could do nothing with is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import distsim as ds
from distsim.errors import InputError
from distsim.registry import Declaration, Registry, devices

PARAMETERS = """
from distsim.registry import CurrentSource, Declaration, Parameter, PoissonSource, SpikeSource

P = {
    "start": Parameter(0.0, "ms", "first time"),
    "stop": Parameter(float("inf"), "ms", "last time"),
    "amplitude": Parameter(0.0, "pA", "of the current"),
    "frequency": Parameter(10.0, "Hz", "of the current, of the spikes"),
}
"""
BODIES = {
    "ac_generator": """
import math


def changes(p, dt):
    return [(k * dt, p["amplitude"] * math.sin(2e-3 * math.pi * p["frequency"] * k * dt))
            for k in range(round(p["stop"] / dt))]


MINE = CurrentSource("ac_generator", P, changes=changes)
""",
    "regular": """
MINE = SpikeSource("regular", P, times=lambda p, size: [[100.0 + k * 1e3 / p["frequency"] for k in range(5)]] * size)
""",
    "thinned": """
MINE = PoissonSource("thinned", P, rate=lambda p: 0.5 * p["frequency"])
""",
    "noisy": """
MINE = CurrentSource("noisy", P, changes=lambda p, dt: [], noise=lambda p: (p["amplitude"], 1.0))
""",
}


def from_file(tmp_path, body: str) -> str:
    """Write a device into a file of its own and return what names it."""
    path = tmp_path / "mine.py"
    path.write_text(PARAMETERS + body)
    return f"{path}:MINE"


def driven(model: str, weight: float, **params) -> tuple[np.ndarray, np.ndarray]:
    """Return times and potentials of a neuron that the device alone drives."""
    net = ds.Network("driven")
    a = net.population("a", 1, "iaf_psc_delta", t_ref=0.1, V_th=1000.0)
    net.project(net.device("d", model, **params), a, weight=weight, delay=1.0)
    net.record("V_m", a, every=0.1)
    sim = ds.Simulation(net)
    sim.run(600.0)
    times, _, values = sim.states("V_m")["a"]
    return times, values[:, 0]


@pytest.mark.parametrize("name", BODIES)
def test_a_device_of_ones_own_has_an_effect(name, tmp_path):
    """A file of one's own is all that a device takes: the potential moves as the device says."""
    model = from_file(tmp_path, BODIES[name])
    params = {"regular": {}, "thinned": {"frequency": 400.0}}.get(name, {"amplitude": 100.0, "stop": 500.0})
    times, v = driven(model, 1.0, **params)
    assert np.ptp(v) > 0.5
    if name == "regular":
        # 1 mV at each of five spikes a tenth of a second apart, a delay of 1 ms after them.
        jumps = times[1:][np.diff(v) > 0.5]
        np.testing.assert_allclose(jumps, [101.0, 201.0, 301.0, 401.0, 501.0], atol=0.11)
    if name == "ac_generator":
        # Low-passed by tau_m = 10 ms, R = tau_m / C_m, at 10 Hz.
        amplitude = 100.0 * 10.0 / 250.0 / math.hypot(1.0, 2e-3 * math.pi * 10.0 * 10.0)
        settled = v[(times > 200.0) & (times < 500.0)]
        assert 0.5 * np.ptp(settled) == pytest.approx(amplitude, rel=0.01)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('MINE = Declaration("mine", P)', "declares a Declaration, expected a SpikeSource or PoissonSource or"),
        ('MINE = CurrentSource("mine", P)', "missing 1 required keyword-only argument: 'changes'"),
        ('MINE = PoissonSource("mine", {}, rate=lambda p: 5.0)', "mine: expected the parameters start and stop"),
        ('MINE = PoissonSource("mine", P, rate=lambda p: float("nan"))', "expected a rate of at least 0 Hz, got nan"),
        ('MINE = PoissonSource("mine", P, rate=lambda p: p["rate"])', "KeyError: 'rate'"),
        ('MINE = SpikeSource("mine", P, times=lambda p, size: [[2.0, 1.0]])', "expected times in ascending order"),
        ('MINE = SpikeSource("mine", P, times=lambda p, size: [])', "expected 1 lists, one per generator"),
        ('MINE = CurrentSource("mine", P, changes=lambda p, dt: [(0.0, float("inf"))])', "expected finite numbers"),
    ],
)  # fmt: skip
def test_a_device_that_would_do_nothing_is_refused(body, problem, tmp_path):
    """In one line, when the network is described."""
    net = ds.Network("refused")
    with pytest.raises(InputError) as refused:
        net.device("d", from_file(tmp_path, body))
        net.resolved()
    assert problem in str(refused.value) and "\n" not in str(refused.value)


def test_a_shipped_declaration_without_a_kind_is_refused(tmp_path, monkeypatch):
    """A file among the shipped devices that holds a mere declaration."""
    (tmp_path / "idle_devices").mkdir()
    (tmp_path / "idle_devices" / "__init__.py").write_text("")
    (tmp_path / "idle_devices" / "idle.py").write_text(PARAMETERS + 'VARIANT = Declaration("idle", P)')
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("idle_devices", "device", devices.kinds)
    with pytest.raises(InputError, match=r"'idle' declares a Declaration, expected a SpikeSource"):
        registry.get("idle")


@pytest.mark.parametrize("name", devices.names())
def test_every_shipped_device_has_a_kind(name):
    """And says by it what it does."""
    device = devices.get(name)
    assert isinstance(device, devices.kinds) and isinstance(device, Declaration) and device.name == name
