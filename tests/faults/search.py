"""Looks for a schedule that breaks an invariant: seeded, and shrunk to what matters."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.faults.invariants import broken
from tests.faults.play import play
from tests.faults.schedule import Schedule, schedules
from tests.faults.world.hook import Wire

HUNDRED = 100
SHRINKS = 200  # tries to make a failure smaller: half a minute


class Violated(AssertionError):
    """An invariant does not hold."""

    def __init__(self, schedule: Schedule, found: list[str]):
        super().__init__("\n".join(found))
        self.schedule, self.found = schedule, found


class Enough(BaseException):
    """It has been made as small as need be."""


@dataclass(frozen=True)
class Failure:
    """`number` says in which schedule of the seed's it was first seen."""

    seed: int
    number: int
    schedule: Schedule
    found: list[str]

    def __str__(self) -> str:
        told = "\n".join(f"  {one}" for one in self.found)
        again = f"python -m tests.faults --schedule '{self.schedule.as_json()}'"
        return f"seed {self.seed}, schedule {self.number}:\n{told}\nto play the least that does it:\n  {again}"


def check(wire: Wire, schedule: Schedule) -> None:
    """Play a schedule. Raises Violated."""
    wire.log.clear()
    try:
        found = broken(play(wire, schedule))
    except AssertionError as error:
        found = [str(error)]
    if found:
        raise Violated(schedule, found)


def search(wire: Wire, start: int, count: int = HUNDRED, shrink: bool = True) -> Failure | None:
    """Play `count` schedules of a seed; the first that breaks an invariant, made as small as can be, or None."""
    played, smallest = 0, None

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(schedules())
    def each(schedule: Schedule) -> None:
        nonlocal played, smallest
        played += 1
        if smallest and (not shrink or played > smallest.number + SHRINKS):
            raise Enough
        try:
            check(wire, schedule)
        except Violated as error:
            if smallest is None or len(schedule.as_json()) < len(smallest.schedule.as_json()):
                smallest = Failure(start, smallest.number if smallest else played, schedule, error.found)
            raise

    with contextlib.suppress(Violated, Enough):
        each()
    return smallest
