"""The tests of test_schedules.py for runs of sequencers."""

import pytest

from tests.faults.families import RUNS
from tests.faults.runs.bugs import BUGS
from tests.faults.search import search
from tests.support.aws.wire import wire_services


@pytest.fixture(scope="module")
def runs_wire():
    with wire_services(RUNS.analyses, **RUNS.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(runs_wire, seed):
    failure = search(runs_wire, seed, 12, family=RUNS)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(runs_wire, seed):
    failure = search(runs_wire, seed, 100, family=RUNS)
    assert failure is None, str(failure)


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=[] if bug.quick else pytest.mark.long, id=bug.name) for bug in BUGS]
)
def test_a_deliberate_bug_is_found(runs_wire, bug, record_property):
    with bug.planted():
        failure = search(runs_wire, 1, 500, shrink=False, family=RUNS)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)
