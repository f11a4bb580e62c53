"""The config file: what a user writes in YAML, checked, with defaults filled in, and written back.

A config has four sections: ``network`` (what to simulate), ``simulation`` (how long, how exactly,
on which seed), ``output`` (where to) and ``checkpoint`` (how often). Unknown
and repeated keys are errors, never ignored.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from distsim import registry
from distsim.errors import InputError, plain_text, shown, unknown
from distsim.network import yaml_file
from distsim.network.checks import LARGEST_STEP
from distsim.network.code_files import stop_before_code
from distsim.network.expressions import is_expression
from distsim.network.names import check_path
from distsim.network.network import Network
from distsim.network.overrides import apply_overrides, check_new_params
from distsim.network.refusals import first_problem
from distsim.units import interval, quantity

SUFFIXES = (".yaml", ".yml")
EXCHANGES = ("auto", "allgather")
# Bounds of a time step (ms): a millionth of the usual one, and a second.
SHORTEST_STEP, LONGEST_STEP = 1e-7, 1e3
# A config is read as a whole: no more than this many bytes (2 million spike times are 40 MB).
LARGEST_FILE = 256_000_000


class _Section(BaseModel):
    """A section of the file: fixed after loading, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True)


class SimulationConfig(_Section):
    """How the network is simulated.

    Attributes
    ----------
    duration : float
        Simulated time after the transient (ms), a multiple of `dt`.
    dt : float
        Time step (ms).
    seed : int
        Seed of every random number, 0 to 2**63 - 1.
    transient : float
        Time simulated before `duration` (ms) that statistics leave out, a multiple of `dt`.
    partitioner : str
        How neurons are dealt to ranks; changes speed, never results.
    exchange : str
        How spikes cross ranks; ``"auto"`` chooses; changes speed, never results.
    precision : {"float32", "float64"}
        Type of the state variables.
    weights : {"auto", "exact"}
        How weights are kept: in 16 bits where that does and in 32 bits else, or every float32 weight to its last bit.
    """

    duration: float = 1000.0
    dt: float = 0.1
    seed: int = Field(default=1, ge=0, lt=2**63)
    transient: float = 0.0
    partitioner: str = "balanced"
    exchange: str = "auto"
    precision: Literal["float32", "float64"] = "float32"
    weights: Literal["auto", "exact"] = "auto"

    @field_validator("duration", "dt", "transient", mode="before")
    @classmethod
    def _milliseconds(cls, value: Any, info: ValidationInfo) -> float:
        return quantity(value, "ms", f"simulation.{info.field_name}")

    @field_validator("seed", mode="before")
    @classmethod
    def _whole_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError("simulation.seed", f"expected a whole number, got {shown(value)}")
        return value

    @field_validator("partitioner")
    @classmethod
    def _known_partitioner(cls, value: str) -> str:
        if value not in registry.partitioners:
            raise unknown("simulation.partitioner", "partitioner", value, registry.partitioners)
        return value

    @field_validator("exchange")
    @classmethod
    def _known_exchange(cls, value: str) -> str:
        if value not in EXCHANGES:
            raise unknown("simulation.exchange", "exchange", value, EXCHANGES)
        return value

    @model_validator(mode="after")
    def _whole_steps(self) -> SimulationConfig:
        if not self.dt > 0:
            raise InputError("simulation.dt", f"expected a time step above 0 ms, got {self.dt:g}")
        if not SHORTEST_STEP <= self.dt <= LONGEST_STEP:
            problem = f"expected a time step from {SHORTEST_STEP:g} to {LONGEST_STEP:g} ms, got {self.dt:g}"
            raise InputError("simulation.dt", problem)
        for name in ("duration", "transient"):
            value = getattr(self, name)
            if value < 0:
                raise InputError(f"simulation.{name}", f"expected a time of 0 ms or more, got {value:g}")
            if value / self.dt > LARGEST_STEP:
                problem = f"expected at most 2^32 steps of dt = {self.dt:g} ms, got {value:g} ms"
                raise InputError(f"simulation.{name}", problem)
            if abs(round(value / self.dt) * self.dt - value) > 1e-9 * value:
                problem = f"expected a multiple of dt = {shown(self.dt)} ms, got {shown(value)}"
                raise InputError(f"simulation.{name}", problem)
        return self


