"""Plan the bundles of a run: which files are packed together, and which are objects of their own after all.

The order is: claim the files as the archive stage does (repeated.py), write the plans, then record them together with
what was decided about the other files. Only an invocation that has seen the last plans can record new ones, so no file
is in two. A crash before that leaves claims of uploads that are due, and plans that no record names; both are harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.ledger.records import Step
from seqdrop.runs.bundle_layout import lay_out
from seqdrop.runs.bundle_policy import select
from seqdrop.runs.files import RunFile
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import now
from seqdrop.stages.archive.cold_copy import LONGEST_KEY
from seqdrop.stages.bundle.candidates import MOST, Candidate, find_candidates, in_batches
from seqdrop.stages.bundle.eligibility import make_message
from seqdrop.stages.bundle.plan import Plan, read_plan, write_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.ledger.run_bundles import RunBundles
    from seqdrop.ledger.run_record import Run
    from seqdrop.runs.bundle_policy import Bundle
    from seqdrop.runtime.services import Services

CLAIMS = 100  # records that DynamoDB writes in one transaction
NOTES = 50
LONGEST_NAME = "seqdrop-bundle-0123456789abcdef.tar"


class PlansChangedError(RetryableError):
    """Another invocation planned bundles of the run, or a file moved, after both were read here."""

    wait = 15


@dataclass(frozen=True)
class Division:
    """The files of a run by how they are archived. `is_whole` is False if the run has more files than were read."""

    plans: list[Plan]
    alone: list[str]
    is_whole: bool


def plan_bundles(services: Services, run: Run) -> None:
    """Record the plans of files that have none, and send the messages of all bundles of the run, and of other files.

    A plan that expired is forgotten; files that it did not archive are planned again. Raise PlansChangedError if
    another invocation was first.
    """
    before = services.ledger.run_bundles(run.id)
    open_plans = [plan for plan in [read_plan(services, plan_id) for plan_id in before.plans] if plan]
    division = divide_files(services, run, {upload for plan in open_plans for upload in plan.uploads})
    for plan in division.plans:
        write_plan(services, plan)
    names = [plan.id for plan in (*open_plans, *division.plans)]
    _record(services, before, names, division.alone)
    queue, archive = services.settings.bundle_queue, services.settings.archive_queue
    services.send_all([(queue, make_message(run.id, name)) for name in names])
    services.send_all([(archive, {"upload": upload}) for upload in division.alone])
    if not division.is_whole:
        services.send(queue, make_message(run.id))
    counts = {"bundles": len(division.plans), "alone": len(division.alone)}
    logger().info("planned bundles", extra={"run": run.id, **counts})


def divide_files(services: Services, run: Run, taken: set[str]) -> Division:
    """Return how the files that have no bundle yet are archived, after claiming those that will be in one.

    If there are more files than MOST, only full bundles are planned, and nothing is decided about the rest.
    """
    newest, older = find_candidates(services, run, taken)
    is_whole = len(newest) + len(older) < MOST
    by_name = {candidate.name: candidate for candidate in newest}
    analysis = services.analyses.for_key(run.key_of("file"))
    below = analysis.bundle_bytes if analysis else 0
    kept_as = analysis.storage_class if analysis else DEEP_ARCHIVE
    units = [folder for folder in run.complete if folder]
    selection = select((candidate.file for candidate in newest), lambda _: False, units, below)
    selected = [bundle for bundle in selection.bundles if is_whole or bundle.is_full]
    alone = [by_name[file.name] for file in selection.objects] if is_whole or not selected else []
    plans = []
    for bundle in selected or selection.bundles:
        members = [by_name[file.name] for file in bundle.run_files]
        kept, contested = _claim(services, run, members) if _has_short_key(run, bundle) else ([], members)
        alone += contested
        plans += [_make_plan(run, bundle, kept, kept_as)] if kept else []
    return Division(plans, sorted({candidate.upload for candidate in [*older, *alone]}), is_whole)


def _has_short_key(run: Run, bundle: Bundle) -> bool:
    """Return True if the index of a bundle, which has the longest key of its objects, can have one."""
    return len(keys.bundle_index(keys.archived(_folder(run, bundle) + LONGEST_NAME, run.id)).encode()) <= LONGEST_KEY


def _folder(run: Run, bundle: Bundle) -> str:
    return run.folder + (f"{bundle.folder}/" if bundle.folder else "")


def _make_plan(run: Run, bundle: Bundle, members: Sequence[Candidate], kept_as: str) -> Plan:
    folder = _folder(run, bundle)
    prefix = len(folder) - len(run.folder)
    ordered = sorted(members, key=lambda member: member.name)
    files = ((RunFile(row.name[prefix:], row.size, row.modified), row.crc32, row.sha256) for row in ordered)
    uploads, versions = tuple(row.upload for row in ordered), tuple(row.version for row in ordered)
    return Plan(run.id, run.bucket, folder, kept_as, uploads, versions, lay_out(files))


def _claim(services: Services, run: Run, members: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Return the members whose files are claimed for them now, and the others.

    The archive stage compares each of the others with the upload that holds its file: it may be a duplicate.
    """
    kept, contested = list[Candidate](), list[Candidate]()
    for batch in in_batches(members, CLAIMS):
        files = services.ledger.archived_files([member.archived_file(run) for member in batch])
        pairs = list(zip(batch, files, strict=True))
        contested += [member for member, file in pairs if file.upload not in ("", member.upload)]
        free = [(member, file) for member, file in pairs if not file.upload]
        claims = [file.with_upload(member.upload) for member, file in free]
        if claims and not services.ledger.move_all((), claims):
            raise PlansChangedError(f"files of run {run.id} were claimed at the same moment")
        kept += [member for member, file in pairs if file.upload in ("", member.upload)]
    return kept, contested


def _record(services: Services, before: RunBundles, plans: Sequence[str], alone: Sequence[str]) -> None:
    """Record the plans of a run, and that other files are objects of their own.

    Both are conditional on the plans that were read. Notes of one file at a time would cost a request each.
    """
    after = replace(before, plans=tuple(plans))
    for batch in in_batches(alone, NOTES):
        uploads = services.ledger.load_uploads(batch).values()
        steps = [Step(upload, upload.state, {"unbundled_at": now()}) for upload in uploads]
        if not services.ledger.move_all(steps, [after]):
            raise PlansChangedError(f"bundles of run {before.run} were planned at the same moment")
        after = replace(after, revision=after.revision + 1)
    is_new = after.plans != before.plans and not alone
    if is_new and not services.ledger.save(after):
        raise PlansChangedError(f"bundles of run {before.run} were planned at the same moment")
