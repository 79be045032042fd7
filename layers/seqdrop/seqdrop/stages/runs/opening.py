"""Enqueue the files of a complete folder.

A file is moved to VALIDATED before the record of its run is read, and the folder is complete in that record before its
files are enqueued. Therefore, if a file and the last marker arrive at the same moment, at least one of the two
invocations sees what the other wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.stages.bundle.eligibility import make_message, may_be_bundled, run_of
from seqdrop.stages.routing import enqueue_next
from seqdrop.work.hashing import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.messages import Body
    from seqdrop.runtime.services import Services
    from seqdrop.stages.runs.survey import Entry


def enqueue_all(services: Services, entries: Iterable[Entry]) -> None:
    """Send the next message of each VALIDATED upload.

    An upload without a model goes to the archive without a look at its attempts, and ten messages are one request. If
    it is small, it waits for a bundle: one message about its run is enough for all of these.
    """
    kept: list[tuple[str, Body]] = []
    bundled = set[str]()
    for entry in entries:
        upload = entry.upload
        if upload is None or upload.state != "VALIDATED":
            continue
        if may_be_bundled(services.analyses, upload):
            bundled.add(run_of(services.analyses, upload))
        elif _is_kept(services, upload):
            kept.append((services.settings.archive_queue, {"upload": upload.id}))
        else:
            enqueue_next(services, upload)
    services.send_all(kept)
    services.send_all([(services.settings.bundle_queue, make_message(run)) for run in bundled])


def _is_kept(services: Services, upload: Upload) -> bool:
    """Return True if nothing but its run delays the archive copy of an upload: it never has an attempt."""
    analysis = services.analyses.for_key(upload.key)
    has_attempts = analysis is not None and analysis.has_attempts and upload.format != OTHER
    return analysis is not None and not (has_attempts or upload.training or upload.masks_of)