class OutputConfig(_Section):
    """Where the results go.

    Attributes
    ----------
    path : str or None
        The run folder; None leaves the choice to the caller.
    format : {"hdf5", "zarr"}
        Format of the recorded data: SONATA's HDF5, or compressed Zarr v3.
    """

    path: str | None = None
    format: Literal["hdf5", "zarr"] = "hdf5"

    @field_validator("path")
    @classmethod
    def _a_path(cls, value: str | None) -> str | None:
        return value if value is None else str(check_path(value, "output.path"))


class CheckpointConfig(_Section):
    """When checkpoints are written into the run folder.

    Attributes
    ----------
    every : str or None
        ``"500 ms"`` of biological time, or ``"90 s"``, ``"30min"``, ``"2h"`` of wall time; None for none but
        those that a signal asks for.
    keep : int
        How many of the newest are kept.
    """

    every: str | None = "30min"
    keep: int = Field(default=2, ge=1, le=1_000_000)

    @field_validator("every", mode="before")
    @classmethod
    def _interval(cls, value: Any) -> Any:
        if value is not None:
            interval(value, "checkpoint.every")
        return value

    def times(self) -> tuple[str, float] | None:
        """Return ``("biological", ms)`` or ``("wall", seconds)``, None for no checkpoints."""
        return None if self.every is None else interval(self.every, "checkpoint.every")


class Config(_Section):
    """A whole config: the network, how to simulate it, where to write.

    Equal configs describe the same run: ``load_config`` of a dumped config equals the config.
    """

    network: Network
    simulation: SimulationConfig = SimulationConfig()
    output: OutputConfig = OutputConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @field_validator("network", mode="before")
    @classmethod
    def _network(cls, value: Any) -> Network:
        return value if isinstance(value, Network) else Network.from_dict(value, "network")

    @model_validator(mode="after")
    def _grid(self) -> Config:
        self.network.resolved().check_grid(self.simulation.dt)
        kind, every = self.checkpoint.times() or ("wall", 0.0)
        dt = self.simulation.dt
        if kind == "biological" and (every < dt or abs(round(every / dt) * dt - every) > 1e-9 * every):
            raise InputError("checkpoint.every", f"expected a multiple of dt = {dt:g} ms, got {every:g} ms")
        return self

    @field_serializer("network")
    def _network_dict(self, value: Network) -> dict[str, Any]:
        return value.to_dict()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.to_dict() == other.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """Return the effective config as plain data, defaults filled in."""
        return self.model_dump()

    def to_yaml(self) -> str:
        """Return the effective config as YAML; loading it gives an equal config."""
        return yaml_file.dump(self.to_dict())

    def sha256(self) -> str:
        """Return the hex digest of the dumped config: ``sha256sum config.yaml`` of its run folder."""
        return hashlib.sha256(self.to_yaml().encode()).hexdigest()

    def with_output(self, path: str) -> Config:
        """Return the same config writing to the folder `path`."""
        plain_text(path, "--output")
        return self.model_copy(update={"output": self.output.model_copy(update={"path": path})})


