"""seqdrop redrive: messages are seen without being taken, and sent back without being lost."""

import json
from io import StringIO
from types import SimpleNamespace

import boto3
import pytest
from rich.console import Console
from seqdrop_cli.commands import redrive
from seqdrop_cli.main import parser


@pytest.fixture
def sqs(cloud):
    return boto3.client("sqs")


@pytest.fixture
def queues(sqs, template) -> dict[str, str]:
    """Those of the template, under the names of their resources."""
    names = [name for name, one in template["Resources"].items() if one["Type"] == "AWS::SQS::Queue"]
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}


@pytest.fixture
def run(sqs, queues, monkeypatch):
    target = SimpleNamespace(client=lambda name: sqs, queues=lambda: queues)
    monkeypatch.setattr("seqdrop_cli.target.find", lambda stack: target)

    def call(*words: str) -> tuple[int, str]:
        out = StringIO()
        options = parser().parse_args(["redrive", *words])
        return options.run(options, Console(file=out, width=200)), out.getvalue()

    return call


def fill(sqs, url: str, *bodies: dict) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


def bodies(sqs, url: str) -> list[dict]:
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found += [json.loads(one["Body"]) for one in messages]
    return found


def test_every_dead_letter_queue_of_the_template_is_found_with_its_own(sqs, queues, template):
    found = redrive.dead_letters(sqs, queues)
    assert {one.name for one in found} == {"validate", "transform", "training", "finish", "archive", "reconcile"}
    for one in found:
        name = next((name for name, url in queues.items() if url == one.back), None)
        if one.name != "reconcile":
            policy = template["Resources"][name]["Properties"]["RedrivePolicy"]
            assert queues[policy["deadLetterTargetArn"]["GetAtt"].removesuffix(".Arn")] == one.url


def test_a_look_takes_nothing(run, sqs, queues):
    fill(sqs, queues["ArchiveDeadLetters"], {"upload": "A"}, {"upload": "B"})
    fill(sqs, queues["ValidateDeadLetters"], {"source": "aws.s3", "detail-type": "Object Created"}, {"Records": []})
    status, text = run()
    assert status == 0
    assert "2 × upload" in text
    assert "1 × Object Created" in text
    assert "1 × S3 event" in text
    assert "0 min" in text
    assert "4 would be sent back; say it again with --yes" in text
    assert len(bodies(sqs, queues["ArchiveDeadLetters"])) == 2
    assert bodies(sqs, queues["ArchiveQueue"]) == []


def test_with_yes_they_are_sent_back(run, sqs, queues):
    sent = [{"upload": str(number)} for number in range(23)]
    fill(sqs, queues["ArchiveDeadLetters"], *sent)
    fill(sqs, queues["FinishDeadLetters"], {"detail-type": "x"})
    status, text = run("archive", "--yes")
    assert (status, "archive: 23 of 23 sent back" in text) == (0, True)
    assert sorted(map(str, bodies(sqs, queues["ArchiveQueue"]))) == sorted(map(str, sent))
    assert bodies(sqs, queues["ArchiveDeadLetters"]) == []
    assert len(bodies(sqs, queues["FinishDeadLetters"])) == 1


def test_what_could_not_be_sent_stays(sqs, queues):
    fill(sqs, queues["ArchiveDeadLetters"], {"upload": "A"})

    class Broken:
        def __getattr__(self, name):
            if name == "send_message":
                raise KeyboardInterrupt
            return getattr(sqs, name)

    (one,) = redrive.dead_letters(sqs, queues, "archive")
    with pytest.raises(KeyboardInterrupt):
        redrive.send_back(Broken(), one)
    found = sqs.get_queue_attributes(QueueUrl=one.url, AttributeNames=["All"])["Attributes"]
    assert (found["ApproximateNumberOfMessages"], found["ApproximateNumberOfMessagesNotVisible"]) == ("0", "1")


def test_broken_off_it_leaves_the_rest(sqs, queues):
    fill(sqs, queues["ArchiveDeadLetters"], *({"upload": str(number)} for number in range(5)))
    (one,) = redrive.dead_letters(sqs, queues, "archive")
    assert redrive.send_back(sqs, one, lambda: True) == 1
    assert len(bodies(sqs, queues["ArchiveQueue"])) == 1
    attributes = sqs.get_queue_attributes(QueueUrl=one.url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "4"


def test_runs_of_the_schedule_are_not_sent_anywhere(run, sqs, queues):
    fill(sqs, queues["ReconcileDeadLetters"], {"requestContext": {}})
    status, text = run("--yes")
    assert status == 0
    assert "aws sqs purge-queue" in text
    assert len(bodies(sqs, queues["ReconcileDeadLetters"])) == 1


def test_a_queue_that_is_not_there(run):
    with pytest.raises(ValueError, match="there are archive, finish"):
        run("nowhere")


@pytest.mark.parametrize(
    ("body", "kind"),
    [('{"attempt": "x"}', "attempt"), ('{"job": "x"}', "job"), ("[1]", "not a message of Seqdrop"), ("@r", "not JSON")],
)
def test_kinds(body, kind):
    assert redrive.kind(body) == kind
