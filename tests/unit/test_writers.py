"""Every function that writes: none removes, replaces or follows what distsim has not written, and no new one goes unseen."""

from __future__ import annotations

import ast
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from distsim.errors import InputError
from distsim.io import reports as report_files
from distsim.io.checkpoint_file import prune, remove_ends, remove_parts, write_checkpoint
from distsim.io.figures import save_figure
from distsim.io.folder_names import check_own, told_of
from distsim.io.sonata_reports import write_report
from distsim.io.sonata_spikes import merge_spikes, write_spikes
from distsim.io.spike_log import SpikeLog
from distsim.io.whole_files import ANYTHING, remove_file, remove_store, whole, whole_folder

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("distsim", "io", "jobs", "partitioners")
# Calls that remove, rename, make or open for writing, by the last word of what is called.
CALLS = {
    "unlink", "rmtree", "rename", "renames", "removedirs", "rmdir", "mkdir", "makedirs", "write_text", "write_bytes", "touch",
    "symlink_to", "hardlink_to", "link", "symlink", "truncate", "ftruncate", "mkdtemp", "mkstemp", "NamedTemporaryFile",
    "TemporaryDirectory", "copyfile", "copytree", "copy2", "move", "savez", "savefig", "to_csv", "to_json", "to_yaml_file",
    "tofile", "NWBHDF5IO", "create_group", "open_group", "open_array", "chmod",
}  # fmt: skip
# Where they may stand, and how often. Before anything is added here: it writes through `whole` or `whole_folder`, or to a name
# that it makes exclusively, or it removes what it has made itself; and it has its place in the walk below.
ALLOWED = {
    # The two ways of writing, and the three of removing.
    "io/whole_files.py whole": {"os.open": 1, "os.replace": 1, "unlink": 1},
    "io/whole_files.py whole_folder": {"mkdir": 1, "rename": 1, "rmtree": 1},
    "io/whole_files.py remove_file": {"unlink": 1},
    "io/whole_files.py remove_store": {"rmtree": 1},
    "io/whole_files.py remove_if_empty": {"rmdir": 1},
    "io/whole_files.py check_target": {"os.open": 1},
    "io/whole_files.py sync": {"os.open": 1},
    # Logs: new ones, exclusively; and regular files without other names, cut.
    "io/append_log.py AppendLog.__init__": {"os.open": 1},
    "io/append_log.py AppendLog._write": {"ftruncate": 1},
    "io/append_log.py open_own": {"os.open": 1},
    "io/append_log.py shorten": {"open": 1, "truncate": 1},
    "io/folder_names.py summary_to_resume": {"open": 1},
    # Into a new file or folder that `whole` or `whole_folder` has made.
    "io/checkpoint_file.py write_checkpoint": {"File": 1, "open": 1},
    "io/exports.py to_nwb": {"NWBHDF5IO": 1},
    "io/figures.py save_figure": {"savefig": 1},
    "io/folder_names.py _write_digests": {"write_text": 1},
    "io/sonata_export.py write_circuit": {"mkdir": 1, "write_text": 2},
    "io/sonata_export.py _file": {"File": 1},
    "io/sonata_export.py _write_types": {"open": 1},
    "io/sonata_export.py _write_nodes": {"create_group": 2, "write_text": 1},
    "io/sonata_export.py _edge_file": {"create_group": 1},
    "io/sonata_network.py Circuit._projections": {"savez": 1},
    "io/sonata_network.py import_circuit": {"mkdir": 1, "write_text": 1},
    "io/sonata_reports.py write_report": {"File": 1},
    "io/sonata_reports.py _population": {"create_group": 2},
    "io/sonata_spikes.py merge_spikes": {"File": 1},
    "io/sonata_spikes.py _population": {"create_group": 1},
    "io/sonata_spikes.py write_spikes": {"File": 1},
    "distsim/energy/report.py write_files": {"write_text": 1, "open": 1},
    "distsim/simulation/run_folder.py RunFolder._write_config": {"write_text": 1},
    "distsim/simulation/run_folder.py RunFolder.write_progress": {"write_text": 1},
    "distsim/simulation/run_folder.py RunFolder.write_summary": {"write_text": 1},
    "jobs/listing.py _note_energy": {"write_text": 1},
    "jobs/local.py _tell": {"write_text": 1},
    "jobs/record.py save": {"write_text": 1, "open": 1},
    "jobs/scaling.py run": {"to_csv": 1},
    "jobs/scaling.py submit": {"mkdir": 1, "write_text": 1},
    "jobs/submission.py _submit": {"mkdir": 2, "write_text": 1, "chmod": 1},
    "jobs/sweep.py _keep": {"mkdir": 1, "write_text": 1},
    "jobs/sweep.py print_status": {"to_csv": 1},
    # Zarr, below a folder that is made exclusively in the run folder; read in `read`.
    "io/zarr_output.py ZarrSpikes.create": {"create_group": 1},
    "io/zarr_output.py ZarrSpikes.fill": {"open_group": 1},
    "io/zarr_output.py ZarrStates.create": {"open_group": 1, "create_group": 1},
    "io/zarr_output.py ZarrStates.fill": {"open_group": 1},
    "io/zarr_output.py finish": {"open_group": 1},
    "io/zarr_output.py sorted_spikes": {"open_group": 1},
    "io/run.py Run._zarr_states": {"open_group": 1},
    "distsim/simulation/recording.py Recording._write_zarr": {"mkdir": 1, "replace": 1},
    # This session's own logs, which have nothing yet.
    "distsim/simulation/recording.py Recording.anew": {"unlink": 1},
    # New folders; what is there already stays.
    "distsim/cli.py energy": {"mkdir": 1},
    "distsim/simulation/checkpoint.py write": {"mkdir": 1},
    "distsim/simulation/export.py export_sonata": {"mkdir": 1},
    "distsim/simulation/run_folder.py RunFolder.create": {"mkdir": 2},
    "distsim/simulation/run_folder.py RunFolder._take": {"truncate": 1},
    # Temporary folders of this process, and this user's own: code in a folder that is nobody else's, the list of jobs.
    "distsim/cli.py warm": {"TemporaryDirectory": 1},
    "distsim/cli.py info": {"TemporaryDirectory": 1},
    "distsim/generated_code.py module": {"NamedTemporaryFile": 1, "os.replace": 1},
    "distsim/generated_code.py folder": {"mkdir": 1, "mkdtemp": 1},
    "jobs/record.py state_folder": {"mkdir": 1},
    "jobs/local.py start": {"open": 1},
    "jobs/local.py _take_cores": {"mkdir": 1, "open": 2},
    "distsim/communication/leaving.py leave": {"os.open": 1},
    "distsim/interrupts.py end_ranks": {"os.open": 1},
    # A user's own call, to a path of the user's.
    "distsim/network/config.py dump_yaml": {"write_text": 1},
}


