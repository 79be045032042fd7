"""A lab's stack, seen by what a lab sees of it: drops, the ledger's states, buckets, queues, mails and the command."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.testing import wait_for
from tests.e2e.conftest import dropped, target_of
from tests.e2e.upgrade import trees

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seqdrop.uploads import UploadVersion

    from local.deploy import Stack
    from local.embedded import EmbeddedAws

NAME = "lab"
PATIENCE = 300  # seconds
EVERY = 10  # seconds between two runs of the reconciler while a test waits
QUOTA = 5  # transform jobs that SageMaker has at once; it runs two of them
PARAMETERS = {"MaxJobs": QUOTA + 2, "StaleMinutes": 0}
FUNCTIONS = {"validate": "Validate", "transform": "StartTransform", "training": "StartTraining"} | {
    "finish": "Finish",
    "archive": "Archive",
}
STANDING = tuple[str, ...]
"""The state of an upload, and that of each of its attempts."""


@dataclass
class Lab:
    """`tree` is the checkout that it has deployed; `uploads` are what it dropped, by names that tests give them."""

    aws: EmbeddedAws
    stack: Stack
    tree: Path
    uploads: dict[str, UploadVersion] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = self.aws.client("s3")
        self.ledger = target_of(self.aws, self.stack).ledger()

    def drop(self, name: str, key: str, body: bytes) -> UploadVersion:
        """Put an object into the landing bucket; return its version."""
        self.bodies[name] = body
        self.uploads[name] = dropped(self.s3, self.stack.landing, key, body)
        return self.uploads[name]

    def standing(self, name: str) -> STANDING:
        """Return where an upload stands; ("",) before its event was handled."""
        upload = self.ledger.find_upload(self.uploads[name].id)
        if upload is None:
            return ("",)
        return (upload.state, *(one.state for one in self.ledger.attempts(upload.id)))

    def reach(self, expected: dict[str, STANDING], meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until each upload stands as expected; every few seconds do what is to be done meanwhile."""
        found: dict[str, STANDING] = {}
        due = time.monotonic() + EVERY

        def all_there() -> bool:
            nonlocal due
            if time.monotonic() > due:
                meanwhile()
                due = time.monotonic() + EVERY
            left = (name for name, standing in expected.items() if found.get(name) != standing)
            found.update([(name, self.standing(name)) for name in left])
            return found == expected

        try:
            wait_for(all_there, timeout=PATIENCE, pause=0.2)
        except AssertionError:
            amiss = {name: (found[name], standing) for name, standing in expected.items() if found[name] != standing}
            raise AssertionError(f"these stand as the first says, and not as the second: {amiss}") from None

    def seqdrop(self, *words: str) -> str:
        """Run the command of the deployed checkout on this stack; return what it printed."""
        return trees.seqdrop(self.tree, self.aws.environment(), *words, "--stack", NAME)

    def reconcile(self) -> dict[str, int]:
        """Run the deployed reconciler; return what it found."""
        answer = self.aws.client("lambda").invoke(FunctionName=self._function("Reconcile"), Payload=b"{}")
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def pause(self, stage: str) -> None:
        """Have a queue's messages wait: its function takes none until `resume`."""
        self._mapping(stage, False)

    def resume(self, stage: str) -> None:
        self._mapping(stage, True)

    def take(self, queue: str, *words: str) -> list[dict]:
        """Receive, for each word, a message that holds it, as a function would that does not come to its end."""
        sqs, url, found = self.aws.client("sqs"), self.queues()[queue], {}

        def all_taken() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                word = next((word for word in words if word in message["Body"] and word not in found), None)
                if word:
                    found[word] = message
                else:  # the reconciler's
                    handle = message["ReceiptHandle"]
                    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
            return len(found) == len(words)

        wait_for(all_taken, timeout=PATIENCE)
        return list(found.values())

    def messages(self) -> dict[str, int]:
        """How many messages each queue has that no function has taken."""
        sqs, found = self.aws.client("sqs"), {}
        for name, url in self.queues().items():
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            found[name] = sum(map(int, counts.values()))
        return found

    def queues(self) -> dict[str, str]:
        """The stack's queues: name in the template → URL."""
        found = self.aws.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
        queues = (one for one in found if one["ResourceType"] == "AWS::SQS::Queue")
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in queues}

    def objects(self, bucket: str, prefix: str = "") -> dict[str, tuple]:
        """Every object of a bucket, with what tells whether it was written again: entity tag and time."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = (one for page in pages for one in page.get("Contents", []))
        return {one["Key"]: (one["ETag"], one["LastModified"]) for one in found}

    def read(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def read_json(self, key: str) -> dict:
        """An object of the results bucket."""
        return json.loads(self.read(self.stack.results, key))

    def variables(self) -> dict[str, str]:
        """The environment of the stack's functions."""
        found = self.aws.client("lambda").get_function_configuration(FunctionName=self._function("Validate"))
        return found["Environment"]["Variables"]

    def _function(self, word: str) -> str:
        functions = self.aws.client("lambda").list_functions()["Functions"]
        return next(one["FunctionName"] for one in functions if f"{NAME}-{word}Function-" in one["FunctionName"])

    def _mapping(self, stage: str, enabled: bool) -> None:
        client = self.aws.client("lambda")
        function = self._function(FUNCTIONS[stage])
        (found,) = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        client.update_event_source_mapping(UUID=found["UUID"], Enabled=enabled)
