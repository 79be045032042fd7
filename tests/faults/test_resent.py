"""The tests of test_schedules.py for files that are sent again, and a week of a nightly `aws s3 sync`."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.faults import files
from tests.faults.evidence import Evidence
from tests.faults.families import RESENT
from tests.faults.play import Player, play
from tests.faults.resent import family as resent
from tests.faults.resent.bugs import BUGS
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, Schedule
from tests.faults.search import InvariantError, check, search
from tests.faults.sets import masks, runs
from tests.support.aws.wire import wire_services

NIGHTS = 7
SOURCE = [(kind, slot) for kind in (files.READS, files.RAW, files.FIRST, files.SECOND) for slot in (0,)] + [
    (kind, 0) for kind in (masks.PLAIN, masks.BED, runs.FILE, runs.MARKER)
]


@pytest.fixture(scope="module")
def resent_wire():
    with wire_services(RESENT.analyses, **RESENT.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(resent_wire, seed):
    failure = search(resent_wire, seed, 3, family=RESENT)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(resent_wire, seed):
    failure = search(resent_wire, seed, 100, family=RESENT)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(resent_wire, bug, record_property):
    with bug.planted():
        failure = search(resent_wire, 1, 500, shrink=False, family=RESENT)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


TWICE = ((0, "drop raw", 0), (30, "drop raw", 0))  # the second is dropped when the first is archived
SHORT = replace(RESENT, quiet_days=0)


def find_first_fault(wire) -> list[str]:
    """Crash before and after every call of the functions, in turn; return the violations of the first that has some."""
    calls = play(wire, Schedule(TWICE), SHORT).calls
    for fault in (CRASH_AFTER, CRASH_BEFORE):
        for number in range(calls):
            try:
                check(wire, Schedule(TWICE, faults=((number, fault),)), SHORT)
            except InvariantError as error:
                return [fault, *error.violations]
    return []


@pytest.mark.long
def test_after_a_crash_at_any_call_a_file_that_is_sent_again_is_removed_once(resent_wire):
    assert find_first_fault(resent_wire) == []


@pytest.mark.long
def test_a_crash_shows_that_a_removal_must_be_recorded_before_the_object_is_deleted(resent_wire):
    (bug,) = (bug for bug in BUGS if bug.name.startswith("the removal of a duplicate"))
    with bug.planted():
        assert find_first_fault(resent_wire)


class Nights(Player):
    """Plays a lab whose files are synchronised each night: what the landing bucket lacks is sent."""

    def sync(self) -> int:
        landing, sent = self.world.s3.buckets[self.world.name("landing")], 0
        for kind, slot in SOURCE:
            key = resent.place(kind, slot)
            if landing.current(key) is None:
                self.lab.perform(f"drop {kind}", slot)
                sent += 1
        while self._has_work():
            self._step()
        self.world.clock.advance(24 * 3600)
        return sent


def test_a_week_of_nightly_syncs_costs_one_copy_and_one_prediction_of_each_file(resent_wire):
    nights = Nights(resent_wire, Schedule(), RESENT)
    sent = [nights.sync() for _ in range(NIGHTS)]
    evidence = Evidence(nights)
    assert sent == [len(SOURCE)] * NIGHTS
    assert Counter(upload["state"] for upload in evidence.uploads.values()) == {
        "ARCHIVED": len(SOURCE),
        "DUPLICATE": len(SOURCE) * (NIGHTS - 1),
    }
    assert sum(len(versions) for versions in evidence.archive.keys.values()) == len(SOURCE)
    assert sum(map(len, evidence.attempts.values())) == 5  # reads, mates, one FASTA with its BED, one file of a run
    assert not evidence.landing.keys
    assert nights.world.mails == []
    assert nights.world.wrong == []
