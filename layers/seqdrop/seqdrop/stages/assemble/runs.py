"""Markers and manifests complete a run: the files below its folder, VALIDATED but gated, advance to their next stage.

A manifest completes its run when every file that it lists is in the landing bucket, validated or not. S3 lists an
object only when it is complete, so a listing is proof.

A marker opens the run, enqueues its files, and is then moved itself; each of these steps may be repeated. A gated file
is moved to VALIDATED before its runs are read. Therefore, if a file and its marker arrive at the same moment, at least
one of the two invocations sees what the other wrote.

A manifest takes its slot before it lists the bucket, and records one missing file after that. When a file lands, the
manifest is sent to validate again if this is the recorded file, or if none is recorded because a listing is in
progress. In this way a run costs few listings, and none of its files is overlooked.
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
from seqdrop.ledger.records import Fact, Step, Upload
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.decision import Decision, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.view import LIVE, View, require_analysis
from seqdrop.stages.notifications import write_plain_report
from seqdrop.stages.routing import enqueue_next
from seqdrop.uploads import upload_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.type_defs import ObjectTypeDef, ObjectVersionTypeDef

    from seqdrop.config.analyses import Analyses, Analysis
    from seqdrop.ledger.table import Ledger

MAX_MARKER_BYTES = 1_000_000  # the largest known marker has a few thousand
SLOT = "manifest"

# The facts of a marker or manifest, and the content of a manifest.
Content = tuple[dict[str, Fact], Manifest | None]


class Runs(Policy[Content]):
    """The policy of markers and manifests. A manifest takes the slot "manifest"; a marker takes no slot.

    Facts: `opened_at` (time) and `opened_by` (upload id of the marker or manifest); `missing`, the number of listed
    files that the last listing lacked, and `awaits`, the key of one of them; `told_at`, when the lab was notified.
    """

    name, awaited, each_alone = earlier_sets.RUNS, "its files", True
    live = LIVE | {"RECEIVED"}  # a manifest takes its slot before it moves

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        """Return True for a marker or a manifest."""
        return analyses.is_marker(upload.key)

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the bucket and the folder that the marker completes, and its slot.

        The folder is empty for a marker directly under a prefix.
        """
        folder = next(iter(runs.folders(upload.key, require_analysis(analyses, upload).prefix)), "")
        return f"{upload.bucket}/{folder}", SLOT if runs.is_manifest(upload.key) else "marker"

    def read(self, services: Services, upload: Upload) -> Content:
        """Return the facts of a marker or manifest, and the content of a manifest; None in its place for a marker."""
        if not runs.is_manifest(upload.key):
            if is_gone(services.s3, upload):  # an empty object is not read, so reading would not show it
                raise ObjectGoneError("the marker was deleted before it was read")
            return {"format": "marker", "sha256": _digest(_read_body(services, upload, MAX_MARKER_BYTES))}, None
        body = _read_body(services, upload, MOST_BYTES)
        manifest = parse(body)
        return {"format": "manifest", "sha256": _digest(body), "records": len(manifest.files)}, manifest

    def keeps_late(self, view: View[Content]) -> bool:
        """Return True if the upload does not wait for files."""
        return not _waits_for_files(view)

    def decide(self, view: View[Content]) -> Decision:
        """Open the run of a marker, or of a manifest whose files are all in the landing bucket; then move it."""
        run, folder = view.file_set, _folder(view)
        if run.fact("opened_at") or not folder:
            return _advance(view)
        if not _waits_for_files(view) or _is_open_above(view):
            return _open(view)
        if run.members.get(SLOT) != view.upload.id or run.fact("awaits"):
            return Decision(file_set=view.with_upload.with_facts(missing=0, awaits=""), again=True)
        facts, manifest = view.content or self.read(view.services, view.upload)
        sizes = {item["Key"].removeprefix(folder): item["Size"] for item in _list_objects(view)}
        if missing := manifest.missing(sizes) if manifest else []:
            return wait(view, facts, file_set=run.with_facts(missing=len(missing), awaits=folder + missing[-1]))
        return _open(view)

    def notify_landed(self, services: Services, upload: Upload) -> None:
        """Send the manifest of an upload's run to validate if it may wait for this upload."""
        for folder in services.analyses.gated_folders(upload.key):
            run = services.ledger.file_set(self.name, f"{upload.bucket}/{folder}")
            if not run.members.get(SLOT) or run.fact("awaits") not in ("", upload.key):
                continue
            manifest = services.ledger.find_upload(run.members[SLOT])
            if manifest:  # the record of a manifest that was deleted expires, and its slot stays taken
                services.send(services.settings.validate_queue, make_landed_message(manifest.version))

    def hours(self, analysis: Analysis) -> float | None:
        """Return `gate_hours`; None if runs are not gated."""
        return analysis.gate_hours if analysis.gate else None

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        """Return the description of the files that a manifest lists."""
        run = ledger.file_set(self.name, self.place(analyses, upload)[0])
        folder = run.name.removeprefix(f"{upload.bucket}/")
        detail = (
            f"files that it lists. It lists {upload.records:,} files; at the last check {run.number('missing'):,} were "
            f"missing or had another size, such as {run.text('awaits')}. All other files below {folder} wait as well"
        )
        hints = (
            "If the upload of some files broke off: upload them again.",
            "If the list is wrong: correct it, and drop it again.",
            "If the run is complete as it is: drop an empty marker beside the list:\n"
            f"  {runs.marker_command(upload.bucket, folder)}",
        )
        return Awaited("its files", "files that it lists", detail, hints)


