"""A marker landed: its run is complete, and the files that wait for it go on.

Open, hand on, move: each may happen again after a crash, and what comes between is seen by the gate.

A manifest landed: its run is complete when every file that it lists lies in the landing bucket.

S3 shows an object when it is whole, so a listing tells; no file need have been validated. The run's record names one
file that is awaited, and when that lands validate has the manifest looked at again: a run costs few listings. While a
look is under way the record names none, and whatever lands asks for another look: so none is passed over.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions import runs
from seqdrop.companions.manifest import MOST_BYTES, Manifest, parse
from seqdrop.errors import Fault, InvalidFile, ObjectGone, RetryableError
from seqdrop.ledger.coordination import Run
from seqdrop.ledger.records import Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.mates import superseded
from seqdrop.stages.notifications import reject
from seqdrop.stages.routing import hand_on
from seqdrop.uploads import upload_id

TRIES = 10  # each is lost only to someone who got on
MARKER_BYTES = 1_000_000  # of a marker; the largest known has a few thousand


def settle_marker(services: Services, upload: Upload) -> None:
    """Bring a RECEIVED marker to VALIDATED, with its run open. Raises InvalidFile, ObjectGone."""
    if is_gone(services.s3, upload):
        raise ObjectGone("the marker was deleted before it was read")
    facts = {"format": "marker", "sha256": hashlib.sha256(read(services, upload, MARKER_BYTES)).hexdigest()}
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
        if run.opened_at or _is_open_above(services, upload):
            return complete(services, upload, facts)
        seen = _look(services, run, upload, manifest)
        if seen:
            return _wait(services, upload, facts) if seen.missing else complete(services, upload, facts)
    raise RetryableError(f"others kept writing the run {folder}")


def _is_open_above(services: Services, upload: Upload) -> bool:
    """Whether a marker opened a folder above a manifest's: then all below it goes on, the manifest too."""
    _, *above = runs.folders(upload.key, services.analyses.for_key(upload.key).prefix)
    return any(services.ledger.run(f"{upload.bucket}/{folder}").opened_at for folder in above)


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
