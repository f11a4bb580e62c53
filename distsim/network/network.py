"""The network: ordered declarations of what to simulate. Nothing of the size of the network is held.

A `Network` holds what the user wrote, as plain data, so that it goes to YAML and back exactly; text
that begins with ``=`` is computed from ``params``. `Network.resolved` gives the concrete network:
numbers, rules and distributions in the place of text, the scale applied, defaults filled in.
"""

from __future__ import annotations

from typing import Any

from distsim.errors import InputError, shown
from distsim.network import checks, delays
from distsim.network.declarations import Device, Population, Projection, Recorder
from distsim.network.expressions import evaluate
from distsim.network.names import check_name
from distsim.network.plain import DECLARED, copied, difference, plain, synapse_data
from distsim.network.rules import rule
from distsim.network.selection import Selection, scaled, selection, separate, shared_positions
from distsim.network.synapse_models import check_grid, synapse_model
from distsim.units import quantity, whole

Value = Any  # a number, text with a unit, "=expression", or a distribution as plain data


class Network:
    """A network as declarations: populations, devices, projections, recorders.

    Parameters
    ----------
    name : str
    params : dict, optional
        Numbers that ``"=expressions"`` can use.
    scale : float
        Scales the sizes of all populations and keeps every neuron's in-degree, weights and drive, so
        that the mean input and the rates stay while correlations grow: fixed_total_number is scaled
        with the size, the probability of pairwise_bernoulli with its inverse.
    """

    def __init__(self, name: str = "network", params: dict[str, Any] | None = None, scale: float = 1.0):
        self.name = name
        self.params = dict(checks.mapping(params, "network.params"))
        self.scale = scale
        self.populations: dict[str, Population] = {}
        self.devices: dict[str, Device] = {}
        self.projections: list[Projection] = []
        self.recorders: list[Recorder] = []
        # What was declared when it was last resolved, and the concrete network that this gave.
        self._resolved: tuple[Network, Network] | None = None

    # ---------------------------------------------------------------- declare

    def population(
        self, name: str, size: Any, model: str, *, init: dict[str, Value] | None = None,
        weight_step: dict[str, Value] | None = None, **params: Value,
    ) -> Selection:  # fmt: skip
        """Declare a population; return it as a selection.

        Parameters
        ----------
        name : str
        size : int
        model : str
            Neuron model, such as ``"iaf_psc_exp"``.
        init : dict, optional
            State at time 0: numbers or distributions.
        weight_step : dict, optional
            Receptor to the step of which all weights there are multiples, which distsim else chooses; a step that
            is finer than 16 bits hold has to be a power of two, and weights are then kept in 32 bits.
        **params
            Parameters of the model; NEST's defaults where not given.

        Raises
        ------
        InputError
            For a name that is taken, unknown models and parameters, wrong values.
        """
        self._new_name(name, "populations")
        population = Population(name, size, model, plain(params), plain(init or {}), weight_step=plain(weight_step))
        n = self._size(population, "populations")
        checks.population(population, self._value, f"network.populations.{name}")
        self.populations[name] = population
        return selection(name, {name: n}, "population", name)

    def device(self, name: str, model: str, *, size: Any = 1, **params: Value) -> Selection:
        """Declare a device, `size` generators with the same parameters; return it as a selection."""
        self._new_name(name, "devices")
        device = Device(name, model, size, plain(params))
        n = self._size(device, "devices")
        checks.device(device, n, self._value, f"network.devices.{name}")
        self.devices[name] = device
        return selection(name, {name: n}, "device", name)

    def poisson(
        self, targets: Selection, rate: Value, weight: Value, *, delay: Value = 1.0, **window: Value
    ) -> Selection:
        """Drive every target with an independent Poisson train of `rate` (Hz) and `weight`; return the device."""
        number = 1 + sum(d.model == "poisson_generator" for d in self.devices.values())
        device = self.device(f"poisson_{number}", "poisson_generator", rate=rate, **window)
        self.project(device, targets, "all_to_all", weight=weight, delay=delay)
        return device

    def project(
        self, pre: Any, post: Any, rule: Any = "all_to_all", *, weight: Value = 1.0, delay: Value = 1.0,
        receptor: str | None = None, name: str | None = None, synapse: Any = "static",
    ) -> None:  # fmt: skip
        """Connect `pre` to `post`.

        Parameters
        ----------
        pre, post : Selection or plain data
            Populations or devices; populations.
        rule : plain data
            From `fixed_indegree`, `pairwise_bernoulli`, ...
        weight : number, distribution
            In the unit of the receptor (pA; mV for iaf_psc_delta); its sign chooses the receptor.
        delay : number, distribution
            ms; rounded to the grid of steps, redrawn where below one step.
        receptor : str, optional
            Receptor of the target's model that takes all weights.
        name : str, optional
            For messages and the summary.
        synapse : str or dict
            ``"static"``, or a synapse model, alone or with its parameters:
            ``{"model": "stdp_synapse", "lambda": 0.005, "Wmax": 50.0}``.
        """
        sizes = self._sizes()
        pre, post = (s.plain(sizes) if isinstance(s, Selection) else s for s in (pre, post))
        projection = Projection(
            name, pre, post, plain(rule), plain(weight), plain(delay), receptor, synapse_data(synapse)
        )
        self._resolve_projection(projection, len(self.projections), sizes, 1.0)
        self.projections.append(projection)

    def record(self, what: str, source: Any, *, every: Value = None, reduce: str | None = None) -> None:
        """Record spikes, a state variable, or a proxy of the local field potential.

        Parameters
        ----------
        what : str
            ``"spikes"``; a state variable such as ``"V_m"`` or ``"I_syn_ex"``; ``"lfp"``, the weighted sum
            of synaptic currents of Mazzoni et al. (2015) doi:10.1371/journal.pcbi.1004584, in pA.
        source : Selection or plain data
            The neurons.
        every : float, optional
            Time between samples (ms), a multiple of dt; 1 ms where not given. The first is at `every`.
        reduce : {"mean"}, optional
            Record the mean over each part of the source in place of its neurons.
        """
        source = source.plain(self._sizes()) if isinstance(source, Selection) else source
        recorder = Recorder(what, source, every, reduce)
        self._resolve_recorder(recorder, len(self.recorders), self._sizes(), 1.0)
        self.recorders.append(recorder)

    def _new_name(self, name: str, section: str) -> None:
        if "." in check_name(name, f"network.{section}"):
            raise InputError(f"network.{section}", f"expected a name without '.' and '/', got {shown(name)}")
        if name in self.populations or name in self.devices:
            raise InputError(f"network.{section}.{name}", "expected a new name, this one is taken")

    # ---------------------------------------------------------------- resolve

    def resolved(self) -> Network:
        """Return the concrete network: expressions computed, scale applied, defaults filled in.

        Raises
        ------
        InputError
            The first thing that cannot be.
        """
        if self._resolved is None or self._resolved[0] != self:
            copy = self._copy()
            copy._resolved = (copy, copy._resolve())
            self._resolved = copy._resolved
        return self._resolved[1]

    def frozen(self) -> Network:
        """Return a copy, resolved, that later changes of this network do not reach; equal to it until it is changed."""
        self.resolved()
        assert self._resolved is not None
        return self._resolved[0]

    def _copy(self) -> Network:
        net = Network(self.name, scale=self.scale)
        for name in DECLARED:
            setattr(net, name, copied(getattr(self, name)))
        return net

    def _resolve(self) -> Network:
        check_name(self.name, "network.name")
        scale = quantity(self._value(self.scale, "network.scale"), "", "network.scale")
        if not scale > 0.0:
            raise InputError("network.scale", f"expected a number above 0, got {scale:g}")
        sizes = self._sizes()
        net = Network(self.name)
        gid = 0
        for name, p in self.populations.items():
            n = scaled(sizes[name], scale)
            params, init = checks.population(p, self._value, f"network.populations.{name}")
            if p.nodes is not None and n != sizes[name]:
                raise InputError("network.scale", f"expected 1 for a network of SONATA nodes, got {scale:g}")
            net.populations[name] = Population(name, n, p.model, params, init, gid, p.weight_step, p.nodes)
            gid += n
            if gid > checks.MOST_NEURONS:
                place = f"network.populations.{name}.size" if scale <= 1.0 else "network.scale"
                raise InputError(place, f"expected at most {checks.MOST_NEURONS:,} neurons in all, got {gid:,} or more")
        for name, d in self.devices.items():
            params = checks.device(d, sizes[name], self._value, f"network.devices.{name}")
            net.devices[name] = Device(name, d.model, sizes[name], params)
        for i, projection in enumerate(self.projections):
            net.projections.append(self._resolve_projection(projection, i, sizes, scale))
        for i, recorder in enumerate(self.recorders):
            net.recorders.append(self._resolve_recorder(recorder, i, sizes, scale))
        if not net.populations:
            raise InputError("network.populations", "expected at least one population")
        net._resolved = (net, net)
        return net

    def _value(self, value: Any, place: str) -> Any:
        return evaluate(value, self.params, place)

    def _sizes(self) -> dict[str, int]:
        """Return the unscaled sizes of populations and devices."""
        populations = {name: self._size(p, "populations") for name, p in self.populations.items()}
        return populations | {name: self._size(d, "devices") for name, d in self.devices.items()}

    def _size(self, part: Population | Device, section: str) -> int:
        """Return the unscaled size of a population or device."""
        place = f"network.{section}.{part.name}.size"
        most = checks.MOST_NEURONS if section == "populations" else checks.MOST_GENERATORS
        return whole(self._value(part.size, place), place, 1, most)

    def _resolve_projection(self, p: Projection, index: int, sizes: dict[str, int], scale: float) -> Projection:
        place = f"network.projections.{index}"

        def scaled_selection(value: Any, side: str, allowed: dict[str, int], kind: str) -> Selection:
            # Devices keep their size; only populations shrink.
            found = [
                selection(part, allowed, kind, f"{place}.{side}", 1.0 if _name(part) in self.devices else scale)
                for part in (value if isinstance(value, list) else [value])
            ]
            selection(value, allowed, kind, f"{place}.{side}")
            return Selection(separate([s for f in found for s in f.slices], f"{place}.{side}"))

        populations = {n: s for n, s in sizes.items() if n in self.populations}
        pre = scaled_selection(p.pre, "pre", sizes, "population or device")
        post = scaled_selection(p.post, "post", populations, "population")
        name = p.name or f"{'+'.join(s.name for s in pre.slices)}->{'+'.join(s.name for s in post.slices)}"
        how = rule(self._value(p.rule, f"{place}.rule"), f"{place}.rule")
        kinds = {s.name in self.devices for s in pre.slices}
        if len(kinds) > 1:
            raise InputError(f"{place}.pre", "expected either populations or devices, not both in one projection")
        if kinds == {False}:
            how = how.scaled(scale, f"{place}.rule")
        n_shared = sum(stop - first for first, stop in shared_positions(pre, post))
        how.check(len(pre), len(post), n_shared, f"{place}.rule")
        weight, delay = checks.synapse(self, p, pre, post, self._value, place)
        synapse = synapse_model(self, p, pre, post, self._value, place)
        return Projection(name, pre, post, how, weight, delay, p.receptor, synapse)

    def _resolve_recorder(self, r: Recorder, index: int, sizes: dict[str, int], scale: float) -> Recorder:
        place = f"network.recorders.{index}"
        populations = {n: s for n, s in sizes.items() if n in self.populations}
        source = selection(r.source, populations, "population", f"{place}.from", scale)
        every, reduce = checks.recorder(self, r, source, self._value, place)
        return Recorder(r.record, source, every, reduce)

    # ---------------------------------------------------------------- ask

    @property
    def n_neurons(self) -> int:
        """Neurons of a resolved network."""
        return sum(p.size for p in self.populations.values())

    def n_synapses(self) -> float:
        """Return the expected number of synapses between neurons of a resolved network."""
        return sum(p.rule.n_synapses(len(p.pre), len(p.post)) for p in self.synaptic())

    def synaptic(self) -> list[Projection]:
        """Return the projections that start at neurons."""
        return [p for p in self.projections if p.pre.slices[0].name in self.populations]

    def spiking(self) -> list[Projection]:
        """Return the projections whose spikes travel through synapses: of neurons and spike generators."""
        return [
            p for p in self.projections
            if (n := p.pre.slices[0].name) in self.populations or self.devices[n].spikes
        ]  # fmt: skip

    def min_delay_steps(self, dt: float) -> int:
        """Return the smallest delay of a resolved network in steps, 1 where there is none."""
        return min((p.delay_steps_bounds(dt)[0] for p in self.spiking()), default=1)

    def max_delay_steps(self, dt: float) -> int:
        """Return the largest delay of a resolved network in steps, 1 where there is none."""
        return max((p.delay_steps_bounds(dt)[1] for p in self.spiking()), default=1)

    def check_grid(self, dt: float) -> None:
        """Raise InputError where a time of a resolved network does not fit steps of `dt` (ms)."""
        checks.grid(self, dt)
        for i, projection in enumerate(self.projections):
            delays.check_delays(projection, dt, f"network.projections.{i}.delay")
            check_grid(projection, i, dt)

    def warn_of_rounding(self, dt: float) -> None:
        """Warn of delays of a resolved network that lie between two steps of `dt` (ms)."""
        delays.warn_of_rounding(self, dt)

    # ---------------------------------------------------------------- plain data

    def to_dict(self) -> dict[str, Any]:
        """Return the network as plain data; `from_dict` gives it back exactly."""
        data: dict[str, Any] = {"name": self.name, "scale": self.scale}
        if self.params:
            data["params"] = self.params
        data["populations"] = {
            n: {"size": p.size, "model": p.model, "params": p.params, "init": p.init}
            | {k: v for k, v in (("weight_step", p.weight_step), ("nodes", p.nodes)) if v is not None}
            for n, p in self.populations.items()
        }
        data["devices"] = {n: {"model": d.model, "size": d.size, "params": d.params} for n, d in self.devices.items()}
        data["projections"] = [
            {k: v for k, v in vars(p).items() if k not in ("name", "receptor") or v is not None}
            for p in self.projections
        ]
        data["recorders"] = [
            {"record": r.record, "from": r.source}
            | {k: v for k, v in (("every", r.every), ("reduce", r.reduce)) if v is not None}
            for r in self.recorders
        ]
        return copied(data)

    @classmethod
    def from_dict(cls, data: Any, place: str = "network") -> Network:
        """Return the network that plain data describes, all of it checked.

        Raises
        ------
        InputError
            The first unknown key, wrong type or impossible value, with its path.
        """
        data = checks.keys(
            data, place, {"name", "scale", "params", "populations", "devices", "projections", "recorders"}
        )
        net = cls(data.get("name", "network"), data.get("params"), data.get("scale", 1.0))
        for key, value in checks.mapping(net.params, f"{place}.params").items():
            quantity(value, "", f"{place}.params.{key}")
        for name, given in checks.mapping(data.get("populations"), f"{place}.populations").items():
            net._new_name(name, "populations")
            where = f"{place}.populations.{name}"
            allowed = {"size", "model", "params", "init", "weight_step", "nodes"}
            given = checks.keys(given, where, allowed, required=("size", "model"))
            params, init = (checks.mapping(given.get(k), f"{where}.{k}") for k in ("params", "init"))
            population = Population(name, given["size"], given["model"], plain(params), plain(init))
            population.weight_step, population.nodes = plain(given.get("weight_step")), plain(given.get("nodes"))
            net.populations[name] = population
        for name, given in checks.mapping(data.get("devices"), f"{place}.devices").items():
            net._new_name(name, "devices")
            where = f"{place}.devices.{name}"
            given = checks.keys(given, where, {"model", "size", "params"}, required=("model",))
            params = checks.mapping(given.get("params"), f"{where}.params")
            net.devices[name] = Device(name, given["model"], given.get("size", 1), plain(params))
        keys = ("name", "pre", "post", "rule", "weight", "delay", "receptor", "synapse")
        for i, given in enumerate(checks.sequence(data.get("projections"), f"{place}.projections")):
            given = checks.keys(given, f"{place}.projections.{i}", set(keys), required=("pre", "post"))
            defaults = {"name": None, "rule": "all_to_all", "weight": 1.0, "delay": 1.0}
            net.projections.append(Projection(**plain(defaults | given)))
        names = ("record", "from", "every", "reduce")
        for i, given in enumerate(checks.sequence(data.get("recorders"), f"{place}.recorders")):
            given = checks.keys(given, f"{place}.recorders.{i}", set(names), required=("record", "from"))
            net.recorders.append(Recorder(*(plain(given.get(name)) for name in names)))
        net.resolved()
        return net

    def __repr__(self) -> str:
        parts = (self.populations, "population"), (self.devices, "device"), (self.projections, "projection"), (
            self.recorders, "recorder")  # fmt: skip
        told = (f"{len(what)} {name}{'' if len(what) == 1 else 's'}" for what, name in parts if what)
        return f"<Network '{self.name}': {', '.join(told) or 'empty'}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and difference(self, other) is None

    __hash__ = None  # type: ignore[assignment]


def _name(part: Any) -> str:
    """Return the name in a part of a selection, or none where there is no name."""
    found = part.get("population") if isinstance(part, dict) else part
    return found if isinstance(found, str) else ""
