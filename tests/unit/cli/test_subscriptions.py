"""`seqdrop status` says which subscriptions are not confirmed, without addresses, and is silent if it may not ask."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from seqdrop_cli import subscriptions
from seqdrop_cli.commands import status

TOPIC = "arn:aws:sns:eu-west-1:123456789012:lab"


class StubbedTarget:
    """A stack whose topic has subscriptions with these ARNs; or whose topic may not be read."""

    def __init__(self, *arns: str, refused: str = ""):
        self.sns = boto3.client("sns", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        stub = Stubber(self.sns)
        if refused:
            stub.add_client_error("list_subscriptions_by_topic", refused)
        else:
            owner = {"Protocol": "email", "Endpoint": "lab@example.org", "Owner": "123456789012", "TopicArn": TOPIC}
            answer = {"Subscriptions": [{**owner, "SubscriptionArn": arn} for arn in arns]}
            stub.add_response("list_subscriptions_by_topic", answer, {"TopicArn": TOPIC})
        stub.activate()

    def environment(self) -> dict[str, str]:
        return {"SEQDROP_TOPIC": TOPIC}

    def client(self, name: str):
        return {"sns": self.sns}[name]


def test_a_pending_subscription_is_said_with_what_to_do_and_without_its_address(capsys):
    status._advise(StubbedTarget("PendingConfirmation", f"{TOPIC}:1"), [])
    printed = capsys.readouterr()
    assert printed.out == ""  # scripts read standard output
    assert printed.err.count("the email subscription is not confirmed") == 1
    assert "follow its link" in printed.err
    assert "lab@example.org" not in printed.err


@pytest.mark.parametrize("arns", [(), (f"{TOPIC}:1",)])
def test_without_a_pending_subscription_nothing_is_said(capsys, arns):
    status._advise(StubbedTarget(*arns), [])
    assert capsys.readouterr().err == ""


def test_credentials_that_may_not_ask_are_no_error():
    assert subscriptions.find_pending(StubbedTarget(refused="AuthorizationError")) == []


def test_an_account_that_does_not_answer_is_no_error(monkeypatch):
    target = StubbedTarget()
    error = EndpointConnectionError(endpoint_url="https://cloudformation")
    monkeypatch.setattr(target, "environment", lambda: (_ for _ in ()).throw(error))
    assert subscriptions.find_pending(target) == []
