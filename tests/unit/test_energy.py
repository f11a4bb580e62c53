"""Energy: published test vectors, ranges, dimensions, profiles; the article's claims."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import warnings

import numpy as np
import pint
import pytest
from rich.console import Console

import distsim as ds
from distsim.energy import Activity, Range, activity_of, load_profiles, price
from distsim.energy.claims import claims
from distsim.energy.learning import inference_flop, joules, training_flop, watt_hours
from distsim.energy.pricing import chips
from distsim.energy.profiles import ATP_JOULES, EVENTS, read_profile
from distsim.energy.report import print_substrates, results, write_files
from distsim.energy.scaling import RATES_HZ, SYNAPSES_PER_NEURON, scaled_power, scales
from distsim.energy.simulator import published, simulator_energy
from distsim.energy.sparsity import active_fraction
from distsim.errors import InputError

EVERY = load_profiles(("literature", "article"))
PROFILES = {p.name: p for p in EVERY}
MICROCIRCUIT = Activity("microcircuit", 77_169, 298_880_968, 1.0, 0.1, 249_792, 9.667e8, 1.263e9)


def brain(n, rate):
    """Return one second of n neurons at a mean rate."""
    return Activity("brain", n, n * 8_000.0, 1.0, 0.1, n * rate, n * rate * 8_000.0)


# ---------------------------------------------------------------- test vectors


@pytest.mark.parametrize(("rate", "published_mw"), [(20.07, 71.0), (95.9, None)])
def test_truenorth(rate, published_mw):
    """64.4 mW + 2.297 pJ x events/s at 128 synapses a neuron: 70.6 mW at 20 Hz; the all-in price fails at 96 Hz."""
    n = 1_048_576
    load = Activity("truenorth", n, n * 128.0, 1.0, 1.0, n * rate, n * rate * 128.0)
    by_terms = price(PROFILES["truenorth"], load).watts.typical * 1e3
    assert by_terms == pytest.approx(64.4 + 2.297e-9 * n * rate * 128.0, rel=1e-9)
    flat = price(PROFILES["truenorth_all_in"], load).watts.typical * 1e3
    if published_mw:
        assert by_terms == pytest.approx(70.6, abs=0.05) and by_terms == pytest.approx(published_mw, rel=0.01)
        assert flat == pytest.approx(70.0, rel=0.01)
    else:
        assert flat / by_terms - 1.0 == pytest.approx(2.56, abs=0.03)


def test_spinnaker_microcircuit():
    """12 boards: 277 J static, 7 J synaptic events, 7 J (1 ms) to 71 J (0.1 ms) updates; measured 581 to 607 J."""
    priced = price(PROFILES["spinnaker1"], MICROCIRCUIT)
    assert priced.n_chips == 12
    assert priced.terms["static power"].typical == pytest.approx(277.0, abs=0.5)
    assert priced.terms["synaptic_event"].typical == pytest.approx(7.3, abs=0.05)
    unit = 77_169 * 92.6e-9 * 1000
    assert priced.terms["neuron_update"].typical == pytest.approx(10 * unit) == pytest.approx(71.5, abs=0.1)
    assert priced.terms["neuron_update"].low == pytest.approx(unit / 1.25)
    assert 0.5 < priced.joules.typical / 594.0 < 2.0
    assert max(priced.terms, key=lambda k: priced.terms[k].typical) == "static power"


def test_attwell_laughlin():
    """3.28e9 ATP/s per neuron at 4 Hz; 30 umol/g/min at 9.2e7 neurons per cm3."""
    profile = PROFILES["brain_attwell_laughlin"]
    atp = price(profile, brain(1.0, 4.0)).watts.typical / ATP_JOULES.typical
    assert atp == pytest.approx(3.28e9, rel=0.002) and atp == pytest.approx(3.29e9, rel=0.005)
    umol_per_minute = atp * 9.2e7 / 6.02214076e23 * 1e6 * 60.0
    assert umol_per_minute == pytest.approx(30.1, abs=0.05)


def test_atp():
    """50 kJ/mol, from 30.5 to 60."""
    for kilojoules, value in ((30.5, ATP_JOULES.low), (50.0, ATP_JOULES.typical), (60.0, ATP_JOULES.high)):
        assert value == pytest.approx(kilojoules * 1e3 / 6.02214076e23, rel=1e-3)


def test_lennie():
    """16.3e9 neurons at 0.16 Hz take 0.52 W for their spikes."""
    assert price(PROFILES["brain_lennie"], brain(16.3e9, 0.16)).watts.typical == pytest.approx(0.52, abs=0.002)


def test_levy_calvert():
    """3.6 W for the cortex, communication 35 times computation."""
    profile = PROFILES["brain_levy_calvert"]
    assert price(profile, brain(16.3e9, 1.0)).watts.typical == pytest.approx(3.6)
    assert profile.shares["communication"] / profile.shares["computation"] == pytest.approx(35.0)


def test_herculano_houzel_and_howarth():
    """25 W for 86e9 neurons; 6 kcal per day and 1e9 neurons; shares that add up."""
    assert price(PROFILES["brain_herculano_houzel"], brain(86e9, 1.0)).watts.typical == pytest.approx(25.0, abs=0.1)
    assert pytest.approx(0.29, abs=0.001) == 6.0 * 4184.0 / 86_400.0 / 1e9 * 1e9
    assert sum(PROFILES["brain_howarth"].shares.values()) == 100.0


def test_epoch():
    """0.301 Wh for 500 tokens of 100e9 active parameters."""
    flop = inference_flop(100e9, 500)
    energy = joules(flop, 9.89e14, mfu=0.1, node_watts=1275.0, load=0.7, pue=1.2)
    assert watt_hours(energy) == pytest.approx(0.301, abs=0.0005)
    assert training_flop(175e9, 300e9) == pytest.approx(3.15e23)


def test_the_articles_slip():
    """185 kW s are 0.051 kWh."""
    claim = next(c for c in claims() if "inference (" in f"{c.what} (")
    assert claim.recomputed.typical == pytest.approx(0.0514, abs=0.0001) and claim.factor == pytest.approx(3600.0)


def test_claims():
    """Every one has a reason, a factor, and a range in order; marks stay."""
    found = {c.what: c for c in claims()}
    assert len(found) == 13 and all(c.why and math.isfinite(c.factor) for c in found.values())
    operation = found["energy of a brain's operation"].recomputed
    assert operation.low == pytest.approx(0.133, abs=0.001) and operation.high == pytest.approx(0.833, abs=0.001)
    assert found["Neurogrid, synaptic operation"].unverified and not found["efficiency of a GPU"].unverified
    assert found["PaLM training, CO2"].factor == pytest.approx(5.535, abs=0.001)


# ---------------------------------------------------------------- ranges, dimensions, profiles


@pytest.mark.parametrize("profile", EVERY, ids=lambda p: p.name)
def test_ranges_propagate(profile):
    """low <= typical <= high in every term and total, at every scale and rate; figures are where they are."""
    for operation in ("real time", "as fast as possible"):
        priced = price(profile, MICROCIRCUIT, operation)
        if priced is None:
            assert profile.real_time_factor is None
            continue
        for part in (*priced.terms.values(), priced.joules, priced.watts):
            assert 0.0 <= part.low <= part.typical <= part.high < math.inf
        assert priced.joules.typical == pytest.approx(sum(t.typical for t in priced.terms.values()))
    for scale in scales(MICROCIRCUIT):
        for rate in RATES_HZ:
            found = scaled_power(profile, MICROCIRCUIT, scale, rate)
            assert 0.0 < found.watts.low <= found.watts.typical <= found.watts.high


@pytest.mark.parametrize("profile", EVERY, ids=lambda p: p.name)
def test_dimensions(profile):
    """Every price is an energy, of a neuron_second a power, by pint's own arithmetic; every source is named."""
    units = pint.UnitRegistry()
    figures = {**profile.prices, **({"static_power": profile.static_power} if profile.static_power else {})}
    assert figures
    for event, figure in figures.items():
        dimension = "W" if event in ("neuron_second", "static_power") else "J"
        assert figure.source
        if not figure.unit.startswith("ATP"):
            expected = units.Quantity(figure.typical, figure.unit).to(dimension).magnitude
            assert figure.in_unit(dimension).typical == pytest.approx(expected)
            with pytest.raises(ValueError, match="expected a unit of"):
                figure.in_unit("J" if dimension == "W" else "W")


