"""The one table of moves. Handlers, the reconciler, the tests and the README's diagram all read it."""

from __future__ import annotations

from dataclasses import dataclass

UPLOAD, ATTEMPT, JOB = "upload", "attempt", "job"


@dataclass(frozen=True)
class Move:
    """`kind` may go from `source` (None: not yet recorded) to `target`; one of `by` does it, and writes these facts.

    Every move also writes the state, its time in `timeline`, and the next revision.
    """

    kind: str
    source: str | None
    target: str
    by: tuple[str, ...]
    why: str
    writes: tuple[str, ...] = ()


VALIDATE, START, TRAIN, FINISH, ARCHIVE = "validate", "start_transform", "start_training", "finish", "archive"
REPLAY = "seqdrop replay"  # the command
STARTS = (START, TRAIN)

FOUND = ("format", "sha256", "sha256_of_parts", "records")
MOVES = (
    Move(UPLOAD, None, "RECEIVED", (VALIDATE,), "an object version landed", ("key", "version_id", "size", "trace_id")),
    Move(
        UPLOAD,
        "RECEIVED",
        "VALIDATED",
        (VALIDATE,),
        "every record passed; its work items are written",
        (*FOUND, "mate", "training"),
    ),
    Move(UPLOAD, "RECEIVED", "REJECTED", (VALIDATE,), "a fault was found; its reason is written", ("reason", "mate")),
    Move(
        UPLOAD,
        "RECEIVED",
        "WAITING",
        (VALIDATE,),
        "it is valid; its mate, its BED or FASTA, the rest of its training, or a file that it lists, is not there yet",
        (*FOUND, "waiting_since"),
    ),
    Move(UPLOAD, "RECEIVED", "WITHDRAWN", (VALIDATE,), "the object was deleted before it was read", ("reason",)),
    Move(
        UPLOAD,
        "WAITING",
        "VALIDATED",
        (VALIDATE,),
        "what it waited for came and they fit, or it need not wait any more",
        ("mate", "training", "masks_of"),
    ),
    Move(
        UPLOAD,
        "WAITING",
        "REJECTED",
        (VALIDATE,),
        "it and what it waited for do not fit, or a newer version took its place",
        ("reason", "mate"),
    ),
    Move(
        UPLOAD,
        "WAITING",
        "RECEIVED",
        (VALIDATE,),
        "it is read again: its mate came after its work items expired, its BED came, or it belongs to no set any more",
    ),
    Move(UPLOAD, "WAITING", "WITHDRAWN", (VALIDATE,), "the object was deleted while it waited", ("reason",)),
    Move(
        UPLOAD,
        "VALIDATED",
        "ARCHIVED",
        (ARCHIVE,),
        "copied, verified, receipt written, landing emptied",
        ("archive_key", "expires_at"),
    ),
    Move(
        UPLOAD,
        "VALIDATED",
        "WITHDRAWN",
        (VALIDATE, ARCHIVE),
        "the object was deleted before it was archived",
        ("reason", "expires_at"),
    ),
    Move(
        UPLOAD,
        "VALIDATED",
        "RECEIVED",
        (REPLAY,),
        "its work items expired, or its analysis cuts others now: it is read again for its next attempt",
        ("read_for",),
    ),
    Move(
        ATTEMPT,
        None,
        "PLANNED",
        (VALIDATE, FINISH, REPLAY),
        "work items wait for a job; an attempt after the first repeats one that failed, or is a replay",
        ("number", "plan", "run", "cut_as", "trace_id"),
    ),
    Move(ATTEMPT, "PLANNED", "WAITING", (START,), "as many jobs are open as may be"),
    Move(ATTEMPT, "PLANNED", "SUBMITTED", STARTS, "claimed by a job, in the job's own transaction", ("job",)),
    Move(ATTEMPT, "WAITING", "SUBMITTED", (START,), "there is room, and it is its turn", ("job",)),
    Move(
        ATTEMPT,
        "PLANNED",
        "FAILED",
        (VALIDATE, *STARTS, ARCHIVE),
        "no job can be made for it, or its upload was withdrawn",
        ("reason",),
    ),
    Move(
        ATTEMPT,
        "WAITING",
        "FAILED",
        (START, ARCHIVE),
        "no job can be made for it, or its upload was withdrawn",
        ("reason",),
    ),
    Move(ATTEMPT, "SUBMITTED", "PREDICTED", (FINISH,), "its predictions are in the results bucket"),
    Move(ATTEMPT, "SUBMITTED", "TRAINED", (FINISH,), "the model that it trained is registered", ("reason",)),
    Move(
        ATTEMPT,
        "SUBMITTED",
        "FAILED",
        (*STARTS, FINISH),
        "its job cannot start, or ended without its predictions or its model",
        ("reason",),
    ),
    Move(
        JOB,
        None,
        "PLANNED",
        (*STARTS, VALIDATE),
        "written with its members before SageMaker is called",
        ("members", "request", "tags", "model", "trace_id"),
    ),
    Move(JOB, "PLANNED", "STARTED", (*STARTS, VALIDATE), "SageMaker took the request"),
    Move(
        JOB,
        "PLANNED",
        "FAILED",
        (*STARTS, VALIDATE, FINISH),
        "SageMaker will never take the request, or it failed at once",
        ("reason", "expires_at"),
    ),
    Move(JOB, "PLANNED", "DONE", (FINISH,), "its end was told before its start was written down", ("expires_at",)),
    Move(JOB, "STARTED", "DONE", (FINISH,), "completed, and every member is settled", ("expires_at",)),
    Move(JOB, "STARTED", "FAILED", (FINISH,), "failed, and every member is settled", ("reason", "expires_at")),
    Move(JOB, "PLANNED", "STOPPED", (FINISH,), "stopped before its start was written down", ("reason", "expires_at")),
    Move(
        JOB,
        "STARTED",
        "STOPPED",
        (FINISH,),
        "stopped by a person, and every member is settled",
        ("reason", "expires_at"),
    ),
)

ENDS = {
    UPLOAD: frozenset({"ARCHIVED", "REJECTED", "WITHDRAWN"}),
    ATTEMPT: frozenset({"PREDICTED", "TRAINED", "FAILED"}),
    JOB: frozenset({"DONE", "FAILED", "STOPPED"}),
}

# States from which a record may still move, in the order in which it comes to them.
OPEN = {
    UPLOAD: ("RECEIVED", "WAITING", "VALIDATED"),
    ATTEMPT: ("PLANNED", "WAITING", "SUBMITTED"),
    JOB: ("PLANNED", "STARTED"),
}

# An attempt that no job has claimed.
UNCLAIMED = ("PLANNED", "WAITING")

# Records that time-to-live may remove, `keep_days` after they came here. A rejected file still lies in the landing
# bucket, so its record stays: without it the file would be read, rejected and told of anew.
FORGETTABLE = {UPLOAD: frozenset({"ARCHIVED", "WITHDRAWN"}), JOB: ENDS[JOB]}

# An attempt that stands here is what its upload came for.
DONE = frozenset({"PREDICTED", "TRAINED"})

_ALLOWED = {(move.kind, move.source, move.target) for move in MOVES}


class IllegalMoveError(Exception):
    """A program error: code asked for a move that is not in the table."""


def check(kind: str, source: str | None, target: str) -> None:
    """Raises IllegalMoveError unless the table allows it."""
    if (kind, source, target) not in _ALLOWED:
        raise IllegalMoveError(f"{kind}: {source} → {target} is not in the table of moves")
