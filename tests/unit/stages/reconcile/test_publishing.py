"""Events on the bus: none is lost, whatever crashes, and a consumer of the archive knows what the ledger knows."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from seqdrop.bus import types
from seqdrop.errors import RetryableError
from seqdrop.stages.reconcile import publishing

from tests.unit.stages.reconcile.publishing_world import World

STEPS = 60


@pytest.fixture(scope="module")
def consume(repository):
    """The consumer of docs/events.md."""
    page = (repository / "docs/events.md").read_text()
    names: dict = {}
    exec(re.search(r"<!-- consumer -->\n```python\n(.*?)```", page, re.DOTALL)[1], names)
    return names["consume"]


@pytest.fixture(scope="module")
def validators(repository) -> dict[str, Draft202012Validator]:
    schemas = [json.loads(path.read_text()) for path in (repository / "docs/schemas/events").glob("*.json")]
    for schema in schemas:
        Draft202012Validator.check_schema(schema)
    return {schema["title"]: Draft202012Validator(schema) for schema in schemas}


def play(seed: int, monkeypatch) -> tuple[World, str]:
    """Let records move at random, and the reconciler run and crash between and during the moves; then it catches up."""
    world = World(seed, monkeypatch)
    world.reconcile()
    began = world.ledger.position("events").place["began"]
    for _ in range(STEPS):
        chance = world.random.random()
        if chance < 0.8:
            world.step()
        elif chance < 0.98:
            world.moves_between = world.random.choice((0, 0, 0.1))
            world.reconcile(crash=world.random.random() < 0.6)
            world.moves_between = 0
        else:
            world.clock.advance(4 * 3600)  # the reconciler is down
    world.reconcile()
    world.clock.advance(300)
    world.reconcile()
    return world, began


def find_losses(seed: int, monkeypatch) -> set[str]:
    world, began = play(seed, monkeypatch)
    return world.expected(began).keys() - {detail["id"] for detail in world.bus.facts}


def replay(world: World, seed: int) -> list[dict]:
    """Return the details as an archive may replay them: in any order, and some twice."""
    facts, chance = list(world.bus.facts), random.Random(seed)
    facts += chance.choices(facts, k=len(facts) // 3) if facts else []
    chance.shuffle(facts)
    return facts


@pytest.mark.parametrize("seed", range(12))
def test_no_event_is_lost_and_a_late_consumer_ends_with_the_table_of_the_ledger(seed, monkeypatch, consume, validators):
    world, began = play(seed, monkeypatch)
    sent = {detail["id"]: detail["type"] for detail in world.bus.facts}
    expected = world.expected(began)
    assert expected.items() <= sent.items()
    table: dict = {}
    for detail in replay(world, seed):
        validators[detail["type"]].validate(detail)
        consume(table, detail)
    assert {subject: type_ for subject, (_, _, type_) in table.items()} == world.table(began)


@pytest.mark.long
@pytest.mark.parametrize("block", range(8))
def test_no_event_is_lost_in_many_schedules(block, monkeypatch, consume):
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        world, began = play(seed, monkeypatch)
        assert world.expected(began).keys() <= {detail["id"] for detail in world.bus.facts}, seed
        table: dict = {}
        for detail in replay(world, seed):
            consume(table, detail)
        assert {subject: type_ for subject, (_, _, type_) in table.items()} == world.table(began), seed


def advance_first(monkeypatch):
    """Write the position before the events are sent."""
    send = publishing._send_all

    def late(services, news, recent, since):
        position = services.ledger.position(publishing.POSITION)
        after = publishing.iso(publishing.clock.utc_now())
        services.ledger.save(replace(position, place={**position.place, "before": after, "after": after}))
        send(services, news, recent, since)

    monkeypatch.setattr(publishing, "_send_all", late)


def remember_first(monkeypatch):
    """Remember events before they are sent."""
    send = publishing._Sender.send

    def send_later(self, details):
        recent = {detail["id"]: detail["occurred_at"] for detail in details}
        self._services.put_json("work", publishing.keys.RECENT_EVENTS, recent)
        send(self, details)

    monkeypatch.setattr(publishing._Sender, "send", send_later)


def read_no_overlap(monkeypatch):
    """Continue exactly at the position."""
    monkeypatch.setattr(publishing, "_start", lambda position: position.place["after"])


def read_only_own_states(monkeypatch):
    """Do not look at records in later states."""
    monkeypatch.setattr(publishing, "list_read_states", lambda: sorted(types.TYPES))


def read_only_the_last_state(monkeypatch):
    """Ignore the times of earlier states."""

    def find(record, since):
        return (each for each in types.find_happenings(record, since) if each.state == record.state)

    monkeypatch.setattr(publishing, "find_happenings", find)


def ignore_refusals(monkeypatch):
    """Take no notice of entries that EventBridge does not accept."""
    monkeypatch.setattr(publishing, "put_entries", lambda client, entries: [client.put_events(Entries=entries[:2])])


BUGS = [
    advance_first,
    remember_first,
    read_no_overlap,
    read_only_own_states,
    read_only_the_last_state,
    ignore_refusals,
]


@pytest.mark.parametrize("plant", BUGS, ids=lambda bug: bug.__name__)
def test_planted_bugs_lose_events(plant, monkeypatch):
    """The schedules above would find each of them."""
    plant(monkeypatch)
    assert any(find_losses(seed, monkeypatch) for seed in range(40))


class TestRuns:
    """What a run of the reconciler sends."""

    @pytest.fixture
    def world(self, monkeypatch) -> World:
        world = World(1, monkeypatch)
        world.reconcile()
        return world

    def test_what_was_before_the_bus_is_not_sent(self, monkeypatch):
        world = World(1, monkeypatch)
        for _ in range(30):
            world.step()
        world.clock.advance(1000)
        world.reconcile()
        world.reconcile()
        assert world.bus.archive == []

    def test_nothing_is_sent_twice_without_a_crash(self, world):
        for _ in range(40):
            world.step()
            world.reconcile()
        ids = [detail["id"] for detail in world.bus.facts]
        assert ids
        assert len(ids) == len(set(ids))

    def test_if_the_list_of_recent_events_expired_they_have_the_same_ids(self, world):
        for _ in range(40):
            world.step()
        world.reconcile()
        first = [detail["id"] for detail in world.bus.facts]
        world.services.s3._s3.delete_object(Bucket="work", Key=publishing.keys.RECENT_EVENTS)
        world.reconcile()
        again = [detail["id"] for detail in world.bus.facts][len(first) :]
        assert again
        assert set(again) <= set(first)

    def test_entries_that_are_refused_once_are_sent_again(self, world):
        refused = set()

        def refuse(entry):
            detail = entry["Detail"]
            is_new = detail not in refused
            refused.add(detail)
            return is_new

        world.bus.refuses = refuse
        for _ in range(40):
            world.step()
        world.reconcile()
        assert {detail["id"] for detail in world.bus.facts} == world.expected("").keys()

    def test_a_bus_that_refuses_raises_a_retryable_error_and_loses_nothing(self, world):
        for _ in range(40):
            world.step()
        world.bus.refuses = lambda _: True
        with pytest.raises(RetryableError, match="InternalFailure"):
            publishing.publish_events(world.services)
        world.clock.advance(3600)
        world.bus.refuses = lambda _: False
        world.reconcile()
        assert {detail["id"] for detail in world.bus.facts} == world.expected("").keys()

    def test_more_moves_than_one_run_sends_are_sent_by_the_next(self, world, monkeypatch):
        monkeypatch.setattr(publishing, "MOST", 3)
        monkeypatch.setattr(publishing, "PORTION", 2)
        for _ in range(150):
            world.step()
        counts = []
        for _ in range(40):
            world.reconcile()
            counts.append(len(world.bus.facts))
            world.clock.advance(timedelta(minutes=5).total_seconds())
        assert counts[:3] == [3, 6, 9]
        assert {detail["id"] for detail in world.bus.facts} == world.expected("").keys()

    def test_recent_events_do_not_grow_for_ever(self, world):
        for _ in range(60):
            world.step()
            world.clock.advance(600)
            world.reconcile()
        kept = publishing._read_recent(world.services)
        assert 0 < len(kept) < len(world.bus.facts) / 2
