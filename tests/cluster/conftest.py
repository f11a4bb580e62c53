"""A real Slurm of one node: munged, slurmctld and slurmd, started for the session, without systemd."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

CONF = """
ClusterName=distsim
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={port}
SlurmdPort={slurmd_port}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
ReturnToService=2
JobRequeue=1
MinJobAge=3600
KillWait=10
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
"""
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")


def _missing() -> str | None:
    """Return why Slurm cannot be run here; installs it first where that is possible."""
    if os.geteuid() != 0:
        return "starting slurmd and munged takes root"
    if all(shutil.which(p) for p in PROGRAMS):
        return None
    if shutil.which("apt-get") is None:
        return "no Slurm, and no apt-get to install it"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "slurm-wlm", "munge", "shellcheck"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
        if done.returncode and command[1] == "install":
            return f"Slurm cannot be installed: {done.stderr.strip().splitlines()[-1:]}"
    return None


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """Start Slurm; yield the folder with its logs. `SLURM_CONF` is set while it runs."""
    reason = _missing()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    host = socket.gethostname().split(".")[0]
    cpus = os.cpu_count() or 1
    conf = CONF.format(host=host, folder=folder, port=_free_port(), slurmd_port=_free_port(), cpus=cpus)
    (folder / "slurm.conf").write_text(conf)
    started = []
    if subprocess.run(["pgrep", "-x", "munged"], capture_output=True, check=False).returncode:
        Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge", "munge")
        demote = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--force"]
        subprocess.run(demote, check=True, capture_output=True, timeout=30)
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    try:
        for words in (["slurmctld", "-c", "-D"], ["slurmd", "-D"]):
            started.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 60
        while (
            "idle"
            not in subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True, check=False).stdout
        ):
            logs = "\n".join(p.read_text()[-2000:] for p in folder.glob("*.log"))
            assert time.monotonic() < deadline, f"Slurm does not start:\n{logs}"
            time.sleep(0.3)
        yield folder
    finally:
        subprocess.run(["scancel", "-u", "root"], capture_output=True, check=False)
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        os.environ.pop("SLURM_CONF")
        if before is not None:
            os.environ["SLURM_CONF"] = before


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """Keep the user's list of jobs and the local queue out of the user's home."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
