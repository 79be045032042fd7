"""The end of a training that made no model: the reason is written, the lab is told, then the ledger."""

from __future__ import annotations

from seqdrop.ledger.moves import ATTEMPT, OPEN
from seqdrop.ledger.records import Attempt
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services

AGAIN = (
    "Its files were left in the landing bucket. Once the cause is mended, `seqdrop replay` it, or drop job.toml again: "
    "with equal data and settings the training goes on from its last checkpoint, which is kept for 14 days; otherwise "
    "it begins anew. `seqdrop release` archives the files as they are."
)


def fail_training(services: Services, attempt: Attempt, cause: str) -> None:
    """Move an attempt to FAILED, unless it has ended already: a run that broke off may have come so far."""
    if attempt.state not in OPEN[ATTEMPT]:
        return
    upload = services.ledger.upload(attempt.upload_id)
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
    services.put_json(services.settings.results, f"reasons/{upload.id}.json", content)
    services.notify(
        f"Seqdrop: no model from {upload.key}",
        f"{upload.key} (upload {upload.id}), attempt {attempt.number}, job {attempt.job or 'none'}\n{cause}\n"
        f"{AGAIN}\n"
        f"Reason: s3://{services.settings.results}/reasons/{upload.id}.json\n",
    )
    services.ledger.move(attempt, "FAILED", reason=cause[:1000])
    logger().error("training failed", extra={"upload_id": upload.id, "job": attempt.job})
