"""A run of the reconciler reads a bounded number of uploads, and in the end every one of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop import clock
from seqdrop.ledger.records import Upload
from seqdrop.runtime.services import iso
from seqdrop.stages.reconcile import gauges, portions
from seqdrop.stages.reconcile.portions import next_portion

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.services import direct_services
from tests.unit.stages.runs.world import RunWorld

OLD = timedelta(days=2)


class Waiting:
    """An account with this many VALIDATED uploads; each moved in a second of its own."""

    def __init__(self, uploads: int):
        self.account, self.clock = Account(), Clock()
        self.services = direct_services(self.account)
        for number in range(uploads):
            record = Upload("RECEIVED", id=f"U{number:03}")
            self.services.ledger._now = lambda number=number: iso(self.clock.now - OLD + timedelta(seconds=number))
            assert self.services.ledger.create(record)
            assert self.services.ledger.move(self.services.ledger.require_upload(record.id), "VALIDATED")

    def portion(self, most: int) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "utc_now", lambda: self.clock.now)
            return [upload.id for upload in next_portion(self.services, "validated", "VALIDATED", most)]


@settings(max_examples=30, deadline=None)
@given(uploads=st.integers(0, 12), most=st.integers(2, 5))
def test_each_upload_is_read_in_its_turn_and_again_in_the_next_round(uploads, most):
    waiting = Waiting(uploads)
    rounds = -(-uploads // (most - 1)) + 1  # the next portion begins with the last upload of the one before
    for _ in range(2):
        portions_read = [waiting.portion(most) for _ in range(rounds)]
        assert max(map(len, portions_read)) <= most
        assert {name for portion in portions_read for name in portion} == {f"U{number:03}" for number in range(uploads)}


def test_few_uploads_are_all_read_each_time_and_nothing_is_written():
    waiting = Waiting(3)
    before = waiting.account.table.snapshot()
    assert waiting.portion(4) == waiting.portion(4) == ["U000", "U001", "U002"]
    assert waiting.account.table.snapshot() == before


def test_files_that_wait_for_their_run_are_neither_nudged_nor_read_beyond_a_portion(monkeypatch):
    from seqdrop.stages.reconcile.reconcile import reconcile

    world, read = RunWorld(monkeypatch), []
    for number in range(30):
        world.drop(f"Data/{number}.cbcl", b"%d" % number)
    world.work()
    monkeypatch.setattr(portions.next_portion, "__defaults__", (10,))
    monkeypatch.setattr(gauges, "MOST", 1)
    world.queues.get_queue_attributes = lambda **_: {"Attributes": {"ApproximateNumberOfMessages": "0"}}
    query = world.ledger._query
    monkeypatch.setattr(world.ledger, "_query", lambda **more: (read.append(item) or item for item in query(**more)))
    for _ in range(5):
        world.clock.advance(7200)
        read.clear()
        sent = len(world.queues.waiting)
        assert reconcile(world.services)["errors"] == 0
        messages = [message.body for message in world.queues.waiting[sent:]]
        assert all("run" in body for body in messages), messages
        assert sum(item.get("kind") == "upload" for item in read) <= 12
        world.work()
    assert world.states() == {"VALIDATED"}