def test_all_in_prices_get_no_static_power():
    """Neither shipped ones nor one that is given both."""
    for profile in EVERY:
        if profile.all_in:
            assert "static power" not in price(profile, MICROCIRCUIT).terms
    static = PROFILES["truenorth"].static_power
    both = PROFILES["truenorth_all_in"].model_copy(update={"static_power": static})
    assert price(both, MICROCIRCUIT).joules == price(PROFILES["truenorth_all_in"], MICROCIRCUIT).joules


def test_chips():
    """As many as hold neurons, synapses and, by splitting neurons, the fan-in."""
    truenorth = PROFILES["truenorth"]
    small = Activity("a", 1_000_000, 200e6, 1.0, 1.0, 1e6, 1e8)
    assert chips(truenorth, small) == 1
    assert chips(truenorth, dataclasses.replace(small, n_synapses=600e6)) == 3
    assert chips(truenorth, MICROCIRCUIT) == math.ceil(77_169 * math.ceil(298_880_968 / 77_169 / 256) / 1_048_576) == 2
    assert chips(PROFILES["brainscales2"], MICROCIRCUIT) == math.ceil(298_880_968 / 131_072)
    two = price(truenorth, MICROCIRCUIT)
    assert two.terms["static power"].typical == pytest.approx(2 * 0.0644) and two.terms["hop"].typical > 0.0


