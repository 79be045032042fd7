"""The tests of test_schedules.py for files that processing jobs examine."""

import pytest

from tests.faults.families import LARGE
from tests.faults.large_bugs import BUGS
from tests.faults.search import search


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(large_wire, seed):
    failure = search(large_wire, seed, 20, family=LARGE)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301])
def test_every_invariant_holds_for_long(large_wire, seed):
    failure = search(large_wire, seed, 100, family=LARGE)
    assert failure is None, str(failure)


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=[] if bug.quick else pytest.mark.long, id=bug.name) for bug in BUGS]
)
def test_a_deliberate_bug_is_found(large_wire, bug, record_property):
    with bug.planted():
        failure = search(large_wire, 1, 500, shrink=False, family=LARGE)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)
