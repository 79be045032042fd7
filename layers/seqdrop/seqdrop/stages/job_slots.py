"""The slots of transform jobs: a job takes one slot when it claims its members, and gives it back when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.ledger.moves import OPEN, UNCLAIMED
from seqdrop.ledger.records import Attempt, Fact, Job, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.runtime.services import Services

MAX_TRIES = 10  # a try fails only if another invocation succeeded


def count_free_slots(services: Services) -> int:
    """Return how many more transform jobs may be open."""
    return max(0, services.settings.max_jobs - len(services.ledger.job_slots().jobs))


def claim(services: Services, members: list[Attempt], plan: Callable[[list[Attempt]], Job]) -> Job | None:
    """Create the record of a job with the members that no other job has claimed, and return it.

    Return None if no member is left or no slot is free. Raise JobRefusedError if `plan` does, and RetryableError if
    other invocations were first in each of MAX_TRIES tries.
    """
    for _ in range(MAX_TRIES):
        slots = services.ledger.job_slots()
        if not members or len(slots.jobs) >= services.settings.max_jobs:
            return None
        job = plan(members)
        if services.ledger.claim(job, members, slots):
            return job
        attempts = [services.ledger.require_attempt(member.key) for member in members]
        members = [attempt for attempt in attempts if attempt.state in UNCLAIMED]
    raise RetryableError("other invocations kept claiming these members")


def close_job(services: Services, name: str, state: str, **facts: Fact) -> None:
    """Move a job to a final state and give its slot back, in one transaction. Do nothing if its state is final.

    Raise RetryableError if other invocations were first in each of MAX_TRIES tries.
    """
    for _ in range(MAX_TRIES):
        job, slots = services.ledger.require_job(name), services.ledger.job_slots()
        if job.state not in OPEN[job.kind]:
            return
        remaining = slots.without_job(name) if name in slots.jobs else None
        if services.ledger.move_together([Step(job, state, facts)], shared=remaining):
            return
    raise RetryableError(f"other invocations kept moving the job {name}")
