"""Operators that break a config. A case is an operator and a seed; docs/reliability.md lists the operators.

Where a change surely makes the config wrong the case says why (`broken`), and taking it is an error of ours.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.robustness import config_bases, trees
from tests.robustness.hostile import EXPRESSIONS, KEYS, TOKENS, Raw

POPULATION, DEVICE, PROJECTION = r"network\.populations\.\w+", r"network\.devices\.\w+", r"network\.projections\.\d+"
RECORDER = r"network\.recorders\.\d+"
SIZE = re.compile(rf"(?:{POPULATION}|{DEVICE})\.size")
NUMBER = re.compile(
    rf"network\.scale|network\.params\.\w+|(?:{POPULATION}|{DEVICE})\.size|{POPULATION}\.params\.\w+"
    rf"|{DEVICE}\.params\.(?:rate|mean|std|dt|amplitude|start|stop)|simulation\.(?:dt|duration|transient|seed)"
    rf"|{PROJECTION}\.rule\.(?:fixed_\w+|pairwise_bernoulli|n)|checkpoint\.keep"
    rf"|{PROJECTION}\.synapse\.(?!model|transmitter)\w+"
)
CHOICE = re.compile(
    rf"(?:{POPULATION}|{DEVICE})\.model|{PROJECTION}\.(?:pre|post|rule|synapse|synapse\.model|receptor|rule\.rule)"
    rf"|{RECORDER}\.(?:record|from|reduce)|simulation\.(?:partitioner|exchange|precision)|output\.format"
)
# A mapping or a number may stand there, nothing else.
DRAWN = re.compile(rf"{PROJECTION}\.(?:weight|delay)|{POPULATION}\.init\.\w+")
# What has to be above 0.
POSITIVE = re.compile(
    rf"(?:{POPULATION}|{DEVICE})\.size|network\.scale|{POPULATION}\.params\.(?:tau_\w+|C_m|g_L)|simulation\.dt"
    rf"|{RECORDER}\.every|{PROJECTION}\.delay|checkpoint\.keep"
)
# What must not be below 0.
NOT_NEGATIVE = re.compile(
    rf"simulation\.(?:duration|transient|seed)|{DEVICE}\.params\.(?:rate|std)|{POPULATION}\.params\.t_ref"
    rf"|{PROJECTION}\.rule\.(?:fixed_\w+|pairwise_bernoulli|n)|{PROJECTION}\.synapse\.(?:tau_\w+|axonal_delay)"
    rf"|{PROJECTION}\.(?:weight|delay)\.lognormal\.sigma|{PROJECTION}\.delay\.exponential\.beta"
)
REQUIRED = re.compile(
    rf"network|network\.populations|(?:{POPULATION})\.(?:size|model)|{DEVICE}\.model|{PROJECTION}\.(?:pre|post)"
    rf"|{RECORDER}\.(?:record|from)|{PROJECTION}\.synapse\.transmitter"
)
# Mappings whose keys are names of the user's own.
OWN_NAMES = ("network.params", "network.populations", "network.devices")
KEPT = ("network", "simulation", "output", "checkpoint")


@dataclass
class Case:
    """A broken config: its text, the command line's ``--set``, files beside it, and why it is wrong where it surely is."""

    base: str
    text: str | bytes
    note: str
    broken: str | None = None
    settings: list[str] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)


Operator = Callable[[random.Random, str, Any], Case]


def wrong_there(kind: str, token: str, where: str) -> str | None:
    """Return why a token cannot stand at a path, None where it may."""
    if kind == "tag" and token.startswith(("!!python", "*nowhere", "!unknown")):
        return "a tag that is none"
    if NUMBER.fullmatch(where):
        if kind in ("not finite", "text", "truth", "collection"):
            return "no finite number"
        if SIZE.fullmatch(where) and token in ("0", "-0.0", "-1", "0.5", "1e308", "1e19", "1e-9", "1e30"):
            return "no size"
    if CHOICE.fullmatch(where) and kind in ("not finite", "text", "truth", "number", "quantity"):
        return "no such choice"
    if DRAWN.fullmatch(where) and kind in ("not finite", "text", "truth"):
        return "no finite number and no distribution"
    return None


def scalar(rng: random.Random, base: str, tree: Any) -> Case:
    """Put a hostile scalar, list or tag at a path."""
    path = rng.choice(list(trees.paths(tree)))
    kind, token = rng.choice(TOKENS)
    trees.put(tree, path, Raw(token))
    where = trees.dotted(path)
    return Case(base, trees.text(tree), f"{where}: {token[:60]}", wrong_there(kind, token, where))


