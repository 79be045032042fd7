"""Dead-letter queues: show their messages, and send them back to the queues of their functions.

SQS's own redrive is not used. This module deletes a message only after it was sent, so no message is lost. A message
that is delivered twice does no harm.
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
# Seconds for which a message is hidden from other readers: when it is only shown, and when it is sent back.
PEEK_SECONDS, MOVE_SECONDS = 30, 120
FOREIGN = "not a message of Seqdrop"


@dataclass(frozen=True)
class DeadLetterQueue:
    """A dead-letter queue. `source` is the URL of its function's queue; "" for the reconciler and the webhook."""

    name: str
    url: str
    source: str
    count: int = 0


@dataclass
class Summary:
    """The number of messages of each kind among a queue's first messages, and the time the oldest of these was sent."""

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
    """Return the dead-letter queues of a stack. `urls` has all its queues, by their names in template.yaml.

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
    """Summarize the first MAX_PEEKED messages, which stay in the queue.

    If this is interrupted, they are hidden from other readers for PEEK_SECONDS.
    """
    summary, handles = Summary(), []
    for message in _receive(sqs, queue.url, PEEK_SECONDS, min(queue.count, MAX_PEEKED)):
        summary.add(message)
        handles.append(message["ReceiptHandle"])
    for handle in handles:
        sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=0)
    return summary


def kind_of(body: str) -> str:
    """Return the kind of a message: the record that it names ("attempt", "job", "upload"), or the type of an event."""
    try:
        content = json.loads(body)
    except json.JSONDecodeError:
        return "not JSON"
    if not isinstance(content, dict):
        return FOREIGN
    if "Records" in content:
        return "S3 event"
    subject = next(
        (name for name in ("attempt", "job", "upload", "inventory", "run_report", "transfer") if name in content), ""
    )
    return subject or str(content.get("detail-type") or FOREIGN)


def send_back(sqs: SQSClient, queue: DeadLetterQueue, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Send back up to `queue.count` messages; return how many were sent.

    `is_stopped` is called after each message; sending ends once it returns True.
    """
    count = 0
    for message in _receive(sqs, queue.url, MOVE_SECONDS, queue.count):
        sqs.send_message(QueueUrl=queue.source, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        count += 1
        if is_stopped():
            break
    return count


def _receive(sqs: SQSClient, url: str, hidden_seconds: int, limit: int) -> Iterator[MessageTypeDef]:
    """Yield up to `limit` messages, each hidden from other readers; end earlier if the queue returns none."""
    left = limit
    while left > 0:
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(left, 10),
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,  # long polling asks all servers of the queue
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
    if queue.name == "webhook":
        return (
            "the webhook did not accept these events. Once it does, replay the archive of the bus to its rule "
            f"(docs/events.md); `aws sqs purge-queue --queue-url {queue.url}` deletes them, which ends the alarm"
        )
    return (
        "these messages report scheduled runs that failed. They cannot be sent back, and need not be: the next run "
        f"does their work. Once the cause is repaired, `aws sqs purge-queue --queue-url {queue.url}` deletes them, "
        "which ends the alarm"
    )


def show_queues(sqs: SQSClient, queues: Sequence[DeadLetterQueue]) -> None:
    """Print a row for each queue (name, number of messages, age of the oldest, kinds), and how to send them back."""
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
