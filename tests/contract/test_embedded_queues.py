"""Functions that read a queue: the size of their batches, and the number of concurrent workers."""

import io
import json
import zipfile

import pytest

from local.patches.lambda_queues import WORKERS
from local.testing import allow, assume_role, expect_error, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]

# Reports each batch to another queue: the worker that received it, and its number of messages.
REPORTER = """
import json, os, time, boto3
def handler(event, context):
    batch = {"worker": os.getpid(), "messages": len(event["Records"])}
    time.sleep(0.2)
    boto3.client("sqs").send_message(QueueUrl=os.environ["REPORTS"], MessageBody=json.dumps(batch))
"""


@pytest.fixture
def deliver(aws):
    """Return a function that sends messages to a queue, which a Lambda function reads, and returns the batches."""
    sqs, functions = aws.client("sqs"), aws.client("lambda")

    def run(messages: int, **options) -> list[dict]:
        name = unique_name("reader")
        source, target = (sqs.create_queue(QueueName=f"{name}-{end}")["QueueUrl"] for end in ("in", "out"))
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.writestr("app.py", REPORTER)
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=make_role(aws, allow("sqs:*"), service="lambda.amazonaws.com"),
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"REPORTS": target}},
            Timeout=20,
        )
        arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}-in"
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, **options)
        for _ in range(messages):  # one at a time, because each message wakes the poller
            sqs.send_message(QueueUrl=source, MessageBody="x")
        batches = []

        def are_all_reported() -> bool:
            for message in sqs.receive_message(QueueUrl=target, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=target, ReceiptHandle=message["ReceiptHandle"])
                batches.append(json.loads(message["Body"]))
            return sum(batch["messages"] for batch in batches) == messages

        wait_for(are_all_reported, timeout=60)
        return batches

    return run


def test_a_batch_is_as_large_as_requested(deliver):
    batches = deliver(25, BatchSize=20, MaximumBatchingWindowInSeconds=1)
    assert sorted(batch["messages"] for batch in batches) == [5, 20]


def test_a_batch_that_is_not_full_waits_for_its_window(deliver):
    batches = deliver(12, BatchSize=100, MaximumBatchingWindowInSeconds=2)
    assert [batch["messages"] for batch in batches] == [12]


def test_at_most_as_many_workers_as_cores_serve_a_queue(deliver):
    batches = deliver(4 * WORKERS, BatchSize=1, ScalingConfig={"MaximumConcurrency": 10 * WORKERS})
    assert len(batches) == 4 * WORKERS
    assert len({batch["worker"] for batch in batches}) <= WORKERS


def test_a_batch_needs_the_action_of_its_single_request(aws):
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=unique_name("batch"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    batch = {"QueueUrl": url, "Entries": [{"Id": "0", "MessageBody": "a"}]}
    sender = assume_role(aws, make_role(aws, allow("sqs:SendMessage", arn))).client("sqs")
    assert len(sender.send_message_batch(**batch)["Successful"]) == 1
    reader = assume_role(aws, make_role(aws, allow("sqs:ReceiveMessage", arn))).client("sqs")
    with expect_error("AccessDenied"):
        reader.send_message_batch(**batch)
