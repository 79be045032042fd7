"""Functions that read a queue: the size of their batches, and the number of concurrent workers."""

import io
import json
import zipfile

import pytest

from local.patches.lambda_queues import WORKERS
from local.testing import allow, make_role, unique_name, wait_for

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
