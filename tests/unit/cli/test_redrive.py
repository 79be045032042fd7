"""`seqdrop redrive`: messages are shown without being removed, and sent back without being lost."""

import json
from types import SimpleNamespace

import boto3
import pytest
from seqdrop_cli import dead_letters


@pytest.fixture
def sqs(cloud):
    return boto3.client("sqs")


@pytest.fixture
def queues(sqs, template) -> dict[str, str]:
    """The URLs of the template's queues, by their names in the template."""
    names = [name for name, part in template["Resources"].items() if part["Type"] == "AWS::SQS::Queue"]
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}


@pytest.fixture
def run(sqs, queues, use_target, seqdrop):
    use_target(SimpleNamespace(client=lambda name: sqs, queues=lambda: queues))

    def call(*words: str) -> tuple[int, str]:
        outcome = seqdrop("redrive", *words)
        return outcome.status, outcome.out + outcome.err

    return call


def fill(sqs, url: str, *bodies: dict) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


def bodies(sqs, url: str) -> list[dict]:
    texts = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        texts += [json.loads(message["Body"]) for message in messages]
    return texts


def test_every_dead_letter_queue_of_the_template_is_paired_with_its_source(sqs, queues, template):
    dead_letter_queues = dead_letters.find_queues(sqs, queues)
    assert {queue.name for queue in dead_letter_queues} == {
        "validate",
        "processing",
        "transform",
        "training",
        "finish",
        "archive",
        "bundle",
        "forget",
        "inventory",
        "restore",
        "reconcile",
        "monitor",
        "workflow",
        "serve",
        "catalogue",
        "transfer",
        "webhook",
    }
    for queue in dead_letter_queues:
        name = next((name for name, url in queues.items() if url == queue.source), None)
        if queue.name not in ("reconcile", "webhook"):
            policy = template["Resources"][name]["Properties"]["RedrivePolicy"]
            assert queues[policy["deadLetterTargetArn"]["GetAtt"].removesuffix(".Arn")] == queue.url


def test_showing_messages_removes_none(run, sqs, queues):
    fill(sqs, queues["ArchiveDeadLetters"], {"upload": "A"}, {"upload": "B"})
    fill(sqs, queues["ValidateDeadLetters"], {"source": "aws.s3", "detail-type": "Object Created"}, {"Records": []})
    status, text = run()
    assert status == 0
    assert "2 × upload" in text
    assert "1 × Object Created" in text
    assert "1 × S3 event" in text
    assert "0 min" in text
    assert "4 would be sent back; add --yes to do it" in text
    assert len(bodies(sqs, queues["ArchiveDeadLetters"])) == 2
    assert bodies(sqs, queues["ArchiveQueue"]) == []


def test_messages_are_sent_back_with_yes(run, sqs, queues):
    sent = [{"upload": str(number)} for number in range(23)]
    fill(sqs, queues["ArchiveDeadLetters"], *sent)
    fill(sqs, queues["FinishDeadLetters"], {"detail-type": "x"})
    status, text = run("archive", "--yes")
    assert (status, "archive: 23 of 23 sent back" in text) == (0, True)
    assert sorted(map(str, bodies(sqs, queues["ArchiveQueue"]))) == sorted(map(str, sent))
    assert bodies(sqs, queues["ArchiveDeadLetters"]) == []
    assert len(bodies(sqs, queues["FinishDeadLetters"])) == 1


def test_a_message_that_could_not_be_sent_stays(sqs, queues):
    fill(sqs, queues["ArchiveDeadLetters"], {"upload": "A"})

    class Broken:
        def __getattr__(self, name):
            if name == "send_message":
                raise KeyboardInterrupt
            return getattr(sqs, name)

    (queue,) = dead_letters.find_queues(sqs, queues, "archive")
    with pytest.raises(KeyboardInterrupt):
        dead_letters.send_back(Broken(), queue)
    attributes = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert (attributes["ApproximateNumberOfMessages"], attributes["ApproximateNumberOfMessagesNotVisible"]) == (
        "0",
        "1",
    )


def test_an_interruption_leaves_the_other_messages(sqs, queues):
    fill(sqs, queues["ArchiveDeadLetters"], *({"upload": str(number)} for number in range(5)))
    (queue,) = dead_letters.find_queues(sqs, queues, "archive")
    assert dead_letters.send_back(sqs, queue, lambda: True) == 1
    assert len(bodies(sqs, queues["ArchiveQueue"])) == 1
    attributes = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "4"


def test_messages_of_scheduled_runs_are_not_sent_back(run, sqs, queues):
    fill(sqs, queues["ReconcileDeadLetters"], {"requestContext": {}})
    status, text = run("--yes")
    assert status == 0
    assert "aws sqs purge-queue" in text
    assert len(bodies(sqs, queues["ReconcileDeadLetters"])) == 1


def test_an_unknown_queue_is_refused(run):
    status, text = run("nowhere")
    assert (
        status,
        "there is no dead-letter queue 'nowhere'; there are archive, bundle, catalogue, finish" in text,
    ) == (2, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [('{"attempt": "x"}', "attempt"), ('{"job": "x"}', "job"), ("[1]", "not a message of Seqdrop"), ("@r", "not JSON")],
)
def test_the_kind_of_a_message(body, kind):
    assert dead_letters.kind_of(body) == kind
