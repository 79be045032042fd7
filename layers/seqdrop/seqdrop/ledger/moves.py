"""The table of moves. Handlers, the reconciler, the tests and the diagram in docs/ledger.md all read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UPLOAD: Final = "upload"
ATTEMPT: Final = "attempt"
JOB: Final = "job"
RUN: Final = "run"
RESTORE: Final = "restore"
ARCHIVE_OBJECT: Final = "archive_object"


@dataclass(frozen=True)
class Move:
    """An allowed move: a record of `kind` may go from `source` (None: there is no record yet) to `target`.

    One of the functions in `by` makes the move, and sets the fields in `writes`. Every move also writes the state, its
    time in `timeline`, and the next revision.
    """

    kind: str
    source: str | None
    target: str
    by: tuple[str, ...]
    why: str
    writes: tuple[str, ...] = ()


VALIDATE, FINISH, ARCHIVE, BUNDLE = "validate", "finish", "archive", "bundle"
PROCESS, START, TRAIN, WORK = "start_processing", "start_transform", "start_training", "workflow"
RECONCILE = "reconcile"
FORGET = "forget"
REPLAY, ASK = "seqdrop replay", "seqdrop forget"  # commands
RESTORER, REQUEST_RESTORE = "restore", "seqdrop restore"  # the function, and the command
STARTS = (START, TRAIN, WORK)

EXAMINED = ("format", "sha256", "crc32", "md5", "sha256_of_parts", "records", "labels")
REPEATED = ("duplicate_of", "duplicates_with")
JUDGED = ("instrument", "complete", "cause", "due_at", "number")
MOVES = (
    Move(
        UPLOAD,
        None,
        "RECEIVED",
        (VALIDATE, RECONCILE),
        "an object version landed; if its event does not arrive, the reconciler records it",
        ("key", "version_id", "size", "trace_id"),
    ),
    Move(
        UPLOAD,
        "RECEIVED",
        "VALIDATED",
        (VALIDATE,),
        "every record passed; its work items are written",
        (*EXAMINED, "mate", "training", *REPEATED),
    ),
    Move(UPLOAD, "RECEIVED", "REJECTED", (VALIDATE,), "the file is invalid; its reason is written", ("reason", "mate")),
    Move(
        UPLOAD,
        "RECEIVED",
        "WAITING",
        (VALIDATE,),
        "it is valid, but its mate, its BED or FASTA, the rest of its training set, or a file that it lists is missing",
        (*EXAMINED, "waiting_since"),
    ),
    Move(
        UPLOAD,
        "RECEIVED",
        "WITHDRAWN",
        (VALIDATE,),
        "the object was deleted before it was read, or is in another bucket",
        ("reason",),
    ),
    Move(
        UPLOAD,
        "WAITING",
        "VALIDATED",
        (VALIDATE,),
        "the files that it waited for arrived and fit, or it does not have to wait any more",
        ("mate", "training", "masks_of", *REPEATED),
    ),
    Move(
        UPLOAD,
        "WAITING",
        "REJECTED",
        (VALIDATE,),
        "it does not fit the files that it waited for, or a newer version replaced it",
        ("reason", "mate"),
    ),
    Move(
        UPLOAD,
        "WAITING",
        "RECEIVED",
        (VALIDATE,),
        "it is read again: its mate arrived after its work items expired, its BED arrived, or its set no longer exists",
    ),
    Move(UPLOAD, "WAITING", "WITHDRAWN", (VALIDATE,), "the object was deleted while it waited", ("reason",)),
    Move(
        UPLOAD,
        "VALIDATED",
        "ARCHIVED",
        (ARCHIVE, BUNDLE),
        "its copy is verified, its receipt is written, and the landing object is deleted",
        ("archive_key", "storage_class", "kept_until", "expires_at"),
    ),
    Move(
        UPLOAD,
        "VALIDATED",
        "DUPLICATE",
        (ARCHIVE,),
        "it has key, size and SHA-256 of an ARCHIVED upload, whose copy is verified; the landing object is deleted",
        ("duplicate_of", "removal_at", "expires_at"),
    ),
    Move(
        UPLOAD,
        "VALIDATED",
        "REJECTED",
        (VALIDATE, ARCHIVE),
        "a checksum list of its run has another checksum for it; or S3 does not copy its bytes any more, because of "
        "their storage class or key; its reason is written",
        ("reason", "md5"),
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
        (REPLAY, ARCHIVE),
        "it is read again: for its next attempt, as its work items expired or its analysis now makes other work items; "
        "or because the archived copy that it repeats was deleted",
        ("read_for", *REPEATED),
    ),
    Move(
        UPLOAD,
        "ARCHIVED",
        "FORGETTING",
        (ASK,),
        "a person asked to delete its archived copy; it waits for `ForgetDays`",
        ("forget_asked_at", "forget_due_at", "forget_reason", "forget_results"),
    ),
    Move(
        UPLOAD,
        "FORGETTING",
        "ARCHIVED",
        (ASK, FORGET),
        "the request was taken back; or S3 refuses the deletion, or its receipt does not name the version of its copy",
        ("expires_at",),
    ),
    Move(
        UPLOAD,
        "FORGETTING",
        "FORGOTTEN",
        (FORGET,),
        "its archived copy is deleted, and its tombstone is written",
        ("expires_at",),
    ),
    Move(
        ATTEMPT,
        None,
        "PLANNED",
        (VALIDATE, START, FINISH, WORK, REPLAY),
        "its work items, or its file, are ready for a job; an attempt after the first repeats one that failed, or is "
        "a replay",
        ("number", "plan", "run", "cut_as", "trace_id"),
    ),
    Move(ATTEMPT, "PLANNED", "WAITING", (START,), "no job slot is free"),
    Move(ATTEMPT, "PLANNED", "SUBMITTED", STARTS, "a job claims it, in the transaction that creates the job", ("job",)),
    Move(ATTEMPT, "WAITING", "SUBMITTED", (START,), "a job slot is free, and it is this attempt's turn", ("job",)),
    Move(
        ATTEMPT,
        "PLANNED",
        "FAILED",
        (VALIDATE, *STARTS, ARCHIVE),
        "no job can be created for it, or its upload was withdrawn",
        ("reason",),
    ),
    Move(
        ATTEMPT,
        "WAITING",
        "FAILED",
        (START, ARCHIVE),
        "no job can be created for it, or its upload was withdrawn",
        ("reason",),
    ),
    Move(
        ATTEMPT,
        "SUBMITTED",
        "PREDICTED",
        (FINISH, WORK),
        "its predictions, or the outputs of its workflow, are in the results bucket",
    ),
    Move(ATTEMPT, "SUBMITTED", "TRAINED", (FINISH,), "its model is registered", ("reason",)),
    Move(
        ATTEMPT,
        "SUBMITTED",
        "FAILED",
        (*STARTS, FINISH),
        "its job cannot start, or ended without predictions or a model for it",
        ("reason",),
    ),
    Move(
        JOB,
        None,
        "PLANNED",
        (*STARTS, PROCESS),
        "recorded with its members before SageMaker or HealthOmics is called",
        ("members", "request", "tags", "model", "trace_id"),
    ),
    Move(
        JOB,
        "PLANNED",
        "STARTED",
        (*STARTS, PROCESS),
        "SageMaker or HealthOmics accepted the request",
        ("outputs", "failures", "run_id"),
    ),
    Move(
        JOB,
        "PLANNED",
        "FAILED",
        (*STARTS, PROCESS, FINISH),
        "the service will never accept the request, or the job failed before its start was recorded",
        ("reason", "expires_at"),
    ),
    Move(
        JOB,
        "PLANNED",
        "DONE",
        (START, WORK, FINISH),
        "the job completed before its start was recorded",
        ("expires_at",),
    ),
    Move(
        JOB,
        "STARTED",
        "DONE",
        (FINISH, WORK),
        "the job completed, and every member is in a final state",
        ("expires_at",),
    ),
    Move(
        JOB,
        "STARTED",
        "FAILED",
        (FINISH, WORK),
        "the job failed, and every member is in a final state",
        ("reason", "expires_at"),
    ),
    Move(
        JOB,
        "PLANNED",
        "STOPPED",
        (FINISH, WORK),
        "the job was stopped before its start was recorded",
        ("reason", "expires_at"),
    ),
    Move(
        JOB,
        "STARTED",
        "STOPPED",
        (FINISH, WORK),
        "a person, or the reconciler at its limit, stopped the job, and every member is in a final state",
        ("reason", "expires_at"),
    ),
    Move(RUN, None, "SEQUENCING", (VALIDATE,), "the first file of its folder landed", ("folder", "analysis")),
    Move(RUN, "SEQUENCING", "COPYING", (VALIDATE,), "the end of sequencing is marked; files still arrive", JUDGED),
    Move(
        RUN, "SEQUENCING", "COMPLETE", (VALIDATE,), "all markers of its instrument are there; its files advance", JUDGED
    ),
    Move(
        RUN,
        "SEQUENCING",
        "FAILED",
        (VALIDATE,),
        "the instrument reports a failure; its files wait for a person",
        JUDGED,
    ),
    Move(RUN, "COPYING", "COMPLETE", (VALIDATE,), "all markers of its instrument are there; its files advance", JUDGED),
    Move(
        RUN, "COPYING", "FAILED", (VALIDATE,), "the instrument reports a failure; its files wait for a person", JUDGED
    ),
    Move(RUN, "FAILED", "COPYING", (VALIDATE,), "a newer outcome replaced that of the failure", JUDGED),
    Move(RUN, "FAILED", "COMPLETE", (VALIDATE,), "a person declared it complete, or a newer outcome did", JUDGED),
    Move(RUN, "COMPLETE", "COPYING", (VALIDATE,), "an analysis or a part was added to it: a new revision", JUDGED),
    Move(
        RUN,
        "COMPLETE",
        "ARCHIVED",
        (VALIDATE,),
        "no file that could still be archived is in the landing bucket",
        ("rejected",),
    ),
    Move(RUN, "ARCHIVED", "COPYING", (VALIDATE,), "an analysis or a part was added to it: a new revision", JUDGED),
    Move(
        RESTORE,
        None,
        "ASKED",
        (REQUEST_RESTORE,),
        "a person saw the price and asked; the plan is written",
        ("selector", "tier", "days", "to", "run", "files", "objects", "bytes", "usd"),
    ),
    Move(
        RESTORE,
        "ASKED",
        "RESTORING",
        (RESTORER,),
        "S3 was asked for every object that was not restored already",
        ("asked", "batch_job"),
    ),
    Move(
        RESTORE,
        "RESTORING",
        "ASKED",
        (RESTORER,),
        "a temporary copy expired, or was never made: S3 is asked again",
        ("asked", "back", "round"),
    ),
    Move(RESTORE, "RESTORING", "COPYING", (RESTORER,), "every object is back, and its files are copied", ("until",)),
    Move(
        RESTORE,
        "COPYING",
        "ASKED",
        (RESTORER,),
        "a temporary copy expired before it was copied: S3 is asked again",
        ("asked", "back", "round"),
    ),
    Move(RESTORE, "RESTORING", "RESTORED", (RESTORER,), "every object is back; the lab is notified", ("until",)),
    Move(RESTORE, "COPYING", "RESTORED", (RESTORER,), "every file is copied; the lab is notified", ("copied",)),
    Move(
        RESTORE,
        "ASKED",
        "FAILED",
        (RESTORER,),
        "the job of S3 Batch Operations failed, or the plan is gone; the lab is notified",
        ("reason",),
    ),
    Move(
        RESTORE,
        "RESTORING",
        "FAILED",
        (RESTORER,),
        "some objects cannot be restored; the others are readable; the lab is notified",
        ("reason", "failed", "failures"),
    ),
    Move(
        RESTORE, "COPYING", "FAILED", (RESTORER,), "a file differs from its receipt; the lab is notified", ("reason",)
    ),
    Move(RESTORE, "RESTORED", "EXPIRED", (RESTORER,), "the first of its temporary copies expired"),
    Move(
        ARCHIVE_OBJECT,
        None,
        "RESTORING",
        (RESTORER,),
        "S3 is asked for it, or restores it already",
        ("tier", "days", "due_at", "requests"),
    ),
    Move(ARCHIVE_OBJECT, None, "RESTORED", (RESTORER,), "it was restored before it was asked for", ("until",)),
    Move(ARCHIVE_OBJECT, None, "FAILED", (RESTORER,), "it is missing, or S3 refuses to restore it", ("reason",)),
    Move(ARCHIVE_OBJECT, "RESTORING", "RESTORED", (RESTORER,), "S3 says that its temporary copy is there", ("until",)),
    Move(ARCHIVE_OBJECT, "RESTORING", "EXPIRED", (RESTORER,), "S3 neither restores it nor has a temporary copy"),
    Move(ARCHIVE_OBJECT, "RESTORING", "FAILED", (RESTORER,), "it is missing, or S3 refuses to restore it", ("reason",)),
    Move(ARCHIVE_OBJECT, "RESTORED", "EXPIRED", (RESTORER,), "its temporary copy expired"),
    Move(ARCHIVE_OBJECT, "RESTORED", "RESTORING", (RESTORER,), "its copy expired, and S3 is asked again", ("due_at",)),
    Move(ARCHIVE_OBJECT, "EXPIRED", "RESTORING", (RESTORER,), "S3 is asked for it again", ("due_at", "requests")),
    Move(ARCHIVE_OBJECT, "EXPIRED", "RESTORED", (RESTORER,), "S3 says that its temporary copy is there", ("until",)),
    Move(ARCHIVE_OBJECT, "EXPIRED", "FAILED", (RESTORER,), "it is missing, or S3 refuses to restore it", ("reason",)),
    Move(ARCHIVE_OBJECT, "FAILED", "RESTORING", (RESTORER,), "S3 is asked for it again", ("due_at", "requests")),
    Move(ARCHIVE_OBJECT, "FAILED", "RESTORED", (RESTORER,), "S3 says that its temporary copy is there", ("until",)),
)

ENDS = {
    UPLOAD: frozenset(
        {"ARCHIVED", "DUPLICATE", "FORGOTTEN", "REJECTED", "WITHDRAWN"}
    ),  # ARCHIVED until it is forgotten
    ATTEMPT: frozenset({"PREDICTED", "TRAINED", "FAILED"}),
    JOB: frozenset({"DONE", "FAILED", "STOPPED"}),
    RUN: frozenset({"ARCHIVED"}),  # until files are added to it
    RESTORE: frozenset({"RESTORED", "FAILED", "EXPIRED"}),
    ARCHIVE_OBJECT: frozenset({"RESTORED", "FAILED", "EXPIRED"}),  # until S3 is asked again, or the copy expires
}

# States from which a record may still move, in the order in which it enters them.
OPEN = {
    UPLOAD: ("RECEIVED", "WAITING", "VALIDATED", "FORGETTING"),
    ATTEMPT: ("PLANNED", "WAITING", "SUBMITTED"),
    JOB: ("PLANNED", "STARTED"),
    RUN: ("SEQUENCING", "COPYING", "FAILED", "COMPLETE"),
    RESTORE: ("ASKED", "RESTORING", "COPYING"),
    ARCHIVE_OBJECT: ("RESTORING",),
}

# States of an upload that is not accepted, rejected or withdrawn yet.
UNDECIDED = ("RECEIVED", "WAITING")

# States of an attempt that no job has claimed.
UNCLAIMED = ("PLANNED", "WAITING")

# States in which time-to-live removes a record, `keep_days` after it entered them. A rejected file is still in the
# landing bucket, so its record stays: without it the file would be read, rejected and reported again.
FORGETTABLE = {
    UPLOAD: frozenset({"ARCHIVED", "DUPLICATE", "FORGOTTEN", "WITHDRAWN"}),
    JOB: ENDS[JOB],
    RESTORE: frozenset({"FAILED", "EXPIRED"}),
}

# States of an attempt that succeeded: it has predictions or a model.
DONE = frozenset({"PREDICTED", "TRAINED"})

_ALLOWED = {(move.kind, move.source, move.target) for move in MOVES}


class IllegalMoveError(Exception):
    """A program error: the code asked for a move that is not in the table."""


def check(kind: str, source: str | None, target: str) -> None:
    """Raise IllegalMoveError unless the table allows the move."""
    if (kind, source, target) not in _ALLOWED:
        raise IllegalMoveError(f"{kind}: {source} → {target} is not in the table of moves")
