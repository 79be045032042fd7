"""What must come of a person's commands: a replay makes one next attempt, a release archives without results."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.operators import RELEASE, Command
from tests.faults.sets import trainings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

LEFT = ("WITHDRAWN", "")  # the lab deleted it meanwhile


def of_all(seen: Evidence) -> Iterator[str]:
    for drop in seen.drops:
        for fault in (*_of_replays(seen, drop), *_of_releases(seen, drop)):
            yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"


def maybe_replayed(seen: Evidence) -> frozenset[str]:
    """Ids of uploads of which a replay was made, or broke off."""
    return _maybe(one for one in seen.lab.commands if one.folder != RELEASE)


def maybe_released(seen: Evidence) -> frozenset[str]:
    return _maybe(one for one in seen.lab.commands if one.folder == RELEASE)


def _maybe(commands: Iterator[Command]) -> frozenset[str]:
    return frozenset(
        upload_id
        for command in commands
        for upload_id in command.upload_ids
        if upload_id in command.unsure or command.has_done(upload_id)
    )


def _of_replays(seen: Evidence, drop: Drop) -> Iterator[str]:
    """Each made one attempt, the next; and no attempt is there that neither a replay nor a failed job explains."""
    upload_id = seen.id_of(drop)
    replays = [one for one in seen.lab.commands if one.folder != RELEASE and upload_id in one.upload_ids]
    done = Counter(one.outcomes[upload_id].number for one in replays if one.has_done(upload_id))
    unsure = sum(upload_id in one.unsure for one in replays)
    attempts = {one["number"]: one for one in seen.attempts[upload_id]}
    if list(attempts) != list(range(1, len(attempts) + 1)):
        yield f"its attempts are {list(attempts)}"
        return
    trained = [one["number"] for one in attempts.values() if one["state"] == "TRAINED"]
    if trained and trained[0] < len(attempts):
        yield f"attempt {trained[0]} trained its model, and another was made"
    for number, count in done.items():
        if count > 1:
            yield f"{count} replays made attempt {number}"
        if number not in attempts and seen.state(drop) not in LEFT:
            yield f"a replay was made, and there is no attempt {number}"
    others = [one for one in attempts.values() if one["number"] > 1 and one["number"] not in done]
    unexplained = [one for one in others if not _retries(seen, drop, attempts[one["number"] - 1])]
    if len(unexplained) > unsure:
        yield f"nobody asked for attempt {unexplained[0]['number']}"


def _retries(seen: Evidence, drop: Drop, before: dict) -> bool:
    """Whether an attempt is tried again by itself: a transform job failed, with others or through nobody's fault."""
    job = seen.world.sagemaker.jobs.get(before.get("job", ""))
    failed = before["state"] == "FAILED" and job is not None and job.status == "Failed"
    return failed and drop.kind not in trainings.KINDS


def _of_releases(seen: Evidence, drop: Drop) -> Iterator[str]:
    """A released upload is archived, unless it was deleted or another attempt was made since."""
    upload_id = seen.id_of(drop)
    released = any(one.folder == RELEASE and one.has_done(upload_id) for one in seen.lab.commands)
    if not released or upload_id in maybe_replayed(seen):
        return
    if seen.state(drop) not in ("ARCHIVED", "WITHDRAWN") and not _goes_on(seen, drop):
        yield f"it was released, and is in {seen.state(drop)}"


def _goes_on(seen: Evidence, drop: Drop) -> bool:
    """Whether what it belongs to was replayed."""
    upload = seen.upload(drop)
    return (upload.get("training") or upload.get("masks_of", "")).partition("-")[0] in maybe_replayed(seen)
