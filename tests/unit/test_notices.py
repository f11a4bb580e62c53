"""Warnings: one line each, once, gathered by the simulation in which they come up."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import distsim as ds
import distsim.notices as notices_module
from distsim.notices import Notices, gathered, merged, warn


@pytest.fixture(autouse=True)
def nothing_told_before(monkeypatch):
    """A process that has told nothing: commands that other tests ran in this one gather until it ends."""
    token = notices_module._gathering.set(None)
    monkeypatch.setattr(notices_module, "_told", set())
    yield
    notices_module._gathering.reset(token)


def test_once_and_counted(capsys):
    """A warning that comes up again is counted, not printed again."""
    notices = Notices(show=True)
    with notices.gathering():
        warn("a.b", "something\nis other than it seems")
        warn("a.b", "something\nis other than it seems")
        warn("c", "another")
    assert capsys.readouterr().err.splitlines() == [
        "distsim: warning: a.b: something is other than it seems",
        "distsim: warning: c: another",
    ]
    assert [(e["place"], e["count"]) for e in notices.entries()] == [("a.b", 2), ("c", 1)]


def test_other_ranks_are_silent_unless_they_alone_know(capsys):
    """Rank 0 speaks for all; what one rank alone knows it says itself."""
    notices = Notices(show=False)
    with notices.gathering():
        warn("a", "all know")
        warn("b", "this rank knows", here=True)
    assert capsys.readouterr().err == "distsim: warning: b: this rank knows\n"
    assert merged([[], notices.entries(), notices.entries()]) == notices.entries()


def test_methods_gather(capsys):
    """An object's notices take what its gathered methods warn of; outside of them a warning is a line alone."""

    class Thing:
        notices = Notices(show=False)

        @gathered
        def act(self, value: int) -> int:
            warn("thing", "acts")
            return value

    thing = Thing()
    assert thing.act(3) == 3 and len(thing.notices.entries()) == 1
    warn("", "outside")
    assert capsys.readouterr().err == "distsim: warning: outside\n" and len(thing.notices.entries()) == 1


def test_outside_of_simulations_once_in_a_process(capsys):
    """A script's declarations may be checked many times; the simulation then counts and does not print again."""
    for _ in range(3):
        warn("declared", "by a script")
    assert capsys.readouterr().err.splitlines() == ["distsim: warning: declared: by a script"]
    notices = Notices(show=True)
    with notices.gathering():
        warn("declared", "by a script")
    assert capsys.readouterr().err == "" and notices.entries()[0]["count"] == 1


def test_behind_the_first_rank_nothing_is_printed_before_mpi_starts(capsys, monkeypatch):
    """All ranks of a script declare the same network; one tells."""
    monkeypatch.setenv("PMI_RANK", "1")
    warn("rank", "of a launcher")
    warn("rank", "this one alone", here=True)
    assert capsys.readouterr().err.splitlines() == ["distsim: warning: rank: this one alone"]


def test_taken_over_and_kept(capsys):
    """What a command gathered while it loaded belongs to its simulation; what came up later goes into checkpoints."""
    around = Notices(show=True)
    with around.gathering():
        warn("config", "loaded")
        notices = Notices(show=True)
    with notices.gathering():
        warn("config", "loaded")
        notices.begin()
        warn("run", "later")
        warn("run", "later")
    assert capsys.readouterr().err.splitlines() == ["distsim: warning: config: loaded", "distsim: warning: run: later"]
    assert notices.entries_since_begin() == [{"place": "run", "text": "later", "count": 2}]
    resumed = Notices(show=True)
    resumed.keep(notices.entries_since_begin())
    with resumed.gathering():
        warn("run", "later")
    assert resumed.entries() == [{"place": "run", "text": "later", "count": 3}]
    assert capsys.readouterr().err == "distsim: warning: run: later\n"


CONFIG = """
network:
  name: odd
  populations: {exc: {size: 10, model: "model.py:odd"}}
  recorders: [{record: spikes, from: exc}]
simulation: {duration: 30, dt: 0.1}
"""
MODEL = """
import warnings

import distsim as ds

warnings.warn("this file\\nis odd")


@ds.neuron_model(parameters={"tau": (10.0, "ms")}, state={"V_m": (0.0, "mV")}, receptors={"spikes": ("mV", 0)})
def odd(V_m, spikes, dt, tau):
    V = V_m + dt * (2.0 - V_m) / tau + spikes
    return (0.0 if V > 1.0 else V), V > 1.0
"""


def test_from_the_config_to_the_summary(distsim, tmp_path):
    """`info` and `run` tell a warning once on stderr in one line, and show it; a resumed run has it too."""
    (tmp_path / "net.yaml").write_text(CONFIG)
    (tmp_path / "model.py").write_text(MODEL)
    line = "UserWarning: this file is odd"
    done = distsim("info", "net.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [e for e in done.stderr.splitlines() if line in e] == done.stderr.splitlines() and line in done.stdout
    assert len(done.stderr.splitlines()) == 1
    done = distsim("run", "net.yaml", "--output", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sum(line in e for e in done.stderr.splitlines()) == 1 and line in done.stdout
    told = json.loads((tmp_path / "run" / "summary.json").read_text())["warnings"]
    assert [(w["text"], w["count"]) for w in told] == [(line, 1)] and told[0]["place"].startswith("model.py:")
    assert ds.open_run(tmp_path / "run").warnings == told


KILLED = """
import os, sys
import distsim as ds
from distsim.notices import warn

net = ds.Network("kept")
net.record("spikes", net.population("exc", 5, "iaf_psc_exp"))
sim = ds.Simulation(net, output=sys.argv[1])
with sim.notices.gathering():
    warn("run", "something came up")
sim.run(10.0)
sim.checkpoint()
os._exit(9)
"""


def test_through_a_checkpoint(tmp_path):
    """What a run warned of before it was killed stands in the summary of the run that goes on."""
    folder = tmp_path / "run"
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False).returncode == 9
    sim = ds.Simulation.resume(folder, ["simulation.duration=20"])
    sim.run(10.0)
    assert sim.close()["warnings"] == [{"place": "run", "text": "something came up", "count": 1}]