def override(rng: random.Random, base: str, tree: Any) -> Case:
    """Put a hostile value at a path by --set, or use a path that is none."""
    path = trees.dotted(rng.choice(list(trees.paths(tree))))
    kind, token = rng.choice(TOKENS)
    broken = wrong_there(kind, token, path)
    if rng.random() < 0.2:
        path = rng.choice(
            [f"{path}.x", f"{path}.0", path.replace(".", "..", 1), f"{path}.", "", "=", "network", path[:-1] + "\x00"]
        )
        broken = None
    setting = f"{path}={token}" if rng.random() < 0.95 else path
    return Case(base, trees.text(tree), f"--set {setting[:80]}", broken if "=" in setting else "no override", [setting])


def drop(rng: random.Random, base: str, tree: Any) -> Case:
    """Leave out a key or an element."""
    path = rng.choice(list(trees.paths(tree)))
    where = trees.dotted(path)
    rest = copy.deepcopy(tree)
    trees.drop(rest, path)
    broken = "a required key is missing" if REQUIRED.fullmatch(where) else None
    if where.startswith(OWN_NAMES) and len(path) == 3 and mentioned(rest, str(path[-1])):
        broken = "a name that is used is missing"
    return Case(base, trees.text(rest), f"without {where}", broken)


def duplicate(rng: random.Random, base: str, tree: Any) -> Case:
    """Write a key twice."""
    path = rng.choice([p for p in trees.paths(tree) if isinstance(trees.at(tree, p[:-1]), dict)])
    owner = trees.at(tree, path[:-1])
    pairs = trees.Pairs(owner.items())
    other = Raw(rng.choice(TOKENS)[1]) if rng.random() < 0.5 else owner[path[-1]]
    pairs.insert(rng.randrange(len(pairs) + 1), (path[-1], other))
    return Case(
        base, trees.text(trees.with_pairs(tree, path[:-1], pairs)), f"{trees.dotted(path)} twice", "a key twice"
    )


def retype(rng: random.Random, base: str, tree: Any) -> Case:
    """Give a value another type: number, text, truth, nothing, a list of it, a mapping of it."""
    path = rng.choice(list(trees.paths(tree)))
    value, where = trees.at(tree, path), trees.dotted(path)
    kinds = {
        "text": f"x{value}"[:50], "truth": rng.random() < 0.5, "nothing": None, "number": rng.choice([0, 1, 7, 0.5]),
        "list": [value], "mapping": {"a": value}, "lists": [[[value]]], "text of it": str(value),
    }  # fmt: skip
    kind = rng.choice(list(kinds))
    trees.put(tree, path, kinds[kind])
    broken = None
    if NUMBER.fullmatch(where) and kind in ("text", "truth", "list", "lists", "mapping"):
        broken = "no number"
    if (DRAWN.fullmatch(where) and kind in ("text", "truth", "lists")) or (
        CHOICE.fullmatch(where) and kind in ("text", "truth", "number")
    ):
        broken = "another type"
    if where in (*KEPT, "network.populations", "network.devices") and kind in (
        "text",
        "truth",
        "number",
        "list",
        "lists",
    ):
        broken = "no mapping"
    return Case(base, trees.text(tree), f"{where} as {kind}", broken)


def rename(rng: random.Random, base: str, tree: Any) -> Case:
    """Misspell a key, or put a hostile one in its place."""
    path = rng.choice([p for p in trees.paths(tree) if isinstance(trees.at(tree, p[:-1]), dict)])
    owner, inside = trees.at(tree, path[:-1]), trees.dotted(path[:-1])
    key = str(path[-1])
    new: Any = (
        Raw(rng.choice(KEYS))
        if rng.random() < 0.7
        else rng.choice([key + "x", key[1:] + key[:1] + "_", key.upper() + "Q"])
    )
    pairs = trees.Pairs((new if k == path[-1] else k, v) for k, v in owner.items())
    rest = trees.with_pairs(tree, path[:-1], pairs)
    broken: str | None = "an unknown key"
    if inside in OWN_NAMES:
        broken = (
            "a name that is used is missing"
            if mentioned({k: v for k, v in tree["network"].items() if f"network.{k}" != inside}, key)
            else None
        )
    return Case(base, trees.text(rest), f"{trees.dotted(path)} as {str(new)[:40]}", broken)


