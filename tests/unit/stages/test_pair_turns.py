"""Two mates at one moment in two Lambdas: in whatever order they take turns, neither is left waiting.

Table and buckets are dicts, so that thousands of orders can be tried. That the ledger's conditions hold on DynamoDB is
for tests/unit/ledger to say, and for the e2e tests, which drop mates at once.
"""

import itertools
import json
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop import analyses
from seqdrop.errors import RetryableError
from seqdrop.ledger.records import Upload
from seqdrop.ledger.table import Ledger
from seqdrop.services import Services
from seqdrop.settings import Settings
from seqdrop.stages.examine import examine
from seqdrop.stages.pair import settle_mate
from seqdrop.stages.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.mates import Bucket, Explorer, PausingLedger, Table, Turns, fastq

TRUE = {"ConditionExpression": "attribute_not_exists(none)"}


class World:
    """A ledger, buckets and queues in memory."""

    def __init__(self):
        self.table, self.bucket, self.sent = Table(), Bucket(), []
        self.sequencers = itertools.count(1)
        self.ledger = PausingLedger(Ledger(self.table, lambda: "2026-01-01T00:00:00.000Z"))
        names = {name: name for name in Settings.__dataclass_fields__}
        send = lambda QueueUrl, MessageBody: self.sent.append((QueueUrl, json.loads(MessageBody)))  # noqa: E731
        sqs = SimpleNamespace(send_message=send)
        sns = SimpleNamespace(publish=lambda **mail: self.sent.append(("topic", mail)))
        packaged = analyses.packaged()
        self.services = Services(Settings(**names), packaged, self.ledger, self.bucket, None, sqs, sns)

    def dropped(self, key: str, body: bytes) -> UploadVersion:
        order = next(self.sequencers)
        self.bucket.put_object("landing", key, body)
        return UploadVersion("landing", key, f"v{order}", len(body), "etag", f"{order:X}")

    def examined(self, key: str, body: bytes) -> Upload:
        """An upload that is RECEIVED, and whose pass has come to its end."""
        version, analysis = self.dropped(key, body), self.services.analyses.for_key(key)
        self.ledger.create(Upload.received(version, analysis.name))
        examine(self.bucket, "work", version, analysis)
        return self.ledger.upload(version.id)

    def back_to(self, items: dict, objects: dict) -> None:
        self.table.items, self.bucket.objects, self.sent[:] = dict(items), dict(objects), []

    def take_turns(self, jobs, choose) -> None:
        """Run the jobs; one that gives up is a message that comes again."""
        turns = self.ledger.turns = Turns(jobs, choose)
        turns.run()
        self.ledger.turns = None
        for number, error in turns.errors.items():
            if not isinstance(error, RetryableError):
                raise error
            jobs[number]()


@pytest.mark.parametrize(
    ("prefix", "second", "ends"),
    [
        ("reads/", fastq(2), {("VALIDATED", "VALIDATED")}),
        ("reads/", fastq(2, range(2)), {("REJECTED", "REJECTED")}),
        ("raw/", fastq(2), {("VALIDATED", "VALIDATED")}),
        ("raw/", fastq(2, range(2)), {("VALIDATED", "REJECTED"), ("REJECTED", "VALIDATED")}),
    ],
)
def test_every_order_of_two_mates(prefix, second, ends):
    world, explorer, seen = World(), Explorer(most=5), []
    uploads = [world.examined(f"{prefix}S_R1.fastq", fastq(1)), world.examined(f"{prefix}S_R2.fastq", second)]
    start = dict(world.table.items), dict(world.bucket.objects)
    while explorer.next():
        world.back_to(*start)
        world.take_turns([partial(settle_mate, world.services, upload) for upload in uploads], explorer.choose)
        states = tuple(world.ledger.upload(upload.id).state for upload in uploads)
        attempts = [len(world.ledger.attempts(upload.id)) for upload in uploads]
        assert attempts == [int(state == "VALIDATED" and prefix == "reads/") for state in states]
        told = {body.get("attempt", body.get("upload", ""))[:26] for _, body in world.sent} - {""}
        assert told == {one.id for one, state in zip(uploads, states, strict=True) if state == "VALIDATED"}
        seen.append(states)
    assert set(seen) == ends
    assert len(seen) > 100


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_many_at_once(data):
    """Messages twice, and a version that replaces another: the newest two go on, each with one attempt."""
    world = World()
    old = world.dropped("reads/S_R1.fastq", fastq(1))
    first, second = world.dropped(old.key, fastq(1)), world.dropped("reads/S_R2.fastq", fastq(2))
    jobs = [partial(validate, world.services, version) for version in (first, second, old, second, first)]
    world.take_turns(jobs, lambda alive: data.draw(st.sampled_from(alive)))
    found = {version: world.ledger.upload(version.id) for version in (old, first, second)}
    assert (found[first].state, found[second].state) == ("VALIDATED", "VALIDATED")
    assert found[old].state == "VALIDATED" or found[old].reason == "superseded"
    for upload in found.values():
        assert len(world.ledger.attempts(upload.id)) == (upload.state == "VALIDATED")


def test_the_orders_show_a_lost_mate(monkeypatch):
    """The test of the test: without the pair's revision, some order leaves both waiting."""
    monkeypatch.setattr(Ledger, "_put_shared", lambda self, pair: {"Put": {"Item": pair.item(), **TRUE}})
    world, explorer, seen = World(), Explorer(most=3), set()
    uploads = [world.examined(f"reads/S_R{mate}.fastq", fastq(mate)) for mate in (1, 2)]
    start = dict(world.table.items), dict(world.bucket.objects)
    while explorer.next():
        world.back_to(*start)
        world.take_turns([partial(settle_mate, world.services, upload) for upload in uploads], explorer.choose)
        seen.add(tuple(world.ledger.upload(upload.id).state for upload in uploads))
    assert ("WAITING", "WAITING") in seen
