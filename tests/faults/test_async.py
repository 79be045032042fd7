"""The schedules of asynchronous jobs: each file is predicted once, whatever its endpoint and its messages do."""

import pytest

from tests.faults.asynchronous.bugs import BUGS
from tests.faults.families import ASYNC
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, Schedule
from tests.faults.search import InvariantError, check, search
from tests.support.aws.wire import wire_services


@pytest.fixture(scope="module")
def async_wire():
    with wire_services(ASYNC.analyses, **ASYNC.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(async_wire, seed):
    failure = search(async_wire, seed, 4, family=ASYNC)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(async_wire, seed):
    failure = search(async_wire, seed, 100, family=ASYNC)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(async_wire, bug, record_property):
    with bug.planted():
        failure = search(async_wire, 1, 500, shrink=False, family=ASYNC)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


ONE = ((0, "drop reads", 0),)


def test_a_file_without_faults_is_predicted_by_the_endpoint_only(async_wire):
    check(async_wire, Schedule(ONE), ASYNC)
    with ASYNC.context():
        world = play(async_wire, Schedule(ONE), ASYNC).world
    assert len(world.runtime.predicted) == len(world.runtime.requests) == 2
    assert world.sagemaker.jobs == {}


@pytest.mark.parametrize("mishap", ["twice", "late", "lost"])
def test_results_that_are_reported_otherwise_change_nothing(async_wire, mishap):
    check(async_wire, Schedule(ONE, mishaps=tuple((0, mishap) for _ in range(20))), ASYNC)


@pytest.mark.parametrize("step", range(2, 5))
def test_an_endpoint_may_be_deleted_at_any_step(async_wire, step):
    check(async_wire, Schedule((*ONE, (step, "delete the endpoint", 0))), ASYNC)


@pytest.mark.long
@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
def test_after_a_crash_at_any_call_a_file_is_predicted_once(async_wire, fault):
    with ASYNC.context():
        calls = play(async_wire, Schedule(ONE), ASYNC).calls
    for number in range(calls):
        try:
            check(async_wire, Schedule(ONE, faults=((number, fault),)), ASYNC)
        except InvariantError as error:
            pytest.fail(f"{fault} at call {number}: {error.violations}")