def writing(call: ast.Call) -> str | None:
    """Return how a call is called in the table where it may write."""
    called = call.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
    if name in ("open", "replace", "remove") and owner in ("os", "shutil"):
        return f"os.{name}"
    if name == "replace" and len(call.args) == 1 and not call.keywords:
        return name  # Path.replace; that of text has two arguments
    if name in ("open", "File"):
        modes = [a for a in [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]]
        texts = [str(m.value) if isinstance(m, ast.Constant) else "w" for m in modes]
        return name if any(set(t) & set("wax+") for t in texts) else None
    return name if name in CALLS else None


def found_writers() -> dict[str, dict[str, int]]:
    """Return all calls that may write, by file and function."""
    found: dict[str, Counter[str]] = {}

    def visit(node: ast.AST, place: str, path: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = place
            # A function inside a function counts with it.
            if isinstance(child, ast.ClassDef) or (
                isinstance(child, ast.FunctionDef) and (not place or (place[0].isupper() and "." not in place))
            ):
                inner = f"{place}.{child.name}" if place else child.name
            if isinstance(child, ast.Call) and (name := writing(child)):
                found.setdefault(f"{path} {place}", Counter())[name] += 1
            visit(child, inner, path)

    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            visit(ast.parse(file.read_text()), "", str(file.relative_to(ROOT)))
    return {place: dict(calls) for place, calls in found.items()}


def test_no_writer_goes_unseen():
    """Whatever removes, renames or opens for writing stands in the table; whoever adds some has to think of links."""
    found = found_writers()
    strangers = {place: calls for place, calls in found.items() if ALLOWED.get(place) != calls}
    gone = [place for place in ALLOWED if place not in found]
    assert (strangers, gone) == ({}, [])


def frames():
    """Return frames of nothing, for a report."""
    report = report_files.Report("V_m", "V_m", "mV", "plain", 5, 0.1, (report_files.Column("a", 0, 2),), 1.0)
    return report_files.Frames(report, [], 0)


def checkpoint(path):
    with write_checkpoint(path, 3) as file:
        file.attribute("identity", "a")


def figure(path):
    from matplotlib.figure import Figure

    save_figure(Figure(figsize=(1, 1)), path.with_suffix(""))


def energy(path):
    from distsim.energy.report import write_files

    write_files({"substrates": []}, path.parent)


def job(path):
    from distsim.jobs.record import Record, save

    save(Record(str(path.parent.parent), "n", "local", "1", "now", 1, 1, 1))


def state(path):
    from distsim.jobs.local import _tell

    _tell(path.parent, "PENDING")


def sweep_table(path):
    from distsim.jobs.sweep import print_status

    (path.parent / "sweep.json").write_text(json.dumps({"schema": 1, "network": "n", "points": [{"a": 1}]}))
    print_status(path.parent)


def exported(path):
    import distsim as ds
    from distsim.network.config import from_dict
    from distsim.simulation.export import export_sonata

    net = ds.Network("n")
    net.population("a", 2, "iaf_psc_exp")
    export_sonata(from_dict({"network": net}), path)


def imported(path):
    from distsim.io.sonata_network import import_circuit

    import_circuit(Path("no_circuit.json"), path)


def nwb(path):
    from types import SimpleNamespace

    from distsim.io.exports import to_nwb

    told = {
        "network": {"name": "n"},
        "distsim_version": "0",
        "config_sha256": "0",
        "started": "2026-01-01T00:00:00+00:00",
    }
    to_nwb(SimpleNamespace(summary=told, path=path.parent, reports=list), path)


def config(path):
    with told_of(path.parent, "a: 1\n"):
        pass


def store(path):
    (path.parent / path.name).mkdir(exist_ok=True)


# Function, name of what it writes, and whether a file of any beginning is replaced because the name is ours in its folder.
WALK = {
    "checkpoint": (checkpoint, "t_1.h5", False),
    "merge_spikes": (lambda p: merge_spikes([], p, [], 0.1), "spikes.h5", False),
    "write_spikes": (lambda p: write_spikes(p, "a", np.ones(2), np.ones(2, int)), "spikes.h5", False),
    "write_report": (lambda p: write_report(frames(), p), "states.h5", False),
    "save_figure": (figure, "scaling.svg", False),
    "energy.json": (energy, "energy.json", False),
    "energy.csv": (energy, "energy.csv", False),
    "to_nwb": (nwb, "run.nwb", False),
    "sweep's results": (sweep_table, "results.csv", False),
    "export_sonata": (exported, "circuit", False),
    "import_circuit": (imported, "run-network", False),
    "log": (SpikeLog, "spikes.0.0.log", False),
    "config.sha256": (config, "config.sha256", True),
    "job.json": (job, "job/job.json", True),
    "local.json": (state, "local.json", True),
    "named by us": (lambda p: whole(p, ANYTHING).__enter__(), "summary.json", True),
}


@pytest.fixture
def precious(tmp_path, monkeypatch):
    """A folder with a file, outside of where anything is written; returns a function that says whether it is as it was."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "precious"
    (folder / "sub").mkdir(parents=True)
    for path in (folder / "thesis.tex", folder / "sub" / "data.bin"):
        path.write_bytes(b"years of work\n")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def untouched() -> bool:
        return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before

    return folder, untouched


@pytest.mark.parametrize(
    "there", ["folder", "empty folder", "file", "link to a file", "link to a folder", "dead link", "pipe"]
)
@pytest.mark.parametrize("name", WALK)
def test_what_is_there_stays(tmp_path, precious, name, there):
    """A target that is a folder, a link, a pipe or a file of another kind is refused, and nothing is changed."""
    write, file_name, ours = WALK[name]
    folder, untouched = precious
    target = tmp_path / "work" / file_name
    target.parent.mkdir(parents=True)
    if there == "folder":
        target.mkdir()
        (target / "thesis.tex").write_bytes(b"years of work\n")
    elif there == "empty folder":
        target.mkdir()
    elif there == "file":
        target.write_bytes(b"years of work\n")
    elif there == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to(
            {"link to a file": folder / "thesis.tex", "link to a folder": folder / "sub"}.get(there, folder / "no")
        )
    if there == "file" and ours:
        write(target)
        return
    before = {p: os.lstat(p) for p in target.parent.rglob("*")}
    with pytest.raises((InputError, FileExistsError)) as caught:
        write(target)
    assert len(str(caught.value).splitlines()) == 1
    assert untouched() and not (folder / "no").exists()
    after = {p: os.lstat(p) for p in target.parent.rglob("*")}
    made = {p.name for p in after.keys() - before.keys()} - {"energy.json", "sweep.json"}
    assert not made and all(
        after[p].st_ino == before[p].st_ino and after[p].st_size == before[p].st_size for p in before
    )


def test_what_stands_under_a_temporary_name_stays(tmp_path, precious):
    """Nobody's file, folder or link is hit that happens to be called as ours are before they are whole."""
    folder, untouched = precious
    for name, make in ((".x.h5.part", lambda p: p.symlink_to(folder)), (".x.part", lambda p: p.mkdir())):
        make(tmp_path / name)
    checkpoint(tmp_path / "x.h5")
    with whole_folder(tmp_path / "x") as part:
        (part / "a").write_text("a")
    assert untouched() and (tmp_path / ".x.h5.part").is_symlink() and (tmp_path / ".x.part").is_dir()
    assert (tmp_path / "x" / "a").read_text() == "a"


def test_failures_leave_nothing(tmp_path):
    """An error inside leaves neither file nor folder nor a part of it, and an earlier file as it was."""
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), whole(tmp_path / "a", ANYTHING) as part:
        part.write_text("new")
        raise RuntimeError
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "b") as part:
        (part / "c").mkdir()
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_permissions_are_the_user_s(tmp_path):
    """A file is as readable as the user's umask says, not private as temporary files are."""
    before = os.umask(0o027)
    try:
        checkpoint(tmp_path / "t_1.h5")
    finally:
        os.umask(before)
    assert os.stat(tmp_path / "t_1.h5").st_mode & 0o777 == 0o640


