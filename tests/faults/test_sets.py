"""The tests of test_schedules.py for files that belong together and for a person's commands."""

import pytest

from tests.faults.families import SETS
from tests.faults.search import search
from tests.faults.sets.bugs import BUGS


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(sets_wire, seed):
    failure = search(sets_wire, seed, 20, family=SETS)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(sets_wire, seed):
    failure = search(sets_wire, seed, 100, family=SETS)
    assert failure is None, str(failure)


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=[] if bug.quick else pytest.mark.long, id=bug.name) for bug in BUGS]
)
def test_a_deliberate_bug_is_found(sets_wire, bug, record_property):
    with bug.planted():
        failure = search(sets_wire, 1, 500, shrink=False, family=SETS)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)
