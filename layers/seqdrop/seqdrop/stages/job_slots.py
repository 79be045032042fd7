"""The room for transform jobs: a job takes its place as it claims its members, and gives it back at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.ledger.moves import OPEN, UNCLAIMED
from seqdrop.ledger.records import Attempt, Job, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.runtime.services import Services

TRIES = 10  # each is lost only to someone who got on


def count_free_slots(services: Services) -> int:
    """How many more transform jobs may be open."""
    return max(0, services.settings.max_jobs - len(services.ledger.job_slots().jobs))


def claim(services: Services, members: list[Attempt], make: Callable[[list[Attempt]], Job]) -> Job | None:
    """Make a job of those members that nobody else claims; None if there are none, or there is no room.

    Raises JobRefusedError as `make` does, and RetryableError if others were first each time.
    """
    for _ in range(TRIES):
        room = services.ledger.job_slots()
        if not members or len(room.jobs) >= services.settings.max_jobs:
            return None
        job = make(members)
        if services.ledger.claim(job, members, room):
            return job
        found = [services.ledger.find_attempt(member.key) for member in members]
        members = [one for one in found if one.state in UNCLAIMED]
    raise RetryableError("others kept claiming these members")


def end_job(services: Services, job: Job, end: str, **facts) -> None:
    """Move a job to its end, unless it has ended, and give its place back in the same transaction."""
    for _ in range(TRIES):
        job, room = services.ledger.find_job(job.name), services.ledger.job_slots()
        if job.state not in OPEN[job.kind]:
            return
        left = room.without_job(job.name) if job.name in room.jobs else None
        if services.ledger.move_together([Step(job, end, facts)], shared=left):
            return
    raise RetryableError(f"others kept moving {job.name}")