def test_removing(tmp_path, precious):
    """Only regular files and Zarr's own files go; a link is not followed, and what is strange is told."""
    folder, untouched = precious
    link = tmp_path / "link"
    link.symlink_to(folder)
    for remove in (remove_file, remove_store):
        with pytest.raises(InputError, match="found a symbolic link"):
            remove(link)
        remove(tmp_path / "nothing")
    with pytest.raises(InputError, match="found a folder"):
        remove_file(folder)
    for strange in ("thesis.tex", "link"):
        zarr = tmp_path / f"{strange}.zarr"
        (zarr / "step" / "c").mkdir(parents=True)
        for name in ("zarr.json", "step/zarr.json", "step/c/0", f"step/c/1.{'0' * 32}.partial"):
            (zarr / name).write_text("{}")
        (zarr / strange).write_text("mine") if strange == "thesis.tex" else (zarr / strange).symlink_to(folder)
        with pytest.raises(InputError, match="nothing but Zarr's files here"):
            remove_store(zarr)
        (zarr / strange).unlink()
        remove_store(zarr)
        assert not zarr.exists()
    assert untouched()


def test_checkpoints_that_are_links(tmp_path, precious):
    """Neither pruned nor removed through: a folder of checkpoints may have come from elsewhere."""
    folder, untouched = precious
    checkpoint(tmp_path / "t_9.h5")
    (tmp_path / "t_1.h5").symlink_to(folder / "thesis.tex")
    (tmp_path / ".t_1.h5.part").symlink_to(folder)
    (tmp_path / "t_8.end.h5").symlink_to(folder)
    for remove in (
        lambda: prune(tmp_path / "t_9.h5", 1),
        lambda: remove_ends(tmp_path),
        lambda: remove_parts(tmp_path),
    ):
        with pytest.raises(InputError, match="found a symbolic link"):
            remove()
    assert untouched()


@pytest.mark.parametrize("name", [".lock", "config.yaml", "config.sha256", "summary.json", "progress.json", "spikes.0.0.log",
                                  "states.V_m_every_0.7ms.1.2.log", "checkpoints", "job"])  # fmt: skip
def test_links_in_a_run_folder(tmp_path, precious, name):
    """Whatever a run writes is refused where it is a link; what has another name is the user's own affair."""
    folder, untouched = precious
    (tmp_path / "spikes.notes.log").symlink_to(folder / "thesis.tex")
    check_own(tmp_path)
    (tmp_path / name).symlink_to(folder if name in ("checkpoints", "job") else folder / "thesis.tex")
    with pytest.raises(InputError, match="found a symbolic link") as caught:
        check_own(tmp_path)
    assert caught.value.place == str(tmp_path / name) and untouched()