def test_scaling_is_no_bare_multiple():
    """Long-range synapses are a term of their own, none at the network's own scale."""
    named = {s.name: s for s in scales(MICROCIRCUIT)}
    assert list(named) == ["network", "column", "macrocolumn area", "cortex", "brain"]
    own = scaled_power(PROFILES["loihi1"], MICROCIRCUIT, named["network"], MICROCIRCUIT.rate_hz)
    assert "long-range synapses" not in own.terms
    assert own.watts.typical == pytest.approx(price(PROFILES["loihi1"], MICROCIRCUIT).watts.typical, rel=1e-3)
    cortex = scaled_power(PROFILES["loihi1"], MICROCIRCUIT, named["cortex"], 1.0)
    local, far = cortex.terms["local synapses"].typical, cortex.terms["long-range synapses"].typical
    assert far / local == pytest.approx((SYNAPSES_PER_NEURON.typical - 3873.1) / 3873.1, rel=1e-3)
    slow = scaled_power(PROFILES["brain_attwell_laughlin"], MICROCIRCUIT, named["cortex"], 0.16)
    fast = scaled_power(PROFILES["brain_attwell_laughlin"], MICROCIRCUIT, named["cortex"], 3.2)
    assert slow.watts.typical < 1.0 < 3.0 < fast.watts.typical


GOOD = """
title: Mine
kind: neuromorphic
prices:
  synaptic_event: {typical: 5, unit: pJ, evidence: measured, scope: term, source: my bench}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (", source: my bench", "", "mine.yaml: prices.synaptic_event.source: missing"),
        ("my bench", "''", "prices.synaptic_event.source"),
        ("unit: pJ", "unit: pW", "prices.synaptic_event.unit: expected a unit of J, got 'pW'"),
        ("unit: pJ", "unit: bananas", "prices.synaptic_event.unit: expected a unit of J, got 'bananas'"),
        ("unit: pJ", "unit: ATP/s", "expected a unit of J, got 'ATP/s'"),
        ("typical: 5", "typical: 5, low: 6", "expected low <= typical <= high"),
        ("typical: 5", "typical: -5", "prices.synaptic_event.typical"),
        ("synaptic_event:", "synapse:", "prices.synapse"),
        ("measured", "guessed", "prices.synaptic_event.evidence"),
        ("kind: neuromorphic", "kind: magic", "mine.yaml: kind"),
        ("title: Mine", "title: Mine\nextra: 1", "mine.yaml: extra"),
    ],
)
def test_bad_profiles_are_refused_with_their_place(tmp_path, old, new, message):
    """A missing source, a wrong unit, an unknown key: one line."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert read_profile(path).price("synaptic_event").typical == pytest.approx(5e-12)
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_profile(path)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_marks_of_the_facts_stay():
    """What was not read in its primary source is marked, in the profile and in the notes that are printed."""
    marked = {p.name for p in EVERY if p.unverified}
    assert marked == {"brain_lennie", "brain_herculano_houzel", "northpole", "neurogrid"}
    assert set(EVENTS) >= {e for p in EVERY for e in p.prices}
    assert {p.set for p in EVERY} == {"literature", "article"}
    assert all(f.evidence == "claimed" for p in EVERY if p.set == "article" for f in p.prices.values())


