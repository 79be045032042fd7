"""The schedules of endpoints: each has the current model or a recorded reason, and none outlives its stack."""

import pytest

from tests.faults.families import SERVE
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, POINT, Schedule
from tests.faults.search import InvariantError, check, search
from tests.faults.serve.world import LOOK, OFF
from tests.support.aws.wire import wire_services


@pytest.fixture(scope="module")
def serve_wire():
    with wire_services(SERVE.analyses, **SERVE.settings) as wire:
        yield wire


@pytest.mark.parametrize("seed", [1])
def test_every_invariant_holds(serve_wire, seed):
    failure = search(serve_wire, seed, 10, family=SERVE)
    assert failure is None, str(failure)


def test_without_faults_all_endpoints_have_the_current_model(serve_wire):
    check(serve_wire, Schedule(((0, LOOK, 0), (40, POINT, 0))), SERVE)
