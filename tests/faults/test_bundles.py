"""The tests of test_schedules.py for bundles, and a crash before and after every call of one."""

import pytest

from tests.faults.bundle.bugs import BUGS
from tests.faults.bundle.family import MARKER, SMALL
from tests.faults.families import BUNDLE
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, DROPS, Schedule
from tests.faults.search import InvariantError, check, search
from tests.support.aws.wire import wire_services

RUN = tuple((0, DROPS + kind, slot) for slot, kind in enumerate((*6 * (SMALL,), MARKER)))


@pytest.fixture(scope="module")
def wire():
    with wire_services(BUNDLE.analyses, **BUNDLE.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(wire, seed):
    failure = search(wire, seed, 4, family=BUNDLE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(wire, seed):
    failure = search(wire, seed, 100, family=BUNDLE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(wire, bug, record_property):
    with bug.planted():
        failure = search(wire, 1, 500, shrink=False, family=BUNDLE)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


def test_a_run_without_faults_is_bundled_once(wire):
    check(wire, Schedule(RUN), BUNDLE)


@pytest.mark.long
@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
def test_after_a_crash_at_any_call_each_file_is_archived_once(wire, fault):
    with BUNDLE.context():
        calls = play(wire, Schedule(RUN), BUNDLE).calls
    for number in range(calls):
        try:
            check(wire, Schedule(RUN, faults=((number, fault),)), BUNDLE)
        except InvariantError as error:
            pytest.fail(f"{fault} at call {number}: {error.violations}")
