"""Proposals of a command for many uploads: shown without --yes, carried out with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.console import is_terminal, say
from seqdrop_cli.interrupts import catch_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seqdrop_cli.progress import Progress

INTERRUPTED = 130
OUT_OF_DATE = "its state has changed since it was read; repeat the command"


@dataclass(frozen=True)
class Proposal:
    """The action proposed for an upload, or the reason why there is none.

    `act` carries it out, and returns False if the upload has changed since it was read. It is None if no action is
    possible; `explanation` then says why.
    """

    progress: Progress
    explanation: str
    act: Callable[[], bool] | None = None

    @property
    def name(self) -> str:
        """The key and the id of the upload."""
        return f"{self.progress.key} ({self.progress.upload_id})"


def show_proposals(proposals: Sequence[Proposal], participle: str) -> None:
    """Print all proposals, and how to carry them out. `participle` names the action: "replayed" or "released".

    If the output is no terminal, each proposal is one tab-separated line: upload id, state, key, action, explanation.
    """
    if is_terminal():
        _print_table(proposals, participle)
    else:
        for proposal in proposals:
            upload, effect = proposal.progress, _effect(proposal, participle)
            say(f"{upload.upload_id}\t{upload.state}\t{upload.key}\t{effect}\t{proposal.explanation}")
    able = sum(proposal.act is not None for proposal in proposals)
    advice = "Nothing was done yet; repeat the command with --yes to do it." if able else "There is nothing to do."
    say(f"{able} of {len(proposals)} would be {participle}. {advice}")


def _print_table(proposals: Sequence[Proposal], participle: str) -> None:
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from seqdrop_cli.upload_table import ID_WIDTH, Key

    table = Table(box=ROUNDED)
    table.add_column("file", min_width=ID_WIDTH)
    for title in ("state", "", "explanation"):
        table.add_column(title, no_wrap=title != "explanation")
    for proposal in proposals:
        upload, colour = proposal.progress, "green" if proposal.act else "yellow"
        effect = Text(_effect(proposal, participle), colour)
        table.add_row(Key(upload.key, upload.upload_id), upload.state, effect, Text(proposal.explanation))
    Console().print(table)


def _effect(proposal: Proposal, participle: str) -> str:
    return participle if proposal.act else f"not {participle}"


def carry_out(proposals: Sequence[Proposal], participle: str) -> int:
    """Carry out the proposals in order and print a line for each; return the exit status.

    The status is 0 if anything was done or nothing was proposed, 1 if nothing could be done, 130 after Ctrl-C.
    """
    count = 0
    with catch_interrupts("the command stops after this upload") as is_interrupted:
        for number, proposal in enumerate(proposals, start=1):
            if is_interrupted():
                left = len(proposals) - number + 1
                say(f"Stopped: {left} of {len(proposals)} were not processed; repeat the command for the rest.")
                return INTERRUPTED
            is_done = proposal.act is not None and proposal.act()
            count += is_done
            say(f"{number}/{len(proposals)}  {_outcome(proposal, participle, is_done)}")
    say(f"{count} of {len(proposals)} were {participle}.")
    return 0 if count or not proposals else 1


def _outcome(proposal: Proposal, participle: str, is_done: bool) -> str:
    if is_done:
        return f"{participle}  {proposal.name}  {proposal.explanation}"
    reason = OUT_OF_DATE if proposal.act else proposal.explanation
    return f"not {participle}  {proposal.name}  {reason}"
