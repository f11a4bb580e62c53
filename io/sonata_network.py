"""SONATA circuits of point neurons as networks: nodes, edges, their types, spike inputs, reports.

https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md. Read with h5py:
libsonata's wheel opens no compressed files, and BMTK writes such. What the specification forbids is refused where
it is read (`sonata_files`, `sonata_tables`, `sonata_inputs`); what distsim leaves out is told.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from distsim.errors import InputError, shown, unknown
from distsim.io.sonata_files import (
    NULL,
    inside,
    mapping,
    number,
    open_hdf5,
    read_config,
    read_json,
    sequence,
    text,
    types_table,
)
from distsim.io.sonata_inputs import Inputs, NodePopulation, NodeSets
from distsim.io.sonata_tables import check_index, indices, joined, numbers, only, place_of, populations, runs
from distsim.io.whole_files import remove_file, remove_if_empty, whole_folder
from distsim.network import checks, yaml_file
from distsim.network.distributions import distribution
from distsim.notices import warn
from distsim.registry import Declaration, models

TEMPLATES = "nest:"
STATIC = ("static_synapse", "nest:static_synapse")
# Lists among NEST's parameters of glif_psc: what their entries are called here.
LISTS = {"asc_amps": "asc_amp_{}", "asc_decay": "asc_decay_{}", "asc_r": "asc_r_{}", "asc_init": "ASCurrent_{}"}


class Circuit:
    """A circuit or simulation config of SONATA, and what it names.

    Raises
    ------
    InputError
        For files that are missing or no SONATA, and for what point neurons of distsim cannot be.
    """

    def __init__(self, path: Path):
        self.path = path
        self.simulation = simulation_config(path)
        network = self.simulation.get("network")
        self.circuit = self.simulation if network is None else read_config(Path(text(network, f"{path}: network")))
        self.circuit_path = path if network is None else Path(network)
        if "networks" not in self.circuit:
            raise InputError(
                f"{self.circuit_path}: networks", "missing: expected a SONATA circuit or simulation config"
            )
        self.networks = mapping(self.circuit["networks"], f"{self.circuit_path}: networks")
        self.components = mapping(self.circuit.get("components", {}), f"{self.circuit_path}: components")
        self.extension = mapping(self.simulation.get("distsim", {}), f"{path}: distsim")
        self.nodes: dict[str, NodePopulation] = {}
        for entry, place in self._entries("nodes"):
            for nodes in self._read_nodes(entry, place):
                if nodes.name in self.nodes:
                    raise InputError(place, f"expected each population in one file, '{nodes.name}' is in two")
                self.nodes[nodes.name] = nodes
        if not self.nodes:
            raise InputError(f"{self.circuit_path}: networks.nodes", "expected a file of nodes")
        self.sets = NodeSets(self.simulation.get("node_sets_file"), self.nodes, f"{path}: node_sets_file")
        self.inputs = Inputs(path, self.simulation, self.sets)

    def _entries(self, kind: str) -> list[tuple[dict[str, Any], str]]:
        """Return the entries of ``networks.nodes`` or ``networks.edges`` with their places."""
        place = f"{self.circuit_path}: networks.{kind}"
        entries = sequence(self.networks.get(kind, []), place)
        return [(mapping(entry, f"{place}.{i}"), f"{place}.{i}") for i, entry in enumerate(entries)]

    def config(self, folder: Path) -> dict[str, Any]:
        """Return the config of distsim as plain data; edges are written into `folder`, a file per projection."""
        neurons: dict[str, Any] = {}
        devices: dict[str, Any] = {}
        states: dict[str, list[str]] = {}
        for nodes in self.nodes.values():
            for part, name in enumerate(nodes.names):
                rows = nodes.table.iloc[np.flatnonzero(nodes.part == part)]
                if nodes.virtual[part]:
                    devices[name] = self.inputs.generator(nodes, part)
                else:
                    neurons[name] = self._population(nodes, name, rows)
                    states[name] = list(models.get(neurons[name]["model"]).declaration.state)
        for name, more in self._extended("populations").items():
            if name not in neurons:
                raise unknown(f"{self.path}: distsim.populations", "population", name, neurons)
            neurons[name] |= mapping(more, f"{self.path}: distsim.populations.{name}")
        devices |= self._extended("devices")
        settings = self._settings()
        clamps, clamped = self._current_clamps(neurons, settings)
        projections = [*sequence(self.extension.get("projections", []), f"{self.path}: distsim.projections"), *clamped]
        names: set[str] = set()
        for entry, place in self._entries("edges"):
            projections += self._projections(entry, place, folder, neurons, names)
        recorders = self.extension.get("recorders") or [
            {"record": "spikes", "from": list(neurons)}, *self.inputs.reports(neurons, states)
        ]  # fmt: skip
        network = {
            "name": self.extension.get("name", self.path.resolve().parent.name.replace(".", "_") or "circuit"),
            "params": self._extended("params"),
            "populations": neurons, "devices": devices | clamps, "projections": projections,
            "recorders": recorders,
        }  # fmt: skip
        return {"network": network, "simulation": settings}

    def _extended(self, key: str) -> dict[str, Any]:
        return dict(mapping(self.extension.get(key, {}), f"{self.path}: distsim.{key}"))

    def _settings(self) -> dict[str, Any]:
        """Return the ``simulation`` of distsim: how long, in which steps."""
        run, place = mapping(self.simulation.get("run", {}), f"{self.path}: run"), f"{self.path}: run"
        settings = self._extended("simulation")
        # A circuit's own config has no run, and is simulated as long as distsim does where nothing is said.
        for key in ("tstop", "dt") if run or self.circuit is not self.simulation else ():
            if key not in run:
                raise InputError(f"{place}.{key}", "missing")
        if number(run.get("tstart", 0.0), f"{place}.tstart") != 0.0:
            raise InputError(f"{place}.tstart", f"expected 0, got {run['tstart']:g}")
        if "tstop" in run:
            transient = number(settings.get("transient", 0.0), f"{self.path}: distsim.simulation.transient", 0.0)
            settings["duration"] = round(number(run["tstop"], f"{place}.tstop", transient) - transient, 9)
        if "dt" in run:
            settings["dt"] = number(run["dt"], f"{place}.dt")
        return settings

    # ------------------------------------------------------------------ nodes

    def _read_nodes(self, entry: dict[str, Any], place: str) -> list[NodePopulation]:
        types_file = entry.get("node_types_file")
        types = types_table(types_file, "node_type_id", f"{place}.node_types_file")
        found = []
        with open_hdf5(entry.get("nodes_file"), f"{place}.nodes_file") as file:
            for name, group in populations(file, "nodes"):
                table = joined(group, "node", types, str(types_file))
                if not len(table):
                    raise InputError(place_of(group), "expected nodes, got none")
                if "model_type" not in table:
                    raise InputError(place_of(group), "expected nodes with a model_type")
                # A population of distsim has one model with one set of parameters.
                kinds = table.groupby("node_type_id", sort=True).ngroup().to_numpy()
                ids = sorted(set(table["node_type_id"]))
                names = [name] if len(ids) == 1 else [f"{name}_{i}" for i in ids]
                virtual = [self._is_virtual(table[kinds == part], place_of(group)) for part in range(len(ids))]
                place_in_part = table.groupby("node_type_id").cumcount().to_numpy()
                found.append(NodePopulation(name, table, kinds, place_in_part, names, virtual))
        return found

    @staticmethod
    def _is_virtual(rows: pd.DataFrame, place: str) -> bool:
        """Return whether nodes of one type are virtual; what is no neuron of one point is refused."""
        kind = only(rows, "model_type", place)
        if kind not in ("virtual", "point_neuron", "point_process"):
            raise InputError(f"{place}: model_type", f"expected point_neuron or virtual, got {shown(kind)}")
        if kind != "virtual":
            return False
        for template in pd.unique(rows["model_template"].astype(str)) if "model_template" in rows else ():
            if template not in (*NULL, "nan"):
                raise InputError(f"{place}: model_template", f"expected NULL of virtual nodes, got {shown(template)}")
        return True

    def _population(self, nodes: NodePopulation, name: str, rows: pd.DataFrame) -> dict[str, Any]:
        where = f"{self.circuit_path}: {name}"
        template = str(only(rows, "model_template", where))
        model = template.removeprefix(TEMPLATES)
        if not template.startswith(TEMPLATES) or model not in models:
            raise unknown(f"{where}.model_template", "neuron model", template, [TEMPLATES + m for m in models.names()])
        declared = models.get(model).declaration
        file = only(rows, "dynamics_params", where)
        params = {} if file is None or file in NULL else self._dynamics(file, declared, f"{where}.dynamics_params")
        # Initial values may stand among the parameters, as NEST has them.
        init = {k: params.pop(k) for k in list(params) if k in declared.state and k not in declared.parameters}
        found: dict[str, Any] = {"size": len(rows), "model": model, "params": params}
        v_init = mapping(self.simulation.get("conditions", {}), f"{self.path}: conditions").get("v_init")
        if v_init is not None and "V_m" in declared.state:
            init.setdefault("V_m", number(v_init, f"{self.path}: conditions.v_init"))
        if init:
            found["init"] = init
        if len(nodes.names) > 1:
            found["nodes"] = {"population": nodes.name, "ids": runs(rows.index.to_numpy())}
        return found

    def _dynamics(self, file: Any, declared: Declaration, place: str) -> dict[str, Any]:
        """Return the parameters in a JSON file: truth values as 0 and 1, lists as the numbers that they are here."""
        path = inside(self._folder("point_neuron_models_dir"), file, place)
        found: dict[str, Any] = {}
        for key, value in read_json(path).items():
            if not isinstance(value, list):
                is_switch = key in declared.parameters and declared.parameters[key].at_most == 1.0
                found[key] = float(value) if isinstance(value, bool) and is_switch else value
            elif key == "tau_syn" and len(value) in (1, 2):
                found |= {"tau_syn_ex": value[0], "tau_syn_in": value[-1]}
            elif key in LISTS:
                found |= {LISTS[key].format(i + 1): one for i, one in enumerate(value)}
            else:
                raise InputError(f"{path}: {key}", f"expected a number, got {shown(value)}")
        for key, value in found.items():
            if key in declared.parameters:
                checks.bounded(number(value, f"{path}: {key}"), declared.parameters[key], f"{path}: {key}")
            elif key in declared.state:
                distribution(number(value, f"{path}: {key}"), declared.state[key].unit, f"{path}: {key}")
            else:
                raise unknown(str(path), "parameter", key, declared.parameters)
        return found

    def _folder(self, component: str) -> Path:
        """Return a folder of the circuit's components."""
        place = f"{self.circuit_path}: components.{component}"
        return Path(text(self.components.get(component, str(self.circuit_path.resolve().parent)), place))

    def _current_clamps(self, neurons: dict[str, Any], settings: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        """Return current clamps as dc_generators and their projections."""
        devices, projections = {}, []
        for key, params, chosen in self.inputs.clamps:
            devices[key] = {"model": "dc_generator", "params": params}
            post = self.sets.parts(chosen, neurons)
            if not post:
                raise InputError(f"{self.path}: inputs.{key}.node_set", "expected neurons, got virtual nodes")
            projections.append({"pre": key, "post": post, "delay": settings.get("dt", 0.1)})
        return devices, projections

    # ------------------------------------------------------------------ edges

    def _projections(
        self, entry: dict[str, Any], place: str, folder: Path, neurons: dict[str, Any], names: set[str]
    ) -> list[dict[str, Any]]:
        """Return the projections of a file of edges, one per kind of source, of target, and type of edge."""
        types_file = entry.get("edge_types_file")
        types = types_table(types_file, "edge_type_id", f"{place}.edge_types_file")
        columns_of_edges(types, str(types_file))
        found = []
        with open_hdf5(entry.get("edges_file"), f"{place}.edges_file") as file:
            for name, group in populations(file, "edges"):
                where = place_of(group)
                if name in names:
                    raise InputError(where, f"expected each population in one file, '{name}' is in two")
                names.add(name)
                table = joined(group, "edge", types, str(types_file))
                pre_nodes, pre_ids = self._end(group, "source", len(table))
                post_nodes, post_ids = self._end(group, "target", len(table))
                check_index(group, {"source": len(pre_nodes.table), "target": len(post_nodes.table)}, len(table))
                self._check_synapses(table, where)
                columns = columns_of_edges(table, where)
                keys = pd.DataFrame({
                    "pre": pre_nodes.part[pre_ids], "post": post_nodes.part[post_ids],
                    "type": table["edge_type_id"].to_numpy(),
                })  # fmt: skip
                for (pre, post, kind), rows in keys.groupby(["pre", "post", "type"]).indices.items():
                    target = post_nodes.names[post]
                    if target not in neurons:
                        raise InputError(where, "expected edges onto neurons, not virtual nodes")
                    path = folder / f"edges_{len(names)}_{pre}_{post}_{kind}.npz"
                    np.savez(
                        path, pre=pre_nodes.place[pre_ids[rows]], post=post_nodes.place[post_ids[rows]],
                        **{column: values[rows] for column, values in columns.items()},
                    )  # fmt: skip
                    projection = {
                        "name": f"{name}_{kind}", "pre": pre_nodes.names[pre], "post": target,
                        "rule": {"edges": {"file": path.name}},
                    }  # fmt: skip
                    receptor = only(table.iloc[rows], "receptor", where)
                    if receptor is not None and receptor not in NULL:
                        known = [r.name for r in models.get(neurons[target]["model"]).declaration.receptors]
                        if receptor not in known:
                            raise unknown(f"{where}: receptor", "receptor", str(receptor), known)
                        projection["receptor"] = receptor
                    found.append(projection)
        return found

    def _check_synapses(self, table: pd.DataFrame, place: str) -> None:
        """Refuse edges that are no static synapses with a weight; tell of parameters that are left out."""
        for column, allowed, wanted in (
            ("weight_function", (), "none: weights are read from syn_weight"),
            ("model_template", STATIC, "static_synapse"),
        ):
            if column in table:
                for value in pd.unique(table[column].astype(str)):
                    if value not in (*NULL, "nan", *allowed):
                        raise InputError(f"{place}: {column}", f"expected {wanted}, got {shown(value)}")
        for file in pd.unique(table["dynamics_params"].astype(str)) if "dynamics_params" in table else ():
            if file in (*NULL, "nan"):
                continue
            path = inside(self._folder("synaptic_models_dir"), file, f"{place}: dynamics_params")
            left_out = ", ".join(read_json(path))
            if left_out:
                warn(str(path), f"{left_out} of static synapses are left out")

    def _end(self, group: h5py.Group, end: str, n: int) -> tuple[NodePopulation, np.ndarray]:
        """Return the nodes that edges start or end at, and their ids."""
        column = f"{end}_node_id"
        indices(group, column, 2**62, "nodes", n, "edge_type_id")
        name = group[column].attrs.get("node_population")
        if name is None:
            raise InputError(f"{place_of(group, column)}: node_population", "missing")
        name = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        if name not in self.nodes:
            raise unknown(f"{place_of(group, column)}: node_population", "node population", name, self.nodes)
        nodes = self.nodes[name]
        return nodes, indices(group, column, len(nodes.table), f"nodes of '{name}'")


def columns_of_edges(table: pd.DataFrame, place: str) -> dict[str, np.ndarray]:
    """Return weights and delays (ms) of edges, or of their types; a weight counts as often as there are synapses."""
    count = numbers(table, "nsyns", 1.0, place, above=0.0)
    if (count != np.floor(count)).any():
        raise InputError(f"{place}: nsyns", "expected whole numbers")
    weight, delay = numbers(table, "syn_weight", 1.0, place), numbers(table, "delay", 1.0, place, above=0.0)
    return {"weight": weight * count, "delay": delay}


def simulation_config(path: Path) -> dict[str, Any]:
    """Return a simulation config, or a circuit's; BMTK's config.json names one file for either part."""
    found = read_config(path)
    if isinstance(found.get("simulation"), str):
        simulation = read_config(Path(found["simulation"]))
        found = {**simulation, "network": simulation.get("network", found.get("network"))}
    return found


def output_folder(path: Path, free: Callable[[Path, str], str]) -> str:
    """Return where a run of a circuit goes: ``output.output_dir`` of its config, else a folder in ``runs``.

    Parameters
    ----------
    path : Path
        The config.
    free : callable
        ``free(parent, name)`` gives a name like that in a folder that is new: nothing is overwritten.
    """
    place = f"{path}: output"
    output = mapping(simulation_config(path).get("output", {}), place)
    for key, written in (("spikes_file", "spikes.h5"), ("log_file", None)):
        if output.get(key) is not None and Path(text(output[key], f"{place}.{key}")).name != written:
            warn(f"{place}.{key}", f"is left out: {'spikes are in spikes.h5' if written else 'there is no log'}")
    if "output_dir" not in output:
        return free(Path("runs"), path.resolve().parent.name)
    named = Path(text(output["output_dir"], f"{place}.output_dir"))
    found = free(named.parent, named.name)
    if found != str(named):
        warn(f"{place}.output_dir", f"exists and is not overwritten: the run goes to {found}")
    return found


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
