"""Input that means harm, or is broken: one printable line with the place, in little time and memory; never a traceback."""

from __future__ import annotations

import copy
import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

import distsim as ds
from distsim.cli import app
from distsim.errors import InputError, nearest, shown
from distsim.io.reports import read_state_log
from distsim.io.run import read_summary
from distsim.network import yaml_file
from distsim.network.config import from_dict, load_config
from distsim.registry import devices, models, refuse_code, synapses

BASE = {
    "network": {
        "name": "small",
        "params": {"J": 2.0},
        "populations": {"a": {"size": 20, "model": "iaf_psc_exp", "init": {"V_m": -65.0}}},
        "devices": {
            "train": {"model": "spike_generator", "size": 2, "params": {"spike_times": [[1.0], [2.0, 3.0]]}},
            "noise": {"model": "noise_generator", "params": {"std": 1.0}},
        },
        "projections": [
            {"pre": "a", "post": "a", "rule": {"fixed_indegree": 3}, "weight": "=J", "delay": 1.5},
            {"pre": "train", "post": "a"},
            {"pre": "a", "post": "a", "rule": {"fixed_indegree": 2}, "delay": 1.5,
             "synapse": {"model": "stdp_dopamine_synapse", "transmitter": "a"}},
        ],
        "recorders": [{"record": "V_m", "from": "a", "every": 1.0}],
    },
    "simulation": {"duration": 100.0, "dt": 0.1},
    "checkpoint": {"every": "30min"},
}  # fmt: skip
HUGE = 10**400
HOSTILE = [
    ("simulation.dt", 1e-320), ("simulation.dt", 1e300), ("simulation.duration", 1e308), ("simulation.duration", 1e12),
    ("simulation.transient", 1e308), ("simulation.seed", "x" * 5000), ("simulation.seed", 1.5),
    ("simulation.seed", HUGE), ("checkpoint.every", "1e999 ms"), ("checkpoint.every", "1" * 5000 + " ms"),
    ("checkpoint.keep", HUGE), ("output.path", "a\0b"), ("output.path", "\ud800"),
    ("network", 5), ("network", [1]), ("network.name", "a\0b"), ("network.name", "\x1b[31m"),
    ("network.params", 5), ("network.params", {"J": HUGE}), ("network.params", {"\ud800": 1.0}),
    ("network.scale", 1e308), ("network.scale", 1e30), ("network.scale", "=10**400"),
    ("network.populations", {"\ud800": {"size": 1, "model": "iaf_psc_exp"}}),
    ("network.populations", {"n" * 300: {"size": 1, "model": "iaf_psc_exp"}}),
    ("network.populations.a.size", 1e19), ("network.populations.a.size", HUGE), ("network.populations.a.size", 2**32),
    ("network.populations.a.model", "\0.py:x"), ("network.populations.a.model", {"x": 1}),
    ("network.populations.a.params", 5), ("network.populations.a.params", {"tau_m": 1e308}),
    ("network.populations.a.init", {"V_m": {"normal": [1e308, 1e308]}}),
    ("network.populations.a.init", {"V_m": {"uniform": [-1e308, 1e308]}}),
    ("network.populations.a.init", {"V_m": {"lognormal": [700, 30]}}),
    ("network.populations.a.init", {"V_m": {("x",): 1}}),
    ("network.devices.train.size", 1e9), ("network.devices.train.params.start", 1e300),
    ("network.devices.train.params.stop", 1e99), ("network.devices.train.params.spike_times", [[0.0, [1.0]], [2.0]]),
    ("network.devices.train.params.spike_times", [[1.0], 2.0]), ("network.devices.train.params.spike_times", [HUGE]),
    ("network.devices.noise.model", "voltmeter"),
    ("network.projections.0.pre", [["a"]]), ("network.projections.0.pre", {"population": ["a"]}),
    ("network.projections.0.pre", {"population": "a", "slice": [0, HUGE]}), ("network.projections.0.post", [[]]),
    ("network.projections.0.rule", {"rule": ["x"]}), ("network.projections.0.rule", {"rule": {"x": 1}}),
    ("network.projections.0.rule", {"fixed_indegree": HUGE}), ("network.projections.0.rule", {None: 1}),
    ("network.projections.0.rule", {"edges": {"pre": [HUGE], "post": [0]}}),
    ("network.projections.0.rule", {"edges": {"pre": [1e300], "post": [0]}}),
    ("network.projections.0.rule", {"edges": {"pre": [-1], "post": [0]}}),
    ("network.projections.0.rule", {"edges": {"pre": [0], "post": [0], "delay": [1e308]}}),
    ("network.projections.0.rule", {"edges": {"file": "/dev/zero"}}),
    ("network.projections.0.rule", {"edges": {"file": "/tmp"}}),
    ("network.projections.0.rule", {"edges": {"file": "a\0b"}}), ("network.projections.0.rule", {"edges": {"file": 5}}),
    ("network.projections.0.weight", HUGE), ("network.projections.0.weight", 1e308),
    ("network.projections.0.weight", "9" * 5000), ("network.projections.0.weight", b"bytes"),
    ("network.projections.0.delay", 1e308), ("network.projections.0.delay", "1e308 s"),
    ("network.projections.0.name", "a\nb"), ("network.projections.0.receptor", ["ex"]),
    ("network.projections.2.synapse.transmitter_delay", 1e9), ("network.projections.2.synapse.axonal_delay", 1e99),
    ("network.projections.2.synapse.transmitter", ["a"]),
    ("network.recorders.0.every", 1e308), ("network.recorders.0.record", ["V_m"]),
]  # fmt: skip
FORMULAS = [
    "=10**400", "=" + "1+" * 900 + "1", "=" + "-" * 900 + "1", "=" + "(" * 400 + "1" + ")" * 400, "=4000000**4000000",
    "='%999999999d' % 1", "='a' * 10**9", "=1;2", "=1\n2", "=round(1, -10**9) / 0", "=1 << 10**9", "=[0] * 10**9",
    "=[i for i in range(10**9)]", "=J.real", "=(lambda: 1)()", "=__import__('os')", "=f'{1:999999999}'", "=1j", "=True",
    "=10**299 * 10**299", "=exp(1e9)", "=max()", "=nan", "=\0", "=\ud800", "=", "=J(1)", "=round(1.5, ndigits=1)",
]  # fmt: skip


