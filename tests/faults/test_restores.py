"""The tests of test_schedules.py for restores, and a crash before and after every call of one."""

import pytest

from tests.faults.families import RESTORE
from tests.faults.operators import RESTORE_RUN
from tests.faults.play import play
from tests.faults.restore.bugs import BUGS
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, Schedule
from tests.faults.search import InvariantError, check, search
from tests.support.aws.wire import wire_services


@pytest.fixture(scope="module")
def restore_wire():
    with wire_services(RESTORE.analyses, **RESTORE.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(restore_wire, seed):
    failure = search(restore_wire, seed, 3, family=RESTORE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(restore_wire, seed):
    failure = search(restore_wire, seed, 100, family=RESTORE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(restore_wire, bug, record_property):
    with bug.planted():
        failure = search(restore_wire, 1, 500, shrink=False, family=RESTORE)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


ONE = ((0, "drop raw", 0), (30, RESTORE_RUN, 0))


def test_a_restore_without_faults_asks_once_and_processes_once(restore_wire):
    check(restore_wire, Schedule(ONE), RESTORE)


@pytest.mark.long
@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
def test_after_a_crash_at_any_call_a_restored_file_is_processed_once(restore_wire, fault):
    calls = play(restore_wire, Schedule(ONE), RESTORE).calls
    for number in range(calls):
        try:
            check(restore_wire, Schedule(ONE, faults=((number, fault),)), RESTORE)
        except InvariantError as error:
            pytest.fail(f"{fault} at call {number}: {error.violations}")
