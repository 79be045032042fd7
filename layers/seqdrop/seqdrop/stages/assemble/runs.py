"""A marker completes its run: the files below its folder, which are VALIDATED but gated, go on to their next stage.

A manifest does so when every file that it lists lies in the landing bucket, whether it was validated or not: S3 shows
an object only when it is whole, so a listing is proof.

Each step may be repeated: open the run, enqueue its files, then move the marker. A gated file is moved to VALIDATED
before its runs are looked at, so of a file and a marker at the same moment, one sees the other. A manifest takes its
slot before it lists the bucket, and notes one file that is missing afterwards. A file that lands has the manifest
looked at again if it is the one noted, or if none is noted because a listing is under way: so a run costs few listings,
and none of its files is overlooked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from seqdrop.aws import keys
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions import runs
from seqdrop.companions.manifest import MOST_BYTES, Manifest, parse
from seqdrop.config.analyses import Analyses, Analysis
from seqdrop.errors import Fault, InvalidFile, ObjectGone
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.records import Step, Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.decision import Decision, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.view import LIVE, View
from seqdrop.stages.routing import hand_on
from seqdrop.uploads import upload_id

MARKER_BYTES = 1_000_000  # of a marker; the largest known has a few thousand
SLOT = "manifest"


@dataclass(frozen=True)
class Content:
    """What was read of a marker; `manifest` is None unless it lists files."""

    facts: dict
    manifest: Manifest | None = None


class Runs(Policy):
    """The one slot is "manifest". Facts: `opened_at` and `opened_by` (a marker); `missing`, how many listed files were
    not there when last looked at, and `awaits`, the key of one of them; `told_at`, when the lab was notified.
    """

    name, awaited = earlier_sets.RUNS, "its files"
    live = LIVE | {"RECEIVED"}  # a manifest takes its slot before it moves

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        return analyses.is_marker(upload.key)

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        return f"{upload.bucket}/{_folder(analyses, upload)}", SLOT if runs.is_manifest(upload.key) else "marker"

    def read(self, services: Services, upload: Upload) -> Content:
        is_manifest = runs.is_manifest(upload.key)
        if not is_manifest and is_gone(services.s3, upload):  # an empty one is not read, so that would not tell
            raise ObjectGone("the marker was deleted before it was read")
        body = _body(services, upload, MOST_BYTES if is_manifest else MARKER_BYTES)
        facts, manifest = {"sha256": hashlib.sha256(body).hexdigest()}, parse(body) if is_manifest else None
        if manifest is None:
            return Content(facts | {"format": "marker"})
        return Content(facts | {"format": "manifest", "records": len(manifest.files)}, manifest)

    def keeps_late(self, view: View) -> bool:
        return not _waits_for_files(view)

    def decide(self, view: View) -> Decision:
        run = view.file_set
        if run.fact("opened_at") or _is_open_above(view) or not _folder_of(view):
            return _advance(view)
        if not _waits_for_files(view):
            return _open(view)
        if run.members.get(SLOT) != view.upload.id or run.fact("awaits"):
            return Decision(file_set=view.with_upload.with_facts(missing=0, awaits=""), again=True)
        content = view.content or self.read(view.services, view.upload)
        missing = content.manifest.missing(_landed(view))
        if not missing:
            return _open(view)
        file_set = view.with_upload.with_facts(missing=len(missing), awaits=_folder_of(view) + missing[-1])
        return wait(view, content.facts, file_set=file_set)

    def notify_landed(self, services: Services, upload: Upload) -> None:
        for folder in services.analyses.gated_folders(upload.key):
            run = services.ledger.file_set(self.name, f"{upload.bucket}/{folder}")
            if run.members.get(SLOT) and run.fact("awaits") in ("", upload.key):
                manifest = services.ledger.upload(run.members[SLOT])
                services.send(services.settings.validate_queue, landed_message(manifest.version))

    def hours(self, analysis: Analysis) -> float | None:
        return analysis.gate_hours if analysis.gate else None

    def awaits(self, services: Services, upload: Upload) -> Awaited:
        folder = _folder(services.analyses, upload)
        run = services.ledger.file_set(self.name, f"{upload.bucket}/{folder}")
        missing, such_as = run.fact("missing") or 0, run.fact("awaits")
        return Awaited(
            "its files",
            f"its files: it lists {upload.records:,} files. When they were last looked at,\n"
            f"{missing:,} were not there or had another size, such as {such_as}.\n"
            f"All that lies below {folder} waits with it",
            (
                "Did an upload break off? Upload the files again.",
                "Is the list wrong? Mend it, and drop it again under the same name.",
                "Is the run complete as it is? Drop an empty marker beside it:\n"
                f"  {runs.put_marker(upload.bucket, folder)}",
            ),
        )


RUNS = Runs()


def _folder(analyses: Analyses, upload: Upload) -> str:
    """The folder that a marker completes; "" for one directly under a prefix, which completes none."""
    return next(iter(runs.folders(upload.key, analyses.for_key(upload.key).prefix)), "")


def _is_open_above(view: View) -> bool:
    """Return True if a marker opened a folder above: all below it goes on, a manifest too."""
    above = runs.folders(view.upload.key, view.analysis.prefix)[1:]
    sets = (view.services.ledger.file_set(RUNS.name, f"{view.upload.bucket}/{folder}") for folder in above)
    return any(run.fact("opened_at") for run in sets)


def _folder_of(view: View) -> str:
    return _folder(view.services.analyses, view.upload)


def _waits_for_files(view: View) -> bool:
    """Whether it is a manifest whose run is gated."""
    return view.slot == SLOT and bool(view.analysis.gate and _folder_of(view))


def _body(services: Services, upload: Upload, most: int) -> bytes:
    """Return the bytes of a marker. Raise InvalidFile if it is too large to be one, ObjectGone."""
    if upload.size > most:
        advice = "Give the file another name: this one is that of a small file which says that a run is complete."
        raise InvalidFile(Fault("too_large", f"it has {upload.size:,} bytes; {most:,} are the most", advice))
    with RangedObject(services.s3, upload.version) as body:
        return body.read()


def _open(view: View) -> Decision:
    """Open the run, and no more: what belongs to it is enqueued when that is written."""
    logger().info("run complete", extra={"upload_id": view.upload.id})
    run = view.file_set.without_member(SLOT).with_facts(opened_at=now(), opened_by=view.upload.id, awaits="")
    return Decision(file_set=run, again=True)


def _advance(view: View) -> Decision:
    """Move a marker whose run is open; the run's files are enqueued ahead of that."""
    services, upload = view.services, view.upload
    content = view.content or RUNS.read(services, upload)

    def before() -> None:
        _report(view, content.facts)
        if view.analysis.gate and _folder_of(view):
            _enqueue_all(view)

    return Decision([Step(upload, "VALIDATED", content.facts)], before=before)


