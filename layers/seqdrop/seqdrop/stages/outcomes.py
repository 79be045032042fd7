"""Move records to final states, for several stages: attempts that failed, and uploads archived or withdrawn.

The lab is notified before the ledger is written. A crash may therefore repeat a mail, but no mail is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.companions.training_sets import reuse_line
from seqdrop.ledger.moves import ATTEMPT, ENDS, FORGETTABLE, OPEN, UNCLAIMED, UPLOAD
from seqdrop.ledger.records import Attempt, Fact, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now

if TYPE_CHECKING:
    from seqdrop.ledger.coordination import Shared


def fail_attempt(services: Services, attempt: Attempt, reason: str) -> None:
    """Notify the lab of a failed attempt and move it to FAILED, unless it has changed since it was read.

    The upload stays in the landing bucket until it is replayed or released.
    """
    current = services.ledger.require_attempt(attempt.key)
    if current.state not in OPEN[ATTEMPT] or current.revision != attempt.revision:
        return
    upload = services.ledger.require_upload(attempt.upload_id)
    services.notify(
        f"Seqdrop: no predictions for {upload.key}",
        f"There are no predictions for this file: attempt {attempt.number} of the analysis {attempt.analysis} failed.\n"
        f"  {upload.key} (upload {upload.id})\n\n"
        f"Cause: {reason}\n\n{_advise_on_failure(upload)}",
    )
    services.ledger.move(attempt, "FAILED", reason=reason[:1000])
    logger().error("attempt failed", extra={"upload_id": upload.id, "analysis": attempt.analysis})


def _advise_on_failure(upload: Upload) -> str:
    """Return the part of the mail that says what a person can do about a failed attempt."""
    if upload.state == "ARCHIVED":
        return (
            "Results of earlier attempts are kept, and the raw data is archived. To try again:\n"
            f"  seqdrop replay {upload.id} --yes\n"
        )
    return (
        "The file is valid and was left in the landing bucket. When the cause is removed, try again:\n"
        f"  seqdrop replay {upload.id} --yes\n"
        "Or archive the file without predictions:\n"
        f"  seqdrop release {upload.id} --yes\n"
    )


def close_upload(
    services: Services,
    upload: Upload,
    state: str,
    shared: Shared | None = None,
    also: Shared | None = None,
    /,
    **facts: Fact,
) -> bool:
    """Move a VALIDATED upload to a final state, in one transaction with its attempts and with `shared` and `also`.

    Attempts that no job has claimed fail, and attempts in a final state expire when the upload's record does. Return
    False if another invocation was first.
    """
    expires_at = services.ledger.compute_expiry(now()) if state in FORGETTABLE[UPLOAD] else 0
    steps = [_close_attempt(attempt, state, expires_at) for attempt in services.ledger.attempts(upload.id)]
    every = [Step(upload, state, facts), *filter(None, steps)]
    if not services.ledger.move_together(every, shared=shared, also=also):
        return False
    # Not all facts: the archive key has the name of the file in it.
    logger().info(state.lower(), extra={"upload_id": upload.id, "reason": facts.get("reason", "")})
    return True


def _close_attempt(attempt: Attempt, state: str, expires_at: int) -> Step[Attempt] | None:
    """Return the step of an attempt whose upload enters a final state; None if the attempt stays as it is."""
    if attempt.state in UNCLAIMED:
        return Step(attempt, "FAILED", {"reason": f"its upload ended as {state}", "expires_at": expires_at})
    if expires_at and attempt.state in ENDS[ATTEMPT]:
        return Step(attempt, attempt.state, {"expires_at": expires_at})
    return None


def fail_training(services: Services, attempt: Attempt, cause: str) -> None:
    """Write the reason why a training made no model, mail it, and move the attempt to FAILED.

    Do nothing if the attempt is in a final state: an earlier invocation may have moved it and then crashed.
    """
    if attempt.state not in OPEN[ATTEMPT]:
        return
    upload = services.ledger.require_upload(attempt.upload_id)
    advice, place = _advise_on_training(upload), f"s3://{services.settings.results}/{keys.reason(upload.id)}"
    job = f"job {attempt.job}" if attempt.job else "no job was started"
    content = {
        "upload": upload.id,
        "key": upload.key,
        "version_id": upload.version_id,
        "code": "training_failed",
        "message": cause,
        "advice": advice,
        "job": attempt.job,
        "record": None,
    }
    services.put_json(services.settings.results, keys.reason(upload.id), content)
    services.notify(
        f"Seqdrop: no model from {upload.key}",
        f"There is no model from this training: attempt {attempt.number} failed ({job}).\n"
        f"  {upload.key} (upload {upload.id})\n\n"
        f"Cause: {cause}\n\n{advice}\nTo read this again:\n  aws s3 cp {place} -\n",
    )
    services.ledger.move(attempt, "FAILED", reason=cause[:1000])
    logger().error("training failed", extra={"upload_id": upload.id, "job": attempt.job})


def _advise_on_training(upload: Upload) -> str:
    """Return the part of the mail that says what a person can do about a training that failed."""
    return (
        "The files were left in the landing bucket. When the cause is removed, run "
        f"`seqdrop replay {upload.id} --yes`. To train on the same data with a changed job.toml, add the line "
        f"`{reuse_line(upload.id)}` at its top and drop it; to train on changed data, drop all data files and then "
        "job.toml. With the same data and settings the training continues from its last checkpoint, which is kept for "
        "14 days; otherwise it starts from the beginning. "
        f"To archive the files without a model, run `seqdrop release {upload.id} --yes`."
    )
