"""Counts of events: equal to what the recorded spikes and the exported edges give, on any number of ranks."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import distsim as ds
from tests.distributed.kill_rounds import CONFIG, distsim, finish

CHANGE = ("--set", "simulation.duration=200", "--set", "simulation.transient=30", "--set", "checkpoint.every=null")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The network on 1, 2, 3 and 7 ranks; its summary by ranks, and the folder with run and exported circuit."""
    folder = tmp_path_factory.mktemp("counts")
    (folder / "net.yaml").write_text(CONFIG)
    found = {}
    for n in (1, 2, 3, 7):
        code, errors = finish(distsim(n, "run", folder / "net.yaml", "--output", folder / f"run{n}", *CHANGE))
        assert code == 0, errors
        found[n] = json.loads((folder / f"run{n}" / "summary.json").read_text())
    code, errors = finish(distsim(1, "export", folder / "net.yaml", "--output", folder / "circuit", *CHANGE))
    assert code == 0, errors
    return folder, found


def test_same_on_any_number_of_ranks(runs):
    """All counts but the messages, by population and by projection."""
    _, found = runs
    for n, summary in found.items():
        counts = {k: v for k, v in summary["counts"].items() if k not in ("bytes_sent", "messages")}
        expected = {k: found[1]["counts"][k] for k in counts}
        assert counts == expected, n
        for key in ("counts_by_population", "counts_by_projection"):
            assert summary[key] == found[1][key], (n, key)


def test_independent_count(runs):
    """Spikes fired in the counted time, times the edges that leave each neuron, pair by pair of populations."""
    folder, found = runs
    summary, run = found[1], ds.open_run(folder / "run1")
    first, last = 30.0, 230.0

    def inside(times):
        return (times > first + 1e-9) & (times <= last + 1e-9)

    fired = {}
    for name, size in run.populations.items():
        times, neurons = run.spikes(name)
        fired[name] = np.bincount(neurons[inside(times)], minlength=size)
        assert summary["counts_by_population"][name] == {
            "neuron_updates": 2000 * size,
            "spikes": int(fired[name].sum()),
        }
    fired["clock"] = np.array([sum(inside(np.array([33.3, 777.7]))), sum(inside(np.array([400.0, 1999.9])))])
    events = {}
    for path in (folder / "circuit").glob("edges_*.h5"):
        with h5py.File(path) as file:
            for name, group in file["edges"].items():
                pre, post = name.split("_to_")
                outdegree = np.bincount(group["source_node_id"][:], minlength=len(fired[pre]))
                events[pre, post] = int(outdegree @ fired[pre])
    by_projection = summary["counts_by_projection"]
    assert by_projection["exc->exc+inh"]["synaptic_events"] == events["exc", "exc"] + events["exc", "inh"]
    assert by_projection["inh->exc+inh"]["synaptic_events"] == events["inh", "exc"] + events["inh", "inh"]
    assert by_projection["clock->exc+inh"] == {"kind": "static", "from": "spike_generator", "synaptic_events": 1000}
    assert summary["counts"]["synaptic_events"] == sum(events.values()) > 300_000
    drive = by_projection["drive->exc+inh"]["external_events"]
    assert drive == summary["counts"]["external_events"] == pytest.approx(8000 * 0.2 * 1000, rel=0.01)
    assert "noise->exc" not in by_projection
