"""HealthOmics in memory (tests/support/aws/omics.py) compared with the embedded one, by the same calls."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.omics_testing import change_behaviour, create_workflow
from local.testing import allow, make_bucket, make_role, unique_name, wait_for
from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.wire import ENVIRONMENT, Wire

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long
ONCE = Config(retries={"total_max_attempts": 1})
KEPT = ("status", "name", "parameters", "outputUri", "failureReason", "statusMessage")


def outcome(call, **request) -> tuple[object, int] | dict:
    """Return a response, or the code and the status of an error."""
    try:
        return call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def play(client, request: dict, pause, await_end) -> list:
    """Make the calls of the script; return what is comparable of the responses."""
    first = outcome(client.start_run, **request)
    outcomes = [first.keys() >= {"id", "arn"}, outcome(client.start_run, **request | {"requestId": "b", "name": "b"})]
    pause()
    again = outcome(client.start_run, **request)
    pause()
    outcomes += [again["id"] == first["id"], outcome(client.start_run, **request | {"name": "other"})]
    outcomes += [
        outcome(client.get_run, id="999"),
        [item["name"] for item in client.list_runs(name=request["name"])["items"]],
    ]
    run = await_end(first["id"])
    outcomes.append({name: run[name] for name in KEPT if name in run})
    return [*outcomes, run["runOutputUri"] == f"{request['outputUri']}/{first['id']}"]


def request_of(bucket: str, role: str, workflow: str) -> dict:
    request = {
        "workflowId": workflow,
        "roleArn": role,
        "name": "a",
        "requestId": "a",
        "outputUri": f"s3://{bucket}/out",
    }
    return request | {"parameters": {"files": []}}


def test_both_respond_alike(aws, monkeypatch):
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    account, wire = Account({"plain": False}, clock=Clock()), Wire()
    wire.respond, fake = account.call, boto3.client("omics", config=ONCE)
    wire.attach(fake)

    def end(run: str) -> dict:
        account.clock.advance(3600)
        account.omics.run()
        return fake.get_run(id=run)

    request = request_of("plain", "arn:aws:iam::1:role/r", "1")
    memory = play(fake, request, lambda: account.clock.advance(11), end)

    bucket, real = make_bucket(aws), aws.client("omics", config=ONCE)
    role = make_role(aws, allow(["s3:GetObject", "s3:PutObject"]), service="omics.amazonaws.com")
    change_behaviour(aws, interval=60)
    ours = request_of(bucket, role, create_workflow(aws))
    name = unique_name("run")
    ours |= {"name": name, "requestId": name}

    def ended(run: str) -> dict:
        return wait_for(lambda: (state := real.get_run(id=run))["status"] == "COMPLETED" and state)

    embedded = play(real, ours, lambda: change_behaviour(aws, interval=0), ended)
    change_behaviour(aws, interval=10)
    text = str(embedded).replace(name, "a").replace(bucket, "plain")
    assert str(memory) == text
    assert ("ThrottlingException", 429) in memory
    assert ("ConflictException", 409) in memory
