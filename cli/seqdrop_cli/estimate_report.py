"""The estimate of a drop, printed for people or as JSON."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import BULK, STANDARD
from seqdrop.aws import prices as instances

from seqdrop_cli.console import is_terminal, note, paint, print_table, say
from seqdrop_cli.costs import archive, bill
from seqdrop_cli.costs.drop_estimate import Machine, Part, estimate_parts, total_workload
from seqdrop_cli.costs.prices import AS_OF, DEFAULT_INSTANCE, REGION
from seqdrop_cli.costs.workload import Rates
from seqdrop_cli.errors import CommandError
from seqdrop_cli.landing import list_drops
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.reports import describe_left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop_cli.commands.estimate import Options
    from seqdrop_cli.costs.workload import Workload

CENT = 0.005
SHOWN = 10  # files that would be rejected; --json lists all


@dataclass(frozen=True)
class Estimate:
    """The parts of a drop, its workload and its bill."""

    parts: list[Part]
    work: Workload
    lines: list[bill.Line]
    unknown: list[Part]
    """Parts without the time of their model, because its speed is not known."""

    @property
    def usd(self) -> float:
        """Sum of the bill."""
        return sum(line.usd for line in self.lines)

    @property
    def problems(self) -> list[str]:
        """A sentence for each file that would be rejected and each training that would be refused."""
        faulty = [f"{path}: {fault}" for part in self.parts for path, fault in part.faulty]
        nowhere = [f"{len(part.sizes)} files: no prefix" for part in self.parts if part.analysis is None]
        refused = [f"{it.path}: {it.refusal}" for part in self.parts for it in part.trainings if it.refusal]
        return [*faulty, *nowhere, *refused]


def show_estimate(options: Options) -> int:
    """Print the estimate; return 0, or 1 if a file would be rejected or a training refused."""
    estimate = make_estimate(options)
    if options.json:
        print(json.dumps(as_dict(estimate), indent=2))
    else:
        _print_estimate(estimate, options)
    return 1 if estimate.problems else 0


def make_estimate(options: Options) -> Estimate:
    """Return the estimate of the files that the options name. Raise CommandError if there are none."""
    plan = Plan(options.paths, Placement.of(options.to, options.prefix))
    drops, left_out = list_drops(plan), describe_left_out(plan.left_out)
    if not drops:
        sentence = f"there are no files in {', '.join(map(str, options.paths))}; hidden files are left out"
        raise CommandError("; ".join([sentence, *left_out]))
    for line in left_out:
        note(line)
    machine = Machine(_hourly_price(options), options.windows_per_second)
    rates = Rates()
    with _show_files(len(drops)) as progress:
        parts = estimate_parts(drops, progress)
    work = total_workload(parts, machine, instances.PRICES[DEFAULT_INSTANCE], rates)
    unknown = [part for part in parts if machine.hours(part) is None]
    return Estimate(parts, work, bill.list_lines(work, rates), unknown)


def _hourly_price(options: Options) -> float:
    """Return the price of an instance. Raise CommandError if it is not known."""
    price = options.price or instances.PRICES.get(options.instance)
    if price is None:
        known = ", ".join(instances.PRICES)
        raise CommandError(
            f"the price of {options.instance} is not known; give it with --price, from {instances.SOURCE} "
            f"(known: {known})"
        )
    return price


@contextmanager
def _show_files(total: int) -> Iterator[Callable[[Path], None]]:
    """Yield a function to call with each file; on a terminal it advances a progress bar."""
    if not is_terminal(sys.stderr):
        yield lambda _path: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda path: bar.update(task, advance=1, description=path.name)


def as_dict(estimate: Estimate) -> dict[str, object]:
    """Return the estimate as JSON; prices are in US dollars."""
    work = estimate.work
    return {
        "usd": round(estimate.usd, 4),
        "usd_per_month_afterwards": round(archive.month_usd(work), 4),
        "restore_usd": {tier: round(archive.restore_usd(work, name), 4) for tier, name in TIERS.items()},
        "parts": [_part_as_dict(part) for part in estimate.parts],
        "lines": [asdict(line) for line in estimate.lines],
        "problems": estimate.problems,
        "without_model_time": [part.analysis.name for part in estimate.unknown if part.analysis],
        "prices": {"region": REGION, "as_of": AS_OF, "instances_as_of": instances.AS_OF.isoformat()},
    }


TIERS = {"bulk": BULK, "standard": STANDARD}


def _part_as_dict(part: Part) -> dict[str, object]:
    return {
        "analysis": part.analysis.name if part.analysis else None,
        "files": len(part.sizes),
        "bytes": sum(part.sizes),
        "predictions": part.windows,
        "is_exact": part.is_exact,
        "jobs": part.jobs,
        "storage_class": part.storage_class,
    }


def _print_estimate(estimate: Estimate, options: Options) -> None:
    print_table(("to", "files", "size", "predictions", "jobs"), map(_row, estimate.parts))
    if options.lines:
        rows = [(line.item, line.calculation, f"{line.usd:.4f}") for line in estimate.lines]
        print_table(("what", "calculation", "US dollars"), rows)
    for group, lines in groupby(estimate.lines, key=lambda line: line.group):
        say(f"{group:<16} {_dollars(sum(line.usd for line in lines)):>12}")
    say(f"{'in all':<16} {_dollars(estimate.usd):>12}")
    for sentence in _sentences(estimate, options):
        say(sentence)
    for problem in estimate.problems[:SHOWN]:
        say(paint(f"would not be processed: {problem}", "red"))
    if len(estimate.problems) > SHOWN:
        say(f"… and {len(estimate.problems) - SHOWN} more; `seqdrop validate` reports all errors")


def _row(part: Part) -> tuple[str, ...]:
    about = "" if part.is_exact else "about "
    windows = f"{about}{part.windows:,}" if part.windows else "-"
    place = part.analysis.prefix if part.analysis else "no prefix"
    return place, f"{len(part.sizes):,}", format_size(sum(part.sizes)), windows, f"{part.jobs:,}" if part.jobs else "-"


def format_size(size: int) -> str:
    """Return a size with its unit, in powers of 1,000."""
    amount, units = float(size), iter(("bytes", "kB", "MB", "GB"))
    unit = next(units)
    while amount >= 1000 and unit != "GB":
        amount, unit = amount / 1000, next(units)
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= CENT or not amount else "< $0.01"


def _describe_restore(work: Workload) -> str:
    hours = {tier: archive.most_hours(work, name) for tier, name in TIERS.items()}
    if not any(hours.values()):
        return f"To read all files once: {_dollars(archive.restore_usd(work, BULK))}, at once."
    prices = (
        f"{_dollars(archive.restore_usd(work, name))} ({tier}, up to {hours[tier]} hours)"
        for tier, name in TIERS.items()
    )
    return f"To restore all files once: {' or '.join(prices)}."


def _sentences(estimate: Estimate, options: Options) -> Iterator[str]:
    work = estimate.work
    places = " and ".join(share.title for share in archive.list_shares(work))
    yield f"Then {_dollars(archive.month_usd(work))} a month in {places}. {_describe_restore(work)}"
    for part in estimate.unknown:
        name = part.analysis.name if part.analysis else ""
        yield (
            f"The time of the model of {name} is not included, because its speed is not known: set "
            f"windows_per_second in [analyses.{name}.job] of analyses.toml, or give --windows-per-second."
        )
    if work.transforms.hours and not options.windows_per_second:
        yield (
            f"The speed of models is windows_per_second of analyses.toml, taken for {options.instance}; "
            "--windows-per-second replaces it."
        )
    yield f"List prices of {REGION}, {AS_OF}; instances of {instances.AS_OF:%Y-%m-%d}. docs/cost.md has each of them."
