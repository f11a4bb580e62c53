"""What recording costs: spikes, states and checkpoints of the full microcircuit, and ways of writing spikes.

    python benchmarks/recording.py                       # the microcircuit, about five minutes
    mpiexec -n 2 python benchmarks/recording.py writers  # spikes alone, made up, written in three ways

Runs of all kinds take turns, so that a change of the machine's speed meets all of them; figures are medians. The share
is the time that the ranks spent recording, as they measured it themselves, of the time after the transient: far less
noisy than the ratio of two runs. The second table compares a log per rank joined at the end (what distsim does), a
gather of every 10 ms on rank 0 that appends to the HDF5 file, and Zarr. Parallel HDF5 needs an h5py built against the
site's MPI; the wheel is not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SPIKES = [{"record": "spikes", "from": ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]}]
STATES = [{"record": "V_m", "from": {"population": "L5E", "slice": [0, 1000]}, "every": 1.0}]
MEANS = [{"record": "V_m", "from": ["L23E", "L4E", "L5E", "L6E"], "every": 1.0, "reduce": "mean"}]
KINDS = {
    "nothing": ([], "hdf5", "null"),
    "spikes": (SPIKES, "hdf5", "null"),
    "spikes, Zarr": (SPIKES, "zarr", "null"),
    "spikes, V_m of 1,000 every 1 ms": (SPIKES + STATES, "hdf5", "null"),
    "spikes, mean V_m of 4 populations": (SPIKES + MEANS, "hdf5", "null"),
    "spikes, checkpoint every 500 ms": (SPIKES, "hdf5", "500 ms"),
}


def run(kind: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return what one run of the microcircuit measured."""
    recorders, form, every = KINDS[kind]
    mpiexec = str(Path(sys.executable).with_name("mpiexec"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [mpiexec, "-n", str(args.ranks), sys.executable, "-m", "distsim", "run", "microcircuit", "--quiet"]
        command += ["--set", "simulation.transient=500", "--duration", str(args.duration), "--output", str(out)]
        command += ["--set", f"network.recorders={json.dumps(recorders)}", "--set", f"output.format={form}"]
        begin = time.monotonic()
        subprocess.run([*command, "--set", f"checkpoint.every={every}"], check=True)
        wall = time.monotonic() - begin
        summary = json.loads((out / "summary.json").read_text())
        phases = summary["timing"]["phases"]
        counted = summary["timing"]["real_time_factor"] * args.duration / 1000.0
        checkpoints = list(out.glob("checkpoints/*.h5"))
        spikes = [*out.glob("spikes.*")]
        size = sum(p.stat().st_size for s in spikes for p in ([s] if s.is_file() else s.rglob("*")) if p.is_file())
        n_checkpoints = round(args.duration / 500.0) if checkpoints else 1
        return {
            "real_time_factor": summary["timing"]["real_time_factor"],
            "share": (phases["record"] + phases["checkpoint"]) / counted,
            "wall": wall,
            "memory": sum(summary["memory"]["peak_rss_bytes"]) / 1e9,
            "spike_bytes": size,
            "recorded": _recorded(out),
            "checkpoint_seconds": phases["checkpoint"] / n_checkpoints if checkpoints else None,
            "checkpoint_mb": checkpoints[0].stat().st_size / 1e6 if checkpoints else None,
        }


def _recorded(out: Path) -> int:
    import distsim as ds

    try:
        return len(ds.open_run(out).spikes()[0])
    except ds.InputError:
        return 0


def microcircuit(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all kinds in turns; print the table."""
    from rich.console import Console
    from rich.table import Table

    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for _ in range(args.repeats):
        for kind in KINDS:
            found[kind].append(run(kind, args))
    table = Table(title=f"microcircuit, {args.ranks} ranks, medians of {args.repeats} runs")
    titles = ("recorded", "real-time factor", "min - max", "share of the time", "bytes per spike", "memory (GB)")
    for title in titles:
        table.add_column(title, justify="left" if title == "recorded" else "right")
    rows = []
    for kind, runs in found.items():
        factors = [r["real_time_factor"] for r in runs]
        row = {k: float(np.median([r[k] or 0 for r in runs])) for k in runs[0]}
        bytes_each = f"{row['spike_bytes'] / row['recorded']:.2f}" if row["recorded"] else "-"
        table.add_row(
            kind, f"{np.median(factors):.3f}", f"{min(factors):.3f} - {max(factors):.3f}",
            f"{100 * row['share']:.2f} %", bytes_each, f"{row['memory']:.2f}",
        )  # fmt: skip
        rows.append({"kind": kind, "real_time_factors": factors, **row})
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    last = rows[-1]
    console.print(f"a checkpoint: {last['checkpoint_seconds']:.3f} s, {last['checkpoint_mb']:.2f} MB")
    return rows


def writers(args: argparse.Namespace) -> None:
    """Write made-up spikes in every way; print ns per spike, all ranks together, and the peak of memory."""
    import h5py
    from mpi4py import MPI

    from distsim.io.sonata_spikes import NodeRange, merge_spikes, sorted_keys
    from distsim.io.spike_log import RECORD, SpikeLog
    from distsim.io.zarr_output import ZarrSpikes, finish

    comm = MPI.COMM_WORLD
    chunks, per_chunk, n = args.chunks, args.spikes // args.chunks // comm.size, 80_000
    draw = np.random.default_rng(comm.rank)

    def spikes(chunk: int) -> np.ndarray:
        steps = np.sort(draw.integers(100 * chunk, 100 * (chunk + 1), per_chunk))
        return np.stack([draw.integers(0, n, per_chunk), steps], axis=1).astype(np.uint32)

    made = [spikes(chunk) for chunk in range(chunks)]
    total = chunks * per_chunk * comm.size
    folder = comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None)

    def timed(what: str, action: Any) -> None:
        comm.Barrier()
        begin = time.perf_counter()
        action()
        comm.Barrier()
        if comm.rank == 0:
            print(f"{what:58s} {1e9 * (time.perf_counter() - begin) / total:8.1f} ns per spike")

    def logs() -> None:
        log = SpikeLog(Path(folder) / f"{comm.rank}.log")
        for records in made:
            log.append(records)
        log.close()

    paths = [Path(folder) / f"{rank}.log" for rank in range(comm.size)]

    def join() -> None:
        if comm.rank == 0:
            merge_spikes(paths, Path(folder) / "spikes.h5", [NodeRange("all", 0, n)], 0.1)

    def zarr() -> None:
        writer = ZarrSpikes(Path(folder) / "spikes.zarr", paths)
        if comm.rank == 0:
            writer.create({"all": (0, n)}, 0.1)
        comm.Barrier()
        writer.fill(comm.rank, comm.size)
        comm.Barrier()
        if comm.rank == 0:
            finish(Path(folder) / "spikes.zarr")

    def gathered() -> None:
        file = h5py.File(Path(folder) / "gathered.h5", "w") if comm.rank == 0 else None
        sets = [file.create_dataset(k, (0,), "u8", maxshape=(None,), chunks=(65_536,)) for k in "ab"] if file else []
        for records in made:
            parts = comm.gather(records)
            if parts:
                keys = sorted_keys([np.ascontiguousarray(p).view(RECORD)[:, 0] for p in parts])
                for dataset, values in zip(sets, (keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)), strict=True):
                    dataset.resize((dataset.shape[0] + len(values),))
                    dataset[-len(values) :] = values
        if file:
            file.close()

    if comm.rank == 0:
        print(f"{total:,} spikes on {comm.size} ranks, {chunks} chunks")
    timed("log per rank, while the run goes", logs)
    timed("joined into SONATA by one rank, at the end", join)
    timed("or into Zarr by all ranks, at the end", zarr)
    timed("gathered every chunk and appended to HDF5 by rank 0", gathered)
    if comm.rank == 0:
        subprocess.run(["rm", "-r", folder], check=True)


def main() -> None:
    """Run the command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("microcircuit", "writers"), default="microcircuit")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--duration", type=float, default=2000.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--spikes", type=int, default=20_000_000)
    parser.add_argument("--chunks", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.what == "writers":
        writers(args)
        return
    rows = microcircuit(args)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
