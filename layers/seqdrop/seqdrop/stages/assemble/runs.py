"""A manifest landed: its run is complete when every file that it lists lies in the landing bucket.

S3 shows an object when it is whole, so a listing tells; no file need have been validated. The run's record names one
file that is awaited, and when that lands validate has the manifest looked at again: a run costs few listings. While a
look is under way the record names none, and whatever lands asks for another look: so none is passed over.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from seqdrop.aws.s3 import is_gone
from seqdrop.companions.manifest import MOST_BYTES, Manifest, parse
from seqdrop.errors import RetryableError
from seqdrop.ledger.coordination import Run
from seqdrop.ledger.records import Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.services import Services, now
from seqdrop.stages.mismatch import superseded
from seqdrop.stages.notifications import reject
from seqdrop.stages.run import TRIES, complete, folder_of, read


def settle_manifest(services: Services, upload: Upload) -> None:
    """Bring a RECEIVED or WAITING manifest to VALIDATED with its run open, or to WAITING for files that it lists.

    Raises InvalidFile, ObjectGone, or RetryableError if others were first each time.
    """
    if upload.state == "WAITING" and is_gone(services.s3, upload):
        services.ledger.move(upload, "WITHDRAWN", reason="deleted_while_it_waited")
        return
    body = read(services, upload, MOST_BYTES)
    manifest = parse(body)
    facts = {"format": "manifest", "sha256": hashlib.sha256(body).hexdigest(), "records": len(manifest.files)}
    folder, gated = folder_of(services, upload), services.analyses.for_key(upload.key).gate
    if not folder or not gated:
        return complete(services, upload, facts)
    for _ in range(TRIES):
        run = services.ledger.run(f"{upload.bucket}/{folder}")
        if newer := _newer(services, run, upload):
            return reject(services, upload, superseded(newer, "its files"))
        if run.opened_at:
            return complete(services, upload, facts)
        seen = _look(services, run, upload, manifest)
        if seen:
            return _wait(services, upload, facts) if seen.missing else complete(services, upload, facts)
    raise RetryableError(f"others kept writing the run {folder}")


def tell_manifests(services: Services, upload: Upload) -> None:
    """A file landed: have a manifest looked at that awaits it, or that is being looked at."""
    for folder in services.analyses.gated_folders(upload.key):
        run = services.ledger.run(f"{upload.bucket}/{folder}")
        if run.manifest and run.awaits in ("", upload.key):
            manifest = services.ledger.upload(run.manifest)
            services.send(services.settings.validate_queue, landed_message(manifest.version))


def _newer(services: Services, run: Run, upload: Upload) -> Upload | None:
    """A newer version of the manifest that took this one's place. An older one that this one replaces is looked at."""
    other = services.ledger.upload(run.manifest) if run.manifest not in ("", upload.id) else None
    if other is None or other.state in ("REJECTED", "WITHDRAWN"):
        return None
    if _age(other) > _age(upload):
        return other
    services.send(services.settings.validate_queue, landed_message(other.version))
    return None


def _age(upload: Upload) -> tuple[str, str, str]:
    """What orders versions, also where events told no sequencer."""
    return upload.version.order, upload.created_at, upload.id


def _look(services: Services, run: Run, upload: Upload, manifest: Manifest) -> Run | None:
    """The run with what is missing now; None if someone else wrote it meanwhile."""
    looking = replace(run, manifest=upload.id, missing=0, awaits="")
    if not services.ledger.save(looking):
        return None
    folder = run.folder.removeprefix(f"{upload.bucket}/")
    missing = manifest.missing(_landed(services, upload.bucket, folder))
    if not missing:
        return looking
    seen = replace(looking, revision=looking.revision + 1, missing=len(missing), awaits=folder + missing[-1])
    return seen if services.ledger.save(seen) else None


def _landed(services: Services, bucket: str, folder: str) -> dict[str, int]:
    """Names below the folder → sizes, of all objects that are there now."""
    pages = services.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
    items = (item for page in pages for item in page.get("Contents", []))
    return {item["Key"].removeprefix(folder): item["Size"] for item in items}


def _wait(services: Services, upload: Upload, facts: dict) -> None:
    if upload.state == "RECEIVED":
        services.ledger.move(upload, "WAITING", waiting_since=now(), **facts)
