"""Watching uploads until each has ended: a live table on a terminal, one line a change anywhere else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.box import ROUNDED
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from seqdrop.companions.runs import marker_command

from seqdrop_cli.progress import BAD, BUSY, DONE, SKIPPED, WAITING, Progress, at_rest, read_progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from seqdrop.ledger.table import Ledger
    from seqdrop.uploads import UploadVersion

EVERY = 0.5  # seconds between two looks at the ledger
MARKS = {WAITING: "·", DONE: "✔", SKIPPED: "–", BAD: "✘"}
COLOURS = {
    "ARCHIVED": "green",
    "PREDICTED": "green",
    "TRAINED": "green",
    "REJECTED": "red",
    "FAILED": "bold red",
    "WITHDRAWN": "yellow",
    "WAITING": "yellow",
    "SUBMITTED": "cyan",
    "EXAMINING": "cyan",
    "UNEXAMINED": "bold red",
}


class StalledError(Exception):
    """Nothing has moved for too long; the message names what stands still."""


def watch(ledger: Ledger, versions: list[UploadVersion], console: Console, patience: float = 900) -> list[Progress]:
    """Show progress until every upload has ended or waits for a file that was not dropped; answers where each stands.

    Raises StalledError when nothing has moved for `patience` seconds; a job may run for as long as it takes.
    """
    follow = _follow(ledger, versions, patience)
    return _table(follow, console) if console.is_terminal else _lines(follow, console)


def _follow(ledger: Ledger, versions: list[UploadVersion], patience: float) -> Iterator[list[Progress]]:
    last, moved = None, time.monotonic()
    while True:
        now = [read_progress(ledger, v.id, v.key, v.size) for v in versions]
        yield now
        states = [one.state for one in now]
        # They are read one after the other: what waits was seen to wait after all others had ended.
        if all(one.ended for one in now) or (states == last and at_rest(now)):
            return
        if states != last or {"SUBMITTED", "EXAMINING"} & set(states):
            last, moved = states, time.monotonic()
        if time.monotonic() - moved > patience:
            standing = ", ".join(f"{one.key} ({one.state})" for one in now if not one.ended)
            raise StalledError(f"nothing has moved for {patience:.0f} s: {standing}")
        time.sleep(EVERY)


def explain_waiting(now: list[Progress]) -> list[str]:
    """A sentence for each upload that waits: what for, and what to do."""
    return [_missing(one) for one in now if one.waits_for]


def _missing(one: Progress) -> str:
    if one.held:
        command = marker_command(one.upload.bucket, one.waits_for)
        return f"{one.key} is valid and waits for the marker of its run. If the run is complete: {command}"
    if not one.awaited:
        return f"{one.key} waits for nothing any more, and goes on within the hour."
    hint = one.awaited.hints[-1]
    return f"{one.key} waits for {one.awaited.detail}. It goes on by itself when that is there. {hint}"


def _table(follow: Iterator[list[Progress]], console: Console) -> list[Progress]:
    started, spinner, now = time.monotonic(), Spinner("dots", style="cyan"), []
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        for now in follow:
            live.update(render(now, time.monotonic() - started, spinner))
    return now


def _lines(follow: Iterator[list[Progress]], console: Console) -> list[Progress]:
    started, seen, now = time.monotonic(), {}, []
    for now in follow:
        for one in now:
            if seen.get(one.upload_id) != one.state:
                seen[one.upload_id] = one.state
                console.print(_line(one, time.monotonic() - started), markup=False, highlight=False, soft_wrap=True)
    return now


def _line(one: Progress, seconds: float) -> str:
    return f"{seconds:6.1f} s  {one.state:<10} {one.key}" + (f"  ({one.detail})" if one.detail else "")


def render(now: list[Progress], seconds: float, spinner: Spinner | None = None) -> Table:
    """The table as it stands. A spinner marks what is being done right now."""
    ended = sum(one.ended for one in now)
    table = Table(
        title=f"Seqdrop · {ended} of {len(now)} uploads at their end · {seconds:.0f} s",
        title_justify="left",
        box=ROUNDED,
    )
    for title in ("file", "size", "validate", "predict", "archive", "state", ""):
        aligned = {"size": "right", "validate": "center", "predict": "center", "archive": "center"}
        table.add_column(title, justify=aligned.get(title, "left"), overflow="fold" if title == "file" else "ellipsis")
    for one in now:
        marks = [_mark(step, spinner) for step in one.steps]
        colour = COLOURS.get(one.state, "default")
        table.add_row(Text(one.key), size(one.size), *marks, Text(one.state, colour), Text(one.detail, "dim"))
    return table


def _mark(step: str, spinner: Spinner | None):
    if step == BUSY:
        return spinner or Text("…", "cyan")
    return Text(MARKS[step], {DONE: "green", BAD: "red"}.get(step, "dim"))


def size(count: int) -> str:
    """Bytes for people."""
    value, units = float(count), iter(("B", "kB", "MB", "GB"))
    unit: str = next(units)
    while value >= 1000 and unit != "GB":
        value, unit = value / 1000, next(units)
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
