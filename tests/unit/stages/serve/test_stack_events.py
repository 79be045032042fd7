"""CloudFormation's custom resource: a deploy has the endpoints looked at, and its deletion leaves nothing behind."""

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from seqdrop.errors import RetryableError
from seqdrop.ledger.endpoint_record import EndpointRecord
from seqdrop.stages.serve import stack_events
from seqdrop.stages.serve.endpoint_records import LONGEST, claim

from tests.support.aws import template
from tests.support.aws.endpoints import CHANGING
from tests.support.aws.errors import RefusedError
from tests.unit.stages.serve.conftest import NAME, intervene


class Url:
    """CloudFormation's signed URL: a server that keeps what is put there."""

    def __init__(self):
        self.responses, self.status = [], 200
        url = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                url.responses.append((self.headers.get("Content-Type"), json.loads(body)))
                self.send_response(url.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/signed?Signature=x"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def statuses(self) -> list[str]:
        return [response["Status"] for _, response in self.responses]


@pytest.fixture
def url():
    url = Url()
    yield url
    url.server.shutdown()
    url.server.server_close()


@pytest.fixture
def ask(lab, url):
    def send(kind: str, **more) -> dict:
        message = {
            "RequestType": kind,
            "ResponseURL": url.address,
            "StackId": "arn:stack",
            "RequestId": "request-1",
            "LogicalResourceId": "EndpointsOfAnalyses",
            "at": lab.clock.now.isoformat(),
            **more,
        }
        lab.run(message)
        return message

    return send


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_deploy_ends_at_once_and_the_endpoints_follow(lab, url, ask, kind):
    lab.push()
    ask(kind)
    ((content_type, response),) = url.responses
    assert (response["Status"], response["RequestId"], content_type) == ("SUCCESS", "request-1", "")
    assert lab.queued == [{"source": "aws.events"}]
    lab.run(lab.queued[0])
    assert lab.endpoint.status == "Creating"


def test_the_end_of_an_endpoint_of_a_deleted_stack_does_not_make_it_again(lab, ask):
    """SageMaker's event of the end reaches serve while CloudFormation has not deleted it yet."""
    lab.start()
    ask("Delete")
    lab.end_change()
    for _ in range(2):
        lab.run({"source": "aws.sagemaker"})
    assert not lab.sagemaker.endpoints
    ask("Create")
    lab.run({"source": "aws.events"})
    assert lab.endpoint.status == "Creating"


def test_every_response_has_the_same_id_so_that_no_update_deletes_the_resource(url, ask):
    ask("Create")
    first = url.responses[0][1]["PhysicalResourceId"]
    ask("Update", PhysicalResourceId=first)
    assert url.responses[1][1]["PhysicalResourceId"] == first


def test_a_stack_whose_name_endpoints_cannot_have_is_refused(lab, url, ask):
    object.__setattr__(lab.services.settings, "stack", "Seqdrop")
    ask("Create")
    ((_, response),) = url.responses
    assert response["Status"] == "FAILED"
    assert "lower-case" in response["Reason"]


def test_a_deletion_ends_when_nothing_is_left(lab, url, ask):
    lab.start()
    ask("Delete")
    assert url.responses == []
    assert lab.endpoint.status == "Deleting"
    (again,) = lab.queued
    lab.sagemaker.end_change(NAME)
    lab.run(again)
    assert url.statuses == ["SUCCESS"]
    assert lab.residue == []


def test_an_endpoint_that_is_being_created_is_deleted_afterwards(lab, url, ask):
    lab.push()
    lab.run()
    ask("Delete")
    lab.clock.advance(LONGEST.total_seconds())
    lab.sagemaker.end_change(NAME)  # created
    lab.run(lab.queued[-1])
    lab.sagemaker.end_change(NAME)  # deleted
    lab.run(lab.queued[-1])
    assert url.statuses == ["SUCCESS"]
    assert lab.residue == []


def test_a_deletion_waits_for_an_invocation_that_may_still_create_something(lab, url, ask):
    lab.push()
    claim(lab.services, EndpointRecord(NAME))  # and then it is slow
    ask("Delete")
    assert url.statuses == []
    lab.clock.advance(LONGEST.total_seconds())
    lab.run(lab.queued[-1])
    assert url.statuses == ["SUCCESS"]


SETUPS = {"a creation": (False, False), "its end": (True, False), "an update": (True, True)}


@pytest.mark.parametrize("what", SETUPS)
@pytest.mark.parametrize("number", range(24))
def test_a_deletion_that_meets_an_invocation_at_any_call_leaves_nothing(lab, url, ask, monkeypatch, what, number):
    """The invocation goes on after the look of the deletion, and may create what the deletion has just removed."""
    is_created, is_updated = SETUPS[what]
    lab.push()
    if is_created:
        lab.run()
        lab.sagemaker.end_change(NAME)
    if is_updated:
        lab.run()
        lab.push("second")
    with monkeypatch.context() as patch:
        intervene(lab, patch, number, lambda: ask("Delete"))
        with suppress(RetryableError):
            lab.run()
    if not any("RequestType" in body for body in lab.queued) and not url.statuses:
        ask("Delete")  # the invocation made fewer calls
    while not url.statuses:
        lab.clock.advance(400)
        for name in list(lab.sagemaker.endpoints):
            if lab.sagemaker.endpoints[name].status in CHANGING:
                lab.sagemaker.end_change(name)
        lab.run({"source": "aws.sagemaker"})
        lab.run(next(body for body in lab.queued if "RequestType" in body))
    assert url.statuses == ["SUCCESS"]
    assert lab.residue == []


def test_no_invocation_lasts_longer_than_a_deletion_waits():
    (function,) = (function for function in template.functions() if function.folder == "serve")
    assert function.timeout < LONGEST.total_seconds()


@pytest.mark.parametrize(("early", "late"), [("Create", "Delete"), ("Delete", "Create"), ("Update", "Delete")])
def test_a_request_that_comes_after_a_later_one_changes_nothing(lab, ask, early, late):
    earlier = lab.clock.now.isoformat()
    lab.start()
    ask(late)
    before = lab.services.ledger.endpoint(NAME)
    ask(early, at=earlier)
    assert lab.services.ledger.endpoint(NAME) == before
    assert lab.endpoint.status == ("Deleting" if late == "Delete" else "InService")


def test_no_order_starts_an_endpoint_while_the_stack_is_deleted(lab, url, ask):
    lab.start()
    ask("Delete")
    lab.end_change()
    lab.run({"order": "start", "endpoints": [NAME], "by": "arn:ada"})
    assert not lab.sagemaker.endpoints
    lab.run(next(body for body in lab.queued if body.get("RequestType")))
    assert url.statuses == ["SUCCESS"]
    assert lab.residue == []


def test_a_deletion_of_a_stack_without_endpoints_ends_at_once(url, ask):
    ask("Delete")
    assert url.statuses == ["SUCCESS"]


def test_the_endpoints_of_other_stacks_stay(lab, url, ask):
    lab.start()
    (tags,) = lab.sagemaker.endpoint_tags.values()
    tags[:] = [{"Key": "seqdrop:stack", "Value": "other"}]
    ask("Delete")
    assert url.statuses == ["SUCCESS"]
    assert lab.endpoint.status == "InService"


def test_a_deletion_that_takes_too_long_fails_and_names_what_is_left(lab, url, ask):
    lab.start()
    ask("Delete")
    lab.clock.advance(stack_events.PATIENCE.total_seconds() + 60)
    lab.run(lab.queued[-1])
    ((_, response),) = url.responses
    assert response["Status"] == "FAILED"
    assert NAME in response["Reason"]


def test_a_deletion_that_iam_denies_fails_at_once(lab, url, ask, monkeypatch):
    lab.start()

    def deny(request, headers):
        raise RefusedError("AccessDeniedException", "not authorized to perform sagemaker:ListEndpoints")

    monkeypatch.setattr(lab.sagemaker, "list_endpoints", deny)
    ask("Delete")
    assert url.statuses == ["FAILED"]


def test_a_throttled_deletion_is_continued(lab, url, ask, monkeypatch):
    lab.start()

    def throttle(request, headers):
        raise RefusedError("ThrottlingException", "Rate exceeded")

    with monkeypatch.context() as patch:
        patch.setattr(lab.sagemaker, "list_endpoints", throttle)
        ask("Delete")
    assert url.responses == []
    lab.run(lab.queued[-1])
    assert lab.endpoint.status == "Deleting"


def test_a_response_that_is_not_accepted_is_sent_again(url, ask):
    url.status = 503
    with pytest.raises(stack_events.ResponseError):
        ask("Delete")