RUNS = Runs()


def _folder(view: View[Content]) -> str:
    """Return the folder that a marker or manifest completes; "" if it completes none."""
    return view.file_set.name.removeprefix(f"{view.upload.bucket}/")


def _waits_for_files(view: View[Content]) -> bool:
    """Return True for a manifest whose run is gated."""
    return view.slot == SLOT and bool(view.analysis.gate and _folder(view))


def _is_open_above(view: View[Content]) -> bool:
    """Return True if a marker opened a folder above the manifest's, which completes everything below it."""
    _, *above = runs.folders(view.upload.key, view.analysis.prefix)
    file_sets = (view.services.ledger.file_set(RUNS.name, f"{view.upload.bucket}/{folder}") for folder in above)
    return any(run.fact("opened_at") for run in file_sets)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _read_body(services: Services, upload: Upload, max_bytes: int) -> bytes:
    """Return the bytes of a marker or manifest.

    Raise InvalidFileError if it has more than `max_bytes`, and ObjectGoneError if it was deleted.
    """
    if upload.size > max_bytes:
        advice = "Rename the file: its name is reserved for a small file that marks a run as complete."
        raise InvalidFileError(Fault("too_large", f"it has {upload.size:,} bytes; the limit is {max_bytes:,}", advice))
    with RangedObject(services.s3, upload.version) as body:
        return body.read()


def _open(view: View[Content]) -> Decision:
    """Open the run, and decide again: its files are enqueued only when the run is open in the ledger."""
    run = view.file_set.without_member(SLOT)
    return Decision(file_set=run.with_facts(opened_at=now(), opened_by=view.upload.id, awaits=""), again=True)


def _advance(view: View[Content]) -> Decision:
    """Move a marker whose run is open, after the files of the run are enqueued."""
    facts, _ = view.content or RUNS.read(view.services, view.upload)
    decision = Decision([Step(view.upload, "VALIDATED", facts)])
    if view.analysis.gate and _folder(view):
        decision = decision.after(lambda: _enqueue_all(view))
    return decision.after(lambda: write_plain_report(view.services, view.upload, {**facts, "run": _folder(view)}))


def _enqueue_all(view: View[Content]) -> None:
    """Enqueue every upload below the folder that is still in the landing bucket, in all its versions."""
    services, bucket = view.services, view.upload.bucket
    for item in _list_versions(view):
        upload = services.ledger.find_upload(upload_id(bucket, item["Key"], item["VersionId"]))
        if upload is None or upload.id == view.upload.id:
            continue
        if upload.state == "WAITING" and runs.is_manifest(upload.key):  # it does not have to wait any more
            services.send(services.settings.validate_queue, make_landed_message(upload.version))
        enqueue_next(services, upload)


def _list_objects(view: View[Content]) -> Iterator[ObjectTypeDef]:
    """Yield the objects below the folder."""
    pages = view.services.s3.get_paginator("list_objects_v2").paginate(Bucket=view.upload.bucket, Prefix=_folder(view))
    return (item for page in pages for item in page.get("Contents", []))


def _list_versions(view: View[Content]) -> Iterator[ObjectVersionTypeDef]:
    """Yield all versions of the objects below the folder."""
    paginator = view.services.s3.get_paginator("list_object_versions")
    pages = paginator.paginate(Bucket=view.upload.bucket, Prefix=_folder(view))
    return (item for page in pages for item in page.get("Versions", []))
