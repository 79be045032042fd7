"""The order of the stages: which message an upload needs next, and whether it is gated, that is, waits for its run.

This module reads the ledger and sends messages; it moves nothing. A file is moved to VALIDATED before its runs are
read. A run is opened before its files are enqueued (stages/runs/run.py, and stages/assemble/runs.py for markers).
Therefore, if a file and the last marker arrive at the same moment, at least one of the two invocations sees what the
other wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.ledger.moves import ATTEMPT, DONE, ENDS
from seqdrop.ledger.records import TRAIN, WORKFLOW, Attempt, Upload
from seqdrop.ledger.run_record import run_id

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.messages import Body
    from seqdrop.runtime.services import Services


def is_gated(ledger: Ledger, analyses: Analyses, upload: Upload, attempts: list[Attempt]) -> bool:
    """Return True if a VALIDATED upload waits for its run.

    It does not wait if it repeats an archived upload, or if one of its attempts has left PLANNED: then it has advanced
    before. The record of its run lists the folders that are complete. A run without a record has markers: any folder of
    the key may be its folder, so one open run among them is enough.
    """
    if upload.state != "VALIDATED" or upload.duplicate_of:
        return False
    if any(attempt.state != "PLANNED" or attempt.number > 1 for attempt in attempts):
        return False
    if folder := analyses.run_folder(upload.key):
        run = ledger.find_run(run_id(upload.bucket, folder))
        return run is None or not run.releases(upload.key)
    folders = analyses.gated_folders(upload.key)
    return bool(folders) and not any(_is_open(ledger, f"{upload.bucket}/{folder}") for folder in folders)


def _is_open(ledger: Ledger, run: str) -> bool:
    return bool(ledger.file_set(RUNS, run).fact("opened_at"))


def enqueue_next(services: Services, upload: Upload) -> None:
    """Send the messages that follow from an upload's state.

    This may be called at any time: a stage that receives a message for work that is done does nothing.
    """
    for queue, body in next_messages(services, upload):
        services.send(queue, body)


def next_messages(services: Services, upload: Upload) -> list[tuple[str, Body]]:
    """Return (queue URL, body) of each message that follows from an upload's state.

    An upload that waits for its run, a job or a person needs no message, nor does an upload in a final state, except
    an ARCHIVED upload with a PLANNED attempt, which is replayed.
    """
    if upload.state not in ("VALIDATED", "ARCHIVED"):
        return []
    attempts = services.ledger.deciding_attempts(upload)
    if is_gated(services.ledger, services.analyses, upload, attempts):
        return []
    if upload.state == "VALIDATED" and may_be_archived(upload, attempts):
        return [(services.settings.archive_queue, {"upload": upload.id})]
    planned = [attempt for attempt in attempts if attempt.state == "PLANNED"]
    return [(_start_queue(services, attempt), {"attempt": attempt.key}) for attempt in planned]


def may_be_archived(upload: Upload, deciding: list[Attempt]) -> bool:
    """Return True if all deciding attempts succeeded, or a person released the upload and none is in progress."""
    if all(attempt.state in DONE for attempt in deciding):
        return True
    return bool(upload.released_at) and all(attempt.state in ENDS[ATTEMPT] for attempt in deciding)


def _start_queue(services: Services, attempt: Attempt) -> str:
    """Return the queue of the function that starts the attempt's job."""
    from seqdrop.kinds.plans import kind_of  # archive routes uploads whose attempts have ended, and needs no kinds

    settings, task = services.settings, kind_of(attempt).job
    if task == WORKFLOW and settings.workflow_queue:  # without workflows, start_transform says what to do
        return settings.workflow_queue
    return settings.training_queue if task == TRAIN else settings.transform_queue
