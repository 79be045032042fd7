"""seqdrop redrive: messages that a function gave up, shown and sent back to it.

By hand, as a message that is sent and only then deleted cannot be lost; one that comes twice does no harm here.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.box import ROUNDED
from rich.table import Table
from rich.text import Text
from seqdrop import clock

from seqdrop_cli import target as targets
from seqdrop_cli.dry_run import INTERRUPTED
from seqdrop_cli.interrupts import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

LAST = "DeadLetters"
MOST_SEEN = 100  # messages of a queue that are looked at
PEEK, TAKE = 30, 120  # seconds for which a message that is looked at, or moved, is hidden from others
HELP = """\
A message that a function could not handle five times ends in a dead-letter queue, and an alarm tells the lab. The
function's log says why. Once the cause is mended, send the messages back:

  seqdrop redrive                                      what lies in each dead-letter queue
  seqdrop redrive validate --yes                       send those of validate back to it

Nothing is lost, whenever this is broken off: a message is deleted there only once it was sent. A message that comes
twice does no harm. Messages are kept for 14 days; what is lost after that the reconciler sends again by itself.
"""


@dataclass(frozen=True)
class DeadLetters:
    """A dead-letter queue; `back` is the URL of the queue that it belongs to, "" of a function that has none."""

    name: str
    url: str
    back: str
    count: int = 0


@dataclass(frozen=True)
class Glance:
    """What the first messages of a queue are, and since when the oldest of them is on its way."""

    kinds: Counter
    oldest: datetime | None


def add(commands, command) -> None:
    """The command's arguments."""
    one = command(commands, "redrive", run, "show messages that no function could handle, and send them back")
    one.description, one.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    one.add_argument("queue", nargs="?", metavar="QUEUE", help="validate, transform, … (default: all)")
    one.add_argument("--yes", action="store_true", help="send them back")


def run(options, console: Console) -> int:
    target = targets.find(options.stack)
    sqs = target.client("sqs")
    found = dead_letters(sqs, target.queues(), options.queue)
    if not options.yes:
        _show(sqs, found, console)
        return 0
    with interrupts("it ends after this message") as stopped:
        for one in found:
            _say(console, _moved(sqs, one, stopped))
        return INTERRUPTED if stopped() else 0


def dead_letters(sqs, queues: dict[str, str], only: str | None = None) -> list[DeadLetters]:
    """The dead-letter queues among a stack's (name in the template → URL). Raises ValueError for an unknown name."""
    names = {name.removesuffix(LAST).lower(): name for name in queues if name.endswith(LAST)}
    if only is not None and only not in names:
        raise ValueError(f"there is no dead-letter queue {only!r}; there are {', '.join(sorted(names))}")
    wanted = [only] if only else sorted(names)
    return [_described(sqs, short, queues[names[short]], queues.get(f"{short.title()}Queue", "")) for short in wanted]


def _described(sqs, name: str, url: str, back: str) -> DeadLetters:
    count = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"]
    return DeadLetters(name, url, back, int(found[count]))


def glance(sqs, one: DeadLetters) -> Glance:
    """Look at the first messages and leave them where they are; whoever breaks this off hides them for PEEK seconds."""
    kinds, times, held = Counter(), [], []
    for message in _received(sqs, one.url, PEEK, min(one.count, MOST_SEEN)):
        kinds[kind(message["Body"])] += 1
        held.append(message["ReceiptHandle"])
        if sent := message.get("Attributes", {}).get("SentTimestamp"):
            times.append(int(sent) / 1000)
    for handle in held:
        sqs.change_message_visibility(QueueUrl=one.url, ReceiptHandle=handle, VisibilityTimeout=0)
    return Glance(kinds, datetime.fromtimestamp(min(times), UTC) if times else None)


def kind(body: str) -> str:
    """In a few words what a message is; of our own, what it names; of an event, its type."""
    try:
        content = json.loads(body)
    except json.JSONDecodeError:
        return "not JSON"
    if not isinstance(content, dict):
        return "not a message of Seqdrop"
    if "Records" in content:
        return "S3 event"
    named = next((name for name in ("attempt", "job", "upload") if name in content), "")
    return named or str(content.get("detail-type") or "not a message of Seqdrop")


def send_back(sqs, one: DeadLetters, stopped: Callable[[], bool] = lambda: False) -> int:
    """Send as many messages back as the queue had when it was described; answers how many."""
    moved = 0
    for message in _received(sqs, one.url, TAKE, one.count):
        sqs.send_message(QueueUrl=one.back, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=one.url, ReceiptHandle=message["ReceiptHandle"])
        moved += 1
        if stopped():
            break
    return moved


def _received(sqs, url: str, hidden: int, most: int) -> Iterator[dict]:
    """At most so many messages, hidden for so long; fewer if no more come."""
    left = most
    while left > 0:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(left, 10),
            VisibilityTimeout=hidden,
            WaitTimeSeconds=1,  # asks all of the queue's servers
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        found = answer.get("Messages", [])
        if not found:
            return
        yield from found
        left -= len(found)


def _moved(sqs, one: DeadLetters, stopped: Callable[[], bool]) -> str:
    if stopped():
        return f"{one.name}: not looked at"
    if not one.back:
        return f"{one.name}: {_without(one)}" if one.count else f"{one.name}: nothing"
    return f"{one.name}: {send_back(sqs, one, stopped)} of {one.count} sent back"


def _without(one: DeadLetters) -> str:
    return (
        "these tell of runs that broke off, and the next run does their work: nothing is to be sent back. Once the "
        f"cause is mended, `aws sqs purge-queue --queue-url {one.url}` ends the alarm"
    )


def _show(sqs, found: list[DeadLetters], console: Console) -> None:
    table = Table(box=ROUNDED)
    for title in ("queue", "messages", "oldest", "what they are"):
        table.add_column(title, justify="right" if title == "messages" else "left", overflow="fold")
    for one in found:
        seen = glance(sqs, one)
        kinds = ", ".join(f"{count} × {name}" for name, count in seen.kinds.most_common())
        more = f" (of the first {MOST_SEEN})" if one.count > MOST_SEEN else ""
        table.add_row(one.name, str(one.count), age(seen.oldest), Text(kinds + more))
    console.print(table)
    for one in found:
        if one.count and not one.back:
            _say(console, f"{one.name}: {_without(one)}")
    able = sum(one.count for one in found if one.back)
    _say(console, f"{able} would be sent back; say it again with --yes." if able else "There is nothing to send back.")


def age(since: datetime | None) -> str:
    """For people; "" if it is not known."""
    if since is None:
        return ""
    minutes = int((clock.utc_now() - since).total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
