"""Names and paths: none in a config leads out of the output folder, or to a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import distsim as ds
from distsim.errors import InputError
from distsim.network.config import from_dict, load_config

HOSTILE = [
    "..",
    ".",
    "../x",
    "/tmp/x",
    "a/b",
    "",
    "a\0b",
    "a\nb",
    "\x1b[2J",
    "\ud800",
    "x" * 101,
    "\u00e9" * 51,
    "\u2028",
    5,
    None,
    ["a"],
]
OUTSIDE = ["..", "../x", "a/b", "a\0b"]


def plain(**changes):
    """Return a small network as plain data."""
    network = {
        "name": "n",
        "populations": {"a": {"size": 2, "model": "iaf_psc_exp"}},
        "devices": {"d": {"model": "poisson_generator", "params": {"rate": 1.0}}},
        "projections": [{"pre": "d", "post": "a", "name": "p"}],
        "recorders": [{"record": "spikes", "from": "a"}],
    }
    return network | changes


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_names_of_networks(name):
    """A network's name becomes that of a folder: in YAML and in Python it is refused in one short line."""
    for make in (lambda: from_dict({"network": plain(name=name)}), lambda: built(name).resolved()):
        with pytest.raises(InputError, match=r"network\.name: expected") as caught:
            make()
        assert str(caught.value).isprintable() and len(str(caught.value)) < 200


def built(name):
    """Return a network made in Python."""
    net = ds.Network(name)
    net.population("a", 2, "iaf_psc_exp")
    return net


@pytest.mark.parametrize("name", [*HOSTILE[:-3], "a.b"], ids=ascii)
def test_names_of_populations_and_devices(name):
    """They become those of files on export and of groups in HDF5."""
    for section in ("populations", "devices"):
        data = plain()
        data[section] = {name: data[section].popitem()[1]}
        with pytest.raises(InputError, match=rf"network\.{section}: expected") as caught:
            from_dict({"network": data})
        assert str(caught.value).isprintable() and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "name", ["microcircuit", "L2/3E".replace("/", ""), "two words", "caf\u00e9", "-rf", "~", ".x", "x" * 100]
)
def test_names_that_are_fine(name):
    """Words, accents and what only a shell finds odd."""
    assert from_dict({"network": plain(name=name)}).network.name == name


@pytest.mark.parametrize("name", OUTSIDE, ids=ascii)
def test_nothing_is_written_outside(tmp_path, name):
    """No command makes or changes a file beside its folder, whatever the network is called; each ends with code 2."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "config.yaml").write_text("mine\n")
    text = ds.Network.from_dict(plain()).to_dict()
    from distsim.network import yaml_file

    (here / "net.yaml").write_text(yaml_file.dump({"network": text | {"name": name}}))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    for words in (["run", "net.yaml", "--duration", "1"], ["export", "net.yaml"], ["submit", "net.yaml", "--dry-run"],
                  ["sweep", "net.yaml", "--over", "simulation.seed=1:2", "--dry-run"]):  # fmt: skip
        done = subprocess.run([sys.executable, "-m", "distsim", *words], cwd=here, env=environment, capture_output=True,
                              text=True, timeout=120, check=False)  # fmt: skip
        assert done.returncode == 2 and "network.name: expected" in done.stderr, (words, done.stderr)
        assert len(done.stderr.splitlines()) == 1
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and "state" not in p.parts} == before


def test_output_that_leads_back(tmp_path, monkeypatch):
    """``runs/..`` is the folder above where there is no ``runs`` yet: it is there, so it is refused, and nothing is written."""
    (tmp_path / "config.yaml").write_text("mine\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="expected a new folder for the output"):
        ds.Simulation(built("n"), output="runs/..")
    assert (tmp_path / "config.yaml").read_text() == "mine\n"
    assert sorted(p.name for p in tmp_path.iterdir()) in (["config.yaml"], ["config.yaml", "runs"])


def test_paths_with_nul(tmp_path):
    """NUL and what cannot be encoded, in every path that a config or a script gives: one line, no traceback."""
    for path in ("a\0b", "a\ud800b", ""):
        with pytest.raises(InputError, match=r"output\.path: expected (a path|text)"):
            from_dict({"network": plain(), "output": {"path": path}})
        for call in (load_config, ds.Simulation.resume, lambda p: ds.Simulation(built("n")).checkpoint(p),
                     lambda p: ds.Simulation(built("n")).restore(p)):  # fmt: skip
            with pytest.raises(InputError, match=r"expected (a path|text)"):
                call(path)
    (tmp_path / "net.yaml").write_text(
        "network: {name: n, populations: {a: {size: 2, model: iaf_psc_exp}}, "
        'projections: [{pre: a, post: a, rule: {edges: {file: "e\\0.npz"}}}]}'
    )
    with pytest.raises(InputError, match=r"expected (a path|text)"):
        load_config(tmp_path / "net.yaml")


def test_pairs_that_would_share_a_file(tmp_path):
    """On export a_to_b onto c, and a onto b_to_c, are two populations of edges, each with its own."""
    import h5py

    from distsim.simulation.export import export_sonata

    net = ds.Network("n")
    a, ab, bc, c = (net.population(name, 3, "iaf_psc_exp") for name in ("a", "a_to_b", "b_to_c", "c"))
    net.project(ab, c, "all_to_all", weight=10.0)
    net.project(a, bc, "one_to_one", weight=10.0)
    export_sonata(from_dict({"network": net}), tmp_path / "circuit")
    found = {}
    for path in sorted((tmp_path / "circuit").glob("edges_*.h5")):
        with h5py.File(path) as file:
            ((name, group),) = file["edges"].items()
            assert path.name == f"edges_{name}.h5"
            found[group["source_node_id"].attrs["node_population"]] = len(group["target_node_id"])
    assert found == {"a": 3, "a_to_b": 9}
    again = load_config(Path(__import__("distsim.io.sonata_network", fromlist=["x"]).import_circuit(
        tmp_path / "circuit" / "simulation_config.json", tmp_path / "again")))  # fmt: skip
    assert again.network.resolved().n_synapses() == 12
