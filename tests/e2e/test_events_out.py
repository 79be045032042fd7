"""A stack with Events: what it sends, a webhook, and a consumer that starts later and reads the archive only."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from seqdrop.bus.types import TYPES, find_happenings
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, drop_file, make_target

pytestmark = pytest.mark.long  # deploys its own stack

NAME = "telling"
SECRET = "a random text of at least 32 characters"
GOOD = b"@r\n" + b"ACGT" * 30 + b"\n+\n" + b"I" * 120 + b"\n"


@contextmanager
def receiver():
    """A server that keeps each request: its body and its headers."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((body, dict(self.headers)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/seqdrop", requests
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def page(repository) -> dict:
    """The functions of docs/events.md."""
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", (repository / "docs/events.md").read_text(), re.DOTALL):
        exec(code, names)
    return names


@pytest.fixture(scope="module")
def lab(aws):
    """A stack in which files were accepted, predicted, archived and rejected, and whose events were sent."""
    secret = aws.client("secretsmanager").create_secret(Name="webhook", SecretString=SECRET)["ARN"]
    with receiver() as (url, requests):
        stack = deploy(aws, name=NAME, Events="true", WebhookUrl=url, WebhookSecret=secret, StaleMinutes=0)
        s3, ledger = aws.client("s3"), make_target(aws, stack).ledger()
        own = SimpleNamespace(aws=aws, stack=stack, ledger=ledger, requests=requests)
        reconcile(own)  # events begin
        drops = {
            "reads/a.fastq": {"Tagging": "lims-id=LIMS-1"},
            "raw/b.fastq": {"Metadata": {"lims-id": "LIMS-2"}},
            "raw/c.fastq": {},
            "raw/bad.fastq": {"Body": b"@r\nAC\n+\nI\n"},
        }
        versions = [
            drop_file(s3, stack.landing, key, more.pop("Body", GOOD.replace(b"@r", b"@" + key[-7:-6].encode())), **more)
            for key, more in drops.items()
        ]
        watch(ledger, versions, Console(quiet=True), PATIENCE)
        own.records = [ledger.find_upload(version.id) for version in versions]
        own.records += [attempt for version in versions for attempt in ledger.attempts(version.id)]
        reconcile(own)
        yield own


def reconcile(lab) -> None:
    """Run the reconciler once more than its schedule does."""
    resources = lab.aws.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
    (name,) = [each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "ReconcileFunction"]
    response = lab.aws.client("lambda").invoke(FunctionName=name, Payload=b"{}", LogType="Tail")
    assert "FunctionError" not in response, base64.b64decode(response["LogResult"]).decode()


def expect(lab) -> dict[str, str]:
    return {each.make_id(): each.type for record in lab.records for each in find_happenings(record, "")}


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)  # ministack sends no notice of a delivery


@pytest.fixture(scope="module")
def replayed(lab) -> list[dict]:
    """The events that a queue gets from a replay of the archive. Its rule is made when all is over."""
    events, sqs = lab.aws.client("events"), lab.aws.client("sqs")
    queue = sqs.create_queue(QueueName="lims")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = lab.stack.eventbus
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    pattern = json.dumps({"source": ["seqdrop"]})
    rule = events.put_rule(Name="lims", EventBusName=NAME, EventPattern=pattern)["RuleArn"]
    events.put_targets(Rule="lims", EventBusName=NAME, Targets=[{"Id": "lims", "Arn": arn}])
    now = time.time()
    events.start_replay(
        ReplayName="lims-1",
        EventSourceArn=lab.stack.eventarchive,
        EventStartTime=now - 86400,
        EventEndTime=now + 60,
        Destination={"Arn": bus, "FilterArns": [rule]},
    )
    arrived: list[dict] = []

    def receive() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
            "Messages", []
        ):
            arrived.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return expect(lab).keys() <= {event["detail"]["id"] for event in arrived}

    wait_for(receive)
    return arrived


def test_each_move_has_its_event(lab, replayed):
    sent = {event["detail"]["id"]: event["detail-type"] for event in replayed}
    assert expect(lab).items() <= sent.items()
    assert set(sent.values()) == {"upload.accepted", "upload.predicted", "upload.archived", "upload.rejected"}
    assert set(sent.values()) <= set(TYPES.values())


def test_each_is_valid_and_names_no_file(replayed, repository):
    for event in replayed:
        path = repository / f"docs/schemas/events/{event['detail-type']}.v1.schema.json"
        Draft202012Validator(json.loads(path.read_text())).validate(event["detail"])
    assert ".fastq" not in json.dumps(replayed)


def test_a_consumer_that_started_later_has_the_table_of_the_ledger(lab, replayed, page):
    table: dict = {}
    for event in reversed(replayed):
        page["consume"](table, event["detail"])
    uploads = [record for record in lab.records if record.kind == "upload"]
    assert {upload: row[2] for upload, row in table.items()} == {
        upload.id: TYPES["upload", upload.state] for upload in uploads
    }


def test_ids_of_the_lims_are_carried_through(lab, replayed):
    uploads = {record.id: record.key for record in lab.records if record.kind == "upload"}
    ids = {uploads[event["detail"]["upload"]]: event["detail"].get("lims_ids") for event in replayed}
    assert ids == {"reads/a.fastq": ["LIMS-1"], "raw/b.fastq": ["LIMS-2"], "raw/c.fastq": None, "raw/bad.fastq": None}


def test_the_webhook_gets_each_event_signed(lab, page):
    def bodies() -> list[dict]:
        return [
            page["verify"](body, headers["Seqdrop-Signature"], SECRET)
            for body, headers in list(lab.requests)
            if headers["Seqdrop-Event-Id"]
        ]

    wait_for(lambda: expect(lab).keys() <= {body["id"] for body in bodies()})


def test_nothing_is_sent_again_by_further_runs(lab):
    before = len(lab.requests)
    reconcile(lab)
    reconcile(lab)
    assert len(lab.requests) == before
