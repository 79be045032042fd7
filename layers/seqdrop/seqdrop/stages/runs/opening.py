"""Let the files of a complete folder advance: open its gate, and enqueue its uploads.

The gate is the fact `opened_at` of the folder's set (`ledger.earlier_sets.RUNS`), as in earlier versions. A file is
moved to VALIDATED before its gates are read, and a gate is opened before the uploads are enqueued. Therefore, if a file
and the last marker arrive at the same moment, at least one of the two invocations sees what the other wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.runtime.services import Services, now
from seqdrop.stages.routing import enqueue_next

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.messages import Body
    from seqdrop.stages.runs.survey import Entry


def find_gate(services: Services, run: Run, folder: str) -> FileSet:
    """Return the set whose fact `opened_at` lets the files of a folder advance; "" is the folder of the run."""
    place = run.folder + (f"{folder}/" if folder else "")
    return services.ledger.file_set(RUNS, f"{run.bucket}/{place}")


def open_gate(services: Services, run: Run, folder: str) -> None:
    """Let the files of a folder advance from now on. Raise RetryableError if another invocation wrote its set."""
    gate = find_gate(services, run, folder)
    if gate.fact("opened_at"):
        return
    if not services.ledger.save(gate.with_facts(opened_at=now(), opened_by=run.id, awaits="")):
        raise RetryableError(f"another invocation changed the gate of a folder of the run {run.id}")


def enqueue_all(services: Services, entries: Iterable[Entry]) -> None:
    """Send the next message of each VALIDATED upload.

    An upload without a model goes to the archive without a look at its attempts, and ten messages are one request.
    """
    kept: list[tuple[str, Body]] = []
    for entry in entries:
        upload = entry.upload
        if upload is None or upload.state != "VALIDATED":
            continue
        if _is_kept(services, upload):
            kept.append((services.settings.archive_queue, {"upload": upload.id}))
        else:
            enqueue_next(services, upload)
    services.send_all(kept)


def _is_kept(services: Services, upload: Upload) -> bool:
    """Return True if nothing but its run delays the archive copy of an upload: it never has an attempt."""
    analysis = services.analyses.for_key(upload.key)
    belongs_to_attempt = upload.training or upload.masks_of
    return analysis is not None and not analysis.has_model and not belongs_to_attempt
