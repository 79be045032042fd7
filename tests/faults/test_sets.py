"""The same of files that belong together, and of a person's commands: masks, runs behind a gate, trainings."""

import pytest

from tests.faults.families import SETS
from tests.faults.search import search


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(sets_wire, seed):
    failure = search(sets_wire, seed, 25, family=SETS)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [101, 201, 301, 401, 501])
def test_every_invariant_holds_for_long(sets_wire, seed):
    failure = search(sets_wire, seed, 100, family=SETS)
    assert failure is None, str(failure)
