"""The schedules of endpoints: each has the current model or a recorded reason, and none outlives its stack."""

import pytest

from tests.faults.families import SERVE
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, MISHAPS, POINT, Schedule
from tests.faults.search import InvariantError, check, search
from tests.faults.serve.bugs import BUGS
from tests.faults.serve.world import LOOK, OFF, UNDONE
from tests.support.aws.wire import wire_services

PROMOTED = ((0, LOOK, 0), (40, POINT, 0))
# The creation, a promotion that is rolled back for one endpoint, and the removal of everything.
LIFE = Schedule((*PROMOTED, (60, LOOK, 0), (60, OFF, 0)), endings=((3, UNDONE),))


@pytest.fixture(scope="module")
def serve_wire():
    with wire_services(SERVE.analyses, **SERVE.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(serve_wire, seed):
    failure = search(serve_wire, seed, 5, family=SERVE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(serve_wire, seed):
    failure = search(serve_wire, seed, 100, family=SERVE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(serve_wire, bug, record_property):
    with bug.planted():
        failure = search(serve_wire, 1, 500, shrink=False, family=SERVE)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


def test_without_faults_a_promotion_reaches_all_endpoints_and_their_removal_leaves_nothing(serve_wire):
    check(serve_wire, LIFE, SERVE)
    with SERVE.context():
        world = play(serve_wire, Schedule(PROMOTED), SERVE).world
    configurations = {endpoint.configuration for endpoint in world.sagemaker.endpoints.values()}
    assert len(configurations) == 2  # the third endpoint was idle
    assert {world.archives[name].rsplit("/", 1)[1] for name in configurations} == {"second.tar.gz"}
    assert [subject for subject, _ in world.mails] == ["Seqdrop deleted the idle endpoint seqdrop-idle"]


@pytest.mark.parametrize("mishap", MISHAPS)
def test_messages_that_are_delivered_otherwise_change_nothing(serve_wire, mishap):
    check(serve_wire, Schedule(PROMOTED, mishaps=tuple((0, mishap) for _ in range(40))), SERVE)


@pytest.mark.long
@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
def test_a_crash_at_any_call_leaves_nothing_and_repeats_no_mail(serve_wire, fault):
    with SERVE.context():
        calls = play(serve_wire, LIFE, SERVE).calls
    for number in range(calls):
        try:
            check(serve_wire, Schedule(LIFE.acts, faults=((number, fault),), endings=LIFE.endings), SERVE)
        except InvariantError as error:
            pytest.fail(f"{fault} at call {number}: {error.violations}")
