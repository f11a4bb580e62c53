"""Command line of jobs: distsim submit, jobs, site, sweep, scaling."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from distsim.errors import InputError
from distsim.registry import refuse_code

EXIT_INPUT, EXIT_FAULT, EXIT_STOPPED, EXIT_STILL = 2, 1, 75, 124


class Carried(Exception):
    """Carries a KeyboardInterrupt past typer, which would make an exit code of it and lose what it says."""

    def __init__(self, error: KeyboardInterrupt):
        self.error = error
        super().__init__(str(error))


class Commands(TyperGroup):
    """The commands of distsim."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Carried(error) from error


def help_without_command(context: typer.Context) -> None:
    """Print the help where no command is given, which is bad input at that: a script may have lost its words."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(EXIT_INPUT)


jobs_app = typer.Typer(
    help="List jobs, watch them, wait for them, cancel them.", add_completion=False, rich_markup_mode=None
)
site_app = typer.Typer(help="Try a site file.", add_completion=False, rich_markup_mode=None)

SiteOption = Annotated[str, typer.Option("--site", help="A site file, or the name of a shipped one.")]
RanksOption = Annotated[int | None, typer.Option(min=1, help="Ranks; as many as the network needs where not given.")]
TimeOption = Annotated[str, typer.Option("--time", help="Time limit, such as 2:00:00; a run goes on after it.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a config key.")]
NoCodeOption = Annotated[
    bool,
    typer.Option(
        "--no-code", callback=refuse_code, help="Run no Python file that the config names; say which it would."
    ),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The run folder of a job.")]


def submit(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A shipped network, a YAML file, or a run folder.")],
    site: SiteOption = "local",
    ranks: RanksOption = None,
    time: TimeOption = "1:00:00",
    duration: Annotated[float | None, typer.Option(help="Simulated time after the transient (ms).")] = None,
    output: Annotated[str | None, typer.Option(help="Run folder [runs/NAME].")] = None,
    settings: SetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the batch script, submit nothing.")] = False,
    no_code: NoCodeOption = False,
) -> None:
    """Send a run to a cluster, or to this machine's queue."""
    from distsim import cli
    from distsim.jobs.resources import minutes, resources
    from distsim.jobs.script import render
    from distsim.jobs.site import load_site
    from distsim.jobs.submission import submit as send

    where = load_site(site)
    folder = Path(config)
    again = folder.is_dir() and (folder / "job").is_dir()
    source = str(folder / "job" / "net.yaml") if again else config
    if output is None and where.output is not None and not again:
        output = cli.free_folder(Path(where.output), cli.network_name(config, settings))
    changes = cli.overrides(settings, duration)
    loaded = cli.load(source, changes, str(folder) if again else output)
    # A run that goes on reads the config in its folder: what changes now has to be said again.
    options = ("--quiet", *(word for change in changes if again for word in ("--set", change)))
    needed = resources(loaded, where, ranks, minutes(time))
    target = Path(str(loaded.output.path)).resolve()
    name = f"distsim-{loaded.network.name}"
    if dry_run:
        print(render(where, needed, name, target, run_options=options), end="")
        return
    record = send(loaded, where, needed, name, options)
    print(f"{record.job_id} {target}")


