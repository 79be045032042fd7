"""Plan the next attempts of a failed job's members, to find the member that made it fail.

If a job fails at one input object, SageMaker keeps the outputs of the others. If its container died, it may keep none,
and then any member may be the cause. The members without outputs are therefore tried again in two halves, and each half
that fails is halved again: one bad member of n costs about 2 log2(n) more jobs. A member that fails alone in its job is
not tried again, and the lab is notified.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.services import Services

# SageMaker's reasons that have nothing to do with the data. Halves of the job would fail for the same reason.
NOT_THE_DATA = re.compile(r"\bping\b|health check|model data|model artifact|container image|pull", re.IGNORECASE)
# SageMaker's reasons that have nothing to do with the job: the same request may succeed another time.
NOT_THE_JOB = re.compile(r"CapacityError|InsufficientCapacity|InternalServerError|InternalFailure")
MAX_LOST = 3  # how often in a row such a failure is tried again; then a person must act


def next_group(job: Job, lacking: list[Attempt], attempt: Attempt, reason: str) -> str | None:
    """Return the group in which an attempt of a failed job is tried again; None if it is not tried again.

    The group is its half of the members that lack outputs; after a failure of SageMaker itself it is all of them.
    `lacking` must be in the order of the job's members and include those in a final state, so that repeated calls
    return the same halves.
    """
    if NOT_THE_JOB.search(reason):
        return f"{job.name}/0" if attempt.lost < MAX_LOST else None
    if len(job.members) == 1 or NOT_THE_DATA.search(reason):
        return None
    first_half = lacking[: (len(lacking) + 1) // 2]
    return f"{job.name}/1" if attempt.key in [member.key for member in first_half] else f"{job.name}/2"


def try_again(services: Services, attempt: Attempt, group: str, reason: str) -> None:
    """Move an attempt to FAILED and plan the next one with its shards, in one transaction, without a mail.

    Raise RetryableError if another invocation was first.
    """
    because = f"its job failed, and it is tried again in another job: {reason}"
    lost = attempt.lost + 1 if NOT_THE_JOB.search(reason) else 0
    if not services.ledger.move(attempt, "FAILED", attempt.next_attempt(group, lost), reason=because[:1000]):
        raise RetryableError("another invocation is resolving this attempt")
    logger().warning(
        "attempt is tried again in another job", extra={"upload_id": attempt.upload_id, "job": attempt.job}
    )
