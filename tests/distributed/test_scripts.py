"""A user's own script under mpiexec: the same spikes, a run folder that repeats it, errors that end all ranks."""

from __future__ import annotations

import json

SCRIPT = """
import sys
import distsim as ds
net = ds.Network("mine")
exc = net.population("exc", 200, "iaf_psc_exp", init={"V_m": ds.uniform(-70, -55)})
net.poisson(exc, rate=9000.0, weight=60.0)
net.project(exc, exc, ds.fixed_indegree(20), weight=ds.normal(20, 2), delay=ds.uniform(1, 2))
net.record("spikes", exc)
with ds.Simulation(net, dt=0.1, seed=42, transient=20.0, output=sys.argv[1]) as sim:
    sim.run(60.0)
    sim.run(60.0)
    total = sim.summary()["counts"]["spikes"]
    if sim.ranks.rank == 0:
        print(total)
"""
WRONG = """
import distsim as ds
net = ds.Network("mine")
exc = net.population("exc", 200, "iaf_psc_exp")
net.project(exc, exc, ds.fixed_indegree(20), delay=0.01)
{before}
ds.Simulation(net, dt=0.1)
ds.communicator().barrier()
"""


def test_script_on_two_ranks_and_again_from_its_folder(ranks, distsim, tmp_path):
    """sim.run chose the duration: the config in the folder knows it."""
    (tmp_path / "net.py").write_text(SCRIPT)
    done = ranks(2, tmp_path / "net.py", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert int(done.stdout) == summary["counts"]["spikes"] > 100
    assert summary["run"]["duration_ms"] == 100.0 and summary["run"]["transient_ms"] == 20.0
    again = distsim("run", tmp_path / "run", "-q", "--output", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    repeated = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert repeated["spike_hash"] == summary["spike_hash"] and repeated["run"]["n_ranks"] == 1
    assert repeated["config_sha256"] != summary["config_sha256"], "the output folder is part of the config"


def test_bad_input_in_a_script_ends_all_ranks_with_2(ranks, tmp_path):
    """One line, no traceback, exit code 2."""
    (tmp_path / "net.py").write_text(WRONG.format(before=""))
    done = ranks(3, tmp_path / "net.py", timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "distsim: network.projections.0.delay: expected a delay of at least one step of 0.1 ms, got 0.01"
    ]


def test_error_of_a_script_on_one_rank_ends_the_others(ranks, tmp_path):
    """The others wait in a barrier: they do not wait for ever."""
    (tmp_path / "net.py").write_text(
        WRONG.format(
            before="assert ds.communicator().rank != 1, 'rank 1 fails'\nnet = ds.Network('x'); net.population('e', 1, 'iaf_psc_exp')"
        )
    )
    done = ranks(2, tmp_path / "net.py", timeout=60)
    assert done.returncode not in (0, 2) and "rank 1 fails" in done.stderr and "rank 1 of 2" in done.stderr


def test_ranks_that_do_not_find_each_other_are_refused(distsim):
    """A foreign launcher must not make every rank simulate the whole network."""
    import os

    done = distsim("run", "quickstart", env={**os.environ, "OMPI_COMM_WORLD_SIZE": "4"})
    assert done.returncode == 1 and "do not find each other" in done.stderr
