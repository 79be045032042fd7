"""The tests of test_schedules.py for files that are forgotten, and a crash before and after every call."""

import pytest

from tests.faults import schedule as s
from tests.faults.families import FORGET
from tests.faults.forget.bugs import BUGS, LATE_TOMBSTONE
from tests.faults.forget.family import DUE
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, Schedule
from tests.faults.search import InvariantError, check, search
from tests.support.aws.wire import wire_services

# The second file is dropped when the first is archived; the first is to be forgotten, with its results.
ONE = ((0, "drop reads", 0), (40, "forget --results", 1), (0, "drop raw", 1), (30, s.WAIT, DUE), (0, s.RECONCILE, 0))


@pytest.fixture(scope="module")
def wire():
    with wire_services(FORGET.analyses, **FORGET.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(wire, seed):
    failure = search(wire, seed, 4, family=FORGET)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(wire, seed):
    failure = search(wire, seed, 100, family=FORGET)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(wire, bug, record_property):
    with bug.planted():
        failure = search(wire, 1, 500, shrink=False, family=FORGET)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


@pytest.mark.parametrize("mishap", ["twice", "late"])
def test_messages_that_arrive_twice_or_late_change_nothing(wire, mishap):
    check(wire, Schedule(ONE, mishaps=tuple((0, mishap) for _ in range(12))), FORGET)


def test_a_locked_copy_stays(wire):
    schedule = Schedule(((0, "drop locked", 0), (10, "forget", 0)))
    check(wire, schedule, FORGET)
    ((*_, asked, refused),) = play(wire, schedule, FORGET).world.moves.values()
    assert (asked[0], refused[0]) == ("FORGETTING", "ARCHIVED")


@pytest.mark.long
def test_a_crash_shows_that_the_tombstone_must_be_written_before_the_move(wire):
    with LATE_TOMBSTONE.planted():
        for number in range(30):
            try:
                check(wire, Schedule(ONE, strikes=(("TransactWriteItems", number, CRASH_AFTER),)), FORGET)
            except InvariantError:
                return
    pytest.fail("no crash showed it")


@pytest.mark.long
@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
def test_after_a_crash_at_any_call_exactly_the_copy_is_deleted(wire, fault):
    run = (
        (0, s.DROPS + "small", 0),
        (0, s.DROPS + "small", 2),
        (0, s.DROPS + "marker", 4),
        (60, "forget", 0),
        (30, s.WAIT, DUE),
        (0, s.RECONCILE, 0),
    )
    for acts in (ONE, run):
        calls = play(wire, Schedule(acts), FORGET).calls
        for number in range(calls):
            try:
                check(wire, Schedule(acts, faults=((number, fault),)), FORGET)
            except InvariantError as error:
                pytest.fail(f"{fault} at call {number} of {acts}: {error.violations}")
