"""Command line: run, info, export, energy; jobs are in cli_jobs. Each command a few lines."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distsim import __version__, cli_jobs, interrupts, notices
from distsim.errors import InputError, Interrupted, unknown

if TYPE_CHECKING:
    from distsim.network.config import Config

# A rank is one core's worth of work: libraries must not start threads of their own.
for _name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

app = typer.Typer(
    help="Spiking networks on any number of ranks, with the same bits on each number of them.",
    cls=cli_jobs.Commands, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

ConfigArgument = Annotated[
    str, typer.Argument(metavar="CONFIG", help="A shipped network by name, a YAML file, or the folder of a run.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a config key, e.g. simulation.seed=7.")
]


@app.command()
def run(
    config: ConfigArgument,
    duration: Annotated[float | None, typer.Option(help="Simulated time after the transient (ms).")] = None,
    output: Annotated[str | None, typer.Option(help="New folder for the results [runs/NAME].")] = None,
    settings: SetOption = None,
    ranks: Annotated[int | None, typer.Option(min=1, help="Start mpiexec with this many ranks.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in folder CONFIG from its newest checkpoint.")
    ] = False,
    start_timeout: Annotated[
        str, typer.Option(help="Wall time that ranks wait for each other before the first step; then all end.")
    ] = "10min",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print time and memory by part as well.")] = False,
) -> None:
    """Simulate a network and leave a run folder."""
    if ranks is not None:
        _restart_under_mpiexec(ranks)
    from distsim.communication import communicator, limit_start, on_first_rank

    limit_start(wall_seconds("--start-timeout", start_timeout))
    # The ranks first, before what takes time: from then on an error or Ctrl-C on one of them ends them all.
    world = communicator()
    from distsim.io.folder_names import summary_to_resume
    from distsim.simulation import Simulation
    from distsim.simulation.progress import Progress, print_summary

    notices.Notices(world.rank == 0).gather()
    show = world.rank == 0 and not quiet
    if resume and output is not None:
        raise InputError("--output", "expected none with --resume: the run goes on in its folder")
    if resume and (summary := on_first_rank(world, lambda: summary_to_resume(Path(config)))) is not None:
        if show:
            print_summary(summary, config, verbose)
        return
    changes = overrides(settings, duration)
    loaded = on_first_rank(world, lambda: load(config, changes, config if resume else output))
    with Progress(loaded, show=show) as progress, interrupts.noted():
        if resume:
            simulation = Simulation.resume(config, changes, progress=progress)
        else:
            simulation = Simulation.from_config(loaded, progress=progress)
        total = loaded.simulation.transient + loaded.simulation.duration
        simulation.run(round(total - simulation.biological_ms, 9))
        summary = simulation.close()
        if any(world.allgather(interrupts.asked())):
            raise Interrupted(text=f"interrupted at its end: the run in {loaded.output.path} is complete")
    interrupts.done()
    if show:
        print_summary(summary, loaded.output.path, verbose)


@app.command()
def export(
    config: ConfigArgument,
    to: Annotated[str, typer.Option("--to", help="Format: sonata.")] = "sonata",
    output: Annotated[str | None, typer.Option(help="New folder for the files [NAME-sonata].")] = None,
    settings: SetOption = None,
    no_code: cli_jobs.NoCodeOption = False,
) -> None:
    """Build a network and write it as nodes and edges for other tools."""
    from distsim.communication import communicator
    from distsim.simulation.export import export_sonata

    if to != "sonata":
        raise unknown("--to", "format", to, ["sonata"])
    if communicator().n_ranks > 1:
        raise InputError("distsim export", "expected one process: start it without mpiexec")
    loaded = load(config, overrides(settings), output)
    folder = Path(output or f"{loaded.network.name}-sonata")
    export_sonata(loaded, folder)
    print(f"{loaded.network.name} is in {folder}: distsim run {folder / 'simulation_config.json'}")


@app.command()
def warm(config: ConfigArgument) -> None:
    """Compile what a config needs, once, before many ranks start."""
    from distsim.simulation.warm import warm as compile_all

    with tempfile.TemporaryDirectory() as folder:
        compile_all(load(config, [], str(Path(folder) / "warm")))


@app.command()
def info(
    config: ConfigArgument,
    settings: SetOption = None,
    ranks: Annotated[str, typer.Option(help="Numbers of ranks to tell the memory for.")] = "1,2,4,8",
    no_code: cli_jobs.NoCodeOption = False,
) -> None:
    """Tell what a network holds and needs; nothing is built."""
    from distsim.simulation.info import print_info

    told = notices.Notices(show=True)
    told.gather()
    with tempfile.TemporaryDirectory() as folder:
        # Nothing is left, also of a circuit's network.
        loaded = load(config, overrides(settings), str(Path(folder) / "info"))
        loaded.network.resolved().n_synapses()
    try:
        n_ranks = [int(n) for n in ranks.split(",")]
    except ValueError:
        n_ranks = [0]
    if min(n_ranks) < 1:
        raise InputError("--ranks", f"expected numbers of ranks such as 1,2,4, got '{ranks}'")
    print_info(loaded, n_ranks, told)


@app.command()
def energy(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a finished run.")] = "",
    compare: Annotated[
        str | None, typer.Option(help="Sets of profiles, such as article,literature; prints the claims recomputed.")
    ] = None,
    profile: Annotated[list[Path] | None, typer.Option(help="A profile of your own (YAML); may be repeated.")] = None,
    watts_per_core: Annotated[
        float | None, typer.Option(min=0.0, help="Power of a core for the simulation's own energy (W).")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for energy.json, CSV and plots [RUN].")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Price a run's events on brains, chips, computers and data centres."""
    from rich.console import Console

    from distsim.energy import Range, load_profiles
    from distsim.energy.report import print_claims, print_substrates, results, write_files
    from distsim.io import open_run

    sets = tuple((compare or "literature").split(","))
    for name in sets:
        if name not in ("article", "literature"):
            raise unknown("--compare", "set of profiles", name, ["article", "literature"])
    console = Console(quiet=quiet, width=None if sys.stdout.isatty() else 160)
    if compare is not None:
        print_claims(console)
    if not run:
        if compare is None:
            raise InputError("RUN", "expected the folder of a finished run, or --compare article,literature")
        return
    watts = None if watts_per_core is None else Range.of(watts_per_core)
    found = results(open_run(run), load_profiles(sets, tuple(profile or ())), watts)
    print_substrates(found, console)
    target = output or Path(run)
    target.mkdir(parents=True, exist_ok=True)
    paths = write_files(found, target)
    console.print(f"{len(paths)} files in {target}: {', '.join(p.name for p in paths)}", soft_wrap=True)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        print(f"distsim {__version__}")
        raise typer.Exit
    cli_jobs.help_without_command(context)


