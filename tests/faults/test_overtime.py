"""A job that never ends is stopped after JobHours, whatever fails meanwhile, and every invariant holds."""

import pytest

from tests.faults.families import FILES
from tests.faults.play import play
from tests.faults.schedule import CRASH_AFTER, CRASH_BEFORE, FAULTS, Schedule
from tests.faults.search import check
from tests.support.aws.sagemaker import NEVER

# Two files whose job never ends, one that arrives later and needs one of the two job slots, and 26 hours that pass.
ACTS = ((0, "drop reads", 0), (0, "drop reads", 1), (30, "drop reads", 2), (40, "wait", 4))


def make_schedule(*strikes, crowd: int = 0, mishaps=()) -> Schedule:
    return Schedule(ACTS, strikes=strikes, endings=((0, NEVER), (0, NEVER)), crowd=crowd, mishaps=mishaps)


def test_the_job_is_stopped_and_its_files_are_reported(wire):
    schedule = make_schedule()
    check(wire, schedule)
    world = play(wire, schedule, FILES).world
    stopped = [job for job in world.sagemaker.jobs.values() if job.ending == NEVER]
    assert {job.status for job in stopped} == {"Stopped"}
    mails = [text for subject, text in world.mails if subject.startswith("Seqdrop: no predictions")]
    assert all("24 hours (stack parameter JobHours)" in text for text in mails)
    assert len(mails) >= len(stopped) >= 1


@pytest.mark.parametrize("fault", [CRASH_BEFORE, CRASH_AFTER])
def test_a_crash_at_the_stop_does_no_harm(wire, fault):
    check(wire, make_schedule(("StopTransformJob", 0, fault), ("StopTransformJob", 1, fault)))


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", ["StopTransformJob", "DescribeTransformJob"])
def test_a_fault_at_the_stop_does_no_harm(wire, operation, fault):
    check(wire, make_schedule((operation, 0, fault), (operation, 1, fault)))


@pytest.mark.long
@pytest.mark.parametrize("mishap", ["twice", "late", "lost"])
def test_the_end_of_a_stopped_job_may_be_announced_late_or_never(wire, mishap):
    check(wire, make_schedule(mishaps=tuple((0, mishap) for _ in range(20)), crowd=2))
