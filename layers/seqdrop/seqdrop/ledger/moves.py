"""The one table of moves. Handlers, the reconciler, the tests and the README's diagram all read it."""

from __future__ import annotations

from dataclasses import dataclass

UPLOAD, ATTEMPT, JOB = "upload", "attempt", "job"


@dataclass(frozen=True)
class Move:
    """`kind` may go from `source` (None: not yet recorded) to `target`; the function `by` does it."""

    kind: str
    source: str | None
    target: str
    by: str
    why: str


MOVES = (
    Move(UPLOAD, None, "RECEIVED", "validate", "an object version landed"),
    Move(UPLOAD, "RECEIVED", "VALIDATED", "validate", "every record passed; its work items are written"),
    Move(UPLOAD, "RECEIVED", "REJECTED", "validate", "a fault was found; its reason is written"),
    Move(
        UPLOAD,
        "RECEIVED",
        "WAITING",
        "validate",
        "it is sound; its mate, its BED or FASTA, the rest of its training, or a file that it lists, is not there yet",
    ),
    Move(UPLOAD, "RECEIVED", "WITHDRAWN", "validate", "the object was deleted before it was read"),
    Move(
        UPLOAD, "WAITING", "VALIDATED", "validate", "what it waited for came and they fit, or it need not wait any more"
    ),
    Move(
        UPLOAD,
        "WAITING",
        "REJECTED",
        "validate",
        "it and what it waited for do not fit, or a newer version took its place",
    ),
    Move(
        UPLOAD,
        "WAITING",
        "RECEIVED",
        "validate",
        "its mate came after its work items expired, or the BED came that says what to fill: it is read again",
    ),
    Move(UPLOAD, "WAITING", "WITHDRAWN", "validate", "the object was deleted while it waited"),
    Move(UPLOAD, "VALIDATED", "ARCHIVED", "archive", "copied, verified, receipt written, landing emptied"),
    Move(UPLOAD, "VALIDATED", "WITHDRAWN", "validate, archive", "the object was deleted before it was archived"),
    Move(ATTEMPT, None, "PLANNED", "validate", "work items wait for a job"),
    Move(
        ATTEMPT,
        "PLANNED",
        "SUBMITTED",
        "start_transform, start_training",
        "claimed by a job, in the job's own transaction",
    ),
    Move(ATTEMPT, "PLANNED", "FAILED", "validate, start_transform, start_training", "no job can be made for it"),
    Move(ATTEMPT, "SUBMITTED", "PREDICTED", "finish", "its predictions are in the results bucket"),
    Move(ATTEMPT, "SUBMITTED", "TRAINED", "finish", "the model that it trained is registered"),
    Move(
        ATTEMPT,
        "SUBMITTED",
        "FAILED",
        "start_transform, start_training, finish",
        "its job cannot start, or ended without its predictions or its model",
    ),
    Move(
        JOB,
        None,
        "PLANNED",
        "start_transform, start_training, validate",
        "written with its members before SageMaker is called",
    ),
    Move(JOB, "PLANNED", "STARTED", "start_transform, start_training, validate", "SageMaker took the request"),
    Move(
        JOB,
        "PLANNED",
        "FAILED",
        "start_transform, start_training, validate, finish",
        "SageMaker will never take the request, or it failed at once",
    ),
    Move(JOB, "PLANNED", "DONE", "finish", "its end was told before its start was written down"),
    Move(JOB, "STARTED", "DONE", "finish", "completed, and every member is settled"),
    Move(JOB, "STARTED", "FAILED", "finish", "failed, and every member is settled"),
    Move(JOB, "PLANNED", "STOPPED", "finish", "stopped before its start was written down"),
    Move(JOB, "STARTED", "STOPPED", "finish", "stopped by a person, and every member is settled"),
)

ENDS = {
    UPLOAD: frozenset({"ARCHIVED", "REJECTED", "WITHDRAWN"}),
    ATTEMPT: frozenset({"PREDICTED", "TRAINED", "FAILED"}),
    JOB: frozenset({"DONE", "FAILED", "STOPPED"}),
}

# An attempt that stands here is what its upload came for.
DONE = frozenset({"PREDICTED", "TRAINED"})

_ALLOWED = {(move.kind, move.source, move.target) for move in MOVES}


class IllegalMove(Exception):
    """A program error: code asked for a move that is not in the table."""


def check(kind: str, source: str | None, target: str) -> None:
    """Raises IllegalMove unless the table allows it."""
    if (kind, source, target) not in _ALLOWED:
        raise IllegalMove(f"{kind}: {source} → {target} is not in the table of moves")
