"""What a command would do with each of many uploads: shown first, and done only when a person says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import ROUNDED
from rich.table import Table
from rich.text import Text

from seqdrop_cli.interrupts import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from seqdrop_cli.progress import Progress

INTERRUPTED = 130
MOVED_ON = "it has moved on since it was looked at; say it again"


@dataclass(frozen=True)
class Proposal:
    """What would be done with an upload; `do` answers False if that has moved on. Without it nothing is done: `told`
    says why."""

    stands: Progress
    told: str
    do: Callable[[], bool] | None = None


def show(found: list[Proposal], verb: str, console: Console) -> None:
    """A table of all, and what to say to have it done. `verb` is a participle: "replayed"."""
    console.print(_table(found, verb))
    able = sum(one.do is not None for one in found)
    then = "; nothing was done yet. Say it again with --yes to do it." if able else "; there is nothing to be done."
    _say(console, f"{able} of {len(found)} would be {verb}{then}")


def carry_out(found: list[Proposal], verb: str, console: Console) -> int:
    """Do it, one after the other and a line each. Exit status: 0 if anything was done, or nothing was to be."""
    done = 0
    with interrupts("it ends after this one") as stopped:
        for number, one in enumerate(found, start=1):
            if stopped():
                _say(console, f"Stopped: {len(found) - number + 1} of {len(found)} were not looked at; say it again.")
                return INTERRUPTED
            did = one.do is not None and one.do()
            done += did
            told = one.told if did or one.do is None else MOVED_ON
            _say(console, f"{number}/{len(found)}  {verb if did else 'not ' + verb}  {_name(one)}  {told}")
    _say(console, f"{done} of {len(found)} were {verb}.")
    return 0 if done or not found else 1


def _name(one: Proposal) -> str:
    return f"{one.stands.key} ({one.stands.upload_id})"


def _table(found: list[Proposal], verb: str) -> Table:
    table = Table(box=ROUNDED)
    for title in ("file", "stands", "", "what"):
        table.add_column(title, overflow="fold")
    for one in found:
        would = Text(verb, "green") if one.do else Text(f"not {verb}", "yellow")
        table.add_row(Text(f"{one.stands.key}\n{one.stands.upload_id}"), Text(one.stands.state), would, Text(one.told))
    return table


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
