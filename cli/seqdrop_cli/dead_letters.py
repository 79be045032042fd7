"""Dead-letter queues: a look at their messages, and sending these back to the queues of their functions.

SQS's own redrive is not used. Here a message is deleted only after it was sent, so it cannot be lost; one that comes
twice does no harm.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seqdrop import clock

from seqdrop_cli.console import print_table, say
from seqdrop_cli.dry_run import INTERRUPTED
from seqdrop_cli.interrupts import catch_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SUFFIX = "DeadLetters"
MAX_PEEKED = 100  # messages of a queue that are read to show what is in it
PEEK_SECONDS, MOVE_SECONDS = 30, 120  # for which a message that is read, or moved, is hidden from other readers
FOREIGN = "not a message of Seqdrop"


@dataclass(frozen=True)
class DeadLetterQueue:
    """A dead-letter queue; `source` is the URL of the queue that it belongs to, "" for a function without a queue."""

    name: str
    url: str
    source: str
    count: int = 0


@dataclass
class Summary:
    """The kinds of the first messages of a queue, and the time at which the oldest of them was sent."""

    kinds: Counter[str] = field(default_factory=Counter)
    oldest: datetime | None = None

    def add(self, message: MessageTypeDef) -> None:
        """Count one message."""
        self.kinds[kind_of(message.get("Body", ""))] += 1
        milliseconds = message.get("Attributes", {}).get("SentTimestamp")
        if milliseconds:
            sent = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
            self.oldest = min(self.oldest or sent, sent)


def find_queues(sqs: SQSClient, urls: Mapping[str, str], only: str | None = None) -> list[DeadLetterQueue]:
    """Return the dead-letter queues among a stack's queues, whose URLs are given by their names in the template.

    Raise ValueError if there is no queue with the name `only`.
    """
    names = {name.removesuffix(SUFFIX).lower(): name for name in urls if name.endswith(SUFFIX)}
    if only is not None and only not in names:
        raise ValueError(f"there is no dead-letter queue {only!r}; there are {', '.join(sorted(names))}")
    return [
        _describe(sqs, name, urls[names[name]], urls.get(f"{name.title()}Queue", ""))
        for name in ([only] if only else sorted(names))
    ]


def _describe(sqs: SQSClient, name: str, url: str, source: str) -> DeadLetterQueue:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return DeadLetterQueue(name, url, source, int(attributes["ApproximateNumberOfMessages"]))


def summarize(sqs: SQSClient, queue: DeadLetterQueue) -> Summary:
    """Read the first messages and leave them in the queue. An interruption hides them for PEEK_SECONDS."""
    summary, handles = Summary(), []
    for message in _receive(sqs, queue.url, PEEK_SECONDS, min(queue.count, MAX_PEEKED)):
        summary.add(message)
        handles.append(message["ReceiptHandle"])
    for handle in handles:
        sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=0)
    return summary


def kind_of(body: str) -> str:
    """Return in a few words what a message is: of our own, what it names; of an event, its type."""
    try:
        content = json.loads(body)
    except json.JSONDecodeError:
        return "not JSON"
    if not isinstance(content, dict):
        return FOREIGN
    if "Records" in content:
        return "S3 event"
    subject = next((name for name in ("attempt", "job", "upload") if name in content), "")
    return subject or str(content.get("detail-type") or FOREIGN)


def send_back(sqs: SQSClient, queue: DeadLetterQueue, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Send back as many messages as the queue had when it was described; return how many were sent."""
    count = 0
    for message in _receive(sqs, queue.url, MOVE_SECONDS, queue.count):
        sqs.send_message(QueueUrl=queue.source, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        count += 1
        if is_stopped():
            break
    return count


def _receive(sqs: SQSClient, url: str, hidden_seconds: int, limit: int) -> Iterator[MessageTypeDef]:
    """Yield up to `limit` messages, each hidden from other readers; fewer if no more come."""
    left = limit
    while left > 0:
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(left, 10),
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,  # asks all of the queue's servers
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        if not messages:
            return
        yield from messages
        left -= len(messages)


def send_all_back(sqs: SQSClient, queues: Sequence[DeadLetterQueue]) -> int:
    """Send the messages of all queues back and print a line for each queue; return 0, or 130 after Ctrl-C."""
    with catch_interrupts("the command stops after this message") as is_interrupted:
        for queue in queues:
            say(f"{queue.name}: {_send_back_and_describe(sqs, queue, is_interrupted)}")
        return INTERRUPTED if is_interrupted() else 0


def _send_back_and_describe(sqs: SQSClient, queue: DeadLetterQueue, is_interrupted: Callable[[], bool]) -> str:
    if is_interrupted():
        return "not processed"
    if not queue.source:
        return _explain_purge(queue) if queue.count else "no messages"
    return f"{send_back(sqs, queue, is_interrupted)} of {queue.count} sent back"


def _explain_purge(queue: DeadLetterQueue) -> str:
    return (
        "these messages report runs that failed, and the next run does their work, so there is nothing to send back. "
        f"Once the cause is repaired, `aws sqs purge-queue --queue-url {queue.url}` ends the alarm"
    )


def show_queues(sqs: SQSClient, queues: Sequence[DeadLetterQueue]) -> None:
    """Print what is in each queue. Where the output is no terminal: name, messages, age of the oldest, kinds."""
    rows = []
    for queue in queues:
        summary = summarize(sqs, queue)
        kinds = ", ".join(f"{count} × {name}" for name, count in summary.kinds.most_common())
        limited = f" (of the first {MAX_PEEKED})" if queue.count > MAX_PEEKED else ""
        rows.append((queue.name, str(queue.count), format_age(summary.oldest), kinds + limited))
    print_table(("queue", "messages", "oldest", "kinds"), rows)
    for queue in queues:
        if queue.count and not queue.source:
            say(f"{queue.name}: {_explain_purge(queue)}")
    able = sum(queue.count for queue in queues if queue.source)
    say(f"{able} would be sent back; add --yes to do it." if able else "There is nothing to send back.")


def format_age(since: datetime | None) -> str:
    """Return the time that has passed in minutes, hours or days; "" if `since` is unknown."""
    if since is None:
        return ""
    minutes = int((clock.utc_now() - since).total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
