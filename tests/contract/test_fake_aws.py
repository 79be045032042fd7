"""The AWS in memory (tests/support/aws) compared with the embedded AWS and with moto by the same calls."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from seqdrop.kinds import plans
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.uploads import UploadVersion

from local.testing import (
    ENDED,
    ModelBench,
    allow,
    make_bucket,
    make_model_archive,
    make_role,
    unique_name,
    wait_for,
    wait_for_transform_job,
)
from tests.faults.world import World
from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Client
from tests.support.aws.template import evaluate, resources_of_type
from tests.support.aws.wire import ENVIRONMENT, Wire
from tests.support.job_scripts import CODE, play_job, play_jobs, processing_request, training_request
from tests.support.scripts import messages, multiparts, pages, queries, refusals, versions, writes
from tests.support.services import direct_ledger, make_ticking_clock
from tests.support.side import Side

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["local.fixtures"]

BUCKETS = {"versioned": True, "plain": False}


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> None:
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def make_client(account: Account, service: str):
    """Return a client of a service, whose requests go to the account."""
    return attach(account, boto3.client(service))


def attach(account: Account, client):
    """Return the client after redirecting its requests to the account."""
    wire = Wire()
    wire.respond = account.call
    wire.attach(client)
    return client


@pytest.fixture
def account() -> Account:
    return Account(BUCKETS, clock=Clock())


@pytest.fixture
def memory(account) -> Side:
    return Side(cache(partial(make_client, account)), *BUCKETS, account.table.name)


def make_table(client) -> str:
    """Create the template's table with a unique name, and return the name."""
    (properties,) = resources_of_type("AWS::DynamoDB::Table").values()
    shape = {
        name: evaluate(properties[name]) for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    }
    table = client.create_table(TableName=unique_name("table"), BillingMode="PAY_PER_REQUEST", **shape)
    return table["TableDescription"]["TableName"]


@pytest.fixture
def embedded(aws) -> Side:
    return Side(aws.client, make_bucket(aws, versioned=True), make_bucket(aws), make_table(aws.client("dynamodb")))


@pytest.fixture
def moto() -> Iterator[Side]:
    """Provide moto; do not combine it with Wire.attach_everywhere, because both hook botocore."""
    with mock_aws():
        s3 = boto3.client("s3")
        for name in BUCKETS:
            s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        yield Side(boto3.client, *BUCKETS, make_table(boto3.client("dynamodb")))


