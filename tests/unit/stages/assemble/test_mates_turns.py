"""Two mates at the same moment in two Lambdas: in every order of their steps, neither is left waiting.

The contract tests, and the e2e tests that drop both mates together, check the ledger's conditions against DynamoDB.
"""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.ledger.records import Upload
from seqdrop.ledger.table import Ledger
from seqdrop.stages.assemble.engine import resolve
from seqdrop.stages.assemble.mates import MATES
from seqdrop.stages.validate.validate import validate
from seqdrop.work.examine import ExaminationRequest, examine

from tests.unit.stages.mates import Explorer, fastq
from tests.unit.stages.world import PausingWorld

pytestmark = pytest.mark.usefixtures("reports_once")
TRUE = {"ConditionExpression": "attribute_not_exists(none)"}


class World(PausingWorld):
    def examined(self, key: str, body: bytes) -> Upload:
        """Return a RECEIVED upload that has been examined."""
        version, analysis = self.drop(key, body), self.services.analyses.for_key(key)
        self.ledger.create(Upload.from_version(version, analysis.name))
        examine(self.services.s3, "work", ExaminationRequest(version, analysis))
        return self.ledger.find_upload(version.id)


@pytest.mark.parametrize("most", [4, pytest.param(8, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("prefix", "second", "ends"),
    [
        ("reads/", fastq(2), {("VALIDATED", "VALIDATED")}),
        ("reads/", fastq(2, range(2)), {("REJECTED", "REJECTED")}),
        ("raw/", fastq(2), {("VALIDATED", "VALIDATED")}),
        ("raw/", fastq(2, range(2)), {("VALIDATED", "REJECTED"), ("REJECTED", "VALIDATED")}),
    ],
)
def test_every_order_of_two_mates(prefix, second, ends, most):
    world, explorer, outcomes = World(), Explorer(most=most), []
    uploads = [world.examined(f"{prefix}S_R1.fastq", fastq(1)), world.examined(f"{prefix}S_R2.fastq", second)]
    start = world.snapshot()
    while explorer.next():
        world.back_to(start)
        world.take_turns([partial(resolve, world.services, upload, MATES) for upload in uploads], explorer.choose)
        states = tuple(world.ledger.find_upload(upload.id).state for upload in uploads)
        attempts = [len(world.ledger.attempts(upload.id)) for upload in uploads]
        assert attempts == [int(state == "VALIDATED" and prefix == "reads/") for state in states]
        enqueued = {body.get("attempt", body.get("upload", ""))[:26] for _, body in world.sent} - {""}
        assert enqueued == {upload.id for upload, state in zip(uploads, states, strict=True) if state == "VALIDATED"}
        outcomes.append(states)
    assert set(outcomes) == ends
    assert len(outcomes) >= 70, "a mate that waits makes three calls to the ledger"


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_many_simultaneous_validations(data):
    """Messages arrive twice, and a version replaces another: the newest two advance, each with one attempt."""
    world = World()
    old = world.drop("reads/S_R1.fastq", fastq(1))
    first, second = world.drop(old.key, fastq(1)), world.drop("reads/S_R2.fastq", fastq(2))
    jobs = [partial(validate, world.services, version) for version in (first, second, old, second, first)]
    world.take_turns(jobs, lambda alive: data.draw(st.sampled_from(alive)))
    uploads = {version: world.ledger.find_upload(version.id) for version in (old, first, second)}
    assert (uploads[first].state, uploads[second].state) == ("VALIDATED", "VALIDATED")
    assert uploads[old].state == "VALIDATED" or uploads[old].reason == "superseded"
    for upload in uploads.values():
        assert len(world.ledger.attempts(upload.id)) == (upload.state == "VALIDATED")


def test_the_orders_show_a_lost_mate(monkeypatch):
    """Test the test: without the revision of the pair, some order leaves both mates waiting."""
    monkeypatch.setattr(
        Ledger, "_put_shared", lambda self, pair: {"Put": {"TableName": self._table.name, "Item": pair.item(), **TRUE}}
    )
    world, explorer, outcomes = World(), Explorer(most=3), set()
    uploads = [world.examined(f"reads/S_R{mate}.fastq", fastq(mate)) for mate in (1, 2)]
    start = world.snapshot()
    while explorer.next():
        world.back_to(start)
        world.take_turns([partial(resolve, world.services, upload, MATES) for upload in uploads], explorer.choose)
        outcomes.add(tuple(world.ledger.find_upload(upload.id).state for upload in uploads))
    assert ("WAITING", "WAITING") in outcomes
