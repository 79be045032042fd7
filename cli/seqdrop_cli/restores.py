"""Requests for restores: the price before, the question, and the states after."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seqdrop.archive.restore_price import Estimate, Terms, estimate
from seqdrop.ledger.moves import ENDS, OPEN, RESTORE
from seqdrop.stages.restore.copies import select_for
from seqdrop.stages.restore.requests import (
    Wishes,
    explain_not_archived,
    find_restored,
    make_id,
    make_plan,
    request_restore,
)
from seqdrop.stages.restore.selection import Selection, select

from seqdrop_cli.console import format_size, is_terminal, note, print_table, say, show_status
from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.archive.restore_plan import Plan
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services

    from seqdrop_cli.commands.restore import Options
    from seqdrop_cli.target import Target

MOST_USD = 10.0  # above it, --yes is needed also on a terminal
MOST_LINES = 10  # of uploads that cannot be restored
QUEUE = "RestoreQueue"  # in template.yaml


def restoring_services(target: Target) -> Services:
    """Return the services of a stack with the URL of the queue of restore, which few functions know."""
    queue = target.queues().get(QUEUE)
    if queue is None:
        raise CommandError(f"the stack {target.stack} cannot restore yet: deploy this version of Seqdrop first")
    return target.services(SEQDROP_RESTORE_QUEUE=queue)


def request_files(target: Target, options: Options) -> int:
    """Show what a restore costs, ask, and request it; return the exit status."""
    services = restoring_services(target)
    what = options.what or ""
    with show_status("reading the ledger"):
        plan, selection = find_plan(services, what)
    _check_analysis(services, options.analysis, plan, selection)
    with show_status("asking S3 what is restored"):
        restored = find_restored(services, plan, options.days)
    above = services.settings.restore_batch_above
    terms = Terms(options.tier, options.days, above, bool(options.to), bool(options.analysis))
    price = estimate(plan, terms, restored)
    if not options.json:
        _show_price(price, options)
    if options.dry_run or not (price.objects or options.to or options.analysis):
        return _end(price, options, "")
    _confirm(price, options)
    wishes = Wishes(what, options.tier, options.days, options.to or "", options.analysis)
    return _end(price, options, request_restore(services, plan, wishes, make_id(), price.usd).id)


def find_plan(services: Services, what: str) -> tuple[Plan, Selection]:
    """Return the files that a text names, with the objects that have them. Raise CommandError if none is archived."""
    selection = select(services, what)
    if not selection.uploads:
        raise CommandError(
            f"nothing is named {what!r}: give an upload id, a key or its end, the folder of a run, or a sample; "
            "`seqdrop status` lists the uploads"
        )
    archived, others = _resolve(services, selection.uploads)
    _explain_others(others)
    plan, missing = make_plan(services, archived)
    for upload in missing[:MOST_LINES]:
        note(f"{upload.key} ({upload.id}) has no receipt yet; the reconciler writes it again within the hour")
    if not plan.files:
        raise CommandError(f"no file of {what!r} can be restored; the reasons are above")
    return plan, selection


def _resolve(services: Services, uploads: Iterable[Upload]) -> tuple[list[Upload], list[Upload]]:
    """Return the uploads that are archived, or whose originals are, and the others."""
    archived: dict[str, Upload] = {}
    others = []
    for upload in uploads:
        original = services.ledger.find_upload(upload.duplicate_of) if upload.state == "DUPLICATE" else upload
        if original and original.state == "ARCHIVED":
            archived[original.id] = original
        else:
            others.append(upload)
    return list(archived.values()), others


def _explain_others(others: list[Upload]) -> None:
    for upload in others[:MOST_LINES]:
        note(f"not archived: {upload.key} ({upload.id}): {explain_not_archived(upload)}")
    if len(others) > MOST_LINES:
        note(f"not archived: {len(others) - MOST_LINES} more; `seqdrop status` shows them")


def _check_analysis(services: Services, name: str, plan: Plan, selection: Selection) -> None:
    """Raise CommandError if an analysis cannot process the files again."""
    if not name:
        return
    analysis = services.analyses.by_name.get(name)
    models = sorted(known for known, other in services.analyses.by_name.items() if other.has_model)
    if analysis is None or not analysis.has_model:
        raise CommandError(f"--run needs an analysis with a model; analyses.toml has {', '.join(models)}")
    if analysis.gate and selection.kind != "run":
        raise CommandError(f"files of {name} wait for the end of their run, so restore the whole run with --run {name}")
    if not select_for(analysis, plan):
        formats = ", ".join(analysis.formats)
        raise CommandError(f"{name} reads {formats}, and none of these files is one; choose another analysis")


def _show_price(price: Estimate, options: Options) -> None:
    hours = f"within {price.hours_at_most} hours" if price.hours_at_most else "at once"
    say(f"{price.files} files in {price.objects + price.readable} objects of the archive")
    if price.readable:
        say(f"  {price.readable} objects can be read now: restored already, or of a class that needs no restore")
    say(f"  {price.objects} objects are to be restored: {format_size(price.bytes)}, tier {options.tier}, {hours}")
    say(f"  restore {_usd(price.usd_restore)}, temporary copies for {options.days} days {_usd(price.usd_temporary)}")
    if options.to or options.analysis:
        say(f"  copies {_usd(price.usd_copies)}" + (f", and {_usd(price.usd_month)} a month" if options.to else ""))
    say(f"  together {_usd(price.usd)} (list prices of us-east-1; a download over the internet costs more)")


def price_text(services: Services, plan: Plan) -> str:
    """Return a sentence with price and time of a restore of what is not restored, for the cheapest tier and a week."""
    above = services.settings.restore_batch_above
    price = estimate(plan, Terms("Bulk", 7, above), find_restored(services, plan))
    return f"It costs {_usd(price.usd)} and takes up to {price.hours_at_most} hours (Bulk, 7 days)."


def _usd(dollars: float) -> str:
    return f"${dollars:.2f}" if dollars >= 0.01 or not dollars else f"${dollars:.6f}"


def _confirm(price: Estimate, options: Options) -> None:
    """Return if the person agrees. Raise CommandError otherwise."""
    if options.yes:
        return
    if price.usd > MOST_USD:
        raise CommandError(f"this costs more than ${MOST_USD:.0f}; if that is right, repeat the command with --yes")
    if options.json or not (is_terminal() and sys.stdin.isatty()):
        raise CommandError("nothing was asked for; to do it, repeat the command with --yes")
    if input("Restore? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was asked for")


def _end(price: Estimate, options: Options, request_id: str) -> int:
    if options.json:
        say(json.dumps({"restore": request_id, **asdict(price), "usd": price.usd}))
    elif request_id:
        say(f"Requested: {request_id}. You get a mail when it is done; until then:")
        say(f"  seqdrop restore --status {request_id}")
    elif options.dry_run:
        say("Nothing was asked for.")
    else:
        say(f"Everything can be read already. To download it:\n  seqdrop fetch --raw {options.what}")
    return 0


def show_requests(ledger: Ledger, request_id: str, *, as_json: bool) -> int:
    """Print all requests, the newest last, or one; return the exit status."""
    requests = _find(ledger, request_id) if request_id else _list(ledger)
    if as_json:
        say(json.dumps([_as_json(item) for item in requests]))
        return 0
    titles = ("restore", "state", "what", "objects back", "until", "then")
    print_table(titles, [_row(item) for item in requests])
    for item in requests if request_id else ():
        for line in (item.reason, *item.failures):
            if line:
                say(line)
    if not requests:
        note("there are no requests; `seqdrop restore WHAT` makes one")
    return 0


def _find(ledger: Ledger, request_id: str) -> list[RestoreRequest]:
    request = ledger.find_restore(request_id)
    if request is None:
        raise CommandError(f"there is no restore {request_id}; `seqdrop restore --status` lists them")
    return [request]


def _list(ledger: Ledger) -> list[RestoreRequest]:
    states = (*OPEN[RESTORE], *sorted(ENDS[RESTORE]))
    requests = [item for state in states for item in ledger.in_state(RESTORE, state)]
    return sorted(requests, key=lambda item: item.created_at)


def _row(item: RestoreRequest) -> tuple[str, ...]:
    then = "; ".join(
        filter(None, (f"processed as {item.run}" if item.run else "", f"kept: {item.to}" if item.to else ""))
    )
    failed = f", {item.failed} failed" if item.failed else ""
    return (item.id, item.state, item.selector, f"{_back(item)} of {item.objects}{failed}", item.until[:16], then)


def _back(item: RestoreRequest) -> int:
    return item.back - item.failed


def _as_json(item: RestoreRequest) -> dict[str, Any]:
    names = ("id", "state", "selector", "tier", "days", "to", "run", "files", "objects", "bytes", "usd", "until")
    more = ("failed", "failures", "reason", "created_at")
    return {name: getattr(item, name) for name in (*names, *more)} | {"back": _back(item)}
