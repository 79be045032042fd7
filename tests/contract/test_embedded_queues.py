"""Functions that read a queue: how many messages they are given, and how many of them run at a time."""

import io
import json
import zipfile

import pytest

from local.patches.lambda_queues import WORKERS
from local.testing import allow, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]

# Tells another queue of each batch: which worker had it, and how many messages it was.
TELLER = """
import json, os, time, boto3
def handler(event, context):
    told = {"worker": os.getpid(), "messages": len(event["Records"])}
    time.sleep(0.2)
    boto3.client("sqs").send_message(QueueUrl=os.environ["TOLD"], MessageBody=json.dumps(told))
"""


@pytest.fixture
def told(aws):
    """Sends messages to a queue that a function reads with these options; answers what the function told of them."""
    sqs, functions = aws.client("sqs"), aws.client("lambda")

    def run(messages: int, **options) -> list[dict]:
        name = unique_name("reader")
        source, target = (sqs.create_queue(QueueName=f"{name}-{end}")["QueueUrl"] for end in ("in", "out"))
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.writestr("app.py", TELLER)
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=make_role(aws, allow("sqs:*"), service="lambda.amazonaws.com"),
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"TOLD": target}},
            Timeout=20,
        )
        arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}-in"
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, **options)
        for _ in range(messages):  # one by one, and each wakes the poller
            sqs.send_message(QueueUrl=source, MessageBody="x")
        found = []

        def heard() -> bool:
            for message in sqs.receive_message(QueueUrl=target, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=target, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
            return sum(one["messages"] for one in found) == messages

        wait_for(heard, timeout=60)
        return found

    return run


def test_a_batch_is_as_large_as_was_asked_for(told):
    assert sorted(one["messages"] for one in told(25, BatchSize=20, MaximumBatchingWindowInSeconds=1)) == [5, 20]


def test_a_batch_that_is_not_full_waits_for_its_window(told):
    assert [one["messages"] for one in told(12, BatchSize=100, MaximumBatchingWindowInSeconds=2)] == [12]


def test_no_more_workers_serve_a_queue_than_there_are_cores(told):
    batches = told(4 * WORKERS, BatchSize=1, ScalingConfig={"MaximumConcurrency": 10 * WORKERS})
    assert len(batches) == 4 * WORKERS
    assert len({one["worker"] for one in batches}) <= WORKERS