# ---------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small recorded run."""
    folder = tmp_path_factory.mktemp("energy") / "run"
    net = ds.Network("small")
    exc = net.population("exc", 300, "iaf_psc_exp", init={"V_m": ds.uniform(-70, -55)})
    net.poisson(exc, rate=9000.0, weight=45.0)
    net.project(exc, exc, ds.fixed_indegree(30), weight=20.0, delay=1.5)
    net.record("spikes", exc)
    with ds.Simulation(net, seed=2, transient=50.0, output=str(folder)) as sim:
        sim.run(350.0)
    return ds.open_run(folder)


def test_results(run):
    """Counts, NeuroBench's metrics and sparsity agree with the spikes; notes say what is missing."""
    found = results(run, EVERY, None)
    times, gids = run.spikes(None, 50.0, None)
    spikes = int((times > 50.0 + 1e-9).sum())
    assert found["activity"]["spikes"] == spikes > 100
    # In-degrees are fixed, out-degrees are not.
    assert found["activity"]["synaptic_events"] == pytest.approx(30 * spikes, rel=0.1)
    bench = found["neurobench"]
    assert bench["membrane_updates"] == 300 * 3000 and bench["activation_sparsity"] == pytest.approx(1 - spikes / 9e5)
    assert bench["connection_sparsity"] == pytest.approx(0.9) and bench["effective_macs"] == 0
    by_hand = (
        np.mean([len(np.unique(gids[(times > a + 1e-9) & (times <= a + 100 + 1e-9)])) for a in (50, 150, 250)]) / 300
    )
    assert found["active_fraction"]["100 ms"] == pytest.approx(by_hand)
    lennie = next(r for r in found["substrates"] if r["profile"] == "brain_lennie")
    assert any(note.startswith("[?]") for note in lennie["notes"])
    loihi = next(r for r in found["substrates"] if r["profile"] == "loihi1")
    assert "external events are not priced" in loihi["notes"] and "not counted: host processors" in loihi["notes"]


def test_own_energy(run):
    """Estimated from a stated power per core and called so; measured where the summary has a measurement."""
    summary = json.loads(json.dumps(run.summary))
    summary["energy"] = {"measured_joules": None, "meter": None}
    estimated = simulator_energy(summary)
    wall = summary["timing"]["real_time_factor"] * 0.3
    assert (
        not estimated.measured
        and estimated.joules.typical == pytest.approx(10.0 * wall)
        and "estimated" in estimated.how
    )
    assert simulator_energy(summary, Range.of(7.0)).joules.high == pytest.approx(7.0 * wall)
    summary["energy"]["watts_per_core"] = 4.0
    assert simulator_energy(summary).joules.typical == pytest.approx(4.0 * wall)
    summary["energy"] = {"measured_joules": 3.0, "meter": "RAPL"}
    measured = simulator_energy(summary)
    assert measured.measured and measured.joules.typical == 3.0
    assert measured.joules_per_event.typical == pytest.approx(3.0 / summary["counts"]["synaptic_events"])
    assert len(published()) == 14


@pytest.mark.parametrize("kind", ["silent", "driven", "connected", "short"])
def test_networks_in_which_little_happens(tmp_path, kind):
    """No synapses, no spikes, a run shorter than the windows: every figure is a number or told to be none."""
    net = ds.Network("little")
    exc = net.population("exc", 3, "iaf_psc_exp")
    if kind in ("driven", "short"):
        net.poisson(exc, rate=8_000.0, weight=200.0)
    if kind in ("connected", "short"):
        net.project(exc, exc, ds.fixed_indegree(2), weight=1.0, delay=1.0)
    net.record("spikes", exc)
    folder = tmp_path / "run"
    with ds.Simulation(net, output=str(folder)) as sim:
        sim.run(20.0 if kind == "short" else 200.0)
    found = results(ds.open_run(folder), EVERY, None)
    assert json.loads(json.dumps(found, allow_nan=False))
    happened = found["activity"]["synaptic_events"] > 0
    assert happened == (kind == "short")
    assert ("100 ms" in found["active_fraction"]) == (kind != "short")
    for row in (found["simulation"], *found["substrates"]):
        assert (row["joules_per_synaptic_event"] is not None) == happened
    console = Console(record=True, width=200, file=io.StringIO())
    print_substrates(found, console)
    text = console.export_text()
    assert ("no synaptic event happened" in text) == (not happened) and " nan" not in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_files(found, tmp_path)
    rows = list(csv.DictReader((tmp_path / "energy.csv").read_text(encoding="utf-8").splitlines()))
    assert {r["joules_per_synaptic_event_typical"] == "" for r in rows} == {not happened}


