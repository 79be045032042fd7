"""One upload by a command: the plan is shown, the files are sent, and the outcome is reported."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.runs.names import MANIFEST
from seqdrop.uploads import UploadVersion

from seqdrop_cli.console import format_size, is_terminal, note, say
from seqdrop_cli.errors import CommandError
from seqdrop_cli.uploader.bundled_plan import BundledPlan
from seqdrop_cli.uploader.events import FINISHED, PLANNED, SKIPPED, SUMMARY, Event, Outcome, left_out_facts, write_json
from seqdrop_cli.uploader.freeing import Freeable, find_freeable, free
from seqdrop_cli.uploader.heaps import limit_heaps
from seqdrop_cli.uploader.listing import Selection
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.progress_line import ProgressLine
from seqdrop_cli.uploader.proofs import Proofs
from seqdrop_cli.uploader.reports import (
    Lines,
    Summary,
    count_files,
    describe_left_out,
    describe_outcome,
    describe_plan,
)
from seqdrop_cli.uploader.run_bundles import spool_folder
from seqdrop_cli.uploader.run_manifest import Manifests
from seqdrop_cli.uploader.state import UploadState
from seqdrop_cli.uploader.state_file import find_state
from seqdrop_cli.uploader.uploader import SENT, Options, Uploader

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop_cli.target import Target
    from seqdrop_cli.uploader.arguments import UploadOptions
    from seqdrop_cli.uploader.records import Item


@dataclass
class Uploads:
    """Passes events on to `report`; keeps the object versions that were sent, now or before, if they are watched."""

    bucket: str
    is_watched: bool
    report: Callable[[Event], None]
    versions: list[UploadVersion] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        facts = event.facts
        is_known = event.kind == FINISHED or (event.kind == SKIPPED and facts["reason"] == SENT)
        if self.is_watched and is_known:
            self.versions.append(
                UploadVersion(self.bucket, facts["key"], facts["version"], facts["size"], facts["etag"])
            )
        self.report(event)


def run_upload(options: UploadOptions) -> int:
    """Send the files; return 0, or 1 unless all were sent and, with --watch, archived."""
    from seqdrop_cli.target import find_target

    plan = make_plan(options)
    summary = Summary.of(plan)
    if not summary.files:
        raise CommandError(_explain_nothing(options, plan))
    _show_plan(options, plan, summary)
    if options.dry_run:
        return 0
    target = find_target(options)
    reporter = _make_reporter(options, target.landing, summary)
    uploads = Uploads(target.landing, options.watch, reporter or write_json)
    with UploadState(options.state or find_state(target, os.environ)) as state:
        spools = spool_folder(state.path, target.landing)
        source = BundledPlan(plan, spools, uploads, is_bundling=options.bundles, again=options.again)
        with closing(source):
            with closing(reporter) if reporter else nullcontext():
                transfer = _send(options, target, state, plan, source)
            outcome = _print_outcome(options, transfer, source)
            freeable = _find_freeable(target, state, plan, source) if options.free_after else None
        status = _watch(target, uploads.versions, outcome) if options.watch else int(not outcome.is_complete)
    if freeable:
        _free(options, freeable)
    return status


def _find_freeable(target: Target, state: UploadState, plan: Plan, source: BundledPlan) -> Freeable:
    """Return the files of a plan that the archive is proven to have."""
    groups: dict[str, list[Item]] = {}
    for unit in plan.units():
        for item in unit:
            groups.setdefault(item.group, []).append(item)
    freeable = Freeable()
    for group, items in groups.items():
        freeable.add(find_freeable(Proofs(target, state, source.find_spool(group)), items))
    return freeable


def _free(options: UploadOptions, freeable: Freeable) -> None:
    """Show, or with --yes delete, files that may be deleted."""
    for reason, count in freeable.kept.items():
        note(f"{count_files(count)} not deleted: {reason}")
    if not options.yes:
        note(
            f"{count_files(len(freeable.files))} could be freed, {format_size(freeable.size)}; add --yes to delete them"
        )
        return
    count, size = free(freeable)
    note(f"{count_files(count)} deleted, {format_size(size)}")


def make_plan(options: UploadOptions) -> Plan:
    """Return the plan of the files that the options name."""
    selection = Selection(tuple(options.include), tuple(options.exclude))
    return Plan(options.paths, Placement.of(options.to, options.prefix), selection, options.run)


def _explain_nothing(options: UploadOptions, plan: Plan) -> str:
    lines = [f"there are no files in {', '.join(map(str, options.paths))} to send; hidden files are left out"]
    return "; ".join([*lines, *describe_left_out(plan.left_out)])


def _show_plan(options: UploadOptions, plan: Plan, summary: Summary) -> None:
    if options.json:
        write_json(Event(PLANNED, {**summary.facts(), "left_out": left_out_facts(plan.left_out)}))
        return
    for line in [*describe_plan(summary, plan.notes), *describe_left_out(plan.left_out)]:
        (say if options.dry_run else note)(line)


def _make_reporter(options: UploadOptions, bucket: str, summary: Summary) -> Lines | None:
    """Return what prints the progress for people; None for JSON."""
    if options.json:
        return None
    is_shown = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
    return Lines(bucket, summary.files, ProgressLine(summary.size, sys.stderr) if is_shown else None)


@dataclass(frozen=True)
class Transfer:
    """What happened to the files of a plan in `seconds`, and to the manifests of its complete runs (`listed`)."""

    files: Outcome
    listed: Outcome
    seconds: float


def _send(options: UploadOptions, target: Target, state: UploadState, plan: Plan, source: BundledPlan) -> Transfer:
    settings = Options(options.jobs, options.limit, options.again, options.min_age)
    limit_heaps()
    uploader = Uploader(target, state, settings, source.take)
    started = time.monotonic()
    try:
        outcome = uploader.run(source)
        listed = uploader.run(Manifests(plan, source, state, target.landing)) if outcome.is_complete else Outcome()
    except KeyboardInterrupt as interrupt:
        sent = uploader.journal.outcome.sent
        raise KeyboardInterrupt(_describe_stop(sent)) from interrupt
    finally:
        uploader.close()
    return Transfer(outcome, listed, time.monotonic() - started)


def _print_outcome(options: UploadOptions, transfer: Transfer, source: BundledPlan) -> Outcome:
    """Print what happened; return the outcome of all."""
    outcome = transfer.files.with_problems(transfer.listed)
    if options.json:
        write_json(Event(SUMMARY, {**outcome.facts(), "seconds": round(transfer.seconds, 3)}))
        return outcome
    for line in [*describe_outcome(outcome, transfer.seconds), *source.describe()]:
        note(line)
    if transfer.listed.sent:
        note(f"{MANIFEST} was sent last: with it the pipeline knows that nothing is missing")
    return outcome


def _describe_stop(sent: int) -> str:
    files = "1 file was" if sent == 1 else f"{sent:,} files were"
    more = "; the pipeline processes what was uploaded" if sent else ""
    return f"stopped; {files} uploaded{more}; the same command sends the rest"


def _watch(target: Target, versions: list[UploadVersion], outcome: Outcome) -> int:
    from rich.console import Console

    from seqdrop_cli.watch import explain_waiting, watch

    uploads = watch(target.ledger(), versions, Console()) if versions else []
    for sentence in explain_waiting(uploads):
        say(sentence)
    is_archived = all(upload.state in ("ARCHIVED", "DUPLICATE") for upload in uploads)
    return int(not (is_archived and outcome.is_complete))