def shipped() -> list[str]:
    """Return the names of the networks that come with the package."""
    folder = importlib.resources.files("distsim.configs")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def load_config(name_or_path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Config:
    """Return the config of a shipped network, of a YAML file or of a run folder.

    Parameters
    ----------
    name_or_path : str or Path
        A name from `shipped`, a YAML file, or a folder that holds ``config.yaml``.
    overrides : list of str
        ``a.b.c=value``, the value in YAML, applied in order; an index picks from a list, as in
        ``network.projections.0.weight=3``.

    Raises
    ------
    InputError
        One line with the file and the key, e.g.
        ``net.yaml: simulation.durration: unknown key (did you mean 'duration'?)``.
    """
    label, text, folder = _read(name_or_path)
    data = yaml_file.load(text, label)
    if not isinstance(data, dict):
        raise InputError(label, "expected a mapping with the key 'network'")
    try:
        fresh = apply_overrides(data, overrides)
        check_text(data)
        check_new_params(data, fresh)
        _anchor_files(data, folder)
        stop_before_code(data)
        return from_dict(data)
    except InputError as error:
        raise _located(error, label, overrides) from None


def from_dict(data: dict[str, Any]) -> Config:
    """Return the config that plain data describes; the first problem is raised as an InputError."""
    try:
        check_text(data)
        return Config.model_validate(data)
    except ValidationError as error:
        sections = {(): Config, ("simulation",): SimulationConfig, ("output",): OutputConfig,
                    ("checkpoint",): CheckpointConfig}  # fmt: skip
        raise first_problem(error, sections) from None
    except RecursionError:
        raise InputError("", "nested too deeply") from None


def check_text(data: Any, place: str = "") -> None:
    """Refuse text anywhere in plain data that no name, path or file can hold; formulas may go over several lines."""
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(key, str):
                plain_text(key, place)
            check_text(value, f"{place}.{key}" if place else str(key))
    elif isinstance(data, list | tuple):
        for i, value in enumerate(data):
            if not isinstance(value, float | int):
                check_text(value, f"{place}.{i}")
    elif isinstance(data, str):
        plain_text(" ".join(data.split("\n")) if is_expression(data) else data, place)


def dump_yaml(config: Config, path: str | Path) -> None:
    """Write the effective config to `path`."""
    Path(path).write_text(config.to_yaml(), encoding="utf-8")


def _read(name_or_path: str | Path) -> tuple[str, str, Path | None]:
    """Return how to call the config in messages, its text, and the folder that its paths start from."""
    name = str(name_or_path)
    if name in shipped():
        return name, (importlib.resources.files("distsim.configs") / f"{name}.yaml").read_text("utf-8"), None
    path = check_path(name, "config")
    try:
        if path.is_dir():
            path = path / "config.yaml"
            if not path.is_file():
                raise InputError(name, "expected a run folder, but it holds no config.yaml")
        size = path.stat().st_size
        if not path.is_file() or size > LARGEST_FILE:
            raise InputError(str(path), f"expected a file of at most {LARGEST_FILE / 1e6:.0f} MB")
        return str(path), path.read_text("utf-8"), path.parent
    except FileNotFoundError:
        if path.suffix in SUFFIXES or len(path.parts) > 1:
            raise InputError(name, "no such file") from None
        raise unknown(name, "network, file or run folder", name, shipped()) from None
    except OSError as error:
        raise InputError(name, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(name, f"expected text in UTF-8, byte {error.start} is not") from None


def _anchor_files(data: dict[str, Any], folder: Path | None) -> None:
    """Make the files of edge lists and of models absolute, so that the copy in the run folder finds them too."""
    network = data.get("network")
    if folder is None:
        return
    populations = network.get("populations") if isinstance(network, dict) else None
    for population in populations.values() if isinstance(populations, dict) else ():
        model = population.get("model") if isinstance(population, dict) else None
        if isinstance(model, str) and ".py:" in model:
            population["model"] = _anchored(folder, model, "network.populations")
    projections = network.get("projections") if isinstance(network, dict) else None
    for projection in projections if isinstance(projections, list) else ():
        if not isinstance(projection, dict):
            continue
        synapse = projection.get("synapse")
        if isinstance(synapse, str) and ".py:" in synapse:
            projection["synapse"] = _anchored(folder, synapse, "network.projections")
        elif isinstance(synapse, dict) and ".py:" in str(synapse.get("model")):
            synapse["model"] = _anchored(folder, str(synapse["model"]), "network.projections")
        rule = projection.get("rule")
        if isinstance(rule, dict):
            edges: Any = rule.get("edges") if isinstance(rule.get("edges"), dict) else rule
            if isinstance(edges.get("file"), str):
                edges["file"] = _anchored(folder, edges["file"], "network.projections")


def _anchored(folder: Path, path: str, place: str) -> str:
    """Return a path that starts at a folder as an absolute one."""
    return str((folder / check_path(path, place)).resolve())


def _located(error: InputError, label: str, overrides: list[str] | tuple[str, ...]) -> InputError:
    """Return `error` with the file in front, or ``--set`` where the key at fault was given there."""
    keys = [text.partition("=")[0] for text in overrides]
    if any(error.place == key or error.place.startswith(f"{key}.") for key in keys):
        label = "--set"
    if error.place.startswith("--set"):
        return error
    return InputError(f"{label}: {error.place}" if error.place else label, error.problem)