def overrides(settings: list[str] | None, duration: float | None = None) -> list[str]:
    """Return all overrides of a command line."""
    return [*(settings or ()), *([f"simulation.duration={duration!r}"] if duration is not None else ())]


def load(config: str, changes: list[str], output: str | None = None) -> Config:
    """Return the config; with a folder that does not exist yet where no output is given."""
    from distsim.network.config import load_config

    if config.endswith(".json"):
        # A SONATA circuit becomes a network of distsim first, beside the run's folder.
        from distsim.io.sonata_network import discard, import_circuit, output_folder

        output = output or output_folder(Path(config), free_folder)
        network = import_circuit(Path(config), Path(f"{output}-network"))
        try:
            return load_config(network, changes).with_output(output)
        except InputError:
            discard(network.parent)
            raise
    loaded = load_config(config, changes)
    return loaded.with_output(output or free_output(config, loaded.output.path, loaded.network.name))


def wall_seconds(place: str, text: str) -> float:
    """Return a wall time such as 90s, 10min or 2h in seconds."""
    from distsim.units import interval

    kind, seconds = interval(text, place)
    if kind != "wall":
        raise InputError(place, f"expected a wall time such as 90s, 10min or 2h, got '{text}'")
    return seconds


def free_output(config: str, path: str | None, name: str) -> str:
    """Return the output folder: the config's, or the first of runs/NAME, runs/NAME-2, ... that is new."""
    return path if path and not Path(config).is_dir() else free_folder(Path("runs"), name)


def free_folder(parent: Path, name: str) -> str:
    """Return the first of NAME, NAME-2, ... that is new in a folder, for the run and for a circuit's network."""
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        if not folder.exists() and not Path(f"{folder}-network").exists():
            return str(folder)
        number += 1


def network_name(config: str, settings: list[str] | None) -> str:
    """Return the name of a config's network."""
    from distsim.network.config import load_config

    return load_config(config, list(settings or ())).network.name


def _restart_under_mpiexec(ranks: int) -> None:
    """Replace this process by mpiexec with the same command, but for --ranks."""
    import shutil

    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.is_file() else shutil.which("mpiexec")
    if mpiexec is None:
        raise InputError("--ranks", "expected mpiexec beside Python or on the PATH: pip install mpi4py mpich")
    arguments, skip = [], False
    for argument in sys.argv[1:]:
        if not skip and not argument.startswith("--ranks="):
            skip = argument == "--ranks"
            if not skip:
                arguments.append(argument)
        else:
            skip = False
    command = [mpiexec, "-n", str(ranks), sys.executable, "-m", "distsim", *arguments]
    sys.stdout.flush()
    os.execv(mpiexec, command)


app.command()(cli_jobs.submit)
app.add_typer(cli_jobs.jobs_app, name="jobs")
app.add_typer(cli_jobs.site_app, name="site")
app.command()(cli_jobs.sweep)
app.command()(cli_jobs.scaling)


def main() -> None:
    """Run the command line; docs/exit_codes.md tells its exit codes. A fault, or bad input, ends all ranks."""
    warnings.showwarning = notices.from_python
    try:
        code = app(standalone_mode=False) or 0
    except cli_jobs.Carried as carried:
        found: BaseException = carried.error
    except (KeyboardInterrupt, Exception) as error:
        usage = getattr(error, "format_message", None)
        found = InputError("", f"{usage()} (see distsim --help)") if usage else error
    else:
        if code != interrupts.EXIT_INTERRUPTED:
            interrupts.done()
            sys.exit(code)
        found = KeyboardInterrupt()
    from distsim.communication import communicator, end_with

    end_with(communicator(), found)
