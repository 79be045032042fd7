"""The expected outcome of gated files, from the markers and manifests dropped in their folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.sets import runs
from tests.faults.sets.runs import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

__all__ = ["KINDS", "check_advanced", "check_all", "check_gated", "check_rejected", "check_waiting", "is_gated"]

DONE = ("ARCHIVED", "DUPLICATE")


def check_all(evidence: Evidence) -> Iterator[str]:
    for drop in evidence.drops:
        if drop.kind in runs.MARKERS and not evidence.is_gone(drop) and evidence.state(drop) not in DONE:
            yield f"{drop.key} ({drop.version_id}): a marker ends in {evidence.state(drop)}"


def is_gated(drop: Drop, history: list[dict]) -> bool:
    """Return True if a VALIDATED upload has not advanced, and may wait for a run."""
    return runs.is_gated(drop.key) and all(
        (attempt["state"], attempt["number"]) == ("PLANNED", 1) for attempt in history
    )


def check_gated(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that no run of a gated file is complete, and that there was a mail about the run, or a manifest waits."""
    if evidence.is_gone(drop):
        yield "it waits for its run, and was deleted"
    if drop.kind in runs.MANIFESTS:
        yield "a manifest waits for its run as if it were one of its files"
    folders = runs.folders(drop.key)
    if complete := [folder for folder in folders if _is_open(evidence, folder)]:
        yield f"it waits for its run, and {complete[0]} is complete"
    lists = [drop for drop in evidence.drops if drop.kind in runs.SOUND_LISTS and drop.folder in folders]
    waiting = any(evidence.state(manifest) == "WAITING" for manifest in lists)
    mailed = any(folders[-1] in text and "waits for the marker" in subject for subject, text in evidence.world.mails)
    if not waiting and not mailed:
        yield "it waits for its run for days, and there was no mail"


def _is_open(evidence: Evidence, folder: str) -> bool:
    """Return True if the folder has a marker, or a marker or manifest in it advanced before it was deleted."""
    of_folder = [drop for drop in evidence.drops if drop.folder == folder]
    markers = (drop for drop in of_folder if drop.kind in runs.MARKERS)
    lists = (drop for drop in of_folder if drop.kind in runs.SOUND_LISTS)
    read = ("VALIDATED", "ARCHIVED")
    return any(not evidence.is_gone(marker) or evidence.state(marker) in read for marker in markers) or any(
        evidence.state(manifest) in read for manifest in lists
    )


def check_waiting(evidence: Evidence, drop: Drop) -> Iterator[str]:
    if drop.kind in (runs.FIRST, runs.SECOND):
        yield from _check_mate(evidence, drop)
    elif drop.kind not in runs.SOUND_LISTS:
        yield "it waits, but needs no other file"
    else:
        yield from _check_manifest(evidence, drop)


def _check_mate(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that the other mate of a waiting mate does not wait as well."""
    other = runs.SECOND if drop.kind == runs.FIRST else runs.FIRST
    if any(
        item.folder == drop.folder and item.kind == other and evidence.state(item) == "WAITING"
        for item in evidence.drops
    ):
        yield "it and its mate wait for each other"


def _check_manifest(evidence: Evidence, drop: Drop) -> Iterator[str]:
    if runs.is_complete(drop, evidence.landing):
        yield "it waits, and all its files are there"
    if complete := [folder for folder in runs.folders(drop.key) if _is_open(evidence, folder)]:
        yield f"it waits, and {complete[0]} is complete"
    beside = [other for other in evidence.drops if other.key == drop.key and other.kind in runs.SOUND_LISTS]
    if any(other.number > drop.number and not evidence.is_gone(other) for other in beside):
        yield "it waits, and a newer one replaced it"


def check_rejected(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    yield f"a good file was rejected: {upload.get('reason')}"


def check_advanced(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """Check that a mate advanced with a mate of its folder. SetsWorld checks that the run was complete then."""
    if drop.kind not in (runs.FIRST, runs.SECOND):
        return
    other = runs.SECOND if drop.kind == runs.FIRST else runs.FIRST
    mates = [drop for drop in evidence.drops if evidence.id_of(drop) == upload.get("mate")]
    if not mates or (mates[0].kind, mates[0].folder) != (other, drop.folder):
        yield "it advanced without its mate"
    report = evidence.json(f"reports/{upload['id']}.json") or {}
    later = {other["id"] for other in evidence.uploads.values() if other.get("mate") == upload["id"]}
    reported = report.get("mate", {}).get("upload")
    missing = reported is None and evidence.disturbed  # the slower of two invocations has not read the mate
    if reported not in {upload.get("mate"), *later} and not missing:
        yield "its report names a mate with which it did not advance"
