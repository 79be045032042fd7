"""A mail about an endpoint is sent at most once, whatever meets or dies; what it reports is in the record."""

from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError
from seqdrop.errors import RetryableError
from seqdrop.stages.serve.mails import Mail

from tests.support.aws.errors import RefusedError
from tests.unit.stages.serve.conftest import NAME, SCHEDULED, intervene

ROLLED_BACK = f"Seqdrop rolled back the endpoint {NAME}"
CHANGED = {"source": "aws.sagemaker"}


class Crash(BaseException):
    """The function dies."""


@pytest.fixture
def undone(lab):
    """A lab whose endpoint was rolled back, and no function knows yet."""
    lab.start()
    lab.push("worse")
    lab.run()
    lab.clock.advance(600)
    lab.sagemaker.end_change(NAME, "is undone", "alarm raised")
    return lab


CALLS = 14  # of the invocation that sees the rollback


def test_each_of_its_calls_is_tried(undone, monkeypatch):
    with monkeypatch.context() as patch:
        names = intervene(undone, patch, -1, lambda: None)
        undone.run(CHANGED)
    assert len(names) == CALLS
    assert names.count("publish") == 1
    assert undone.mails == [ROLLED_BACK]


@pytest.mark.parametrize("number", range(CALLS))
def test_two_messages_that_meet_at_any_call_send_one_mail(undone, monkeypatch, number):
    with monkeypatch.context() as patch:
        intervene(undone, patch, number, lambda: undone.run(CHANGED))
        try:
            undone.run(CHANGED)
        except RetryableError:  # its message is delivered again
            undone.run(CHANGED)
    undone.run(SCHEDULED)
    assert undone.mails == [ROLLED_BACK]
    assert len(undone.sagemaker.updates) == 1


@pytest.mark.parametrize("number", range(CALLS))
def test_a_crash_before_any_call_repeats_no_mail(undone, monkeypatch, number):
    def crash():
        raise Crash

    with monkeypatch.context() as patch:
        names = intervene(undone, patch, number, crash)
        try:
            undone.run(CHANGED)
        except Crash:
            crashed_at = names[-1]
        else:
            crashed_at = ""
    undone.run(CHANGED)
    undone.run(SCHEDULED)
    # Only a crash between the write that takes the mail out of the record and SNS loses it; the record has the reason.
    assert undone.mails == ([] if crashed_at == "publish" else [ROLLED_BACK])
    assert undone.services.ledger.endpoint(NAME).reason == "alarm raised"
    assert len(undone.sagemaker.updates) == 1


@pytest.mark.parametrize(
    ("error", "mails"),
    [
        (RefusedError("Throttling", "Rate exceeded"), [ROLLED_BACK]),
        (RefusedError("InternalError", "We failed", 500), [ROLLED_BACK]),
        (ReadTimeoutError(endpoint_url="sns"), []),  # SNS may have accepted it
    ],
)
def test_a_mail_that_sns_does_not_accept_is_sent_later(undone, monkeypatch, error, mails):
    def fail(request, headers):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(undone.account.service("sns"), "publish", fail)
        with pytest.raises(RetryableError):
            undone.run(CHANGED)
    undone.run(CHANGED)
    assert undone.mails == mails


def test_a_mail_that_waits_is_sent_when_its_endpoint_is_removed(undone):
    undone.services.ledger.save(Mail("late", "text").add_to(undone.services.ledger.endpoint(NAME)))
    undone.run({"order": "stop", "endpoints": [NAME], "by": "arn:ada"})
    assert "late" in undone.mails