SCRIPTS = [versions, multiparts, refusals, pages, writes, queries, messages]
# Responses of the embedded AWS and of moto that deviate from AWS; the account responds like AWS. In SQS, a message can
# be deleted twice, and ChangeMessageVisibility of a deleted message returns InvalidParameterValue.
NO_HANDLE = ("ReceiptHandleIsInvalid", 400, False, [])
EMBEDDED = {messages: [("delete_message", *NO_HANDLE), ("change_message_visibility", *NO_HANDLE)]}
COPY = {"ETag": '"f97c5d29941bfb1b2fdab0874906ab82"', "ChecksumSHA256": "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0="}
TAKEN = ("TransactionCanceledException", 400, False, [{"Code": "ConditionalCheckFailed"}])
MOTO = {  # version 5.2.5
    versions: [("copy_object", {"CopyObjectResult": COPY})],  # moto replaces an object despite IfNoneMatch
    writes: [("transact_write_items", *TAKEN)],  # moto repeats a transaction with a known ClientRequestToken
    messages: [("change_message_visibility", *NO_HANDLE)],
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_embedded_aws_responds_alike(memory, embedded, script):
    script(memory)
    script(embedded)
    assert [theirs for _, theirs in memory.differences(embedded)] == EMBEDDED.get(script, [])


# Not `refusals`: moto returns objects under SSE-C without their key. Not `multiparts`: it has no checksums of parts.
@pytest.mark.parametrize("script", [script for script in SCRIPTS if script not in (multiparts, refusals)])
def test_moto_responds_alike(moto, memory, script):
    script(moto)
    script(memory)
    assert [theirs for _, theirs in memory.differences(moto)] == MOTO.get(script, [])


@pytest.mark.parametrize("script", [versions, refusals, writes, messages])
def test_a_client_without_botocore_responds_alike(memory, script):
    other = Account(BUCKETS, clock=Clock())
    plain = Side(partial(Client, other), *BUCKETS, other.table.name)
    script(memory)
    script(plain)
    assert memory.differences(plain) == []


def use(ledger: Ledger) -> list:
    """Call each method of the ledger, and return the results."""
    upload = Upload.from_version(UploadVersion("landing", "reads/a.fastq", "v1", 7, "e", "0A"), "reads")
    attempt = Attempt(
        "PLANNED", upload_id=upload.id, analysis="reads", plan=plans.packaged().by_name["reads"].as_json()
    )
    results = [ledger.create(upload), ledger.create(upload), ledger.find_upload("unknown")]
    results += [ledger.move(ledger.find_upload(upload.id), "VALIDATED", attempt), ledger.move(upload, "REJECTED")]
    run = ledger.file_set("runs", "landing/reads/")
    results += [ledger.save(run.with_facts(opened_by=upload.id)), ledger.file_set("runs", "landing/reads/")]
    results += [
        ledger.find_upload(upload.id),
        ledger.attempts(upload.id),
        ledger.select_unrecorded([upload.id, "unknown"]),
    ]
    times = {"moved_before": "2026-02", "moved_after": "2026-01"}
    return [*results, *ledger.in_state("upload", "VALIDATED"), *ledger.in_state("attempt", "PLANNED", **times)]


def test_a_ledger_without_botocore_writes_the_same(account):
    other = Account()
    table = boto3.resource("dynamodb").Table(account.table.name)
    attach(account, table.meta.client)
    assert use(Ledger(table, make_ticking_clock())) == use(direct_ledger(other))
    assert account.table.items == other.table.items


def test_a_message_is_hidden_counted_and_finally_a_dead_letter(aws):
    """Compare a queue of SQS with one of the world, which empties its own queues as Lambda does."""
    sqs, (dead, queue) = aws.client("sqs"), (unique_name("dead"), unique_name("queue"))
    dead_url = sqs.create_queue(QueueName=dead)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    url = sqs.create_queue(QueueName=queue, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    theirs = []
    for _ in range(6):
        response = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
        for message in response.get("Messages", []):
            theirs.append(message["Attributes"]["ApproximateReceiveCount"])
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    dead_letters = len(sqs.receive_message(QueueUrl=dead_url).get("Messages", []))
    name = "ArchiveQueue"
    world = World()
    queues, ours_url, ours_sqs = world.queues, world.environment["SEQDROP_ARCHIVE_QUEUE"], make_client(world, "sqs")
    ours_sqs.send_message(QueueUrl=ours_url, MessageBody="{}")
    ours = []
    for _ in range(6):
        for message in queues.receive(name, queues.visible(name)):
            record = message.record(name)
            ours.append(record["attributes"]["ApproximateReceiveCount"])
            ours_sqs.change_message_visibility(
                QueueUrl=ours_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )
    assert (
        (ours, len(queues.messages["ArchiveDeadLetters"])) == (theirs, dead_letters) == (["1", "2", "3", "4", "5"], 1)
    )


def test_both_run_jobs_alike(account, memory, embedded, aws):
    bench = ModelBench(aws, CODE)

    def end(name: str) -> None:
        account.clock.advance(3600)
        account.sagemaker.run()

    account.s3.put(memory.plain, "model.tar.gz", b"")
    play_jobs(memory, memory.plain, f"s3://{memory.plain}/model.tar.gz", bench.role, end)
    play_jobs(embedded, bench.bucket, bench.data, bench.role, lambda name: wait_for_transform_job(aws, name))
    assert memory.differences(embedded) == []


@pytest.mark.parametrize("request_of", [training_request, processing_request])
@pytest.mark.parametrize("program", ["good.py", "bad.py"])
def test_both_describe_a_job_alike(account, memory, embedded, aws, request_of, program):
    end = "Completed" if program == "good.py" else "Failed"
    files, kind = {"good.py": "", "bad.py": "raise SystemExit(3)"}, request_of.__name__.removesuffix("_request")
    for key, body in {**files, "code.tar.gz": make_model_archive(files)}.items():
        aws.client("s3").put_object(Bucket=embedded.plain, Key=f"code/{key}", Body=body)
    request = request_of(make_role(aws, allow(["s3:*", "logs:*"])), embedded.plain, program)
    describe = getattr(aws.client("sagemaker"), f"describe_{kind}_job")

    def wait(name: str) -> None:
        key = kind.title()
        wait_for(lambda: describe(**{f"{key}JobName": name})[f"{key}JobStatus"] in ENDED)

    reason = {"FailureReason": "an error"} if end == "Failed" else {}
    play_job(memory, kind, request, lambda name: account.sagemaker.end(name, end, **reason))
    play_job(embedded, kind, request, wait)
    assert memory.differences(embedded) == []
