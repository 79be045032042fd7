"""Monitor a valid upload that waits for its run: check that its object and its work items still exist.

The work bucket keeps work items for 14 days. They are written again before they expire, so a run may be complete later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.s3 import is_gone
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.errors import ObjectGoneError, UnreadableObjectError
from seqdrop.kinds.plans import plan_of
from seqdrop.stages.assemble.masked_reading import read_upload
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.outcomes import close_upload, fail_attempt
from seqdrop.stages.routing import enqueue_next, is_gated
from seqdrop.stages.start_processing.tries import request_try
from seqdrop.stages.unreadable import explain_unreadable
from seqdrop.work.examination import Examination, load
from seqdrop.work.examine import ExaminationRequest, examine

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.runtime.services import Services


def monitor(services: Services, upload: Upload) -> None:
    """Enqueue a VALIDATED upload. If it waits for its run, withdraw it if it was deleted, or renew its work items.

    Raise ObjectGoneError if it is deleted while it is read again.
    """
    attempts = services.ledger.deciding_attempts(upload)
    if policy := policy_of(services.analyses, upload):
        policy.confirm(services, upload)
    if not is_gated(services.ledger, services.analyses, upload, attempts):
        return enqueue_next(services, upload)
    own = [attempt for attempt in attempts if attempt.upload_id == upload.id]
    if is_gone(services.s3, upload):
        close_upload(services, upload, "WITHDRAWN", reason="deleted_while_it_waited")
        return None
    for attempt in own:
        _refresh_items(services, upload, attempt)
    return None


def _refresh_items(services: Services, upload: Upload, attempt: Attempt) -> None:
    """Write the work items of an attempt's plan again if they are about to expire. A workflow needs none."""
    if not plan_of(attempt).has_model:
        return None
    try:
        examination = load(services.s3, services.settings.work, upload.id) or _examine_again(services, upload, attempt)
    except UnreadableObjectError as error:  # of the upload, or of its BED
        reason = explain_unreadable(services, error)
        return fail_attempt(services, attempt, f"{reason['message']}. {reason['advice']}")
    if examination is None:
        return None  # a job examines it, or nothing can be written any more
    if examination.rejection:
        return fail_attempt(services, attempt, examination.rejection["message"])
    if _count_items(examination) != _count_items(attempt):  # a later deployment makes other work items
        services.ledger.note(attempt, **_count_items(examination))
    return None


def _count_items(counted: Examination | Attempt) -> dict[str, int]:
    """Return the counts that an attempt takes over from its examination."""
    return {
        "shards": counted.shards,
        "items": counted.items,
        "taken": counted.taken,
        "distinct": counted.distinct,
    }


def _examine_again(services: Services, upload: Upload, attempt: Attempt) -> Examination | None:
    """Return a new examination; None if a job makes it, or if the attempt was moved to FAILED as its BED is gone."""
    analysis = plan_of(attempt)
    if services.analyses.needs_job(upload.size) and not analysis.kind.reads_large_files_itself:
        request_try(services, upload)
        return None
    try:
        masks = _read_masks(services, attempt)
    except ObjectGoneError:
        fail_attempt(services, attempt, "its BED was deleted while it waited for its run")
        return None
    request = ExaminationRequest(upload.version, analysis, masks)
    return examine(services.s3, services.settings.work, request)


def _read_masks(services: Services, attempt: Attempt) -> BedMasks | None:
    """Return the intervals of the attempt's BED; None if it has none. Raise ObjectGoneError if the BED is gone."""
    if not attempt.masks:
        return None
    bed = services.ledger.find_upload(attempt.masks)
    if bed is None:  # it was deleted so long ago that its record has expired
        raise ObjectGoneError(f"the ledger has no record of the BED {attempt.masks} any more")
    return BedMasks(bed.id, read_upload(services, bed))
