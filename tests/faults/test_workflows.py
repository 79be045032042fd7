"""The schedules of workflows: each file gets outputs of its own bytes or a mail, and nothing runs twice."""

import pytest

from tests.faults.families import WORKFLOW
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, Schedule
from tests.faults.search import InvariantError, check, search
from tests.faults.workflow.bugs import BUGS
from tests.support.aws.wire import wire_services


@pytest.fixture(scope="module")
def workflow_wire():
    with wire_services(WORKFLOW.analyses, **WORKFLOW.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(workflow_wire, seed):
    failure = search(workflow_wire, seed, 6, family=WORKFLOW)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(workflow_wire, seed):
    failure = search(workflow_wire, seed, 100, family=WORKFLOW)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_deliberate_bug_is_found(workflow_wire, bug, record_property):
    with bug.planted():
        failure = search(workflow_wire, 1, 500, shrink=False, family=WORKFLOW)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)


PAIR = ((0, "drop mate 1", 0), (0, "drop mate 2", 0))


def test_a_pair_gets_one_run_with_both_files(workflow_wire):
    check(workflow_wire, Schedule(PAIR), WORKFLOW)
    world = play(workflow_wire, Schedule(PAIR), WORKFLOW).world
    (run,) = world.omics.runs
    names = [uri.rpartition("/")[2] for uri in run.request["parameters"]["files"]]
    assert names == ["S0_R1_001.fastq", "S0_R2_001.fastq"]


@pytest.mark.parametrize("count", [20, pytest.param(150, marks=pytest.mark.long)])
def test_many_files_at_once_start_at_the_rate_of_the_service(workflow_wire, count):
    drops = tuple((0, "drop single", number) for number in range(count))
    played = play(workflow_wire, Schedule(drops), WORKFLOW)
    world = played.world
    assert len(world.omics.runs) == count
    assert world.omics.throttled == 0
    assert not list(WORKFLOW.check(played).all())


@pytest.mark.parametrize("mishap", ["twice", "late", "lost"])
def test_ends_that_are_reported_otherwise_change_nothing(workflow_wire, mishap):
    check(workflow_wire, Schedule(PAIR, mishaps=tuple((0, mishap) for _ in range(20))), WORKFLOW)


@pytest.mark.long
@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
@pytest.mark.parametrize("acts", [PAIR, ((0, "drop sheet", 0),)], ids=["pair", "sheet"])
def test_after_a_crash_at_any_call_nothing_runs_twice(workflow_wire, fault, acts):
    calls = play(workflow_wire, Schedule(acts), WORKFLOW).calls
    for number in range(calls):
        try:
            check(workflow_wire, Schedule(acts, faults=((number, fault),)), WORKFLOW)
        except InvariantError as error:
            pytest.fail(f"{fault} at call {number}: {error.violations}")
