"""Which attempts share a job, and whose turn it is. Knows no service."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from seqdrop.config.analyses import job_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.ledger.records import Attempt


def fair(attempts: Iterable[Attempt]) -> list[Attempt]:
    """In the order in which runs take turns: the oldest attempt of each run, then the second of each, and so on."""
    turns: Counter[str] = Counter()
    placed = []
    for attempt in sorted(attempts, key=lambda one: (one.created_at, one.key)):
        turns[attempt.run] += 1
        placed.append((turns[attempt.run], attempt))
    return [attempt for _, attempt in sorted(placed, key=lambda pair: pair[0])]


def groups(attempts: list[Attempt]) -> list[list[Attempt]]:
    """The members of each job, up to the bounds of their analysis. Groups stand in the order of their first members.

    Attempts may share a job if their work was cut alike, and if what is left of a failed job does not keep them apart.
    """
    place = {attempt.key: index for index, attempt in enumerate(attempts)}
    alike = sorted(attempts, key=lambda one: (one.plan, one.group, place[one.key]))
    found = [
        members
        for _, sharing in groupby(alike, key=lambda one: (one.plan, one.group))
        for members in _bounded(list(sharing))
    ]
    return sorted(found, key=lambda members: place[members[0].key])


def _bounded(sharing: list[Attempt]) -> Iterator[list[Attempt]]:
    """Cut where a job would have too many members or too many input objects."""
    bounds = job_settings(sharing[0].plan)
    members: list[Attempt] = []
    for attempt in sharing:
        shards = sum(one.shards for one in members) + attempt.shards
        if members and (len(members) >= bounds.max_members or shards > bounds.max_shards):
            yield members
            members = []
        members.append(attempt)
    yield members
