"""A job of several members failed: what it left without predictions is tried again apart, until the culprit is alone.

Of a job that fails at one input object SageMaker keeps the outputs of the others; of one whose container died it may
keep none, and then any member may be the cause. So those that lack outputs are tried again in two halves, and each
half that fails in its turn likewise: of n members one bad one costs about 2 log2(n) more jobs. A member that fails by
itself has failed, and the lab is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.services import Services

# What SageMaker says where the data have no part in it. Halves would fail as the whole did.
NOT_THE_DATA = re.compile(r"\bping\b|health check|model data|model artifact|container image|pull", re.IGNORECASE)
# What it says where nobody has: the same may do another time.
NOBODYS = re.compile(r"CapacityError|InsufficientCapacity|InternalServerError|InternalFailure")
MOST_LOST = 3  # times in a row, until that, too, is left to a person


def next_group(job: Job, lacking: list[Attempt], attempt: Attempt, reason: str) -> str | None:
    """With whom an attempt of a failed job is tried again: its half of those that lack outputs; None if it is not.

    `lacking` must be in the order of the job's members, settled ones included: whoever asks again gets the same halves.
    """
    if NOBODYS.search(reason):
        return f"{job.name}/0" if attempt.lost < MOST_LOST else None
    if len(job.members) == 1 or NOT_THE_DATA.search(reason):
        return None
    first_half = lacking[: (len(lacking) + 1) // 2]
    return f"{job.name}/1" if attempt.key in [one.key for one in first_half] else f"{job.name}/2"


def try_again(services: Services, attempt: Attempt, group: str, reason: str) -> None:
    """End an attempt, and plan the next with its shards, in one transaction. Its job's other members are not told."""
    because = f"its job failed, and it is tried again apart from others: {reason}"
    lost = attempt.lost + 1 if NOBODYS.search(reason) else 0
    if not services.ledger.move(attempt, "FAILED", attempt.next_attempt(group, lost), reason=because[:1000]):
        raise RetryableError("another run settles it at this moment")
    logger().warning("split off", extra={"upload_id": attempt.upload_id, "job": attempt.job})
