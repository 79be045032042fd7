"""The end of an attempt that has no predictions: the lab is told, then the ledger.

The end of an upload that was VALIDATED, and with it that of its own attempts.

The end of a training that made no model: the reason is written, the lab is told, then the ledger.
"""

from __future__ import annotations

from seqdrop.aws import keys
from seqdrop.ledger.moves import ATTEMPT, ENDS, OPEN, UNCLAIMED
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now


def fail_attempt(services: Services, attempt: Attempt, reason: str) -> None:
    """Move an attempt to FAILED, unless it is no longer as it was read: someone else was first.

    The upload stays in the landing bucket until it is replayed or released.
    """
    found = services.ledger.find_attempt(attempt.key)
    if found.state not in OPEN[ATTEMPT] or found.revision != attempt.revision:
        return
    upload = services.ledger.find_upload(attempt.upload_id)
    services.notify(
        f"Seqdrop: no predictions for {upload.key}",
        f"{upload.key} (upload {upload.id}), analysis {attempt.analysis}, attempt {attempt.number}\n{reason}\n"
        f"{what_next(upload)}\n",
    )
    services.ledger.move(attempt, "FAILED", reason=reason[:1000])
    logger().error("attempt failed", extra={"upload_id": upload.id, "analysis": attempt.analysis})


def what_next(upload: Upload) -> str:
    """What a person may do about an attempt that failed."""
    if upload.state == "ARCHIVED":
        return f"Earlier results stand, and the raw data is archived. `seqdrop replay {upload.id} --yes` tries again."
    return (
        "The file is valid and was left in the landing bucket. Once the cause is mended,\n"
        f"  seqdrop replay {upload.id} --yes    tries again;\n"
        f"  seqdrop release {upload.id} --yes   archives the file without predictions."
    )


def end_upload(services: Services, upload: Upload, end: str, **facts) -> bool:
    """Move it to its end. What no job has claimed of it fails, and what it did is forgotten when it is.

    All in one transaction; False if someone was first.
    """
    expires_at = services.ledger.compute_expiry(now())
    steps = [step for one in services.ledger.attempts(upload.id) if (step := _step(one, end, expires_at))]
    if not services.ledger.move_together([Step(upload, end, facts), *steps]):
        return False
    logger().info(end.lower(), extra={"upload_id": upload.id, **facts})
    return True


def _step(attempt: Attempt, end: str, expires_at: int) -> Step | None:
    if attempt.state in UNCLAIMED:
        return Step(attempt, "FAILED", {"reason": f"its upload ended as {end}", "expires_at": expires_at})
    if expires_at and attempt.state in ENDS[ATTEMPT]:
        return Step(attempt, attempt.state, {"expires_at": expires_at})
    return None  # a job has it, which settles it


AGAIN = (
    "Its files were left in the landing bucket. Once the cause is mended, `seqdrop replay` it, or drop job.toml again: "
    "with equal data and settings the training goes on from its last checkpoint, which is kept for 14 days; otherwise "
    "it begins anew. `seqdrop release` archives the files as they are."
)


def fail_training(services: Services, attempt: Attempt, cause: str) -> None:
    """Move an attempt to FAILED, unless it has ended already: a run that broke off may have come so far."""
    if attempt.state not in OPEN[ATTEMPT]:
        return
    upload = services.ledger.find_upload(attempt.upload_id)
    content = {
        "upload": upload.id,
        "key": upload.key,
        "version_id": upload.version_id,
        "code": "training_failed",
        "message": cause,
        "advice": AGAIN,
        "job": attempt.job,
        "record": None,
    }
    services.put_json(services.settings.results, keys.reason(upload.id), content)
    services.notify(
        f"Seqdrop: no model from {upload.key}",
        f"{upload.key} (upload {upload.id}), attempt {attempt.number}, job {attempt.job or 'none'}\n{cause}\n"
        f"{AGAIN}\n"
        f"Reason: s3://{services.settings.results}/{keys.reason(upload.id)}\n",
    )
    services.ledger.move(attempt, "FAILED", reason=cause[:1000])
    logger().error("training failed", extra={"upload_id": upload.id, "job": attempt.job})
