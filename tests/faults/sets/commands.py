"""The expected outcome of commands: a replay makes one next attempt, a release archives without results."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.operators import RELEASE, Command
from tests.faults.sets import trainings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

LEFT = ("WITHDRAWN", "")  # states of an upload that the lab deleted meanwhile; "": no record


def check_all(evidence: Evidence) -> Iterator[str]:
    for drop in evidence.drops:
        for fault in (*_check_replays(evidence, drop), *_check_releases(evidence, drop)):
            yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"


def maybe_replayed(evidence: Evidence) -> frozenset[str]:
    """Return the ids of uploads that were replayed, or whose replay crashed."""
    return _maybe(command for command in evidence.lab.commands if command.folder != RELEASE)


def maybe_released(evidence: Evidence) -> frozenset[str]:
    """Return the ids of uploads that were released, or whose release crashed."""
    return _maybe(command for command in evidence.lab.commands if command.folder == RELEASE)


def _maybe(commands: Iterator[Command]) -> frozenset[str]:
    return frozenset(
        upload_id
        for command in commands
        for upload_id in command.upload_ids
        if upload_id in command.unsure or command.has_done(upload_id)
    )


def _check_replays(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that each replay made exactly the next attempt, and that a replay or a failed job explains each attempt."""
    upload_id = evidence.id_of(drop)
    replays = [
        command for command in evidence.lab.commands if command.folder != RELEASE and upload_id in command.upload_ids
    ]
    done = Counter(replay.outcomes[upload_id].number for replay in replays if replay.has_done(upload_id))
    unsure = sum(upload_id in replay.unsure for replay in replays)
    attempts = {attempt["number"]: attempt for attempt in evidence.attempts[upload_id]}
    if list(attempts) != list(range(1, len(attempts) + 1)):
        yield f"its attempts are {list(attempts)}"
        return
    trained = [attempt["number"] for attempt in attempts.values() if attempt["state"] == "TRAINED"]
    if trained and trained[0] < len(attempts):
        yield f"attempt {trained[0]} trained its model, and another was made"
    for number, count in done.items():
        if count > 1:
            yield f"{count} replays made attempt {number}"
        if number not in attempts and evidence.state(drop) not in LEFT:
            yield f"a replay was made, and there is no attempt {number}"
    others = [attempt for attempt in attempts.values() if attempt["number"] > 1 and attempt["number"] not in done]
    unexplained = [other for other in others if not _retries(evidence, drop, attempts[other["number"] - 1])]
    if len(unexplained) > unsure:
        yield f"nothing explains attempt {unexplained[0]['number']}"


def _retries(evidence: Evidence, drop: Drop, before: dict) -> bool:
    """Return True if Seqdrop may have planned the next attempt itself, because the transform job `before` failed."""
    job = evidence.world.sagemaker.jobs.get(before.get("job", ""))
    failed = before["state"] == "FAILED" and job is not None and job.status == "Failed"
    return failed and drop.kind not in trainings.KINDS


def _check_releases(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that a released upload is archived, unless it was deleted or replayed afterwards."""
    upload_id = evidence.id_of(drop)
    released = any(command.folder == RELEASE and command.has_done(upload_id) for command in evidence.lab.commands)
    if not released or upload_id in maybe_replayed(evidence):
        return
    if evidence.state(drop) not in ("ARCHIVED", "WITHDRAWN") and not _is_replayed(evidence, drop):
        yield f"it was released, and is in {evidence.state(drop)}"


def _is_replayed(evidence: Evidence, drop: Drop) -> bool:
    """Return True if the upload to which it belongs was replayed."""
    upload = evidence.upload(drop)
    return (upload.get("training") or upload.get("masks_of", "")).partition("-")[0] in maybe_replayed(evidence)