def changed(path, value):
    """Return the base config with one value changed."""
    data = copy.deepcopy(BASE)
    node = data
    *inner, last = path.split(".")
    for key in inner:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    node[last] = value
    return data


def refused(call, *arguments):
    """Return the error with which a call ends: one printable line of bounded length, with its place."""
    with pytest.raises(InputError) as caught:
        call(*arguments)
    line = f"distsim: {caught.value}"
    assert len(line) <= 300 and line.isprintable() and caught.value.place, ascii(line)
    return caught.value


@pytest.mark.parametrize(("path", "value"), HOSTILE, ids=[f"{i}-{path}" for i, (path, _) in enumerate(HOSTILE)])
def test_hostile_values_are_refused_with_their_place(path, value):
    """Each of them was a traceback, a hang or gigabytes somewhere between the file and the first step."""
    from_dict(copy.deepcopy(BASE))
    error = refused(from_dict, changed(path, value))
    assert error.place.startswith(path.split(".")[0])


@pytest.mark.parametrize("formula", FORMULAS, ids=range(len(FORMULAS)))
def test_formulas_cost_neither_time_nor_memory(formula):
    """Only numbers, names, operators and a few functions, each result of a bounded size."""
    tracemalloc.start()
    try:
        error = refused(from_dict, changed("network.projections.0.weight", formula))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert error.place == "network.projections.0.weight"


def test_formulas_still_compute():
    """What a formula is for."""
    for formula, value in (
        ("=2**10", 1024), ("=J**-1", 0.5), ("=sqrt(4) + max(1, J) * 3 // 2 % 5", 5.0), ("=1 if J > 1 and not J == 3 else 2", 1),
        ("=round(2.567, 2)", 2.57), ("=-round(2.5)", -2), ("=2 *\n  pi / pi", 2.0), ("=2**0.5", 2**0.5),
    ):  # fmt: skip
        net = from_dict(changed("network.projections.0.weight", formula)).network.resolved()
        assert net.projections[0].weight.a == value


def nines(pattern):
    """Return nine levels of YAML, each of which uses the one before nine times."""
    return "".join(f"{c}: &{c} {pattern(f'*{b}')}\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("a: &a [1]\n" + nines(lambda a: f"[{','.join([a] * 9)}]"), "anchors whose uses add"),
        ("a: &a {x: 1}\n" + nines(lambda a: f"{{<<: [{','.join([a] * 9)}]}}"), "anchors whose uses add"),
        ("&a [*a]", "contains itself"),
        ("[" * 20000 + "]" * 20000, "levels"),
        ("[" * 150 + "]" * 150, "line 1, column 101"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: YAML: key 'a' appears twice"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("!!timestamp x", "could not determine a constructor"),
        ("!!float x", "could not convert"),
        ("!!int ''", "YAML"),
        ("!!bool maybe", "YAML"),
        ("!!map 5", "YAML"),
        ("x: " + "9" * 5000, "digits"),
        ("a\0b", "special characters"),
    ],
    ids=range(14),
)
def test_yaml_that_expands_or_is_none(text, fragment):
    """Anchors, depth, tags and keys, told with line and column; 400 bytes make no billions."""
    assert fragment in str(refused(yaml_file.load, text, "net.yaml"))


