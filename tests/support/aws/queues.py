"""SQS in memory: at-least-once delivery, visibility, delays, receive counts, and dead letters."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError
from tests.support.aws.template import ACCOUNT, REGION, QueueSettings

if TYPE_CHECKING:
    from tests.support.aws.clock import Clock


@dataclass
class Message:
    id: str
    body: str
    visible_at: float
    sent_at: float = 0
    receives: int = 0
    troubles: list[str] = field(default_factory=list)  # the reason why each receive failed, for tests

    @property
    def handle(self) -> str:
        return f"{self.id}#{self.receives}"

    def to_response(self, names: list[str]) -> dict:
        """Return the message as ReceiveMessage does, with the named attributes."""
        known = {"ApproximateReceiveCount": str(self.receives), "SentTimestamp": str(int(self.sent_at * 1000))}
        attributes = _select(known, names)
        message = {"MessageId": self.id, "ReceiptHandle": self.handle, "Body": self.body}
        return message | ({"Attributes": attributes} if attributes else {})

    def record(self, queue: str) -> dict:
        """Return the message as Lambda passes it to a function."""
        return {
            "messageId": self.id,
            "receiptHandle": self.handle,
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": str(self.receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
            "awsRegion": REGION,
        }


class Queues:
    """The queues of an account. A message to any other queue is only appended to `sent`: (URL, body)."""

    def __init__(self, clock: Clock, settings: dict[str, QueueSettings], sent: list[tuple[str, dict]]):
        self._clock, self.settings, self._sent = clock, dict(settings), sent
        self._count = itertools.count(1)
        self.messages: dict[str, list[Message]] = {name: [] for name in settings}

    def put(self, queue: str, body: str, delay: float = 0) -> Message:
        message = Message(f"m{next(self._count):05d}", body, self._clock.seconds + delay, self._clock.seconds)
        self.messages[queue].append(message)
        return message

    def visible(self, queue: str) -> list[Message]:
        return [message for message in self.messages[queue] if message.visible_at <= self._clock.seconds]

    def next_at(self, queue: str) -> float | None:
        """Return the time when the next message becomes visible."""
        return min((message.visible_at for message in self.messages[queue]), default=None)

    def receive(self, queue: str, messages: list[Message]) -> list[Message]:
        """Hide messages for the queue's visibility timeout; those received too often become dead letters."""
        settings, taken = self.settings[queue], []
        for message in messages:
            if settings.most_receives and message.receives >= settings.most_receives:
                self.messages[queue].remove(message)
                self.messages[settings.dead_letters].append(message)
                continue
            message.receives += 1
            message.visible_at = self._clock.seconds + settings.visibility
            taken.append(message)
        return taken

    def done(self, queue: str, message: Message) -> None:
        if message in self.messages[queue]:
            self.messages[queue].remove(message)

    # -- the API --

    def send_message(self, request: dict, headers: dict) -> dict:
        url, body = request["QueueUrl"], request["MessageBody"]
        if url.rsplit("/", 1)[-1] not in self.messages:
            self._sent.append((url, json.loads(body)))
            return {"MessageId": f"sent-{len(self._sent)}"}
        return {"MessageId": self.put(self._name(url), body, request.get("DelaySeconds", 0)).id}

    def send_message_batch(self, request: dict, headers: dict) -> dict:
        url, sent = request["QueueUrl"], []
        for entry in request["Entries"]:
            response = self.send_message({"QueueUrl": url, **entry}, headers)
            sent.append({"Id": entry["Id"], **response})
        return {"Successful": sent, "Failed": []}

    def create_queue(self, request: dict, headers: dict) -> dict:
        name = request["QueueName"]
        self.settings[name] = QueueSettings(name, 30, None, None)
        self.messages.setdefault(name, [])
        return {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"}

    def receive_message(self, request: dict, headers: dict) -> dict:
        """Return at most MaxNumberOfMessages visible messages, and hide them for the requested time."""
        name = self._name(request["QueueUrl"])
        taken = self.receive(name, self.visible(name)[: request.get("MaxNumberOfMessages", 1)])
        for message in taken:
            message.visible_at = self._clock.seconds + request.get("VisibilityTimeout", self.settings[name].visibility)
        names = request.get("MessageSystemAttributeNames") or request.get("AttributeNames", [])
        return {"Messages": [message.to_response(names) for message in taken]} if taken else {}

    def delete_message(self, request: dict, headers: dict) -> dict:
        name, (message_id, _, _) = self._name(request["QueueUrl"]), request["ReceiptHandle"].partition("#")
        self.messages[name] = [message for message in self.messages[name] if message.id != message_id]
        return {}

    def get_queue_attributes(self, request: dict, headers: dict) -> dict:
        """Return the counts of messages as strings, as the service does.

        A queue of `sent`, whose name is no URL, has no messages that wait.
        """
        if "/" not in request["QueueUrl"]:
            return {"Attributes": dict.fromkeys(request["AttributeNames"], "0")}
        name = self._name(request["QueueUrl"])
        hidden = [message for message in self.messages[name] if message.visible_at > self._clock.seconds]
        delayed = sum(not message.receives for message in hidden)
        counts = {
            "ApproximateNumberOfMessages": str(len(self.messages[name]) - len(hidden)),
            "ApproximateNumberOfMessagesNotVisible": str(len(hidden) - delayed),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }
        return {"Attributes": _select(counts, request.get("AttributeNames", []))}

    def change_message_visibility(self, request: dict, headers: dict) -> dict:
        queue, (message_id, _, count) = self._name(request["QueueUrl"]), request["ReceiptHandle"].partition("#")
        message = next((message for message in self.messages[queue] if message.id == message_id), None)
        if message is None or message.receives != int(count or 0):
            raise RefusedError(
                "InvalidParameterValue", "Value for parameter ReceiptHandle is invalid. Reason: not available"
            )
        message.visible_at = self._clock.seconds + request["VisibilityTimeout"]
        return {}

    def _name(self, url: str) -> str:
        name = url.rsplit("/", 1)[1]
        if name not in self.messages:
            raise RefusedError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return name


def _select(attributes: dict[str, str], names: list[str]) -> dict[str, str]:
    return {name: text for name, text in attributes.items() if name in names or "All" in names}


def bodies(messages: list[Message]) -> list[dict]:
    return [json.loads(message.body) for message in messages]
