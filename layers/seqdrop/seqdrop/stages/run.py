"""A marker landed: its run is complete, and the files that wait for it go on.

Open, hand on, move: each may happen again after a crash, and what comes between is seen by the gate.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions import runs
from seqdrop.errors import Fault, InvalidFile, ObjectGone, RetryableError
from seqdrop.ledger.records import Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.routing import hand_on
from seqdrop.uploads import upload_id

TRIES = 10  # each is lost only to someone who got on
MOST_BYTES = 1_000_000  # of a marker; the largest known has a few thousand


def settle_marker(services: Services, upload: Upload) -> None:
    """Bring a RECEIVED marker to VALIDATED, with its run open. Raises InvalidFile, ObjectGone."""
    if is_gone(services.s3, upload):
        raise ObjectGone("the marker was deleted before it was read")
    facts = {"format": "marker", "sha256": hashlib.sha256(read(services, upload, MOST_BYTES)).hexdigest()}
    complete(services, upload, facts)


def complete(services: Services, upload: Upload, facts: dict) -> None:
    """The run of a marker is complete: open it, hand on its files, then move the marker.

    Raises RetryableError if someone moved the marker meanwhile, and not to its end.
    """
    folder = folder_of(services, upload)
    _report(services, upload, folder, facts)
    if folder:
        _open(services, f"{upload.bucket}/{folder}", upload)
        if services.analyses.for_key(upload.key).gate:
            _hand_on_all(services, upload, folder)
    services.ledger.move(upload, "VALIDATED", **facts)
    upload = services.ledger.upload(upload.id)
    if upload.state in ("RECEIVED", "WAITING"):
        raise RetryableError(f"another run moved {upload.key} to {upload.state}")
    hand_on(services, upload)


def folder_of(services: Services, upload: Upload) -> str:
    """The folder that a marker speaks of; "" for one directly under a prefix, which speaks of none."""
    return next(iter(runs.folders(upload.key, services.analyses.for_key(upload.key).prefix)), "")


def read(services: Services, upload: Upload, most: int) -> bytes:
    """The bytes of a marker. Raises InvalidFile if it is too large to be one, ObjectGone."""
    if upload.size > most:
        advice = "Give the file another name: this one is that of a small file which says that a run is complete."
        raise InvalidFile(Fault("too_large", f"it has {upload.size:,} bytes; {most:,} are the most", advice))
    with RangedObject(services.s3, upload.version) as body:
        return body.read()


def _report(services: Services, upload: Upload, folder: str, facts: dict) -> None:
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id, "valid": True}
    services.put_json(services.settings.results, f"reports/{upload.id}.json", place | facts | {"run": folder})


def _open(services: Services, folder: str, marker: Upload) -> None:
    for _ in range(TRIES):
        run = services.ledger.run(folder)
        if run.opened_at:
            return
        if services.ledger.save(replace(run, opened_at=now(), opened_by=marker.id, manifest="", awaits="")):
            logger().info("run opened", extra={"run": folder, "upload_id": marker.id})
            return
    raise RetryableError(f"others kept writing the run {folder}")


def _hand_on_all(services: Services, marker: Upload, folder: str) -> None:
    """Send on every upload below the folder that is still in the landing bucket, all versions."""
    pages = services.s3.get_paginator("list_object_versions").paginate(Bucket=marker.bucket, Prefix=folder)
    for item in (item for page in pages for item in page.get("Versions", [])):
        upload = services.ledger.upload(upload_id(marker.bucket, item["Key"], item["VersionId"]))
        if upload is None or upload.id == marker.id:
            continue
        if upload.state == "WAITING" and runs.is_manifest(upload.key):  # it need not wait any more
            services.send(services.settings.validate_queue, landed_message(upload.version))
        hand_on(services, upload)