def test_anchors_within_reason_are_read():
    """The same part a thousand times, apart from each other afterwards."""
    data = yaml_file.load("a: &a {x: [1, 2]}\nb: [" + ", ".join(["*a"] * 1000) + "]\nc: {<<: *a, x: 3}", "net.yaml")
    data["b"][0]["x"].append(3)
    assert data["b"][1] == {"x": [1, 2]} and data["c"] == {"x": 3} and len(data["b"]) == 1000


def test_set_into_what_holds_no_keys(tmp_path):
    """``--set`` with a network that is a number, with indices that are none."""
    path = tmp_path / "net.yaml"
    path.write_text("network: 5\n")
    refused(load_config, path, ["network.params.g=3"])
    refused(load_config, path, ["network.name=x"])
    refused(load_config, "quickstart", ["network.projections.\u00b2=3"])
    refused(load_config, "quickstart", ["network.projections." + "9" * 5000 + "=3"])


def test_files_that_are_no_configs(tmp_path):
    """Names that no file can have, devices, folders, files that are too large to be read as a whole."""
    for name in ("a\0b", "\ud800.yaml", "x" * 5000, "/dev/zero", str(tmp_path)):
        refused(load_config, name)
    with open(tmp_path / "large.yaml", "wb") as file:
        file.truncate(2 * 10**9)
    assert "MB" in str(refused(load_config, tmp_path / "large.yaml"))


def npz(path, members):
    """Write a .npz file of raw members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def member(array):
    """Return an array as it lies in a .npz file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_edge_files_that_are_none(tmp_path):
    """Archives that are cut, hold objects (code, once unpickled) or claim more than they have; tables that are none."""
    good = member(np.arange(3))
    bomb = good.replace(b"(3,)", b"(3000000000,)").replace(b" " * 9 + b"\n", b"\n")
    files = {
        "cut.npz": None, "text.npz": None, "objects.npz": {"pre.npy": member(np.array([{}, 1], dtype=object))},
        "bomb.npz": {"pre.npy": bomb, "post.npy": good}, "other.npz": {"x.txt": "no"}, "empty.npz": {},
        "two.npz": {"pre.npy": member(np.zeros((2, 2))), "post.npy": good},
        "text_column.npz": {"pre.npy": member(np.array(["a", "b", "c"])), "post.npy": good},
        "nan.npz": {"pre.npy": member(np.array([0.0, np.nan, 1.0])), "post.npy": good},
    }  # fmt: skip
    for name, members in files.items():
        if members is not None:
            npz(tmp_path / name, members)
    npz(tmp_path / "whole.npz", {"pre.npy": member(np.arange(1000)), "post.npy": member(np.arange(1000))})
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-60])
    (tmp_path / "text.npz").write_text("pre,post\n0,1\n")
    tables = {"empty.csv": "", "header.csv": "pre\n", "words.csv": "pre,post\na,b\n", "ragged.csv": "pre,post\n1,2\n3\n",
              "bytes.csv": "pre,post\n\udcff,\udcfe\n"}  # fmt: skip
    for name, text in tables.items():
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    for name in (*files, *tables, "missing.csv"):
        rule = {"edges": {"file": str(tmp_path / name)}}
        assert "rule.edges" in refused(from_dict, changed("network.projections.0.rule", rule)).place, name


def test_names_are_checked_when_they_are_declared():
    """A surrogate in a population's name failed when results were joined, after the whole run."""
    net = ds.Network("net")
    for name in ("\ud800", "a\0", "n" * 300, "\x1b[1m", ""):
        refused(net.population, name, 10, "iaf_psc_exp")
        refused(net.device, name, "dc_generator")
    cells = net.population("e", 10, "iaf_psc_exp")
    with pytest.raises(InputError):
        net.project(cells, cells, name="\ud800")
    with pytest.raises(InputError):
        ds.Network("net", params=5)


def test_values_are_shown_in_little():
    """Numbers of thousands of digits, deep and long data, controls."""
    for value in (10**5000, "x" * 10**7, [[[[[[1]]]]]] * 10**5, {str(i): i for i in range(10**5)}, "\0\ud800\n"):
        assert len(shown(value)) <= 60 and shown(value).isprintable()
    error = InputError("p" * 1000, "q" * 10**7)
    assert len(str(error)) < 290 and " ... " in error.place and " ... " in error.problem
    assert InputError(error.place, error.problem).args == error.args