def negate(rng: random.Random, base: str, tree: Any) -> Case:
    """Put a number that is too small where it has to be above 0, or not below."""

    def number(p: trees.Path) -> bool:
        value = trees.at(tree, p)
        return isinstance(value, int | float | str) and not str(value).startswith("=")

    found = [(p, POSITIVE.fullmatch(trees.dotted(p))) for p in trees.paths(tree) if number(p)]
    found = [(p, above) for p, above in found if above or NOT_NEGATIVE.fullmatch(trees.dotted(p))]
    path, above = rng.choice(found)
    value = rng.choice([-1, -0.5, -1e-3, -1e9, -1e300, *((0, -0.0, 0.0) if above else ())])
    trees.put(tree, path, value)
    return Case(base, trees.text(tree), f"{trees.dotted(path)}: {value}", "too small a number")


def expression(rng: random.Random, base: str, tree: Any) -> Case:
    """Put an expression that gives no number at a path of the network."""
    numbers = [p for p in trees.paths(tree) if p[0] == "network" and isinstance(trees.at(tree, p), int | float)]
    path, given = rng.choice(numbers), rng.choice(EXPRESSIONS)
    trees.put(tree, path, given)
    return Case(
        base, trees.text(tree), f"{trees.dotted(path)}: {given[:60]!r}", "an expression that gives no finite number"
    )


def swap(rng: random.Random, base: str, tree: Any) -> Case:
    """Exchange two parts of the tree."""
    everything = list(trees.paths(tree))
    a, b = rng.choice(everything), rng.choice(everything)
    rest = copy.deepcopy(tree)
    try:
        one, other = copy.deepcopy(trees.at(tree, a)), copy.deepcopy(trees.at(tree, b))
        trees.put(rest, a, other)
        trees.put(rest, b, one)
    except (KeyError, IndexError, TypeError):
        pass
    return Case(base, trees.text(rest), f"{trees.dotted(a)} for {trees.dotted(b)}")


def nest(rng: random.Random, base: str, tree: Any) -> Case:
    """Wrap a value into many lists or mappings."""
    path, depth = rng.choice(list(trees.paths(tree))), rng.choice([1, 2, 5, 50, 500, 3000, 100_000])
    value = trees.at(tree, path)
    inner = trees.text(value).strip() if not isinstance(value, dict) else "1"
    opened, closed = rng.choice([("[", "]"), ("{a: ", "}"), ("{uniform: [1, ", "]}"), ("{rule: ", "}")])
    trees.put(tree, path, Raw(opened * depth + inner + closed * depth))
    broken = "lists in lists" if NUMBER.fullmatch(trees.dotted(path)) else None
    return Case(base, trees.text(tree), f"{trees.dotted(path)} in {depth} {opened}", broken)


def flip(rng: random.Random, base: str, tree: Any) -> Case:
    """Change some bytes of the file."""
    data = bytearray(trees.text(tree).encode("utf-8"))
    n = rng.choice([1, 1, 1, 2, 4, 16])
    for _ in range(n):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8) if rng.random() < 0.7 else rng.randrange(1, 256)
    return Case(base, bytes(data), f"{n} bytes changed")


def truncate(rng: random.Random, base: str, tree: Any) -> Case:
    """Cut the file somewhere."""
    data = trees.text(tree).encode("utf-8")
    place = rng.randrange(len(data))
    return Case(base, data[:place], f"the first {place} bytes")


def splice(rng: random.Random, base: str, tree: Any) -> Case:
    """Put a piece of another file, or bytes that are no text, somewhere."""
    data = trees.text(tree).encode("utf-8")
    other = trees.text(config_bases.tree(rng.choice(config_bases.names()))).encode("utf-8")
    begin = rng.randrange(len(other))
    pieces = [other[begin : begin + rng.randrange(200)], rng.randbytes(rng.randrange(1, 50)), b"\xff\xfe", b"\x00" * 9,
              b"---\n", b"...\n", b"%YAML 9.9\n", b"\t", b"&a ", b"*a ", b"<<: ", b"- ", b"? ", b": ", b"| ", b"#", b"\xef\xbb\xbf"]  # fmt: skip
    place = rng.choice([0, rng.randrange(len(data))])
    return Case(base, data[:place] + rng.choice(pieces) + data[place:], f"something at byte {place}")


