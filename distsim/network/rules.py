"""Connection rules, with NEST's names: which pairs of sources and targets get a synapse.

`autapses` allows a neuron to connect to itself, `multapses` allows a pair to connect more than once,
both true by default as in NEST; pairwise_bernoulli never makes multapses, all_to_all and one_to_one
cannot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from distsim.errors import InputError, shown, unknown
from distsim.network.distributions import LARGEST_WEIGHT
from distsim.network.edge_lists import read_columns
from distsim.units import quantity, whole


@dataclass(frozen=True)
class Rule:
    """A rule with its numbers."""

    name: ClassVar[str]
    argument: ClassVar[str] = ""
    autapses: bool = True
    multapses: bool = True

    def n_synapses(self, n_pre: int, n_post: int) -> float:
        """Return the expected number of synapses."""
        raise NotImplementedError

    def max_indegree(self, n_pre: int, n_post: int) -> float:
        """Return a bound on the synapses onto one target (for random ones 10 standard deviations out)."""
        mean = self.n_synapses(n_pre, n_post) / n_post
        return mean + 10.0 * math.sqrt(mean) + 10.0

    def check(self, n_pre: int, n_post: int, n_shared: int, place: str) -> None:
        """Raise InputError where the rule cannot be met by this many neurons, `n_shared` of them on both sides."""

    def scaled(self, scale: float, place: str) -> Rule:
        """Return the rule of a network whose populations are scaled and whose in-degrees are kept."""
        return self

    def _available(self, n: int, n_shared: int) -> int:
        """Return how many partners the neuron with the fewest can choose among."""
        return n - 1 if n_shared and not self.autapses else n


@dataclass(frozen=True)
class OneToOne(Rule):
    """Source i connects to target i."""

    name: ClassVar[str] = "one_to_one"

    def n_synapses(self, n_pre, n_post):
        return float(n_pre)

    def max_indegree(self, n_pre, n_post):
        return 1.0

    def check(self, n_pre, n_post, n_shared, place):
        if n_pre != n_post:
            raise InputError(place, f"expected as many sources as targets for one_to_one, got {n_pre} and {n_post}")


@dataclass(frozen=True)
class AllToAll(Rule):
    """Every source connects to every target."""

    name: ClassVar[str] = "all_to_all"

    def n_synapses(self, n_pre, n_post):
        return float(n_pre) * float(n_post)

    def max_indegree(self, n_pre, n_post):
        return float(n_pre)

    def scaled(self, scale, place):
        if scale != 1.0:
            raise InputError(
                place, f"expected network.scale of 1 with all_to_all: in-degrees cannot be kept, got {scale:g}"
            )
        return self


@dataclass(frozen=True)
class FixedIndegree(Rule):
    """Every target gets `indegree` synapses from random sources."""

    name: ClassVar[str] = "fixed_indegree"
    argument: ClassVar[str] = "indegree"
    indegree: int = 0

    def n_synapses(self, n_pre, n_post):
        return float(self.indegree) * n_post

    def max_indegree(self, n_pre, n_post):
        return float(self.indegree)

    def check(self, n_pre, n_post, n_shared, place):
        _enough(self, self.indegree, self._available(n_pre, n_shared), "sources", place)


@dataclass(frozen=True)
class FixedOutdegree(Rule):
    """Every source makes `outdegree` synapses onto random targets."""

    name: ClassVar[str] = "fixed_outdegree"
    argument: ClassVar[str] = "outdegree"
    outdegree: int = 0

    def n_synapses(self, n_pre, n_post):
        return float(self.outdegree) * n_pre

    def check(self, n_pre, n_post, n_shared, place):
        _enough(self, self.outdegree, self._available(n_post, n_shared), "targets", place)


@dataclass(frozen=True)
class FixedTotalNumber(Rule):
    """`n` synapses between random pairs."""

    name: ClassVar[str] = "fixed_total_number"
    argument: ClassVar[str] = "n"
    n: int = 0

    def n_synapses(self, n_pre, n_post):
        return float(self.n)

    def check(self, n_pre, n_post, n_shared, place):
        pairs = n_pre * n_post - (0 if self.autapses else n_shared)
        _enough(self, self.n, pairs, "pairs", place)

    def scaled(self, scale, place):
        return FixedTotalNumber(self.autapses, self.multapses, round(self.n * scale))


@dataclass(frozen=True)
class PairwiseBernoulli(Rule):
    """Every pair connects with probability `p`."""

    name: ClassVar[str] = "pairwise_bernoulli"
    argument: ClassVar[str] = "p"
    p: float = 0.0

    def n_synapses(self, n_pre, n_post):
        return self.p * n_pre * n_post

    def max_indegree(self, n_pre, n_post):
        return min(float(n_pre), super().max_indegree(n_pre, n_post))

    def scaled(self, scale, place):
        if self.p > scale:
            problem = f"expected network.scale of at least {self.p:g}, below which in-degrees cannot be kept"
            raise InputError(place, f"{problem}, got {scale:g}")
        return PairwiseBernoulli(self.autapses, self.multapses, self.p / scale)


@dataclass(frozen=True)
class Edges(Rule):
    """The listed pairs, by position among the sources and the targets, perhaps with weights and delays."""

    name: ClassVar[str] = "edges"
    data: dict[str, Any] = field(default_factory=dict)
    place: str = ""

    @cached_property
    def columns(self) -> dict[str, np.ndarray | None]:
        """The columns pre, post (int64), weight (float64), delay (float64 ms), the last two or None.

        One number in place of a weight or delay is that of all edges, also beside a file without such a column.
        """
        return read_columns(self.data, self.place)

    def n_synapses(self, n_pre, n_post):
        return float(self.columns["pre"].shape[0])

    def max_indegree(self, n_pre, n_post):
        post = self.columns["post"]
        if not post.size:
            return 0.0
        # Few edges onto neurons of high numbers: no count for each of the neurons.
        counts = np.bincount(post) if post.max() < 10 * post.size else np.unique(post, return_counts=True)[1]
        return float(counts.max())

    def check(self, n_pre, n_post, n_shared, place):
        listed = self.columns
        for name, n in (("pre", n_pre), ("post", n_post)):
            at = listed[name]
            if at.size and (at.min() < 0 or at.max() >= n):
                problem = f"expected positions from 0 to {n - 1}, got {at.min()} to {at.max()}"
                raise InputError(f"{self.place}.{name}", problem)
        if (weight := listed["weight"]) is not None and weight.size:
            largest = max(-float(weight.min()), float(weight.max()))
            if largest > LARGEST_WEIGHT:
                raise InputError(
                    f"{self.place}.weight", f"expected weights of at most {LARGEST_WEIGHT:.3g}, got {largest:.3g}"
                )

    def scaled(self, scale, place):
        if scale != 1.0:
            raise InputError(place, f"expected network.scale of 1 with an explicit list of edges, got {scale:g}")
        return self


RULES: dict[str, type[Rule]] = {
    r.name: r for r in (OneToOne, AllToAll, FixedIndegree, FixedOutdegree, FixedTotalNumber, PairwiseBernoulli, Edges)
}


def _enough(rule: Rule, wanted: int, available: int, what: str, place: str) -> None:
    """Raise where `wanted` partners cannot be had from `available`."""
    if wanted > 0 and (available <= 0 or (not rule.multapses and wanted > available)):
        kind = "" if rule.multapses else " different"
        raise InputError(place, f"expected at most {max(available, 0)}{kind} {what} for {rule.name}, got {wanted}")


def _described(name: str, value: Any = None, *, autapses: bool = True, multapses: bool = True) -> Any:
    """Return a rule as plain data: its name, {name: value}, or with its switches spelled out."""
    switches = {k: False for k, on in (("autapses", autapses), ("multapses", multapses)) if not on}
    argument = RULES[name].argument
    if switches:
        return {"rule": name, **({argument: value} if argument else {}), **switches}
    return {name: value} if argument else name


def one_to_one(*, autapses: bool = True) -> Any:
    """Describe the rule: source i to target i."""
    return _described("one_to_one", autapses=autapses)


def all_to_all(*, autapses: bool = True) -> Any:
    """Describe the rule: every source to every target."""
    return _described("all_to_all", autapses=autapses)


def fixed_indegree(indegree: Any, *, autapses: bool = True, multapses: bool = True) -> Any:
    """Describe the rule: every target gets `indegree` synapses from random sources."""
    return _described("fixed_indegree", indegree, autapses=autapses, multapses=multapses)


def fixed_outdegree(outdegree: Any, *, autapses: bool = True, multapses: bool = True) -> Any:
    """Describe the rule: every source makes `outdegree` synapses onto random targets."""
    return _described("fixed_outdegree", outdegree, autapses=autapses, multapses=multapses)


def fixed_total_number(n: Any, *, autapses: bool = True, multapses: bool = True) -> Any:
    """Describe the rule: `n` synapses between random pairs."""
    return _described("fixed_total_number", n, autapses=autapses, multapses=multapses)


def pairwise_bernoulli(p: Any, *, autapses: bool = True) -> Any:
    """Describe the rule: every pair with probability `p`."""
    return _described("pairwise_bernoulli", p, autapses=autapses)


def edges(pre: Any = None, post: Any = None, weight: Any = None, delay: Any = None, *, file: str | None = None) -> Any:
    """Describe explicit edges by position among sources and targets, or a CSV or NPZ file that lists them.

    Parameters
    ----------
    pre, post : sequence of int
        Positions among the sources and the targets, from 0.
    weight, delay : sequence of float, or float, optional
        Of each edge, or one of all; as the projection says where not given. Delays in ms.
    file : str, optional
        With the columns pre, post and perhaps weight and delay.
    """
    columns = {"pre": pre, "post": post, "weight": weight, "delay": delay, "file": file}
    return {"edges": {k: v for k, v in columns.items() if v is not None}}


def rule(value: Any, place: str) -> Rule:
    """Return the rule that plain data describes.

    Raises
    ------
    InputError
        For unknown rules and keys, and numbers that make no rule.
    """
    if isinstance(value, str):
        value = {"rule": value}
    if not isinstance(value, dict) or not value:
        raise InputError(place, f"expected a rule, such as {{fixed_indegree: 100}}, got {shown(value)}")
    name, given = _name_and_arguments(value)
    if not isinstance(name, str) or name not in RULES:
        raise unknown(place, "rule", name, RULES)
    kind = RULES[name]
    if kind is Edges:
        allowed = {"pre", "post", "weight", "delay", "file"}
    else:
        allowed = {"autapses", "multapses", *([kind.argument] if kind.argument else [])}
    for key in given:
        if key not in allowed:
            raise unknown(place, "key", key, allowed)
    if kind is Edges:
        return Edges(data=given, place=f"{place}.edges")
    for key in ("autapses", "multapses"):
        if not isinstance(given.get(key, True), bool):
            raise InputError(f"{place}.{key}", f"expected true or false, got {shown(given[key])}")
    if kind.argument:
        if kind.argument not in given:
            raise InputError(place, f"expected a value for '{kind.argument}' of {name}")
        given[kind.argument] = _argument(kind, given[kind.argument], f"{place}.{kind.argument}")
    return kind(**given)


def _name_and_arguments(value: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the rule's name and arguments from ``{rule: name, ...}`` or ``{name: argument, ...}``."""
    if "rule" in value:
        return value["rule"], {k: v for k, v in value.items() if k != "rule"}
    name = next((k for k in value if k in RULES), next(iter(value)))
    given = {k: v for k, v in value.items() if k != name}
    if name == "edges" and isinstance(value[name], dict):
        return name, given | value[name]
    return name, given | ({RULES[name].argument: value[name]} if name in RULES else {})


def _argument(kind: type[Rule], value: Any, place: str) -> float | int:
    """Return the rule's number: a probability or a whole number."""
    if kind is not PairwiseBernoulli:
        return whole(value, place)
    number = quantity(value, "", place)
    if not 0.0 <= number <= 1.0:
        raise InputError(place, f"expected a probability from 0 to 1, got {number:g}")
    return number
