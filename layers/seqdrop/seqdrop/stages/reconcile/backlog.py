"""Backlogs: queues whose functions do not keep up with the messages.

A message in such a queue is not lost, it only waits, perhaps for many hours. To send it again would make the queue
longer, so a nudge to such a queue waits for LONGEST_PAUSE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services

LONGEST_PAUSE = 24 * 60  # minutes between two nudges
# Messages that no function has received yet. Lambda polls all the time, so if the function keeps up, there are none or
# a few. The reconciler may run just when a folder has landed; then it nudges five minutes later.
MANY = 10
VISIBLE: Final = "ApproximateNumberOfMessages"


def has_backlog(services: Services, queue: str) -> bool:
    """Return True if more than MANY messages wait in a queue. `queue` is its URL."""
    response = services.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[VISIBLE])
    return int(response["Attributes"][VISIBLE]) > MANY


def shortest_wait(services: Services, queue: str) -> int:
    """Return the minutes without progress after which the first message may be sent again to a queue."""
    return LONGEST_PAUSE if has_backlog(services, queue) else services.settings.stale_minutes
