"""What a SONATA simulation config asks for besides its circuit: node sets, spike inputs, current clamps, reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distsim.errors import InputError, shown, unknown
from distsim.io.sonata_files import NULL, mapping, number, open_hdf5, read_json, text
from distsim.io.sonata_tables import NUMBERS, indices, place_of, runs, subgroup, values
from distsim.notices import warn
from distsim.units import LARGEST

INPUT_TYPES = ("spikes", "current_clamp")


@dataclass
class NodePopulation:
    """Nodes of a population with their types' and their own attributes, and what they become.

    Attributes
    ----------
    table : pandas.DataFrame
        A row per node, in order of id.
    part : np.ndarray
        int64 [n], index in `names` of the population or device that a node becomes.
    place : np.ndarray
        int64 [n], its index there.
    names : list of str
    virtual : list of bool
        Of each of `names`, whether it is a source of spikes only.
    """

    name: str
    table: pd.DataFrame
    part: np.ndarray
    place: np.ndarray
    names: list[str]
    virtual: list[bool]


class NodeSets:
    """The node sets of a simulation config, all of them checked.

    Parameters
    ----------
    path : str or None
        The node sets file.
    nodes : dict of str to NodePopulation
    """

    def __init__(self, path: Any, nodes: dict[str, NodePopulation], place: str):
        self.nodes = nodes
        self.file = place if path is None else text(path, place)
        self.sets = {} if path is None else read_json(Path(self.file))
        for name in self.sets:
            self._check(name, ())

    def _check(self, name: str, inside: tuple[str, ...]) -> None:
        """Refuse a set that is no set, names one that is not there, or contains itself."""
        given, place = self.sets[name], f"{self.file}: {name}"
        if name in inside:
            raise InputError(place, "expected a node set that does not contain itself")
        if isinstance(given, list):
            for other in given:
                if not isinstance(other, str) or other not in self.sets:
                    raise unknown(place, "node set", str(other), self.sets)
                self._check(other, (*inside, name))
        elif isinstance(given, dict):
            self._check_rules(given, place)
        else:
            raise InputError(place, f"expected attributes or a list of node sets, got {shown(given)}")

    @staticmethod
    def _check_rules(given: dict[str, Any], place: str) -> None:
        for key, value in given.items():
            for one in value if isinstance(value, list) else [value]:
                if one is None or isinstance(one, dict | list):
                    raise InputError(f"{place}.{key}", f"expected a number, text or a truth value, got {shown(one)}")

    def of(self, given: Any, place: str) -> dict[str, np.ndarray]:
        """Return the ids of a node set by population, ascending, at least one."""
        found = self._of(given, place)
        if not found:
            raise InputError(place, "expected a node set with nodes, no node is in it")
        return found

    def _of(self, given: Any, place: str) -> dict[str, np.ndarray]:
        if isinstance(given, str) and given not in ("all", ""):
            if given not in self.sets and given not in self.nodes:
                raise unknown(place, "node set", given, [*self.sets, *self.nodes])
            given, place = self.sets.get(given, {"population": given}), f"{self.file}: {given}"
        if isinstance(given, list):
            parts = [self._of(g, place) for g in given]
            names = {n for part in parts for n in part}
            return {n: np.unique(np.concatenate([part[n] for part in parts if n in part])) for n in sorted(names)}
        rules = {} if given in ("all", "") else mapping(given, place)
        self._check_rules(rules, place)
        found = {}
        among = self._populations(rules, place)
        largest = max((len(nodes.table) for nodes in among), default=0)
        for nodes in among:
            keep = np.ones(len(nodes.table), bool)
            for key, value in rules.items():
                wanted = value if isinstance(value, list) else [value]
                if key in ("node_id", "node_ids"):
                    if not all(type(i) is int and i >= 0 for i in wanted):
                        raise InputError(f"{place}.{key}", f"expected ids of nodes, got {shown(value)}")
                    if max(wanted, default=0) >= largest:
                        raise InputError(f"{place}.{key}", f"expected ids from 0 to {largest - 1}, got {max(wanted)}")
                    keep &= np.isin(nodes.table.index, wanted)
                elif key != "population":
                    keep &= nodes.table[key].isin(wanted).to_numpy() if key in nodes.table else False
            if keep.any():
                found[nodes.name] = np.flatnonzero(keep)
        return found

    def _populations(self, rules: dict[str, Any], place: str) -> list[NodePopulation]:
        """Return the populations in which a set's nodes are looked for; its attributes have to be some's."""
        known = {str(c) for nodes in self.nodes.values() for c in nodes.table}
        for key in rules:
            if key not in ("population", "node_id", "node_ids") and key not in known:
                raise unknown(place, "attribute of nodes", key, known)
        given = rules.get("population", list(self.nodes))
        names = given if isinstance(given, list) else [given]
        for name in names:
            if name not in self.nodes:
                raise unknown(f"{place}.population", "node population", str(name), self.nodes)
        return [self.nodes[name] for name in self.nodes if name in names]

    def parts(self, chosen: dict[str, np.ndarray], neurons: Mapping[str, Any]) -> list[Any]:
        """Return nodes as plain selections of the populations that they become."""
        found = []
        for name, ids in chosen.items():
            nodes = self.nodes[name]
            for i, part in enumerate(nodes.names):
                places = np.sort(nodes.place[ids[nodes.part[ids] == i]])
                if part in neurons:
                    found += [{"population": part, "slice": run} for run in runs(places)]
        return found


class Inputs:
    """The inputs and reports of a simulation config, checked.

    Raises
    ------
    InputError
        For inputs of other types, files that are missing or no spikes, numbers that are none.
    """

    def __init__(self, path: Path, simulation: dict[str, Any], sets: NodeSets):
        self.path, self.simulation, self.sets = path, simulation, sets
        self.trains: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in sets.nodes}
        self.clamps: list[tuple[str, dict[str, Any], dict[str, np.ndarray]]] = []
        for key, given, place in self._entries("inputs"):
            kind = given.get("input_type")
            if kind not in INPUT_TYPES:
                raise unknown(f"{place}.input_type", "input type", str(kind), INPUT_TYPES)
            if kind == "current_clamp" and "node_set" not in given:
                raise InputError(f"{place}.node_set", "missing")
            chosen = sets.of(given.get("node_set", "all"), f"{place}.node_set")
            if kind == "spikes":
                self._spikes(given, chosen, place)
            else:
                self.clamps.append((key, self._clamp(given, place), chosen))

    def _entries(self, section: str) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Yield the entries of a section that are not switched off, with their places."""
        for key, given in mapping(self.simulation.get(section, {}), f"{self.path}: {section}").items():
            place = f"{self.path}: {section}.{key}"
            if not isinstance(given, dict):
                raise InputError(place, f"expected a JSON object, got {shown(given)}")
            if given.get("enabled", True):
                yield key, given, place

    def _spikes(self, given: dict[str, Any], chosen: dict[str, np.ndarray], place: str) -> None:
        """Take the spikes of an input's nodes from its file."""
        if given.get("module") not in ("h5", "sonata", "SONATA") or not given.get("input_file"):
            raise InputError(place, f"expected the module 'h5' and an input_file, got {shown(given.get('module'))}")
        with open_hdf5(given["input_file"], f"{place}.input_file") as file:
            root = subgroup(file, "spikes")
            if given.get("node_set", "all") in ("all", ""):
                # Of everyone those that are virtual and have spikes in the file.
                chosen = {n: ids for n, ids in chosen.items() if all(self.sets.nodes[n].virtual) and n in root}
                if not chosen:
                    raise InputError(place_of(root), "expected spikes of a population of virtual nodes")
            for name, ids in chosen.items():
                nodes = self.sets.nodes[name]
                if not any(nodes.virtual):
                    raise InputError(f"{place}.node_set", f"expected virtual nodes, '{name}' has neurons")
                group = subgroup(root, name)
                at = values(group, "timestamps", NUMBERS).astype(np.float64)
                if len(at) and not ((at >= 0.0) & (at <= LARGEST)).all():
                    raise InputError(place_of(group, "timestamps"), "expected times of 0 ms and later")
                unit = group["timestamps"].attrs.get("units", "ms")
                if (unit.decode() if isinstance(unit, bytes) else str(unit)) not in ("ms", "milliseconds"):
                    raise InputError(place_of(group, "timestamps"), f"expected ms, got {shown(str(unit))}")
                of = indices(group, "node_ids", len(nodes.table), "nodes", len(at), "timestamps")
                kept = np.isin(of, ids)
                self.trains[name].append((at[kept], of[kept]))

    def _clamp(self, given: dict[str, Any], place: str) -> dict[str, Any]:
        """Return the parameters of the dc_generator that a current clamp becomes."""
        if given.get("module", "IClamp") != "IClamp":
            raise unknown(f"{place}.module", "module", str(given["module"]), ["IClamp"])
        for key in ("input_file", "electrode_file"):
            if given.get(key) not in (None, *NULL):
                raise InputError(f"{place}.{key}", "expected none: a current clamp has amp, delay and duration here")
        if "amp" not in given:
            raise InputError(f"{place}.amp", "missing")
        start = number(given.get("delay", 0.0), f"{place}.delay", 0.0)
        params = {"amplitude": 1000.0 * number(given["amp"], f"{place}.amp"), "start": start}
        if given.get("duration") is not None:
            params["stop"] = start + number(given["duration"], f"{place}.duration", 0.0)
        return params

    def generator(self, nodes: NodePopulation, part: int) -> dict[str, Any]:
        """Return virtual nodes as a spike generator with the spikes of all inputs that are for them."""
        mine = np.flatnonzero(nodes.part == part)
        at, of = (
            np.concatenate([[], *columns]) for columns in ([t[i] for t in self.trains[nodes.name]] for i in (0, 1))
        )
        order = np.lexsort((at, of))
        at, of = at[order], of[order]
        ends = np.searchsorted(of, np.arange(len(nodes.table) + 1))
        trains = [at[ends[node] : ends[node + 1]].tolist() for node in mine]
        return {"model": "spike_generator", "size": len(mine), "params": {"spike_times": trains}}

    def reports(self, populations: Mapping[str, Any], states: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Return recorders for the reports that the config asks for; `states` names each population's variables."""
        found = []
        run = mapping(self.simulation.get("run", {}), f"{self.path}: run")
        for _, given, place in self._entries("reports"):
            variables = given.get("variable_name", given.get("variable"))
            chosen = self.sets.of(given.get("cells", "all"), f"{place}.cells")
            parts = self.sets.parts(chosen, populations)
            if not parts:
                raise InputError(f"{place}.cells", "expected neurons, got virtual nodes")
            every = number(given.get("dt", run.get("dt", 0.1)), f"{place}.dt")
            for key, whole in (("start_time", 0.0), ("end_time", run.get("tstop"))):
                if given.get(key) not in (None, whole):
                    warn(f"{place}.{key}", "is left out: reports begin and end with the run")
            for variable in variables if isinstance(variables, list) else [variables]:
                name = text(variable, f"{place}.variable_name")
                name = "V_m" if name == "v" else name
                for part in parts:
                    if name not in states[part["population"]]:
                        kind = f"state variable of '{part['population']}'"
                        raise unknown(f"{place}.variable_name", kind, name, states[part["population"]])
                found.append({"record": name, "from": parts, "every": every})
        return found
