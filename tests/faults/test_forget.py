"""A person forgets an archived file while functions and the command crash: only its copy goes, and a proof stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from seqdrop.aws import keys
from seqdrop.stages.forget import forget

from tests.faults import files, work
from tests.faults.evidence import Evidence
from tests.faults.families import FILES
from tests.faults.operators import FORGET, Command
from tests.faults.play import Player
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, Schedule
from tests.support.aws.expressions import to_python
from tests.support.aws.wire import wire_services

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = replace(FILES, name="forget", settings={**files.SETTINGS, "forget_days": "0"}, quiet_days=2)
# The second file is dropped when the first is archived, with the bytes of no other.
ACTS = ((0, "drop raw", 0), (30, "drop raw", 1))


@pytest.fixture(scope="module")
def wire():
    with wire_services(FAMILY.analyses, **FAMILY.settings) as wire:
        yield wire


class Forgetting(Player):
    """Plays a lab that forgets the first file when it is archived. A command that crashes is given again."""

    def _run_command(self) -> None:
        super()._run_command()
        asked = [command for command in self.lab.commands if command.folder == FORGET]
        if not asked and (upload_id := self._find_archived()):
            self._proceed(Command(FORGET, (upload_id,)))

    def _find_archived(self) -> str:
        records = [item for item in self.world.table.items.values() if item.get("kind", {}).get("S") == "upload"]
        first = next((item for item in records if item["key"]["S"] == self.lab.drops[0].key), None)
        return to_python(first["id"]) if first and first["state"]["S"] == "ARCHIVED" else ""


class ForgetCheck(Evidence):
    """The invariants of the forgotten file and of the one that is kept."""

    def all(self) -> Iterator[str]:
        states = {drop.slot: self.upload(drop)["state"] for drop in self.drops}
        if states != {0: "FORGOTTEN", 1: "ARCHIVED"}:
            yield f"the files end in {states}"
        forgotten, kept = (self.upload(drop) for drop in self.drops)
        copies = sorted(key for key, versions in self.archive.keys.items() if versions)
        if copies != [kept["archive_key"]]:
            yield f"the archive has {copies}"
        tombstone, receipt = self.json(keys.tombstone(forgotten["id"])), self.json(keys.receipt(forgotten["id"]))
        if tombstone is None or tombstone["archive"] != receipt["archive"] or tombstone["reason"] != "end of project":
            yield f"its tombstone is {tombstone}"
        asked = [subject for subject, _ in self.world.mails if subject.startswith("Seqdrop was asked to forget")]
        if not 1 <= len(asked) <= 1 + self.disturbed:
            yield f"there were {len(asked)} mails that it was asked"
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from self.world.wrong


def play(wire, faults: tuple = (), mishaps: tuple = ()) -> tuple[int, list[str]]:
    """Play the schedule with these faults; return the number of calls and the violations."""
    player = Forgetting(wire, Schedule(ACTS, faults=faults, mishaps=mishaps), FAMILY).play()
    return player.calls, list(ForgetCheck(player).all())


def find_first_fault(wire, step: int = 1) -> list[str]:
    """Crash before and after the calls, in turn; return the violations of the first that has some."""
    calls, wrong = play(wire)
    assert wrong == []
    for fault in (CRASH_AFTER, CRASH_BEFORE):
        for number in range(0, calls, step):
            if wrong := play(wire, ((number, fault),))[1]:
                return [f"{fault} {number}", *wrong]
    return []


def test_after_a_crash_at_some_calls_exactly_the_copy_is_deleted(wire):
    assert find_first_fault(wire, step=47) == []


@pytest.mark.parametrize("mishap", ["twice", "late"])
def test_messages_that_arrive_twice_or_late_change_nothing(wire, mishap):
    assert play(wire, mishaps=tuple((number, mishap) for number in range(12)))[1] == []


@pytest.mark.long
def test_after_a_crash_at_any_call_exactly_the_copy_is_deleted(wire):
    assert find_first_fault(wire) == []


@pytest.mark.long
def test_a_crash_shows_that_the_tombstone_must_be_written_before_the_move(wire, monkeypatch):
    def complete(services, member) -> None:
        services.ledger.move(member.upload, "FORGOTTEN")
        forget.write_tombstone(services, member.upload, member.receipt, member.receipt_sha256, [])

    monkeypatch.setattr(forget, "_complete", complete)
    assert find_first_fault(wire)
