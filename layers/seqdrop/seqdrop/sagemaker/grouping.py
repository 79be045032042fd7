"""Grouping of attempts into jobs, and an order in which runs take turns. Nothing here calls a service."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from seqdrop.config.analyses import job_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.ledger.records import Attempt


def take_turns(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Return attempts in an order in which runs take turns: the oldest attempt of each run, then the second of each."""
    turns: Counter[str] = Counter()
    numbered = []
    for attempt in sorted(attempts, key=lambda attempt: (attempt.created_at, attempt.key)):
        turns[attempt.run] += 1
        numbered.append((turns[attempt.run], attempt))
    return [attempt for _, attempt in sorted(numbered, key=lambda pair: pair[0])]


def group_attempts(attempts: list[Attempt]) -> list[list[Attempt]]:
    """Return the members of each job, within the bounds of their analysis, in the order of their first members.

    Attempts may share a job if they have the same plan and the same group. (When a job fails, its remaining members
    are split into groups.)
    """
    position = {attempt.key: index for index, attempt in enumerate(attempts)}
    ordered = sorted(attempts, key=lambda attempt: (attempt.plan, attempt.group, position[attempt.key]))
    jobs = [
        members
        for _, sharing in groupby(ordered, key=lambda attempt: (attempt.plan, attempt.group))
        for members in _split_by_bounds(list(sharing))
    ]
    return sorted(jobs, key=lambda members: position[members[0].key])


def _split_by_bounds(sharing: list[Attempt]) -> Iterator[list[Attempt]]:
    """Yield the members of each job: at most max_members, with at most max_shards input objects unless it is one."""
    bounds = job_settings(sharing[0].plan)
    members: list[Attempt] = []
    for attempt in sharing:
        shards = sum(member.shards for member in members) + attempt.shards
        if members and (len(members) >= bounds.max_members or shards > bounds.max_shards):
            yield members
            members = []
        members.append(attempt)
    yield members
