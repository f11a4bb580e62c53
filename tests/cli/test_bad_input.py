"""Bad input ends before any work: one line that names the place, exit code 2, on all ranks, nothing written."""

from __future__ import annotations

import pytest

# (arguments, fragments of the line)
CASES = [
    (
        ("nothing",),
        ("nothing", "known: brunel, coba, cuba, hpc_benchmark, microcircuit, quickstart, song2000, vogels2011"),
    ),
    (("quickstrat",), ("did you mean 'quickstart'?",)),
    (("missing/net.yaml",), ("missing/net.yaml", "no such file")),
    (("quickstart", "--set", "simulation.durration=3"), ("simulation.durration", "did you mean 'duration'?")),
    (("quickstart", "--set", "simulation.dt=0.1 mV"), ("simulation.dt", "time in ms", "0.1 mV")),
    (("quickstart", "--set", "simulation.partitioner=balance"), ("simulation.partitioner", "'balanced'")),
    (("quickstart", "--set", "simulation.seed=yes"), ("simulation.seed",)),
    (("quickstart", "--duration", "0.05"), ("simulation.duration", "multiple of dt")),
    (("quickstart", "--set", "network.populations.exc.params.tau_n=3"), ("exc.params", "did you mean 'tau_m'?")),
    (("quickstart", "--set", "network.populations.exc.params.C_m=5 mV"), ("exc.params.C_m", "capacitance in pF")),
    (("quickstart", "--set", "network.populations.exc.params.tau_m=-3"), ("exc.params.tau_m", "above 0 ms, got -3")),
    (("quickstart", "--set", "network.populations.exc.model=iaf_psc_expo"), ("exc.model", "'iaf_psc_exp'")),
    (("quickstart", "--set", "network.populations.exc.size=few"), ("exc.size", "expected a number")),
    (("quickstart", "--set", "network.projections.1.pre=ex"), ("projections.1.pre", "did you mean 'exc'?")),
    (
        ("quickstart", "--set", "network.projections.1.delay=0.04"),
        ("projections.1.delay", "one step of 0.1 ms, got 0.04"),
    ),
    (("quickstart", "--set", "network.projections.1.weight=.inf"), ("projections.1.weight", "inf")),
    (("quickstart", "--set", "network.projections.2.weight==g * K"), ("projections.2.weight", "unknown name", "'K'")),
    (
        ("quickstart", "--set", "network.projections.1.rule={rule: fixed_total_number, n: 9000000, multapses: false}"),
        ("projections.1.rule", "at most 1800000 different pairs", "9000000"),
    ),
    (
        ("quickstart", "--set", "network.projections.2.rule={pairwise_bernoulli: 1.5}"),
        ("projections.2.rule.p", "0 to 1"),
    ),
    (("quickstart", "--set", "network.recorders.0.record=U_m"), ("recorders.0.record", "U_m", "did you mean 'V_m'")),
    (
        ("quickstart", "--set", "network.recorders.0.record=lfp", "--set", "network.recorders.0.every=0.25"),
        ("recorders.0.every", "multiple of dt"),
    ),
    (("brunel", "--set", "network.recorders.0.record=lfp"), ("recorders.0.from", "iaf_psc_delta")),
    (("quickstart", "--set", "network.recorders.0.every=1.0"), ("recorders.0.every", "every spike is recorded")),
    (("quickstart", "--set", "checkpoint.every=30"), ("checkpoint.every", "'30min'")),
    (("quickstart", "--set", "checkpoint.keep=0"), ("checkpoint.keep", "expected a number of at least 1, got 0")),
    (("microcircuit", "--set", "network.scale=1000"), ("network", "GB are missing", "ranks")),
    (("quickstart", "--bogus"), ("--bogus",)),
]


@pytest.mark.parametrize(("arguments", "fragments"), CASES, ids=[" ".join(c[0]) for c in CASES])
def test_one_line_and_exit_code_2(distsim, tmp_path, arguments, fragments):
    """The line names the place and what was expected; nothing is left behind."""
    done = distsim("run", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("distsim: ")
    for fragment in fragments:
        assert fragment in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [CASES[3][0], CASES[14][0], CASES[20][0]], ids=["key", "delay", "memory"])
def test_all_ranks_leave_together_and_one_speaks(ranks, tmp_path, arguments):
    """Three ranks, one line, no hang."""
    done = ranks(3, "-m", "distsim", "run", *arguments, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("distsim: ")
    assert not list(tmp_path.iterdir())


def test_existing_output_is_refused(ranks, tmp_path):
    """An existing folder is never written into."""
    (tmp_path / "run").mkdir()
    done = ranks(2, "-m", "distsim", "run", "quickstart", "--output", tmp_path / "run", timeout=60)
    assert done.returncode == 2 and "expected a new folder" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "run").iterdir())


def test_output_that_cannot_be_written_is_refused(ranks, tmp_path):
    """A file where the folder's parent should be: nobody, not even root, can make the folder."""
    (tmp_path / "file").write_text("")
    done = ranks(2, "-m", "distsim", "run", "quickstart", "--output", tmp_path / "file" / "run", timeout=60)
    assert done.returncode == 2 and "cannot be made" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_file_is_named_with_line_and_column(distsim, tmp_path):
    """Broken YAML tells where."""
    (tmp_path / "net.yaml").write_text("network:\n  name: a\n  name: b\n")
    done = distsim("info", tmp_path / "net.yaml")
    assert done.returncode == 2 and "net.yaml, line 3" in done.stderr and "'name' appears twice" in done.stderr
