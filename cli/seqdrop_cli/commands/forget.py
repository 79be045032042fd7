"""`seqdrop forget`: ask to delete archived files, or take that back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import format_size, note, show_status
from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import Example
from seqdrop_cli.selectors import Selector, folder, select_uploads

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Sequence

    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services

    from seqdrop_cli.dry_run import Proposal

TEXT = """\
Delete archived files, in two steps. This command asks for it, and mails the lab. After the days of the stack parameter
ForgetDays, the archived copies are deleted; until then, --cancel takes the request back. A deleted copy cannot be
restored: it is the only one that Seqdrop has.

Without --yes, the command only shows what it would do: which files, what S3 charges because they are younger than the
minimum days of their storage class, and from which day on they are free to delete.

Each deleted file leaves a tombstone, tombstones/UPLOAD.json in the results bucket, and its receipt. Results are kept
unless --results is given. A file in a bundle is deleted when all files of the bundle are forgotten; name the run to
forget them together.

--expired selects files that are older than retention_days of their analysis in analyses.toml.
"""
EXAMPLES = (
    Example("seqdrop forget runs/run7", "show what would be deleted, and what it would cost"),
    Example('seqdrop forget runs/run7 --reason "end of project" --yes', "ask for it"),
    Example("seqdrop forget runs/run7 --cancel --yes", "keep the files after all"),
    Example("seqdrop forget --expired --analysis runs", "files that are older than retention_days"),
)
UPLOAD_ID = re.compile(r"[A-Z2-7]{26}")
STATES = ("ARCHIVED", "FORGETTING")


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop forget`."""

    targets: list[str]
    reason: str
    results: bool
    cancel: bool
    expired: bool
    analysis: str | None
    yes: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="UPLOAD|RUN",
        help="upload ids, or folders such as runs/run7, from `seqdrop status`",
    )
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why; it is kept in the tombstones (default: none)"
    )
    parser.add_argument("--results", action="store_true", help="delete results and reports too (default: keep them)")
    parser.add_argument("--cancel", action="store_true", help="take the request back")
    parser.add_argument("--expired", action="store_true", help="only files that are older than their retention_days")
    text = "only uploads of this analysis of analyses.toml, with --expired (default: any)"
    parser.add_argument("--analysis", metavar="NAME", help=text)
    parser.add_argument("--yes", action="store_true", help="do it (default: only show what would be done)")
    add_stack(parser)


def run(options: Options) -> int:
    """Show or carry out the requests; return the exit status."""
    if not options.targets and not options.expired:
        raise UsageError("nothing is selected; name uploads or folders (see `seqdrop status`), or give --expired")
    from seqdrop_cli.dry_run import carry_out, show_proposals
    from seqdrop_cli.target import find_target

    services = find_target(options).services()
    with show_status("reading the ledger"):
        uploads = list(_select(services, options))
        proposals = [_propose(services, upload, options) for upload in uploads]
    participle = "kept" if options.cancel else "forgotten"
    if not options.cancel:
        _describe(services, [upload for upload, proposal in zip(uploads, proposals, strict=True) if proposal.act])
    if not options.yes:
        show_proposals(proposals, participle)
        return 0
    if not options.cancel:
        _mail(services, [upload for upload, proposal in zip(uploads, proposals, strict=True) if proposal.act], options)
    return carry_out(proposals, participle)


def _select(services: Services, options: Options) -> Iterator[Upload]:
    """Yield each selected upload once."""
    ids = set()
    for selector in _selectors(options):
        for upload in _candidates(services.ledger, selector):
            if upload.id not in ids and (not options.expired or _is_expired(services, upload)):
                ids.add(upload.id)
                yield upload


def _selectors(options: Options) -> Iterator[Selector]:
    common = Selector(analysis=options.analysis or "")
    if not options.targets:
        yield common
    if uploads := tuple(target for target in options.targets if UPLOAD_ID.fullmatch(target)):
        yield replace(common, uploads=uploads)
    for target in options.targets:
        if not UPLOAD_ID.fullmatch(target):
            yield replace(common, folder=folder(target))


def _candidates(ledger: Ledger, selector: Selector) -> Iterator[Upload]:
    if selector.uploads:
        yield from select_uploads(ledger, selector)
    else:
        for state in STATES:
            yield from select_uploads(ledger, replace(selector, state=state))


def _is_expired(services: Services, upload: Upload) -> bool:
    from seqdrop.stages.reconcile.retention import expired_before

    analysis = services.analyses.by_name.get(upload.analysis)
    return upload.state == "ARCHIVED" and analysis is not None and upload.moved_at < expired_before(analysis)


def _propose(services: Services, upload: Upload, options: Options) -> Proposal:
    from seqdrop.stages.forget import request

    from seqdrop_cli.dry_run import Proposal
    from seqdrop_cli.progress import read_progress

    progress = read_progress(services.ledger, upload.id, upload.key, upload.size)
    if options.cancel:
        refusal = request.explain_no_cancel(upload)
        act = None if refusal else partial(request.cancel, services, upload)
        return Proposal(progress, refusal or "stays archived", act)
    refusal = request.explain_refusal(upload)
    asked = request.Request(options.reason, options.results)
    act = None if refusal else partial(request.ask, services, upload, asked)
    return Proposal(progress, refusal or _explain(services, upload), act)


def _explain(services: Services, upload: Upload) -> str:
    from seqdrop.stages.forget import request

    due = request.due_at(services)
    charge = request.compute_charge(upload, due)
    cost = f"S3 charges {_dollars(charge.usd)}" if charge.usd else "free of charge"
    bundle = "; in a bundle, which is deleted when all its files are forgotten" if request.is_bundled(upload) else ""
    return f"deleted from {due[:10]}, {cost} (free from {charge.free_from}){bundle}"


def _describe(services: Services, uploads: Sequence[Upload]) -> None:
    """Print the sums of what would be deleted."""
    from seqdrop.stages.forget import request

    if not uploads:
        return
    due = request.due_at(services)
    charges = [request.compute_charge(upload, due) for upload in uploads]
    files = "1 file" if len(uploads) == 1 else f"{len(uploads):,} files"
    charge = _dollars(sum(charge.usd for charge in charges))
    note(
        f"{files}, {format_size(sum(upload.size for upload in uploads))}. If they are deleted on "
        f"{due[:10]}, S3 charges {charge} for the rest of their minimum days; from "
        f"{max(charge.free_from for charge in charges)} on nothing."
    )


def _dollars(usd: float) -> str:
    """Return a sum; one of less than a cent with its first digits."""
    return f"${usd:,.2f}" if usd >= 0.01 or not usd else f"${usd:.6f}"


def _mail(services: Services, uploads: Sequence[Upload], options: Options) -> None:
    from seqdrop.stages.forget import request

    if uploads:
        request.mail_request(services, uploads, request.Request(options.reason, options.results))


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
