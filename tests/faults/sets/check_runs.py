"""What must become of files behind a gate, told from markers and manifests that were dropped in their folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.sets import runs
from tests.faults.sets.runs import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

__all__ = ["KINDS", "held", "is_held", "of_all", "rejected", "settled", "waits"]


def of_all(seen: Evidence) -> Iterator[str]:
    for drop in seen.drops:
        if drop.kind in runs.MARKERS and not seen.is_gone(drop) and seen.state(drop) != "ARCHIVED":
            yield f"{drop.key} ({drop.version_id}): a marker ends in {seen.state(drop)}"


def is_held(drop: Drop, history: list[dict]) -> bool:
    """Whether an upload in VALIDATED has not gone on yet, and is such as may wait for a run."""
    return runs.is_gated(drop.key) and all((one["state"], one["number"]) == ("PLANNED", 1) for one in history)


def held(seen: Evidence, drop: Drop) -> Iterator[str]:
    """No run that it may belong to is complete, and the lab was told: of the run, or of a manifest that waits."""
    if seen.is_gone(drop):
        yield "it waits for its run, and was deleted"
    if drop.kind in runs.MANIFESTS:
        yield "a manifest is no file of its run"
    folders = runs.folders(drop.key)
    if complete := [folder for folder in folders if _is_open(seen, folder)]:
        yield f"it waits for its run, and {complete[0]} is complete"
    lists = [one for one in seen.drops if one.kind in runs.SOUND_LISTS and one.folder in folders]
    waiting = any(seen.state(one) == "WAITING" for one in lists)
    told = any(folders[-1] in text and "waits for the marker" in subject for subject, text in seen.world.mails)
    if not waiting and not told:
        yield "it waits for its run for days, and nobody was told"


def _is_open(seen: Evidence, folder: str) -> bool:
    """Whether a marker lies in the folder, or lay there and was read; or a manifest's files were all there."""
    of_folder = [one for one in seen.drops if one.folder == folder]
    markers = (one for one in of_folder if one.kind in runs.MARKERS)
    lists = (one for one in of_folder if one.kind in runs.SOUND_LISTS)
    read = ("VALIDATED", "ARCHIVED")
    return any(not seen.is_gone(one) or seen.state(one) in read for one in markers) or any(
        seen.state(one) in read for one in lists
    )


def waits(seen: Evidence, drop: Drop) -> Iterator[str]:
    if drop.kind in (runs.FIRST, runs.SECOND):
        yield from _mate_waits(seen, drop)
    elif drop.kind not in runs.SOUND_LISTS:
        yield "it waits, and needs nothing"
    else:
        yield from _manifest_waits(seen, drop)


def _mate_waits(seen: Evidence, drop: Drop) -> Iterator[str]:
    """As the other mate has not come, or was settled with an earlier version of it."""
    other = runs.SECOND if drop.kind == runs.FIRST else runs.FIRST
    if any(one.folder == drop.folder and one.kind == other and seen.state(one) == "WAITING" for one in seen.drops):
        yield "it and its mate wait for each other"


def _manifest_waits(seen: Evidence, drop: Drop) -> Iterator[str]:
    if runs.is_complete(drop, seen.landing):
        yield "it waits, and all its files are there"
    if complete := [folder for folder in runs.folders(drop.key) if _is_open(seen, folder)]:
        yield f"it waits, and {complete[0]} is complete"
    beside = [one for one in seen.drops if one.key == drop.key and one.kind in runs.SOUND_LISTS]
    if any(one.number > drop.number and not seen.is_gone(one) for one in beside):
        yield "it waits, and a newer one took its place"


def rejected(seen: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    yield f"a good file was rejected: {upload.get('reason')}"


def settled(seen: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """A mate went on with a mate of its folder; that each file's run was complete was seen when it went on."""
    if drop.kind not in (runs.FIRST, runs.SECOND):
        return
    other = runs.SECOND if drop.kind == runs.FIRST else runs.FIRST
    mates = [one for one in seen.drops if seen.id_of(one) == upload.get("mate")]
    if not mates or (mates[0].kind, mates[0].folder) != (other, drop.folder):
        yield "it went on without its mate"
    report = seen.json(f"reports/{upload['id']}.json") or {}
    later = {one["id"] for one in seen.uploads.values() if one.get("mate") == upload["id"]}
    told = report.get("mate", {}).get("upload")
    unsaid = told is None and seen.disturbed  # the slower of two at one moment, which has not seen the mate
    if told not in {upload.get("mate"), *later} and not unsaid:
        yield "its report tells of a mate that it was not settled with"
