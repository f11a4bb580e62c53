"""`distsim energy`: tables, energy.json, CSV and plots of what a run's activity costs."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from distsim.energy import sparsity
from distsim.energy.activity import Activity, activity_of
from distsim.energy.claims import claims
from distsim.energy.pricing import Priced, price
from distsim.energy.profiles import Profile, data
from distsim.energy.ranges import Range
from distsim.energy.scaling import RATES_HZ, scaled_power, scales
from distsim.energy.simulator import published, simulator_energy
from distsim.errors import InputError
from distsim.io.run import Run
from distsim.io.whole_files import whole

WINDOWS_MS = (1.0, 100.0)
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"),
            (1e-12, "p"), (1e-15, "f"))  # fmt: skip


def shown(value: float, unit: str) -> str:
    """Return a figure with three digits and a prefix: ``1.23 mJ``."""
    if value == 0.0:
        return f"0 {unit}"
    factor, prefix = next((f for f in PREFIXES if abs(value) >= 0.9995 * f[0]), PREFIXES[-1])
    return f"{value / factor:.3g} {prefix}{unit}"


def shown_each(values: list[float] | None) -> str:
    """Return ``low - high`` of the energy of an event, a dash where no such event happened."""
    return "-" if values is None else shown_range(Range(*values), "J")


def shown_range(values: Range, unit: str) -> str:
    """Return ``low - high`` with their units."""
    if values.low == values.high:
        return shown(values.typical, unit)
    return f"{shown(values.low, unit)} - {shown(values.high, unit)}"


def active_fractions(run: Run) -> dict[str, float] | None:
    """Return the fraction of neurons that fire per 1 ms and per 100 ms; None where no spikes were recorded.

    A window that is longer than the run is left out.
    """
    transient, n = run.summary["run"]["transient_ms"], run.summary["network"]["n_neurons"]
    try:
        times, gids = run.spikes(None, transient, None)
    except InputError:
        return None
    return {
        f"{window:g} ms": sparsity.active_fraction(times, gids, n, transient, run.duration_ms, window)
        for window in WINDOWS_MS
        if window <= (run.duration_ms - transient) * (1.0 + 1e-9)
    }


def results(run: Run, profiles: list[Profile], watts_per_core: Range | None) -> dict[str, Any]:
    """Return everything that `distsim energy` tells, as plain data with units in the names."""
    activity = activity_of(run.summary)
    priced = [p for profile in profiles for operation in ("real time", "as fast as possible")
              if (p := price(profile, activity, operation)) is not None]  # type: ignore[arg-type]  # fmt: skip
    own = simulator_energy(run.summary, watts_per_core)
    footprint = (run.summary["memory"]["bytes_per_synapse"] or 0.0) * activity.n_synapses
    return {
        "schema": 1,
        "run": str(run.path),
        "activity": vars(activity) | {"rate_hz": activity.rate_hz, "indegree": activity.indegree},
        "active_fraction": active_fractions(run),
        "neurobench": activity.neurobench(footprint),
        "simulation": {
            "joules": own.joules.to_list(), "measured": own.measured, "how": own.how,
            "joules_per_synaptic_event": own.joules_per_event.to_list() if own.joules_per_event else None,
            "wall_seconds": run.summary["timing"]["real_time_factor"] * activity.seconds,
            "cpu_seconds": run.summary["timing"].get("cpu_seconds"),
            "bytes_sent": run.summary["counts"]["bytes_sent"], "messages": run.summary["counts"]["messages"],
        },
        "substrates": [_substrate(p, activity) for p in priced],
        "scaling": _scaling(profiles, activity),
        "deep_learning": data("deep_learning"),
    }  # fmt: skip


def _substrate(priced: Priced, activity: Activity) -> dict[str, Any]:
    """Return one substrate's energy with all that qualifies it."""
    profile = priced.profile
    notes = [*profile.notes, *(f"not counted: {n}" for n in profile.not_counted)]
    notes += [f"[?] {event}: not read in its primary source" for event in profile.unverified]
    if priced.n_chips > 1 and "hop" not in profile.prices:
        notes.append("traffic between chips is not priced")
    if activity.external_events and "external_event" not in profile.prices and "synaptic_event" in profile.prices:
        notes.append("external events are not priced")
    if not activity.synaptic_events and "synaptic_event" in profile.prices:
        notes.append("no synaptic event happened")
    each = priced.joules / activity.synaptic_events if activity.synaptic_events else None
    return {
        "profile": profile.name, "title": profile.title, "set": profile.set, "kind": profile.kind,
        "operation": priced.operation, "chips": priced.n_chips, "wall_seconds": priced.wall_seconds,
        "joules": priced.joules.to_list(), "watts": priced.watts.to_list(),
        "joules_per_synaptic_event": each.to_list() if each else None,
        "terms": {name: term.to_list() for name, term in priced.terms.items()}, "shares": priced.shares,
        "all_in": profile.all_in or (profile.static_power is not None and profile.static_power.scope == "all-in"),
        "unverified": profile.unverified, "notes": notes,
    }  # fmt: skip