def bomb(rng: random.Random, base: str, tree: Any) -> Case:
    """Aliases of aliases, a list of itself, merges of merges, long names, many keys."""
    n, width = rng.choice([3, 9, 12, 25]), rng.choice([2, 9, 12])
    layers = "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * width)}]\n" for i in range(n))
    merges = "".join(f"m{i + 1}: &m{i + 1} {{<<: [{', '.join([f'*m{i}'] * width)}]}}\n" for i in range(n))
    inside = f"a0: &a0 [x]\n{layers}"
    numbers = "".join(f"b{i + 1}: &b{i + 1} [{', '.join([f'*b{i}'] * width)}], " for i in range(n))
    kinds = [
        inside + trees.text(tree), f"m0: &m0 {{x: 1}}\n{merges}" + trees.text(tree), "network: &n {network: *n}\n", "&a [*a]\n",
        f"network: {{params: {{b0: &b0 [1], {numbers} c: *b{n}}}, populations: {{e: {{size: *b{n}, model: iaf_psc_exp}}}}}}\n",
        f"network: {{populations: {{e: {{size: &b0 [1], model: {{{numbers} c: *b{n}}}}}}}}}\n",
        "network: {populations: {" + ", ".join(f"p{i}: {{size: 1, model: iaf_psc_exp}}" for i in range(3000)) + "}, scale: x}\n",
        "network: {populations: {" + ", ".join(f"p{i}: {{size: 1, model: nonesuch}}" for i in range(3000)) + "}}\n",
        "network: " + "{a: " * 20_000 + "1" + "}" * 20_000 + "\n", "[" * 100_000 + "\n", "x" * 3_000_000 + ": 1\n", "",
        "network: {name: " + "n" * 100_000 + ", populations: {}}\n", "- 1\n- 2\n", "null\n", "3\n", "network\n", "? [a]\n: 1\n",
    ]  # fmt: skip
    which = rng.randrange(len(kinds))
    return Case(base, kinds[which], f"kind {which}, {n} layers of {width}", "nothing that is a config")


def files(rng: random.Random, base: str, tree: Any) -> Case:
    """Break the files that a config names: lists of edges, models in Python."""
    from tests.robustness.file_cases import CODES, COLUMNS

    if rng.random() < 0.3:
        name = rng.choice(list(CODES))
        return Case(
            "coded", trees.text(config_bases.tree("coded")), f"model.py: {name}", name, files={"model.py": CODES[name]}
        )
    name, file = rng.choice(list(COLUMNS)), rng.choice(["edges.csv", "edges.npz"])
    return Case("listed", trees.text(config_bases.tree("listed")), f"{file}: {name}", name, files={file: COLUMNS[name]})


def pair(rng: random.Random, base: str, tree: Any) -> Case:
    """Two changes of a tree, one after the other."""
    notes = []
    for _ in range(2):
        path = rng.choice(list(trees.paths(tree)))
        if isinstance(trees.at(tree, path), Raw):
            continue
        if rng.random() < 0.3 and len(path) > 1:
            trees.drop(tree, path)
        else:
            trees.put(tree, path, Raw(rng.choice(TOKENS)[1]))
        notes.append(trees.dotted(path))
    return Case(base, trees.text(tree), " and ".join(notes))


OPERATORS: dict[str, Operator] = {
    o.__name__: o for o in (scalar, override, drop, duplicate, retype, rename, negate, expression, swap, nest, flip, truncate,
                            splice, bomb, files, pair)
}  # fmt: skip
# How often each comes in a hundred cases.
SHARES = {"scalar": 30, "override": 8, "drop": 4, "duplicate": 2, "retype": 12, "rename": 6, "negate": 4, "expression": 8, "swap": 3,
          "nest": 2, "flip": 5, "truncate": 2, "splice": 3, "bomb": 2, "files": 3, "pair": 6}  # fmt: skip
SCHEDULE = [name for name, share in SHARES.items() for _ in range(share)]


def mentioned(tree: Any, name: str) -> bool:
    """Return whether a name is used somewhere: as a value, or in an expression."""
    if isinstance(tree, dict):
        return any(mentioned(v, name) for v in tree.values())
    if isinstance(tree, list):
        return any(mentioned(v, name) for v in tree)
    if not isinstance(tree, str):
        return False
    return tree == name or (tree.startswith("=") and name in re.findall(r"[^\W\d]\w*", tree))


def case(operator: str, seed: int) -> Case:
    """Return the case of an operator and a seed, always the same."""
    rng = random.Random(f"{operator} {seed}")
    base = rng.choice(config_bases.names())
    return OPERATORS[operator](rng, base, config_bases.tree(base))


def write(case: Case, folder: Path) -> list[str]:
    """Write a case into a folder; return the arguments of a command that reads it."""
    config_bases.write_files(folder)
    for name, make in case.files.items():
        (folder / name).unlink()
        make(folder / name)
    data = case.text if isinstance(case.text, bytes) else case.text.encode("utf-8", "surrogatepass")
    (folder / "net.yaml").write_bytes(data)
    return ["net.yaml", *(part for setting in case.settings for part in ("--set", setting))]
