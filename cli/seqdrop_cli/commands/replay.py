"""seqdrop replay: another attempt at uploads that failed, or that a new model is to see."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.stages.operator import replay as stage

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
Try again to get predictions for uploads whose last attempt failed, or have the current model predict uploads that an
earlier one predicted. Results of each attempt stand beside the earlier ones: results/ANALYSIS/UPLOAD/attempt-2/.

Without --yes nothing is done: a table says what would be, and of each upload that cannot be replayed, why and what to
do instead. Uploads are chosen by id, run, state, analysis and time; what is said must all hold.

  seqdrop replay --state FAILED                        after a model or a setting was mended
  seqdrop replay --run reads/run7 --yes                a run, by the model of today
  seqdrop replay --state ARCHIVED --analysis contigs --since 2026-01-01
  seqdrop replay ABCDEFGHIJKLMNOPQRSTUVWXYZ --yes      one upload

An attempt goes by the work items of the one before, which are kept for 14 days (a replay wants 4 of them left). Later,
or if analyses.toml now cuts other work (a window, a stride), a file that still lies in the landing bucket is read
again; an archived one is to be restored and dropped again. analyses.toml is that of this checkout: run the command
where you deploy from. What the current model has predicted with the same settings is left alone, so a replay that was
broken off goes on when it is said again.
"""


def add(commands, command) -> None:
    """The command's arguments."""
    one = command(commands, "replay", run, "try again what failed, or predict again by the current model")
    one.description, one.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    add_choice(one, "run", "state", "analysis", "since", "until")
    one.add_argument("--again", action="store_true", help="also what the current model has predicted already")
    one.add_argument("--yes", action="store_true", help="do it")


def run(options, console: Console) -> int:
    choice, services = Choice.of(options), targets.find(options.stack).services()
    with console.status("looking at what was chosen"):
        found = [_proposal(services, one, options.again) for one in chosen(services.ledger, choice)]
    if options.yes:
        return carry_out(found, "replayed", console)
    show(found, "replayed", console)
    return 0


def _proposal(services: Services, upload: Upload, again: bool) -> Proposal:
    found = stage.considered(services, upload, again)
    do = None if found.refused else partial(stage.replay, services, found)
    return Proposal(read_progress(services.ledger, upload.id, upload.key, upload.size), found.told, do)