def _scaling(profiles: list[Profile], activity: Activity) -> list[dict[str, Any]]:
    """Return the power of every substrate at every scale and mean rate, in real time."""
    rows = []
    for profile in profiles:
        for scale in scales(activity):
            for rate in sorted({*RATES_HZ, round(activity.rate_hz, 3)}):
                found = scaled_power(profile, activity, scale, rate)
                rows.append(
                    {
                        "profile": profile.name,
                        "scale": scale.name,
                        "rate_hz": rate,
                        "neurons": scale.neurons.to_list(),
                        "watts": found.watts.to_list(),
                        "chips": found.n_chips.to_list(),
                        "terms": {k: v.to_list() for k, v in found.terms.items()},
                    }
                )
    return rows


def print_substrates(found: dict[str, Any], console: Console) -> None:
    """Print what each substrate takes, its scaling, and what the simulation itself took."""
    activity = found["activity"]
    console.print(
        f"{activity['name']}: {activity['n_neurons']:,} neurons at {activity['rate_hz']:.3g} Hz, "
        f"{activity['synaptic_events'] / activity['seconds']:.4g} synaptic events/s"
        + "".join(f", {100 * v:.3g} % active per {k}" for k, v in (found["active_fraction"] or {}).items()),
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    table = Table(title="Energy per biological second")
    for title in ("substrate", "chips", "typical", "low - high", "per synaptic event", "largest share", ""):
        table.add_column(title, justify="left" if title in ("substrate", "largest share", "") else "right")
    rows = [r for r in found["substrates"]]
    for row in sorted(rows, key=lambda r: r["joules"][1]):
        per_second = Range(*(j / activity["seconds"] for j in row["joules"]))
        # Where nothing happened that a substrate charges for, nothing has a share.
        largest = max(row["shares"], key=lambda name: row["shares"][name], default="-")
        fast = "" if row["operation"] == "real time" else ", as fast as possible"
        table.add_row(
            row["title"] + fast, f"{row['chips']:,}", shown(per_second.typical, "J"), shown_range(per_second, "J"),
            shown(row["joules_per_synaptic_event"][1], "J") if row["joules_per_synaptic_event"] else "-", largest,
            "[?]".replace("[", r"\[") if row["unverified"] else "",
        )  # fmt: skip
    console.print(table)
    own = found["simulation"]
    each = own["joules_per_synaptic_event"]
    told = f"{shown_each(each)} per synaptic event" if each else "no synaptic event happened"
    console.print(
        f"this simulation: {shown_range(Range(*own['joules']), 'J')}, {told} ({own['how']})",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if activity["name"] == "microcircuit" and each:
        _print_published(Range(*each), console)
    _print_scaling(found, console)
    notes = {note for row in rows for note in row["notes"] if note.startswith("[?]")}
    names = [r["title"] for r in rows if r["unverified"]]
    if notes:
        console.print(f"\\[?] not read in its primary source: {', '.join(dict.fromkeys(names))}", soft_wrap=True)


def _print_published(each: Range, console: Console) -> None:
    table = Table(title="The microcircuit in the literature, energy per synaptic event")
    for title in ("study", "system", "drive", "real-time factor", "uJ"):
        table.add_column(title, justify="right" if title in ("real-time factor", "uJ") else "left")
    rows = []
    for r in published():
        cells = [r["study"], r["system"], r["drive"], f"{r['real_time_factor']:g}", f"{r['uj_per_event']:g}"]
        rows.append((r["uj_per_event"], cells))
    own = f"{1e6 * each.typical:.3g}" + ("" if each.low == each.high else " (estimated)")
    rows.append((1e6 * each.typical, ["[bold]distsim, this run[/]", "", "Poisson", "", own]))
    for _, cells in sorted(rows, key=lambda row: -row[0]):
        table.add_row(*cells)
    console.print(table)


def _print_scaling(found: dict[str, Any], console: Console) -> None:
    """Print typical power at every scale, at the run's mean rate and at the rate that a brain's budget allows."""
    names = list(dict.fromkeys(row["scale"] for row in found["scaling"]))
    run_rate = round(found["activity"]["rate_hz"], 3)
    table = Table(title=f"Power in real time, low - high, at {run_rate:g} Hz, and for the cortex at 0.16 Hz")
    table.add_column("substrate")
    for name in (*names[1:], "cortex, 0.16 Hz"):
        table.add_column(name, justify="right")
    at = {(r["profile"], r["scale"], r["rate_hz"]): Range(*r["watts"]) for r in found["scaling"]}
    for row in sorted(found["substrates"], key=lambda r: at[r["profile"], "cortex", run_rate].typical):
        if row["operation"] == "real time":
            cells = [shown_range(at[row["profile"], name, run_rate], "W") for name in names[1:]]
            cells.append(shown_range(at[row["profile"], "cortex", 0.16], "W"))
            table.add_row(row["title"], *cells)
    console.print(table)


def print_claims(console: Console) -> None:
    """Print claim, recomputed value, factor, why."""
    table = Table(title="The article's claims, recomputed", show_lines=True)
    for title in ("claim", "article", "recomputed", "factor", "why"):
        table.add_column(title, justify="right" if title in ("article", "recomputed", "factor") else "left")
    for claim in claims():
        r = claim.recomputed
        value = f"{r.typical:.3g}" if r.low == r.high else f"{r.low:.3g} - {r.high:.3g}"
        mark = r" \[?]" if claim.unverified else ""
        table.add_row(
            f"{claim.what} ({claim.unit})", f"{claim.claimed:g}", value + mark, f"{claim.factor:.3g}", claim.why
        )
    console.print(table)


def write_files(found: dict[str, Any], folder: Path) -> list[Path]:
    """Write energy.json, energy.csv and the plots into a folder; return their paths."""
    from distsim.energy.plots import write_plots

    with whole(folder / "energy.json", re.compile(rb'\{\s*"schema": \d+,\s*"run": ')) as part:
        part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    columns = ("profile", "title", "set", "kind", "operation", "chips", "joules_low", "joules_typical", "joules_high",
               "joules_per_synaptic_event_low", "joules_per_synaptic_event_typical",
               "joules_per_synaptic_event_high", "notes")  # fmt: skip
    ours = re.compile(",".join(columns[:4]).encode())
    with whole(folder / "energy.csv", ours) as part, open(part, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in found["substrates"]:
            # No synaptic event: empty cells.
            each = [repr(f) for f in row["joules_per_synaptic_event"]] if row["joules_per_synaptic_event"] else [""] * 3
            figures = (*(repr(f) for f in row["joules"]), *each)
            writer.writerow((*(row[c] for c in columns[:6]), *figures, "; ".join(row["notes"])))
    return [folder / "energy.json", folder / "energy.csv", *write_plots(found, folder)]
