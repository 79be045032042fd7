"""`seqdrop release`: archive files whose attempt failed, without predictions."""

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

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

    from seqdrop_cli.dry_run import Proposal

TEXT = """\
Archive valid files whose predictions failed, without predictions. Such a file stays in the landing bucket until you
replay or release it. A released file is copied to Deep Archive like any other; its receipt records that a person
released it without predictions.

Without --yes, the command only shows what it would do.

A released file can still be replayed as long as its work items are kept: for 14 days after it was read. The files of a
training and a BED can be released by id or by folder, like any other file.
"""
SELECTORS = ("run",)
EXAMPLES = (
    Example("seqdrop release --run reads/run7", "all files of a run whose attempt failed"),
    Example("seqdrop release ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes", "one upload"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop release`."""

    uploads: list[str]
    folder: str | None
    yes: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_selectors(parser, *SELECTORS)
    parser.add_argument("--yes", action="store_true", help="do it (default: only show what would be done)")
    add_stack(parser)


def run(options: Options) -> int:
    """Show or carry out the releases; return the exit status."""
    selector = Selector(tuple(options.uploads), options.folder or "").require(*SELECTORS)
    from seqdrop_cli.dry_run import carry_out, show_proposals
    from seqdrop_cli.target import find_target

    services = find_target(options).services()
    with show_status("reading the ledger"):
        proposals = [_propose(services, upload) for upload in select_uploads(services.ledger, selector)]
    if options.yes:
        return carry_out(proposals, "released")
    show_proposals(proposals, "released")
    return 0


def _propose(services: Services, upload: Upload) -> Proposal:
    from seqdrop.stages.operator import release

    from seqdrop_cli.dry_run import Proposal
    from seqdrop_cli.progress import read_progress

    refusal = release.explain_refusal(services, upload)
    act = None if refusal else partial(release.release, services, upload)
    progress = read_progress(services.ledger, upload.id, upload.key, upload.size)
    return Proposal(progress, refusal or "archived without predictions", act)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
