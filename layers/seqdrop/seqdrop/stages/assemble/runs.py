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
from typing import TYPE_CHECKING

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions import runs
from seqdrop.companions.manifest import MOST_BYTES, Manifest, parse
from seqdrop.errors import Fault, InvalidFileError, ObjectGoneError
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.records import Step, Upload
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.decision import Decision, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.view import LIVE, View
from seqdrop.stages.notifications import report_content
from seqdrop.stages.routing import enqueue_next
from seqdrop.uploads import upload_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analyses, Analysis
    from seqdrop.ledger.table import Ledger

MARKER_BYTES = 1_000_000  # of a marker; the largest known has a few thousand
SLOT = "manifest"


class Runs(Policy):
    """The one slot is "manifest". Facts: `opened_at` and `opened_by` (a marker); `missing`, how many listed files were
    not there when last looked at, and `awaits`, the key of one of them; `told_at`, when the lab was notified.
    """

    name, awaited = earlier_sets.RUNS, "its files"
    live = LIVE | {"RECEIVED"}  # a manifest takes its slot before it moves

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        return analyses.is_marker(upload.key)

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """The folder that it completes; none for a marker directly under a prefix."""
        folder = next(iter(runs.folders(upload.key, analyses.for_key(upload.key).prefix)), "")
        return f"{upload.bucket}/{folder}", SLOT if runs.is_manifest(upload.key) else "marker"

    def read(self, services: Services, upload: Upload) -> tuple[dict, Manifest | None]:
        """The facts of a marker, and what a manifest lists."""
        if not runs.is_manifest(upload.key):
            if is_gone(services.s3, upload):  # an empty one is not read, so that would not tell
                raise ObjectGoneError("the marker was deleted before it was read")
            return {"format": "marker", "sha256": _digest(_body(services, upload, MARKER_BYTES))}, None
        body = _body(services, upload, MOST_BYTES)
        manifest = parse(body)
        return {"format": "manifest", "sha256": _digest(body), "records": len(manifest.files)}, manifest

    def keeps_late(self, view: View) -> bool:
        return not _waits_for_files(view)

    def decide(self, view: View) -> Decision:
        run, folder = view.file_set, _folder(view)
        if run.fact("opened_at") or not folder:
            return _advance(view)
        if not _waits_for_files(view) or _is_open_above(view):
            return _open(view)
        if run.members.get(SLOT) != view.upload.id or run.fact("awaits"):
            return Decision(file_set=view.with_upload.with_facts(missing=0, awaits=""), again=True)
        facts, manifest = view.content or self.read(view.services, view.upload)
        names = {
            item["Key"].removeprefix(folder): item["Size"] for item in _listed(view, "list_objects_v2", "Contents")
        }
        if missing := manifest.missing(names):
            noted = run.with_facts(missing=len(missing), awaits=folder + missing[-1])
            return wait(view, facts, file_set=noted)
        return _open(view)

    def notify_landed(self, services: Services, upload: Upload) -> None:
        for folder in services.analyses.gated_folders(upload.key):
            run = services.ledger.file_set(self.name, f"{upload.bucket}/{folder}")
            if run.members.get(SLOT) and run.fact("awaits") in ("", upload.key):
                manifest = services.ledger.find_upload(run.members[SLOT])
                services.send(services.settings.validate_queue, make_landed_message(manifest.version))

    def hours(self, analysis: Analysis) -> float | None:
        return analysis.gate_hours if analysis.gate else None

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        run = ledger.file_set(self.name, self.place(analyses, upload)[0])
        folder = run.name.removeprefix(f"{upload.bucket}/")
        missing, such_as = run.fact("missing") or 0, run.fact("awaits")
        detail = (
            f"files that it lists.\nIt lists {upload.records:,} files. When they were last looked at,\n"
            f"{missing:,} were not there or had another size, such as {such_as}.\n"
            f"All that lies below {folder} waits with it"
        )
        command = runs.marker_command(upload.bucket, folder)
        complete = f"Is the run complete as it is? Drop an empty marker beside it:\n  {command}"
        hints = (
            "Did an upload break off? Upload the files again.",
            "Is the list wrong? Mend it, and drop it again.",
            complete,
        )
        return Awaited("its files", "files that it lists", detail, hints)


RUNS = Runs()


def _folder(view: View) -> str:
    """The folder that a marker completes; "" for one that completes none."""
    return view.file_set.name.removeprefix(f"{view.upload.bucket}/")


def _waits_for_files(view: View) -> bool:
    """Whether it is a manifest whose run is gated."""
    return view.slot == SLOT and bool(view.analysis.gate and _folder(view))


def _is_open_above(view: View) -> bool:
    """Whether a marker opened a folder above the manifest's; that completes all below it, the manifest too."""
    _, *above = runs.folders(view.upload.key, view.analysis.prefix)
    file_sets = (view.services.ledger.file_set(RUNS.name, f"{view.upload.bucket}/{folder}") for folder in above)
    return any(run.fact("opened_at") for run in file_sets)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _body(services: Services, upload: Upload, most: int) -> bytes:
    """Return the bytes of a marker. Raise InvalidFileError if it is too large to be one, ObjectGoneError."""
    if upload.size > most:
        advice = "Give the file another name: this one is that of a small file which says that a run is complete."
        raise InvalidFileError(Fault("too_large", f"it has {upload.size:,} bytes; {most:,} are the most", advice))
    with RangedObject(services.s3, upload.version) as body:
        return body.read()


def _open(view: View) -> Decision:
    """Open the run, and no more: what belongs to it is enqueued when that is written."""
    facts = {"opened_at": now(), "opened_by": view.upload.id, "awaits": ""}
    return Decision(file_set=view.file_set.without_member(SLOT).with_facts(**facts), again=True)


def _advance(view: View) -> Decision:
    """Move a marker whose run is open; the run's files are enqueued ahead of that."""
    facts, _ = view.content or RUNS.read(view.services, view.upload)
    decision = Decision([Step(view.upload, "VALIDATED", facts)])
    if view.analysis.gate and _folder(view):
        decision = decision.after(lambda: _enqueue_all(view))
    return decision.after(lambda: report_content(view.services, view.upload, facts | {"run": _folder(view)}))


def _enqueue_all(view: View) -> None:
    """Enqueue every upload below the folder that is still in the landing bucket, all versions."""
    services, bucket = view.services, view.upload.bucket
    for item in _listed(view, "list_object_versions", "Versions"):
        upload = services.ledger.find_upload(upload_id(bucket, item["Key"], item["VersionId"]))
        if upload is None or upload.id == view.upload.id:
            continue
        if upload.state == "WAITING" and runs.is_manifest(upload.key):  # it need not wait any more
            services.send(services.settings.validate_queue, make_landed_message(upload.version))
        enqueue_next(services, upload)


def _listed(view: View, operation: str, entries: str) -> Iterator[dict]:
    pages = view.services.s3.get_paginator(operation).paginate(Bucket=view.upload.bucket, Prefix=_folder(view))
    return (item for page in pages for item in page.get(entries, []))
