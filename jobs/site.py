"""Sites: what a cluster, or this machine, offers, as data; and whether a site file is right."""

from __future__ import annotations

import importlib.resources
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from distsim.errors import InputError, unknown
from distsim.network import yaml_file
from distsim.network.refusals import first_problem


def _word(value: str) -> str:
    """Return what may stand in an #SBATCH line, which no quoting protects."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._,@+:=-]*", value):
        raise ValueError("expected letters, digits and . _ , @ + : = - only")
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected the name of an environment variable")
    return value


Word = Annotated[str, AfterValidator(_word)]


class Site(BaseModel):
    """Where jobs run.

    Attributes
    ----------
    name : str
    scheduler : {"slurm", "local"}
    partition, account, qos, constraint : str or None
    cores_per_node : int
    memory_per_node_gb : float
    launcher : tuple of str
        Words of the command that starts the ranks; ``{ranks}`` becomes their number.
    modules : tuple of str
    environment : dict
    container : tuple of str
        Words before the Python of every rank.
    python : str
    numba_cache : str or None
        Folder of compiled code that all nodes share.
    output : str or None
        Folder that run folders go to where a name alone is given.
    signal_seconds : int
        How long before the time limit a run is asked to stop.
    max_requeues : int
    power_per_node_watts : float or None
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    scheduler: Literal["slurm", "local"]
    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    cores_per_node: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    memory_per_node_gb: float | None = Field(default=None, gt=0.0)
    launcher: tuple[str, ...] = ("mpiexec", "-n", "{ranks}")
    modules: tuple[str, ...] = ()
    environment: dict[Annotated[str, AfterValidator(_variable)], str] = {}
    container: tuple[str, ...] = ()
    python: str = sys.executable
    numba_cache: str | None = None
    output: str | None = None
    signal_seconds: int = Field(default=120, ge=1)
    max_requeues: int = Field(default=20, ge=0)
    power_per_node_watts: float | None = Field(default=None, gt=0.0)

    def launch(self, ranks: int) -> list[str]:
        """Return the words that start this many ranks; mpiexec is that beside the site's Python, if there is one."""
        words = [word.replace("{ranks}", str(ranks)) for word in self.launcher]
        beside = Path(self.python).parent / words[0]
        return [str(beside) if "/" not in words[0] and beside.is_file() else words[0], *words[1:]]


def shipped() -> list[str]:
    """Return the names of the site files that come with the package."""
    folder = importlib.resources.files("distsim.slurm") / "sites"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir())


def load_site(name_or_path: str) -> Site:
    """Return the site of a shipped name or of a YAML file.

    Raises
    ------
    InputError
        With the file and the key.
    """
    if name_or_path in shipped():
        text = (importlib.resources.files("distsim.slurm") / "sites" / f"{name_or_path}.yaml").read_text("utf-8")
    else:
        try:
            text = Path(name_or_path).read_text("utf-8")
        except FileNotFoundError:
            raise unknown("--site", "site or file", name_or_path, shipped()) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(name_or_path, f"cannot be read: {error}") from None
    data = yaml_file.load(text, name_or_path)
    if not isinstance(data, dict):
        raise InputError(name_or_path, "expected a mapping with the key scheduler")
    if "container" in data and isinstance(data["container"], str):
        raise InputError(f"{name_or_path}: container", "expected a list of words, such as [apptainer, exec, image.sif]")
    try:
        return Site(name=Path(name_or_path).stem, **data)
    except ValidationError as error:
        found = first_problem(error, {(): Site})
        raise InputError(f"{name_or_path}: {found.place}", found.problem) from None


def check(site: Site) -> list[tuple[str, str | None]]:
    """Try a site; return (what was tried, what is wrong with it or None)."""
    found: list[tuple[str, str | None]] = []

    def tried(what: str, wrong: str | None) -> None:
        found.append((what, wrong))

    tried("python", None if shutil.which(site.python) else f"{site.python} is not there")
    launcher = site.launch(2)[0]
    tried("launcher", None if shutil.which(launcher) else f"{launcher} is not on the PATH")
    for word in site.container[:1]:
        tried("container", None if shutil.which(word) else f"{word} is not on the PATH")
    for folder in (site.output, site.numba_cache):
        if folder is not None:
            parent = next(p for p in [Path(folder), *Path(folder).resolve().parents] if p.exists())
            fine = parent.is_dir() and os.access(parent, os.W_OK)
            tried(folder, None if fine else f"{parent} is no folder that can be written")
    if site.scheduler == "slurm":
        missing = [c for c in ("sbatch", "squeue", "scontrol", "scancel", "sinfo") if not shutil.which(c)]
        tried("Slurm's commands", f"not on the PATH: {', '.join(missing)}" if missing else None)
        if not missing:
            _check_slurm(site, tried)
    for module in site.modules:
        done = _run("bash", "-lc", 'module load "$1"', "bash", module)
        tried(f"module {module}", (done.stderr.strip() or "cannot be loaded") if done.returncode else None)
    return found


def _check_slurm(site: Site, tried: Any) -> None:
    """Ask Slurm about the partition, its nodes, and whether it would take a job."""
    partition = ["-p", site.partition] if site.partition else []
    done = _run("sinfo", "-h", "-o", "%c %m", *partition)
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not rows:
        problem = done.stderr.strip() or f"Slurm knows no partition {site.partition!r}"
        tried("partition", problem)
        return
    tried("partition", None)
    cores = max(int(row[0].rstrip("+")) for row in rows)
    tried("cores_per_node", None if site.cores_per_node <= cores else f"nodes have {cores} cores")
    megabytes = max(int(row[1].rstrip("+")) for row in rows)
    if site.memory_per_node_gb is not None:
        wrong = site.memory_per_node_gb * 1000.0 > megabytes * 1.048576
        tried("memory_per_node_gb", f"nodes have {megabytes * 1.048576 / 1000:.4g} GB" if wrong else None)
    options = [f"--{k}={v}" for k in ("partition", "account", "qos", "constraint") if (v := getattr(site, k))]
    done = _run("sbatch", "--test-only", "--ntasks=1", "--time=1", *options, "--wrap=true")
    tried("a job of one task", done.stderr.strip() if done.returncode else None)


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=60.0, check=False)
