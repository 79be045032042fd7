"""Search for a schedule that breaks an invariant: seeded, and shrunk to the acts and faults that matter."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.database import InMemoryExampleDatabase

from tests.faults.families import FILES, Family
from tests.faults.log import check_log, read_log
from tests.faults.play import play

if TYPE_CHECKING:
    from tests.faults.schedule import Schedule
    from tests.support.aws.wire import Wire

HUNDRED = 100
BYTES = 8192  # more than any schedule takes
SHRINKS = 200  # tries to make a failure smaller: half a minute


class InvariantError(AssertionError):
    """An invariant does not hold."""

    def __init__(self, schedule: Schedule, violations: list[str]):
        super().__init__("\n".join(violations))
        self.schedule, self.violations = schedule, violations


class Enough(BaseException):
    """The failure is small enough."""


@dataclass(frozen=True)
class Failure:
    seed: int
    schedule: Schedule
    violations: list[str]
    family: str

    def __str__(self) -> str:
        violations = "\n".join(f"  {violation}" for violation in self.violations)
        again = f"python -m tests.faults --family {self.family} --schedule '{self.schedule.as_json()}'"
        return f"seed {self.seed}:\n{violations}\nto play the smallest such schedule:\n  {again}"


def check(wire: Wire, schedule: Schedule, family: Family = FILES) -> None:
    """Play a schedule on the family's wire. Raise InvariantError if an invariant does not hold."""
    wire.log.clear()
    try:
        with family.context(), read_log() as lines:
            played = play(wire, schedule, family)
        violations = [*played.world.wrong, *family.check(played).all(), *check_log(lines, played.lab.drops)]
    except AssertionError as error:
        violations = [str(error)]
    if violations:
        raise InvariantError(schedule, violations)


def search(wire: Wire, start: int, count: int = HUNDRED, shrink: bool = True, family: Family = FILES) -> Failure | None:
    """Play a schedule of each of `count` seeds. Return the first that breaks an invariant, shrunk, or None.

    The bytes from which Hypothesis makes a schedule are drawn here, for each seed separately: Hypothesis itself would
    play five variations of each, and variations reach rare cases much less often. Hypothesis does the shrinking.
    """
    tries, smallest = 0, None

    @settings(
        database=InMemoryExampleDatabase(),
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.reuse, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(family.schedules())
    def each(schedule: Schedule) -> None:
        nonlocal tries, smallest
        if smallest:
            tries += 1
        if tries > SHRINKS:
            raise Enough
        try:
            check(wire, schedule, family)
        except InvariantError as error:
            if smallest is None or len(schedule.as_json()) < len(smallest.schedule.as_json()):
                smallest = Failure(number, schedule, error.violations, family.name)
            raise

    for number in range(start, start + count):
        with contextlib.suppress(InvariantError):
            each.hypothesis.fuzz_one_input(random.Random(number).randbytes(BYTES))
        if smallest:
            break
    if smallest and shrink:
        with contextlib.suppress(InvariantError, Enough):
            each()
    return smallest
