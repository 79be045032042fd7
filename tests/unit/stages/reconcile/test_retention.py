"""Expired files are listed in one mail, once, and nothing is deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from seqdrop.kinds import plans
from seqdrop.stages.reconcile.retention import notify_of_expired

from tests.unit.stages.forget.test_forget import DAY, World


@pytest.fixture
def world(monkeypatch) -> World:
    world = World(monkeypatch)
    raw = replace(plans.packaged().by_name["raw"], retention_days=100)
    world.services = replace(world.services, analyses=replace(world.services.analyses, by_name={"raw": raw}))
    return world


def test_each_expired_file_is_mailed_once_with_its_run_and_the_command(world):
    world.add("raw/run1/a.fq", b"a")
    world.add("raw/run1/b.fq", b"b")
    world.add("raw/run2/c.fq", b"c")
    world.clock.advance(99 * DAY)
    notify_of_expired(world.services)
    assert world.mails == []
    world.clock.advance(2 * DAY)
    for _ in range(3):
        notify_of_expired(world.services)
    assert world.mails == ["Seqdrop: 3 archived files of raw are expired"]
    message = world.account.sent[-1][1]["Message"]
    assert "  raw/run1/: 2 files\n" in message
    assert "  seqdrop forget --expired --analysis raw\n" in message
    world.clock.advance(DAY)
    notify_of_expired(world.services)
    assert len(world.mails) == 1
    assert len(world.copies()) == 3


def test_later_files_are_in_a_mail_of_a_later_day(world):
    world.add("raw/run1/a.fq", b"a")
    world.clock.advance(60)
    world.add("raw/run2/b.fq", b"b")
    world.clock.advance(100 * DAY - 30)
    notify_of_expired(world.services)
    world.clock.advance(DAY)
    notify_of_expired(world.services)
    assert world.mails == ["Seqdrop: 1 archived files of raw are expired"] * 2


def test_without_the_setting_nothing_expires(world):
    world.services = replace(world.services, analyses=plans.packaged())
    world.add("raw/run1/a.fq")
    world.clock.advance(10_000 * DAY)
    notify_of_expired(world.services)
    assert world.mails == []
