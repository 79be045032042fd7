"""SQS in memory: at least once, visibility, delays, counts of receives, and dead letters."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

from tests.faults.world.clock import Clock
from tests.faults.world.errors import Refused
from tests.faults.world.template import ACCOUNT, REGION, QueueSettings


@dataclass
class Message:
    id: str
    body: str
    visible_at: float
    receives: int = 0
    troubles: list[str] = field(default_factory=list)  # why each receive was in vain, for the tests to judge

    @property
    def handle(self) -> str:
        return f"{self.id}#{self.receives}"

    def record(self, queue: str) -> dict:
        """As Lambda hands it to a function."""
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
    def __init__(self, clock: Clock, settings: dict[str, QueueSettings]):
        self._clock, self.settings = clock, settings
        self._count = itertools.count(1)
        self.messages: dict[str, list[Message]] = {name: [] for name in settings}

    def put(self, queue: str, body: str, delay: float = 0) -> Message:
        message = Message(f"m{next(self._count):05d}", body, self._clock.seconds + delay)
        self.messages[queue].append(message)
        return message

    def visible(self, queue: str) -> list[Message]:
        return [one for one in self.messages[queue] if one.visible_at <= self._clock.seconds]

    def next_at(self, queue: str) -> float | None:
        """When the next message becomes visible."""
        return min((one.visible_at for one in self.messages[queue]), default=None)

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
        message = self.put(self._name(request["QueueUrl"]), request["MessageBody"], request.get("DelaySeconds", 0))
        return {"MessageId": message.id}

    def send_message_batch(self, request: dict, headers: dict) -> dict:
        url, sent = request["QueueUrl"], []
        for entry in request["Entries"]:
            made = self.send_message({"QueueUrl": url, **entry}, headers)
            sent.append({"Id": entry["Id"], **made})
        return {"Successful": sent, "Failed": []}

    def change_message_visibility(self, request: dict, headers: dict) -> dict:
        queue, (found, _, count) = self._name(request["QueueUrl"]), request["ReceiptHandle"].partition("#")
        message = next((one for one in self.messages[queue] if one.id == found), None)
        if message is None or message.receives != int(count or 0):
            raise Refused(
                "InvalidParameterValue", "Value for parameter ReceiptHandle is invalid. Reason: not available"
            )
        message.visible_at = self._clock.seconds + request["VisibilityTimeout"]
        return {}

    def _name(self, url: str) -> str:
        name = url.rsplit("/", 1)[1]
        if name not in self.messages:
            raise Refused("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return name


def bodies(messages: list[Message]) -> list[dict]:
    return [json.loads(message.body) for message in messages]
