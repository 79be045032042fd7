"""Whatever crashes, hangs, comes twice, late or never: nothing is lost, and nothing is done twice."""

import pytest

from tests.faults.search import search


@pytest.mark.parametrize("seed", [1, 2])
def test_every_invariant_holds(wire, seed):
    failure = search(wire, seed, 25)
    assert failure is None, str(failure)


@pytest.mark.long
@pytest.mark.parametrize("seed", [11, 12, 13, 14, 15])
def test_every_invariant_holds_for_long(wire, seed):
    failure = search(wire, seed, 100)
    assert failure is None, str(failure)