def test_suggestions_are_of_misspelt_names():
    """Half the letters in common are no misspelling; recorders are told where to stand."""
    assert nearest("iaf_psc_expo", models) == " (did you mean 'iaf_psc_exp'?)"
    assert nearest("poisson", devices) == " (did you mean 'poisson_generator'?)"
    for name in ("pulsepacket_generator", "voltmeter"):
        assert nearest(name, devices) == ""
    assert nearest("cm_default", models) == ""
    error = refused(from_dict, changed("network.devices.noise.model", "multimeter"))
    assert "net.record" in error.problem and error.place == "network.devices.noise.model"


def test_summaries_and_logs_that_are_none(tmp_path):
    """A summary that is no object; first lines of a log of states that are none, or claim any number of columns."""
    for text in ("[]", "5", '"x"', "null", "[" * 10**5, "{", '{"schema": [1]}'):
        (tmp_path / "summary.json").write_text(text)
        refused(read_summary, tmp_path)
    good = {"format": "distsim states 1", "dtype": "<f4", "first_frame": 0, "columns": [[0, 2]]}
    bad = [b"\x93garbage\xff\n", b"[]\n", b"5\n", b"{}\n", b"[" * 10**5 + b"\n"]
    changes = ({"dtype": "O"}, {"dtype": 5}, {"first_frame": "x"}, {"first_frame": -1}, {"columns": 5}, {"columns": [[2, 1]]},
               {"columns": [["a", "b"]]}, {"columns": [[0, 2**60]]}, {"format": 3})  # fmt: skip
    bad += [json.dumps(good | change).encode() + b"\n" for change in changes]
    path = tmp_path / "log"
    for line in bad:
        path.write_bytes(line + bytes(64))
        refused(read_state_log, path)
    path.write_bytes(json.dumps(good | {"columns": [[0, 2**38]]}).encode() + b"\n" + bytes(64))
    assert read_state_log(path).values.shape[0] == 0
    path.write_bytes(json.dumps(good).encode() + b"\n" + bytes(64))
    assert read_state_log(path).values.shape == (8, 2)


@pytest.fixture
def theirs(tmp_path):
    """A config of somebody else, whose files leave a trace where they are run."""
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w').close()\n")
    data = copy.deepcopy(BASE)
    data["network"]["populations"]["b"] = {"size": 3, "model": "evil.py:neuron"}
    data["network"]["projections"].append({"pre": "a", "post": "a", "synapse": {"model": "evil.py:rule"}})
    data["network"]["projections"].append({"pre": "a", "post": "a", "synapse": "other.py:rule"})
    (tmp_path / "net.yaml").write_text(yaml_file.dump(data))
    (tmp_path / "plain.yaml").write_text(yaml_file.dump(BASE))
    yield tmp_path
    refuse_code(False)


@pytest.mark.parametrize(
    "command", [["info"], ["export"], ["submit", "--dry-run"], ["submit"]], ids=["info", "export", "dry run", "submit"]
)
def test_no_code_runs_no_file_and_says_which_it_would(theirs, command, monkeypatch, capsys):
    """One line for each file, then the place of the first; a config without files goes on."""
    monkeypatch.chdir(theirs)
    error = refused(lambda: app([*command, "net.yaml", "--no-code"], standalone_mode=False))
    assert error.place == "net.yaml: network.populations.b.model"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"would run {theirs / 'evil.py'}", f"would run {theirs / 'other.py'}"
    ]  # fmt: skip
    assert "network.projections.3.synapse.model" in lines[0]
    assert sorted(p.name for p in theirs.iterdir()) == ["evil.py", "net.yaml", "plain.yaml"]
    # Without the option the file is run, and found to hold no model.
    with pytest.raises(InputError, match="called 'neuron'"):
        app([*command, "net.yaml"], standalone_mode=False)
    assert (theirs / "trace").exists()


def test_no_code_holds_in_every_registry(theirs):
    """Whatever path leads to a file, the last door is closed; a device and an unread config too."""
    refuse_code(True)
    for registry in (models, devices, synapses):
        assert "--no-code" in str(refused(registry.get, f"{theirs / 'evil.py'}:x", "somewhere"))
    refused(from_dict, changed("network.devices.noise.model", f"{theirs / 'evil.py'}:x"))
    assert not (theirs / "trace").exists()
    app(["info", str(theirs / "plain.yaml"), "--no-code"], standalone_mode=False)
