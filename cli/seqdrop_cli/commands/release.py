"""seqdrop release: files whose attempt failed are archived without predictions."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.stages.operator import release as stage

from seqdrop_cli import target as targets
from seqdrop_cli.dry_run import Proposal, carry_out, show
from seqdrop_cli.progress import read_progress
from seqdrop_cli.selectors import Choice, chosen
from seqdrop_cli.selectors import add as add_choice

if TYPE_CHECKING:
    from rich.console import Console
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

HELP = """\
A valid file whose attempt failed stays in the landing bucket until it is replayed or released. Released, it is copied
to Deep Archive like any other, and its receipt says that a person released it without predictions.

Without --yes nothing is done: a table says what would be.

  seqdrop release ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes     one upload
  seqdrop release --run reads/run7                     all below a folder whose attempt failed

It can be replayed afterwards while its work items last, 14 days from the day it was read. The files of a training, and
a BED, are released one by one or as a folder, like any other file.
"""


def add(commands, command) -> None:
    """The command's arguments."""
    one = command(commands, "release", run, "archive files whose attempt failed, without predictions")
    one.description, one.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    add_choice(one, "run")
    one.add_argument("--yes", action="store_true", help="do it")


def run(options, console: Console) -> int:
    choice, services = Choice.of(options), targets.find(options.stack).services()
    with console.status("looking at what was chosen"):
        found = [_proposal(services, one) for one in chosen(services.ledger, choice)]
    if options.yes:
        return carry_out(found, "released", console)
    show(found, "released", console)
    return 0


def _proposal(services: Services, upload: Upload) -> Proposal:
    refused = stage.why_not(services, upload)
    told = refused or "archived without predictions"
    do = None if refused else partial(stage.release, services, upload)
    return Proposal(read_progress(services.ledger, upload.id, upload.key, upload.size), told, do)
