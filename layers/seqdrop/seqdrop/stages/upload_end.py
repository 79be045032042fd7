"""The end of an upload that was VALIDATED, and with it that of its own attempts."""

from __future__ import annotations

from seqdrop.ledger.moves import ATTEMPT, ENDS, UNCLAIMED
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now


def end_upload(services: Services, upload: Upload, end: str, **facts) -> bool:
    """Move it to its end. What no job has claimed of it fails, and what it did is forgotten when it is.

    All in one transaction; False if someone was first.
    """
    expires_at = services.ledger.expiry(now())
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
