"""Despite crashes, time-outs and repeated, late or lost messages, nothing is lost and nothing is done twice."""

import pytest

from tests.faults.bugs import BUGS
from tests.faults.search import search


@pytest.mark.parametrize("seed", [1, pytest.param(26, marks=pytest.mark.long)])
def test_every_invariant_holds(wire, seed):
    failure = search(wire, seed, 25)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(wire, seed):
    failure = search(wire, seed, 100)
    assert failure is None, str(failure)


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=[] if bug.quick else pytest.mark.long, id=bug.name) for bug in BUGS]
)
def test_a_deliberate_bug_is_found(wire, bug, record_property):
    with bug.planted():
        failure = search(wire, 1, 500, shrink=False)
    assert failure, f"500 schedules did not show that {bug.name}"
    record_property("schedule", failure.seed)
