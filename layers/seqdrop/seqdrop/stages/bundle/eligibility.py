"""Which uploads are archived in bundles, and how their run is sent to be bundled.

An upload waits for its bundle in state VALIDATED. The archive stage leaves such an upload alone until it is noted that
it is to be an object of its own after all (`Upload.unbundled_at`): a run that has few such files gets no bundle for
them, and a file that cannot be packed must not delay the others.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.ledger.run_record import run_id
from seqdrop.runs.bundle_policy import is_small
from seqdrop.runs.files import RunFile
from seqdrop.runtime.services import iso, now
from seqdrop.work.hashing import OTHER

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.messages import BundleMessage
    from seqdrop.runtime.services import Services

SOON = 60  # seconds in which files of a run that become due one by one are gathered


def may_be_bundled(analyses: Analyses, upload: Upload) -> bool:
    """Return True if a VALIDATED upload is archived in a bundle as soon as its run lets it advance.

    Its bytes must only have been hashed, so it never has an attempt. It has the CRC-32 that an index needs, which
    records of earlier versions lack. It repeats no other upload, and nothing was decided about it before. With
    keep_days, each landing version has a day on which it is removed, so files are not bundled then. A copy of an object
    keeps its user metadata and tags, and a tar does not, so files with either are not bundled.
    """
    folder, analysis = analyses.run_folder(upload.key), analyses.for_key(upload.key)
    if not folder or analysis is None or analysis.keep_days or upload.state != "VALIDATED" or upload.format != OTHER:
        return False
    decided = (upload.unbundled_at, upload.duplicate_of, upload.removal_at, upload.released_at, upload.masks_of)
    if any(decided) or upload.training or upload.labels or not (upload.crc32 and upload.sha256):
        return False
    name = upload.key.removeprefix(folder)
    return is_small(RunFile(name, upload.size, clock.utc_now()), analysis.bundle_bytes)


def run_of(analyses: Analyses, upload: Upload) -> str:
    """Return the id of the run of an upload that may be bundled."""
    return run_id(upload.bucket, analyses.run_folder(upload.key))


def make_message(run: str, plan: str = "") -> BundleMessage:
    """Return the body that has the files of a run gathered or, with `plan`, one bundle made."""
    return {"bundle": run, "plan": plan} if plan else {"bundle": run}


def request_gathering(services: Services, run: str) -> None:
    """Have the files of a run gathered SOON, unless that was asked for already.

    The message is sent before it is noted: after a crash there is a message too many, which is harmless.
    """
    bundles = services.ledger.run_bundles(run)
    soon = iso(clock.utc_now() + timedelta(seconds=SOON))
    if now() < bundles.due_at <= soon:
        return
    services.send(services.settings.bundle_queue, make_message(run), SOON)
    services.ledger.save(replace(bundles, due_at=soon))