def _report(view: View, facts: dict) -> None:
    upload, services = view.upload, view.services
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id, "valid": True}
    services.put_json(services.settings.results, keys.report(upload.id), place | facts | {"run": _folder_of(view)})


def _enqueue_all(view: View) -> None:
    """Enqueue every upload below the folder that is still in the landing bucket, all versions."""
    services, bucket = view.services, view.upload.bucket
    for item in _listed(view, "list_object_versions", "Versions"):
        upload = services.ledger.upload(upload_id(bucket, item["Key"], item["VersionId"]))
        if upload is None or upload.id == view.upload.id:
            continue
        if upload.state == "WAITING" and runs.is_manifest(upload.key):  # it need not wait any more
            services.send(services.settings.validate_queue, landed_message(upload.version))
        hand_on(services, upload)


def _landed(view: View) -> dict[str, int]:
    """Names below the folder → sizes in bytes, of all objects that are there now."""
    folder = _folder_of(view)
    return {item["Key"].removeprefix(folder): item["Size"] for item in _listed(view, "list_objects_v2", "Contents")}


def _listed(view: View, operation: str, entries: str):
    pages = view.services.s3.get_paginator(operation).paginate(Bucket=view.upload.bucket, Prefix=_folder_of(view))
    return (item for page in pages for item in page.get(entries, []))
