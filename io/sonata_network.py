"""SONATA circuits of point neurons as networks: nodes, edges, their types, spike inputs, reports.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md. Read with h5py and
pandas: libsonata's wheel opens no compressed files, and BMTK writes such.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from distsim.errors import InputError, unknown
from distsim.io.sonata_files import (
    NULL,
    joined,
    numbers,
    open_hdf5,
    read_config,
    read_json,
    readable,
    runs,
    types_table,
)
from distsim.io.sonata_spikes import read_spikes
from distsim.io.whole_files import remove_file, remove_if_empty, whole_folder
from distsim.network import yaml_file
from distsim.registry import models

TEMPLATES = "nest:"


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
    """

    name: str
    table: pd.DataFrame
    part: np.ndarray
    place: np.ndarray
    names: list[str]


class Circuit:
    """A circuit or simulation config of SONATA, and what it names.

    Raises
    ------
    InputError
        For files that are missing or no SONATA, and for what point neurons of distsim cannot be.
    """

    def __init__(self, path: Path):
        self.path = path
        self.simulation = read_config(path)
        # BMTK's config.json names one file for either part.
        if "simulation" in self.simulation and isinstance(self.simulation["simulation"], str):
            simulation = read_config(Path(self.simulation["simulation"]))
            self.simulation = {**simulation, "network": simulation.get("network", self.simulation.get("network"))}
        network = self.simulation.get("network")
        self.circuit = read_config(Path(network)) if isinstance(network, str) else self.simulation
        if "networks" not in self.circuit:
            raise InputError(f"{path}: networks", "missing: expected a SONATA circuit or simulation config")
        self.extension: dict[str, Any] = self.simulation.get("distsim", {})
        self.nodes: dict[str, NodePopulation] = {}
        for i, entry in enumerate(self.circuit["networks"].get("nodes", [])):
            for nodes in self._read_nodes(entry, f"networks.nodes.{i}"):
                self.nodes[nodes.name] = nodes

    def config(self, folder: Path) -> dict[str, Any]:
        """Return the config of distsim as plain data; edges are written into `folder`, a file per projection."""
        populations: dict[str, Any] = {}
        devices: dict[str, Any] = {}
        for nodes in self.nodes.values():
            for number, name in enumerate(nodes.names):
                rows = nodes.table.iloc[np.flatnonzero(nodes.part == number)]
                if rows.iloc[0]["model_type"] == "virtual":
                    devices[name] = self._generator(nodes, name)
                else:
                    populations[name] = self._population(nodes, name, rows)
        for name, more in self.extension.get("populations", {}).items():
            populations[name] |= more
        devices |= self.extension.get("devices", {})
        clamps, clamped = self._current_clamps()
        projections = [*self.extension.get("projections", []), *clamped]
        for i, entry in enumerate(self.circuit["networks"].get("edges", [])):
            projections += self._projections(entry, f"networks.edges.{i}", folder, populations)
        run = self.simulation.get("run", {})
        settings = dict(self.extension.get("simulation", {}))
        if "tstop" in run:
            settings["duration"] = round(float(run["tstop"]) - float(settings.get("transient", 0.0)), 9)
        if "dt" in run:
            settings["dt"] = float(run["dt"])
        recorders = self.extension.get("recorders") or [
            {"record": "spikes", "from": list(populations)}, *self._reports(populations)
        ]  # fmt: skip
        network = {
            "name": self.extension.get("name", self.path.resolve().parent.name.replace(".", "_") or "circuit"),
            "params": self.extension.get("params", {}),
            "populations": populations, "devices": devices | clamps, "projections": projections,
            "recorders": recorders,
        }  # fmt: skip
        return {"network": network, "simulation": settings}

    # ------------------------------------------------------------------ nodes

    def _read_nodes(self, entry: dict[str, Any], place: str) -> list[NodePopulation]:
        types = types_table(self.path, entry.get("node_types_file"), "node_type_id", f"{place}.node_types_file")
        found = []
        with open_hdf5(entry.get("nodes_file"), f"{self.path}: {place}.nodes_file") as file:
            for name, group in file["nodes"].items():
                table = joined(group, "node", types)
                if "model_type" not in table:
                    raise InputError(f"{file.filename}: {name}", "expected nodes with a model_type")
                # A population of distsim has one model with one set of parameters.
                kinds = table.groupby("node_type_id", sort=True).ngroup().to_numpy()
                ids = sorted(set(table["node_type_id"]))
                names = [name] if len(ids) == 1 else [f"{name}_{i}" for i in ids]
                place_of = table.groupby("node_type_id").cumcount().to_numpy()
                found.append(NodePopulation(name, table, kinds, place_of, names))
        return found

    def _population(self, nodes: NodePopulation, name: str, rows: pd.DataFrame) -> dict[str, Any]:
        first, where = rows.iloc[0], f"{self.path}: {name}"
        if first["model_type"] not in ("point_neuron", "point_process"):
            raise InputError(f"{where}.model_type", f"expected point_neuron or virtual, got {first['model_type']!r}")
        template = str(first.get("model_template", ""))
        model = template.removeprefix(TEMPLATES)
        if model not in models:
            raise unknown(f"{where}.model_template", "neuron model", template, [TEMPLATES + m for m in models.names()])
        declared = models.get(model).declaration
        params: dict[str, float] = {}
        file = first.get("dynamics_params")
        if isinstance(file, str) and file not in NULL:
            folder = self.circuit.get("components", {}).get("point_neuron_models_dir", ".")
            params = {k: v for k, v in read_json(Path(folder) / file).items() if isinstance(v, int | float)}
        # Initial values may stand among the parameters, as NEST has them.
        init = {k: params.pop(k) for k in list(params) if k in declared.state}
        found: dict[str, Any] = {"size": len(rows), "model": model, "params": params}
        v_init = self.simulation.get("conditions", {}).get("v_init")
        if v_init is not None and "V_m" in declared.state:
            init.setdefault("V_m", v_init)
        if init:
            found["init"] = init
        if len(nodes.names) > 1:
            found["nodes"] = {"population": nodes.name, "ids": runs(rows.index.to_numpy())}
        return found

    def _generator(self, nodes: NodePopulation, name: str) -> dict[str, Any]:
        """Return virtual nodes as a spike generator with the spikes of all inputs that are for them."""
        mine = np.flatnonzero(nodes.part == nodes.names.index(name))
        times: list[np.ndarray] = [np.empty(0)]
        ids: list[np.ndarray] = [np.empty(0, np.int64)]
        for key, given in self.simulation.get("inputs", {}).items():
            chosen = self._node_set(given.get("node_set"), f"inputs.{key}.node_set").get(nodes.name)
            if given.get("input_type") != "spikes" or chosen is None:
                continue
            path = given.get("input_file")
            if given.get("module") not in ("h5", "sonata", "SONATA") or not path:
                problem = f"expected the module 'h5' and an input_file, got {given.get('module')!r}"
                raise InputError(f"{self.path}: inputs.{key}", problem)
            trains = readable(read_spikes, path)
            at, of = trains.get(nodes.name) or next(iter(trains.values()))
            kept = np.isin(of, chosen)
            times.append(at[kept])
            ids.append(of[kept])
        at, of = np.concatenate(times), np.concatenate(ids)
        trains_of = [np.sort(at[of == node]).tolist() for node in nodes.table.index[mine]]
        return {"model": "spike_generator", "size": len(mine), "params": {"spike_times": trains_of}}

    def _node_set(self, given: Any, place: str) -> dict[str, np.ndarray]:
        """Return the ids of a node set by population."""
        if isinstance(given, str) and given not in ("all", ""):
            sets = read_json(Path(self.simulation["node_sets_file"])) if "node_sets_file" in self.simulation else {}
            if given not in sets:
                raise unknown(f"{self.path}: {place}", "node set", given, sets)
            given = sets[given]
        if isinstance(given, list):
            parts = [self._node_set(g, place) for g in given]
            names = {n for part in parts for n in part}
            return {n: np.unique(np.concatenate([part[n] for part in parts if n in part])) for n in sorted(names)}
        found = {}
        for nodes in self.nodes.values():
            chosen = nodes.table
            for key, value in (given if isinstance(given, dict) else {}).items():
                wanted = value if isinstance(value, list) else [value]
                if key == "population":
                    keep = np.full(len(chosen), nodes.name in wanted)
                elif key in ("node_id", "node_ids"):
                    keep = np.isin(chosen.index, wanted)
                else:
                    keep = chosen[key].isin(wanted).to_numpy() if key in chosen else np.zeros(len(chosen), bool)
                chosen = chosen[keep]
            if len(chosen):
                found[nodes.name] = chosen.index.to_numpy()
        return found

    def _parts(self, chosen: dict[str, np.ndarray], populations: dict[str, Any]) -> list[Any]:
        """Return nodes as plain selections of populations."""
        found = []
        for name, ids in chosen.items():
            nodes = self.nodes[name]
            for number, part in enumerate(nodes.names):
                places = np.sort(nodes.place[ids[nodes.part[ids] == number]])
                if part in populations:
                    found += [{"population": part, "slice": run} for run in runs(places)]
        return found

    def _current_clamps(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return current clamps as dc_generators and their projections."""
        devices, projections = {}, []
        neurons = {n for nodes in self.nodes.values() for n in nodes.names}
        for key, given in self.simulation.get("inputs", {}).items():
            if given.get("input_type") != "current_clamp":
                continue
            start, length = float(given.get("delay", 0.0)), float(given.get("duration", np.inf))
            params = {"amplitude": 1000.0 * float(given.get("amp", 0.0)), "start": start}
            if np.isfinite(length):
                params["stop"] = start + length
            devices[key] = {"model": "dc_generator", "params": params}
            chosen = self._node_set(given.get("node_set"), f"inputs.{key}.node_set")
            post = self._parts(chosen, dict.fromkeys(neurons))
            projections.append({"pre": key, "post": post, "delay": float(self.simulation["run"]["dt"])})
        return devices, projections

    def _reports(self, populations: dict[str, Any]) -> list[dict[str, Any]]:
        """Return recorders for the reports that the config asks for."""
        found = []
        for key, given in self.simulation.get("reports", {}).items():
            variables = given.get("variable_name", given.get("variable"))
            parts = self._parts(self._node_set(given.get("cells", "all"), f"reports.{key}.cells"), populations)
            for variable in variables if isinstance(variables, list) else [variables]:
                every = float(given.get("dt", self.simulation.get("run", {}).get("dt", 0.1)))
                found.append({"record": {"v": "V_m"}.get(str(variable), variable), "from": parts, "every": every})
        return found

    # ------------------------------------------------------------------ edges

    def _projections(
        self, entry: dict[str, Any], place: str, folder: Path, populations: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the projections of a file of edges, one per kind of source, of target, and type of edge."""
        types = types_table(self.path, entry.get("edge_types_file"), "edge_type_id", f"{place}.edge_types_file")
        found = []
        with open_hdf5(entry.get("edges_file"), f"{self.path}: {place}.edges_file") as file:
            for name, group in file["edges"].items():
                pre_nodes, post_nodes = (self._end(group, end, file.filename) for end in ("source", "target"))
                pre_ids, post_ids = group["source_node_id"][:], group["target_node_id"][:]
                table = joined(group, "edge", types)
                for column in ("weight_function",):
                    if column in table and not table[column].astype(str).isin([*NULL, "nan"]).all():
                        problem = "expected none: weights are read from syn_weight"
                        raise InputError(f"{file.filename}: {name}.{column}", problem)
                pre_part, post_part = pre_nodes.part[pre_ids], post_nodes.part[post_ids]
                keys = pd.DataFrame({"pre": pre_part, "post": post_part, "type": table["edge_type_id"].to_numpy()})
                for (pre, post, kind), rows in keys.groupby(["pre", "post", "type"]).indices.items():
                    if post_nodes.names[post] not in populations:
                        raise InputError(f"{file.filename}: {name}", "expected edges onto neurons, not virtual nodes")
                    part = table.iloc[rows]
                    weight = numbers(part, "syn_weight", 1.0) * numbers(part, "nsyns", 1.0)
                    path = folder / f"{name}_{pre}_{post}_{kind}.npz"
                    np.savez(
                        path, pre=pre_nodes.place[pre_ids[rows]], post=post_nodes.place[post_ids[rows]],
                        weight=weight, delay=numbers(part, "delay", 1.0),
                    )  # fmt: skip
                    projection = {
                        "name": f"{name}_{kind}", "pre": pre_nodes.names[pre], "post": post_nodes.names[post],
                        "rule": {"edges": {"file": path.name}},
                    }  # fmt: skip
                    if isinstance(receptor := part.iloc[0].get("receptor"), str) and receptor not in NULL:
                        projection["receptor"] = receptor
                    found.append(projection)
        return found

    def _end(self, group: h5py.Group, end: str, filename: str) -> NodePopulation:
        """Return the nodes that edges start or end at."""
        name = group[f"{end}_node_id"].attrs.get("node_population", "")
        name = name.decode() if isinstance(name, bytes) else str(name)
        if name not in self.nodes:
            raise unknown(f"{filename}: {end}_node_id.node_population", "node population", name, self.nodes)
        return self.nodes[name]


def import_circuit(path: Path, folder: Path) -> Path:
    """Write a circuit as a network of distsim into a new folder; return its ``net.yaml``.

    Raises
    ------
    InputError
        Where the folder exists, and for what `Circuit` refuses; nothing is left then.
    """
    if folder.exists():
        raise InputError(str(folder), "expected a new folder for the circuit's network, this one exists")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as part:
        (part / "net.yaml").write_text(yaml_file.dump(Circuit(path).config(part)), encoding="utf-8")
    return folder / "net.yaml"


def discard(folder: Path) -> None:
    """Remove a network that `import_circuit` has just made and that cannot be simulated; nothing else in its folder."""
    for path in folder.iterdir():
        if path.name == "net.yaml" or path.suffix == ".npz":
            remove_file(path)
    remove_if_empty(folder)
