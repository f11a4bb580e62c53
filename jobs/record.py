"""What is known of a job: a record in its folder, and a list of a user's folders."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.io.whole_files import ANYTHING, whole

SCHEMA = 1


@dataclass
class Record:
    """A submitted job, kept in ``<folder>/job/job.json``.

    Attributes
    ----------
    folder : str
        Run folder, or of a sweep the folder of all.
    name, scheduler, job_id, submitted : str
    ranks, nodes, minutes : int
    kind : {"run", "sweep"}
    """

    folder: str
    name: str
    scheduler: str
    job_id: str
    submitted: str
    ranks: int
    nodes: int
    minutes: int
    kind: str = "run"
    schema: int = SCHEMA


def job_folder(folder: Path) -> Path:
    """Return where a folder keeps what belongs to its job."""
    return folder / "job"


def save(record: Record) -> None:
    """Keep a record in its folder, and the folder in the user's list."""
    with whole(job_folder(Path(record.folder)) / "job.json", ANYTHING) as part:
        part.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    index = state_folder() / "jobs.jsonl"
    with open(index, "a", encoding="utf-8") as file:
        file.write(json.dumps({"folder": record.folder}) + "\n")


def load(folder: Path) -> Record:
    """Return the record of a folder.

    Raises
    ------
    InputError
        Where there is none, or one of a later version.
    """
    path = job_folder(folder) / "job.json"
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(str(folder), "expected a folder that distsim submit made") from None
    if data.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema", f"expected {SCHEMA}, got {data.get('schema')!r}")
    return Record(**data)


def known_folders() -> list[Path]:
    """Return the folders of this user's jobs that still are there, the oldest first."""
    try:
        lines = (state_folder() / "jobs.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    folders = dict.fromkeys(Path(json.loads(line)["folder"]) for line in lines)
    return [folder for folder in folders if (job_folder(folder) / "job.json").exists()]


def state_folder() -> Path:
    """Return the folder of this user's list of jobs and of the local queue."""
    root = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(root) / "distsim"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
