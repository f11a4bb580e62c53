"""Batch scripts: golden ones, shellcheck, and that no name or path ever reaches a shell unquoted."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import distsim
from distsim.errors import InputError
from distsim.jobs.resources import Resources, minutes, resources
from distsim.jobs.script import job_name, render, render_command
from distsim.jobs.site import Site, load_site
from distsim.jobs.sweep import grid
from distsim.network.config import load_config

GOLDEN = Path(__file__).parents[1] / "regression" / "scripts"
NEEDED = Resources(ranks=256, nodes=2, ranks_per_node=128, megabytes_per_node=200_000, minutes=120)
CLUSTER = Site(
    name="mycluster", scheduler="slurm", partition="batch", account="proj-1", qos="normal", cores_per_node=128,
    launcher=("srun", "--mpi=pmix"), modules=("mpich/4.2", "hdf5"), environment={"FI_PROVIDER": "cxi", "GREETING": "it's"},
    container=("apptainer", "exec", "/images/my image.sif"), python="/opt/venv/bin/python", numba_cache="/scratch/numba",
    signal_seconds=300,
)  # fmt: skip
LOCAL = Site(name="local", scheduler="local", cores_per_node=8, python="/opt/venv/bin/python")
SCRIPTS = {
    "single.sh": lambda: render(CLUSTER, NEEDED, "distsim-microcircuit", Path("/scratch/me/runs/a run")),
    "array.sh": lambda: render(
        CLUSTER, NEEDED, "distsim-brunel", Path("/scratch/s"), [Path(f"/scratch/s/points/{i:05d}") for i in range(3)], "0-2"
    ),
    "local.sh": lambda: render(LOCAL, NEEDED, "distsim-quickstart", Path("/home/me/runs/q"), run_options=("--set", "a=[1, 2]")),
    "scaling.sh": lambda: render_command(CLUSTER, NEEDED, "distsim-scaling", Path("/scratch/me/series"), ["scaling", "net.yaml", "--ranks", "1,2"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_golden(name):
    """Word by word; where a change is meant, write the new one and read the difference."""
    text = SCRIPTS[name]().replace(distsim.__version__, "VERSION")
    assert text == (GOLDEN / name).read_text(), f"differs from tests/regression/scripts/{name}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck(name, tmp_path):
    """Nothing to complain about; bash at least parses it where there is no shellcheck."""
    path = tmp_path / name
    path.write_text(SCRIPTS[name]())
    command = ["shellcheck", str(path)] if shutil.which("shellcheck") else ["bash", "-n", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


NASTY = st.text(
    st.one_of(st.sampled_from(list(" '\"$`\\;&|<>(){}[]*?!#~\n\t%")), st.characters(exclude_categories=("Cs",), exclude_characters="\0/")),
    min_size=1, max_size=30,
).filter(lambda s: s not in (".", ".."))  # fmt: skip
FAKE = """#!/bin/bash
printf '%s\\0' "$#" "$@" >> "$FAKE_LOG"
"""


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NASTY, value=NASTY, option=NASTY, launcher=NASTY, title=NASTY)
def test_names_never_reach_a_shell_unquoted(tmp_path_factory, name, value, option, launcher, title):
    """The script is run by bash with a Python that only writes down its arguments: they arrive as they were."""
    base = tmp_path_factory.mktemp("quoting")
    folder = base / name
    try:
        (folder / "job").mkdir(parents=True)
    except OSError:
        return  # a name that this file system does not take
    fake, log = base / "python", base / "log"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    site = Site(
        name="x", scheduler="local", cores_per_node=1, launcher=(str(fake), launcher), environment={"VALUE": value},
        container=(str(fake), value), python=str(fake),
    )  # fmt: skip
    text = render(site, Resources(1, 1, 1, 100, 10), title, folder, run_options=("--set", option))
    done = subprocess.run(["bash"], input=text.encode(), env={"PATH": "/usr/bin:/bin", "FAKE_LOG": str(log)},
                          capture_output=True, timeout=60, cwd=base, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = [w.decode() for w in log.read_bytes().split(b"\0")[:-1]]
    words: list[list[str]] = []
    while written:
        n = int(written[0])
        words.append(written[1 : n + 1])
        written = written[n + 1 :]
    assert words[0] == [value, str(fake), "-m", "distsim", "warm", f"{folder}/job/net.yaml"]
    assert words[1] == [launcher, str(fake), value, str(fake), "-m", "distsim", "run", f"{folder}/job/net.yaml",
                        "--output", str(folder), "--set", option]  # fmt: skip
    assert len(words) == 2 and {p.name for p in base.iterdir()} == {name, "python", "log"}


TOLD = """#!/bin/bash
case "$3" in
  warm) kill -USR1 $PPID ;;
  run) trap 'echo told; exit 75' USR1; for _ in $(seq 300); do sleep 0.1; done ;;
