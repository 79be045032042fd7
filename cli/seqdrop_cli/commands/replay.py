"""`seqdrop replay`: another attempt at uploads that failed, or predictions by a new model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import show_status
from seqdrop_cli.parsing import Example
from seqdrop_cli.selectors import Selector, add_selectors, select_uploads

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import datetime

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

    from seqdrop_cli.dry_run import Proposal

TEXT = """\
Predict uploads again: those whose last attempt failed, or those that an earlier model predicted. The results of earlier
attempts are kept; new results are beside them, such as results/ANALYSIS/UPLOAD/attempt-2/.

Without --yes, the command only shows what it would do. For each upload that cannot be replayed, it says why, and what
to do instead. Select uploads by id, run, state, analysis and time; all conditions must hold.

A new attempt uses the work items of the previous attempt. They are kept for 14 days, and a replay needs 4 of these
days. If they have expired, or if analyses.toml now defines other work items (such as another window or stride), a file
in the landing bucket is read again; an archived file must be restored and dropped again.

The command uses the analyses.toml of this checkout, so run it in the checkout from which you deploy. It does not repeat
predictions of the current model with the same settings, so you can repeat the command to continue an interrupted
replay.
"""
SELECTORS = ("run", "state", "analysis", "since", "until")
EXAMPLES = (
    Example("seqdrop replay --state FAILED", "what can be replayed after a repair"),
    Example("seqdrop replay --run reads/run7 --yes", "a run, with the current model"),
    Example("seqdrop replay --state ARCHIVED --analysis contigs --since 2026-01-01", "archived since then, in UTC"),
    Example("seqdrop replay ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes", "one upload"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop replay`."""

    uploads: list[str]
    folder: str | None
    state: str | None
    analysis: str | None
    since: datetime | None
    until: datetime | None
    again: bool
    yes: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selectors(parser, *SELECTORS)
    parser.add_argument(
        "--again", action="store_true", help="include uploads that the current model has already predicted"
    )
    parser.add_argument("--yes", action="store_true", help="do it (default: only show what would be done)")
    add_stack(parser)


def run(options: Options) -> int:
    """Show or carry out the replays; return the exit status."""
    selector = Selector(
        uploads=tuple(options.uploads),
        folder=options.folder or "",
        state=options.state or "",
        analysis=options.analysis or "",
        since=options.since,
        until=options.until,
    ).require(*SELECTORS)
    from seqdrop_cli.dry_run import carry_out, show_proposals
    from seqdrop_cli.target import find_target

    services = find_target(options).services()
    with show_status("reading the ledger"):
        uploads = select_uploads(services.ledger, selector)
        proposals = [_propose(services, upload, options.again) for upload in uploads]
    if options.yes:
        return carry_out(proposals, "replayed")
    show_proposals(proposals, "replayed")
    return 0


def _propose(services: Services, upload: Upload, again: bool) -> Proposal:
    from seqdrop.stages.operator import replay

    from seqdrop_cli.dry_run import Proposal
    from seqdrop_cli.progress import read_progress

    plan = replay.plan_replay(services, upload, again)
    act = None if plan.refused else partial(replay.replay, services, plan)
    return Proposal(read_progress(services.ledger, upload.id, upload.key, upload.size), plan.summary, act)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