def test_nothing_to_price(run):
    """A run of no time or of no neurons is refused in one line."""
    for section, key in (("run", "duration_ms"), ("network", "n_neurons")):
        summary = json.loads(json.dumps(run.summary))
        summary[section][key] = 0
        with pytest.raises(InputError, match="expected a run with"):
            activity_of(summary)


def test_power_meter(tmp_path):
    """Counters of several packages are summed, also where one wraps around; without any nothing is claimed."""
    from distsim.power import PowerMeter

    assert PowerMeter(tmp_path).joules() is None
    for i, value in enumerate((1_000_000, 9_000_000)):
        package = tmp_path / f"intel-rapl:{i}"
        package.mkdir()
        (package / "energy_uj").write_text(f"{value}\n")
        (package / "max_energy_range_uj").write_text("10000000\n")
        (package / "name").write_text(f"package-{i}\n")
        # Its parts, as the kernel shows them beside it: not counted twice.
        for k, part in enumerate(("core", "dram")):
            (tmp_path / f"intel-rapl:{i}:{k}").mkdir()
            (tmp_path / f"intel-rapl:{i}:{k}" / "name").write_text(f"{part}\n")
            (tmp_path / f"intel-rapl:{i}:{k}" / "energy_uj").write_text("5\n")
    # The platform has the packages in it.
    psys = tmp_path / "intel-rapl:2"
    psys.mkdir()
    (psys / "name").write_text("psys\n")
    (psys / "energy_uj").write_text("7000000\n")
    meter = PowerMeter(tmp_path)
    assert meter.works and meter.joules() == 0.0
    (psys / "energy_uj").write_text("16000000\n")
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("3000000\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("500000\n")
    assert meter.joules() == pytest.approx(2.0 + 1.5)


def test_active_fraction():
    """Windows are open on the left, as steps are; a neuron that fires twice counts once."""
    times, neurons = np.array([1.0, 1.1, 2.0, 2.0, 3.0, 9.9]), np.array([0, 1, 1, 1, 0, 3])
    assert active_fraction(times, neurons, 4, 0.0, 4.0, 1.0) == pytest.approx((1 + 1 + 1 + 0) / 16)
    assert active_fraction(times, neurons, 4, 0.0, 10.0, 10.0) == pytest.approx(3 / 4)
    assert math.isnan(active_fraction(times, neurons, 4, 0.0, 5.0, 10.0))


def test_command(distsim, run, tmp_path):
    """Table, files and plots; a profile of one's own; the claims; bad input in one line."""
    (tmp_path / "mine.yaml").write_text(GOOD)
    done = distsim("energy", run.path, "--profile", tmp_path / "mine.yaml", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "Mine" in done.stdout and "Human cortex (Lennie 2003)" in done.stdout and "[?]" in done.stdout
    names = {p.name for p in (tmp_path / "out").iterdir()}
    plots = {f"energy_{n}.{s}" for n in ("substrates", "terms", "scale", "rate", "sparsity") for s in ("svg", "png")}
    assert names == {"energy.json", "energy.csv"} | plots
    assert all((tmp_path / "out" / name).stat().st_size > 1000 for name in names)
    found = json.loads((tmp_path / "out" / "energy.json").read_text())
    assert activity_of(run.summary).spikes == found["activity"]["spikes"]
    compare = distsim("energy", "--compare", "article,literature")
    assert compare.returncode == 0 and "a unit" in compare.stdout and "3.6e+03" in compare.stdout
    for arguments, text in (
        (("energy",), "expected the folder of a finished run"),
        (("energy", tmp_path), "expected the folder of a run"),
        (("energy", run.path, "--compare", "papers"), "unknown set of profiles 'papers'"),
        (("energy", run.path, "--profile", tmp_path / "none.yaml"), "none.yaml: cannot be read"),
    ):
        done = distsim(*arguments)
        assert done.returncode == 2 and text in done.stderr and len(done.stderr.splitlines()) == 1
