"""A lab's stack, with functions for drops, states of the ledger, buckets, queues and the command."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.testing import wait_for
from tests.e2e.conftest import drop_file, make_target
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
QUOTA = 5  # maximum transform jobs at once; the embedded SageMaker runs two of them
PARAMETERS = {"MaxJobs": QUOTA + 2, "StaleMinutes": 0}
FUNCTIONS = {"validate": "Validate", "transform": "StartTransform", "training": "StartTraining"} | {
    "finish": "Finish",
    "archive": "Archive",
}
STATES = tuple[str, ...]
"""The state of an upload, and the states of its attempts."""


@dataclass
class Lab:
    """A lab. `tree` is the deployed checkout; `uploads` and `bodies` have its drops by names that the tests choose."""

    aws: EmbeddedAws
    stack: Stack
    tree: Path
    uploads: dict[str, UploadVersion] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = self.aws.client("s3")
        self.ledger = make_target(self.aws, self.stack).ledger()

    def drop(self, name: str, key: str, body: bytes) -> UploadVersion:
        """Put an object into the landing bucket, and return its version."""
        self.bodies[name] = body
        self.uploads[name] = drop_file(self.s3, self.stack.landing, key, body)
        return self.uploads[name]

    def read_states(self, name: str) -> STATES:
        """Return the states of an upload and its attempts; ("",) before its event was handled."""
        upload = self.ledger.find_upload(self.uploads[name].id)
        if upload is None:
            return ("",)
        return (upload.state, *(attempt.state for attempt in self.ledger.attempts(upload.id)))

    def reach(self, expected: dict[str, STATES], meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until each upload has the expected states, and call `meanwhile` every few seconds."""
        current: dict[str, STATES] = {}
        due = time.monotonic() + EVERY

        def has_arrived() -> bool:
            nonlocal due
            if time.monotonic() > due:
                meanwhile()
                due = time.monotonic() + EVERY
            left = (name for name, states in expected.items() if current.get(name) != states)
            current.update([(name, self.read_states(name)) for name in left])
            return current == expected

        try:
            wait_for(has_arrived, timeout=PATIENCE, pause=0.2)
        except AssertionError:
            wrong = {name: (current[name], states) for name, states in expected.items() if current[name] != states}
            raise AssertionError(f"uploads in other states than expected (actual, expected): {wrong}") from None

    def seqdrop(self, *words: str) -> str:
        """Run the command of the deployed checkout on this stack, and return its output."""
        return trees.seqdrop(self.tree, self.aws.environment(), *words, "--stack", NAME)

    def reconcile(self) -> dict[str, int]:
        """Invoke the deployed reconciler, and return its counts."""
        response = self.aws.client("lambda").invoke(FunctionName=self._find_function("Reconcile"), Payload=b"{}")
        body = json.loads(response["Payload"].read())
        assert "FunctionError" not in response, body
        return body

    def pause(self, stage: str) -> None:
        """Stop a function from receiving messages of its queue until `resume`."""
        self._set_mapping(stage, False)

    def resume(self, stage: str) -> None:
        self._set_mapping(stage, True)

    def take(self, queue: str, *words: str) -> list[dict]:
        """Receive a message that contains each word, and delete none, like a function that crashes; return them."""
        sqs, url, messages = self.aws.client("sqs"), self.list_queues()[queue], {}

        def all_taken() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                word = next((word for word in words if word in message["Body"] and word not in messages), None)
                if word:
                    messages[word] = message
                else:  # a message that the reconciler re-sent
                    handle = message["ReceiptHandle"]
                    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
            return len(messages) == len(words)

        wait_for(all_taken, timeout=PATIENCE)
        return list(messages.values())

    def count_messages(self) -> dict[str, int]:
        """Return the number of messages in each queue that no function has received."""
        sqs, counts_by_queue = self.aws.client("sqs"), {}
        for name, url in self.list_queues().items():
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            counts_by_queue[name] = sum(map(int, counts.values()))
        return counts_by_queue

    def list_queues(self) -> dict[str, str]:
        """Return the URLs of the stack's queues by their names in the template."""
        resources = self._describe_resources()
        queues = (resource for resource in resources if resource["ResourceType"] == "AWS::SQS::Queue")
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in queues}

    def list_resources(self) -> dict[str, str]:
        """Return the types of the stack's resources by their names in the template, but not of layers and versions.

        A deploy of other code makes those anew.
        """
        resources = {each["LogicalResourceId"]: each["ResourceType"] for each in self._describe_resources()}
        return {name: kind for name, kind in resources.items() if "Layer" not in kind and "Version" not in kind}

    def _describe_resources(self) -> list[dict]:
        return self.aws.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]

    def list_objects(self, bucket: str, prefix: str = "") -> dict[str, tuple]:
        """Return (ETag, time) of every object below a prefix, by key; both change if the object is written again."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        entries = (entry for page in pages for entry in page.get("Contents", []))
        return {entry["Key"]: (entry["ETag"], entry["LastModified"]) for entry in entries}

    def read(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def read_json(self, key: str) -> dict:
        """Return the content of an object of the results bucket."""
        return json.loads(self.read(self.stack.results, key))

    def read_model_json(self, key: str) -> dict:
        """Return the content of an object of the models bucket; of the results bucket before the upgrade."""
        return json.loads(self.read(self.stack.models or self.stack.results, key))

    def read_variables(self) -> dict[str, str]:
        """Return the environment of the stack's functions."""
        configuration = self.aws.client("lambda").get_function_configuration(
            FunctionName=self._find_function("Validate")
        )
        return configuration["Environment"]["Variables"]

    def _find_function(self, word: str) -> str:
        functions = self.aws.client("lambda").list_functions()["Functions"]
        return next(
            function["FunctionName"] for function in functions if f"{NAME}-{word}Function-" in function["FunctionName"]
        )

    def _set_mapping(self, stage: str, enabled: bool) -> None:
        client = self.aws.client("lambda")
        function = self._find_function(FUNCTIONS[stage])
        (mapping,) = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