esac
"""


def test_a_signal_before_the_run_is_passed_on_to_it(tmp_path):
    """Slurm may tell that time is up while the script still compiles: the run hears of it, and leaves with 75."""
    (tmp_path / "run" / "job").mkdir(parents=True)
    fake = tmp_path / "python"
    fake.write_text(TOLD)
    fake.chmod(0o755)
    site = Site(name="x", scheduler="local", cores_per_node=1, launcher=("env",), python=str(fake))
    text = render(site, Resources(1, 1, 1, 100, 10), "x", tmp_path / "run")
    done = subprocess.run(["bash"], input=text, text=True, timeout=60, check=False)
    assert done.returncode == 75 and "told" in (tmp_path / "run" / "job" / "output.txt").read_text()


def test_slurms_signal_leaves_a_short_job_time_to_run():
    """It may come a minute early: at the very start it would end the shell, and Slurm call the job failed."""
    for minutes_, seconds in ((1, 10), (2, 30), (3, 90), (120, 300)):
        text = render(CLUSTER, dataclasses.replace(NEEDED, minutes=minutes_), "x", Path("/x"))
        assert f"#SBATCH --signal=B:USR1@{seconds}\n" in text
        assert seconds + 30 <= minutes_ * 60 - 20


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=NASTY)
def test_options_of_slurm_are_words(text):
    """What no quoting protects is made harmless, or refused with its key."""
    name = job_name(text)
    assert name and all(c.isascii() and (c.isalnum() or c in "._-") for c in name)
    try:
        site = Site(name="x", scheduler="slurm", partition=text)
    except ValueError:
        return
    options = [line for line in render(site, NEEDED, text, Path("/x")).splitlines() if line.startswith("#SBATCH")]
    assert f"#SBATCH --partition={text}" in options and not set(text) & set(" '\"$`\\;&|<>\n\t%")


def test_site_files_are_checked(tmp_path):
    """Unknown keys, wrong values: one line with file and key."""
    path = tmp_path / "s.yaml"
    for text, message in (
        ("scheduler: pbs", "s.yaml: scheduler"),
        ("scheduler: slurm\npartition: a b", "s.yaml: partition: expected letters"),
        ("scheduler: slurm\nenvironment: {A-B: x}", "expected the name of an environment variable"),
        ("scheduler: slurm\ncores: 3", "s.yaml: cores"),
        ("scheduler: slurm\ncontainer: apptainer exec", "s.yaml: container: expected a list of words"),
        ("- 1", "expected a mapping"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message.replace("(", r"\(")):
            load_site(str(path))
    with pytest.raises(InputError, match="unknown site or file"):
        load_site("nowhere")
    assert load_site("example").scheduler == "slurm" and load_site("local").scheduler == "local"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", 30), ("1:30", 2), ("2:00:00", 120), ("1-12", 36 * 60), ("0:0:1", 1), ("2-1:30:00", 2 * 1440 + 90)],
)
def test_times(text, expected):
    """As sbatch reads them, in whole minutes."""
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "1:2:3:4", "1-"])
def test_bad_times(text):
    """Refused with what was expected."""
    with pytest.raises(InputError, match="--time"):
        minutes(text)


def test_resources_come_from_the_network():
    """Ranks by synapses, nodes by cores and memory; too small a node is refused."""
    site = CLUSTER.model_copy(update={"memory_per_node_gb": 240.0})
    micro = load_config("microcircuit")
    found = resources(micro, site, None, 60)
    assert found.ranks == 6 and found.nodes == 1 and 2_000 < found.megabytes_per_node < 6_000
    many = resources(micro, site, 256, 60)
    assert (many.nodes, many.ranks_per_node) == (2, 128)
    small = site.model_copy(update={"memory_per_node_gb": 2.0})
    spread = resources(micro, small, None, 60)
    assert spread.nodes > 1 and spread.megabytes_per_node <= 2_000
    with pytest.raises(InputError, match="expected more ranks"):
        resources(micro, site.model_copy(update={"memory_per_node_gb": 1.0}), 1, 60)


def test_grid():
    """Ranges, lists and their product, the last key first."""
    assert grid(["a=1:3", "b=x,2.5"]) == [{"a": i, "b": v} for i in (1, 2, 3) for v in ("x", 2.5)]
    assert [p["a"] for p in grid(["a=10:0:-5"])] == [10, 5, 0]
    for bad in ("a", "a=", "a=1:5:0", "=3"):
        with pytest.raises(InputError, match="--over"):
            grid([bad])
    with pytest.raises(InputError, match="each key once"):
        grid(["a=1", "a=2"])
