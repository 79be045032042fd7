"""One embedded AWS for all end-to-end tests, in which template.yaml is deployed once."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from seqdrop.stages.archive.receipts import read_receipt
from seqdrop.uploads import UploadVersion
from seqdrop_cli.target import Target
from seqdrop_cli.watch import watch

from local.deploy import Stack, deploy
from local.embedded import EmbeddedAws
from tests.support.receipts import check_receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop_cli.progress import Progress

PATIENCE = 120  # seconds without any change until a test fails


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def aws(tmp_path_factory) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(tmp_path_factory.mktemp("aws"), warm=True).shorten_waits(minute=2) as running:
        yield running


@pytest.fixture(scope="session")
def stack(aws) -> Stack:
    """The stack. StaleMinutes is 0, so the reconciler, which tests invoke, treats every open upload as stalled."""
    return deploy(aws, StaleMinutes=0)


@pytest.fixture(scope="session")
def s3(aws, stack):
    return aws.client("s3")


@pytest.fixture(scope="session")
def target(aws, stack) -> Target:
    return make_target(aws, stack)


def make_target(aws: EmbeddedAws, stack: Stack) -> Target:
    names = {name: getattr(stack, name) for name in ("landing", "work", "results", "models", "archive", "table")}
    return Target(region=aws.region, endpoint=aws.endpoint, access_key="test", **names)


@pytest.fixture(scope="session")
def put(s3, stack) -> Callable[[str, bytes], UploadVersion]:
    """Return a function that drops bytes under a key, and returns the version that S3 created.

    Further arguments are those of PutObject.
    """
    return lambda key, body, **more: drop_file(s3, stack.landing, key, body, **more)


def drop_file(s3, landing: str, key: str, body: bytes, **more) -> UploadVersion:
    response = s3.put_object(Bucket=landing, Key=key, Body=body, **more)
    return UploadVersion(landing, key, response["VersionId"], len(body), response["ETag"].strip('"'))


@pytest.fixture(scope="session")
def wait_for_end(target) -> Callable[..., list[Progress]]:
    """Return a function that waits until every upload is final or waits for files, and returns their progress.

    Each receipt must fit its schema.
    """

    def wait(*versions: UploadVersion) -> list[Progress]:
        ends = watch(target.ledger(), list(versions), Console(quiet=True), PATIENCE)
        for progress in ends:
            if progress.upload and progress.upload.state == "ARCHIVED":
                receipt = read_receipt(target.client("s3"), target.results, progress.upload_id)
                if receipt:  # some tests remove it
                    check_receipt(receipt)
        return ends

    return wait


@dataclass(frozen=True)
class Pipeline:
    """The deployed stack and its clients, in one fixture for tests that need many of them."""

    aws: EmbeddedAws
    stack: Stack
    s3: object
    target: Target
    put: Callable[[str, bytes], UploadVersion]
    wait_for_end: Callable[..., list[Progress]]


@pytest.fixture(scope="session")
def pipeline(aws, stack, s3, target, put, wait_for_end) -> Pipeline:
    return Pipeline(aws, stack, s3, target, put, wait_for_end)


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> Path:
    from local.samples import write_samples

    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    for name in ("training", "proteins"):  # test_training.py, test_proteins.py and test_demo.py use their own
        shutil.rmtree(folder / name)
    return folder


class Mails:
    """The mails of the notification topic, as a subscriber receives them."""

    def __init__(self, sqs, url: str):
        self._sqs, self._url, self._received = sqs, url, []

    def wait_for(self, text: str) -> dict:
        """Return the first mail whose message contains the text."""
        for _ in range(10):
            mails = [mail for mail in self._received if text in mail["Message"]]
            if mails:
                return mails[0]
            self._receive(2)
        raise AssertionError(f"no mail about {text}")

    def all(self) -> list[dict]:
        """Return every mail received so far."""
        while self._receive(0):
            pass
        return list(self._received)

    def _receive(self, seconds: int) -> int:
        response = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        for message in response.get("Messages", []):
            self._received.append(json.loads(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return len(response.get("Messages", []))


@pytest.fixture(scope="session")
def mails(aws, stack) -> Mails:
    return subscribe(aws, stack.topic, "mails")


def subscribe(aws: EmbeddedAws, topic: str, name: str) -> Mails:
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return Mails(sqs, url)
