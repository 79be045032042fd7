"""A valid upload that waits for its run is looked at now and then: whether it is still there, and its work items too.

The work bucket keeps those for 14 days. They are cut again before that, so a run may be late without any harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.s3 import is_gone
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.errors import ObjectGoneError
from seqdrop.kinds.plans import plan_of
from seqdrop.stages.assemble.masked_reading import bed_of
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.outcomes import end_upload, fail_attempt
from seqdrop.stages.routing import enqueue_next, is_gated
from seqdrop.stages.start_processing.processing_job import examine_in_job
from seqdrop.work.examination import Examination, load
from seqdrop.work.examine import ExaminationRequest, examine

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.runtime.services import Services

NUMBERS = ("shards", "items", "taken", "distinct")


def look_after(services: Services, upload: Upload) -> None:
    """Send a VALIDATED upload on, or see to it that it can be sent on when its run is complete.

    Raises ObjectGoneError.
    """
    attempts = services.ledger.deciding_attempts(upload)
    if policy := policy_of(services.analyses, upload):
        policy.confirm(services, upload)
    if not is_gated(services.ledger, services.analyses, upload, attempts):
        return enqueue_next(services, upload)
    own = [attempt for attempt in attempts if attempt.upload_id == upload.id]
    if is_gone(services.s3, upload):
        end_upload(services, upload, "WITHDRAWN", reason="deleted_while_it_waited")
        return None
    for attempt in own:
        _keep_fresh(services, upload, attempt)
    return None


def _keep_fresh(services: Services, upload: Upload, attempt: Attempt) -> None:
    """Cut the work items again if they are about to expire, as the attempt planned them."""
    found = load(services.s3, services.settings.work, upload.id) or _examined_again(services, upload, attempt)
    if found is None:
        return None  # a job examines it, or nothing can be cut any more
    if found.rejection:
        return fail_attempt(services, attempt, found.rejection["message"])
    numbers = {name: getattr(found, name) for name in NUMBERS}
    if numbers != {name: getattr(attempt, name) for name in NUMBERS}:  # a deploy since then cuts otherwise
        services.ledger.note(attempt, **numbers)
    return None


def _examined_again(services: Services, upload: Upload, attempt: Attempt) -> Examination | None:
    analysis = plan_of(attempt)
    if services.analyses.needs_job(upload.size) and not analysis.kind.reads_large_files_itself:
        return examine_in_job(services, upload, analysis)
    try:
        masks = _masks(services, attempt)
    except ObjectGoneError:
        return fail_attempt(services, attempt, "its BED was deleted while it waited for its run")
    request = ExaminationRequest(upload.version, analysis, masks)
    return examine(services.s3, services.settings.work, request)


def _masks(services: Services, attempt: Attempt) -> BedMasks | None:
    bed = services.ledger.find_upload(attempt.masks) if attempt.masks else None
    return BedMasks(bed.id, bed_of(services, bed)) if bed else None
