"""The tests of test_schedules.py for files that are copied in parts, and for kept landing versions."""

import pytest

from tests.faults.copies_bugs import BUGS
from tests.faults.families import COPIES
from tests.faults.search import search


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(copies_wire, seed):
    failure = search(copies_wire, seed, 5, family=COPIES)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301])
def test_every_invariant_holds_for_long(copies_wire, seed):
    failure = search(copies_wire, seed, 100, family=COPIES)
    assert failure is None, str(failure)


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=[] if bug.quick else pytest.mark.long, id=bug.name) for bug in BUGS]
)
def test_a_deliberate_bug_is_found(copies_wire, bug, record_property):
    with bug.planted():
        failure = search(copies_wire, 1, 500, shrink=False, family=COPIES)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)