@jobs_app.callback(invoke_without_command=True)
def jobs(context: typer.Context) -> None:
    """List your jobs with state, progress and run folder."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from distsim.jobs.listing import list_jobs

    table = Table()
    titles = ("job", "name", "state", "ranks", "simulated (ms)", "real-time factor", "time left", "folder")
    for title in titles:
        table.add_column(title, overflow="fold", justify="right" if title in titles[3:7] else "left")
    for status in list_jobs():
        r, p = status.record, status.progress
        done = f"{p['biological_ms']:.0f} of {p['total_ms']:.0f}" if p else ""
        factor = f"{p['real_time_factor']:.2f}" if p and p["real_time_factor"] is not None else ""
        left = f"{p['seconds_left']:.0f} s" if p and status.state == "RUNNING" else ""
        table.add_row(r.job_id, r.name, status.state, str(r.ranks), done, factor, left, r.folder)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@jobs_app.command()
def cancel(folder: FolderArgument) -> None:
    """Cancel the job of a folder."""
    from distsim.jobs.listing import cancel as end

    end(folder.resolve())


@jobs_app.command()
def logs(folder: FolderArgument) -> None:
    """Print what the job of a folder printed."""
    from distsim.jobs.listing import logs as read

    print(read(folder.resolve()), end="")


@jobs_app.command()
def wait(
    folder: FolderArgument,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most.")] = None,
) -> None:
    """Wait until the job of a folder has ended; exit code 0 where its run is complete, 124 where it still goes on."""
    from distsim.jobs.listing import wait as until_done

    status = until_done(folder.resolve(), timeout)
    print(status.state)
    if status.state != "COMPLETED":
        raise typer.Exit(EXIT_FAULT if status.ended else EXIT_STILL)


@site_app.callback(invoke_without_command=True)
def _site(context: typer.Context) -> None:
    """Sites: what a cluster offers, as a file."""
    help_without_command(context)


@site_app.command()
def check(site: Annotated[str, typer.Argument(metavar="SITE", help="A site file, or the name of one.")]) -> None:
    """Try a site file and say what is wrong."""
    from distsim.jobs.site import check as try_site
    from distsim.jobs.site import load_site

    found = try_site(load_site(site))
    for what, wrong in found:
        print(f"{'wrong' if wrong else 'ok':6}{what}{': ' + wrong if wrong else ''}")
    problems = [f"{what}: {why}" for what, why in found if why]
    if problems:
        several = f"{len(problems)} things are wrong, first " if len(problems) > 1 else ""
        raise InputError(site, several + problems[0])


def sweep(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A network; or 'status' with a sweep's folder.")],
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Of the sweep, after 'status'.")] = None,
    over: Annotated[
        list[str] | None,
        typer.Option("--over", metavar="KEY=VALUES", help="simulation.seed=1:10 or network.params.g=3,4,5"),
    ] = None,
    site: SiteOption = "local",
    ranks: RanksOption = None,
    time: TimeOption = "1:00:00",
    output: Annotated[Path | None, typer.Option(help="Folder of the sweep [sweeps/NAME].")] = None,
    settings: SetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the batch script, submit nothing.")] = False,
) -> None:
    """Run a network at every point of a grid; again, to run the points that are missing."""
    from distsim.jobs import sweep as sweeps

    if config == "status":
        if folder is None:
            raise InputError("FOLDER", "expected the folder of a sweep")
        sweeps.print_status(folder.resolve())
        return
    script_or_text = sweeps.run(config, over or [], site, ranks, time, output, settings or [], dry_run)
    print(script_or_text)


def scaling(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A shipped network by name, or a YAML file.")],
    ranks: Annotated[str, typer.Option(help="Numbers of ranks.")] = "1,2,4",
    weak: Annotated[bool, typer.Option("--weak", help="Let the network grow with the ranks (network.scale).")] = False,
    site: SiteOption = "local",
    output: Annotated[Path | None, typer.Option(help="Folder for runs, table and plot [scaling/NAME].")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each, of which the median counts.")] = 1,
    settings: SetOption = None,
    submit_as_job: Annotated[
        bool, typer.Option("--submit", help="As one job of the site, with the most ranks.")
    ] = False,
    time: TimeOption = "1:00:00",
) -> None:
    """Measure how a network speeds up over ranks."""
    from distsim.jobs import scaling as series

    numbers = series.rank_numbers(ranks)
    target = (output or Path("scaling") / Path(config).resolve().stem).resolve()
    if submit_as_job:
        print(series.submit(config, numbers, weak, site, target, repeats, settings or [], time))
        return
    series.run(config, numbers, weak, site, target, repeats, settings or [])
