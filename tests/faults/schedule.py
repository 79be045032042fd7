"""A schedule: the acts of a lab and the faults, as plain data. Everything else succeeds, first in, first out.

The lists are sparse: an entry is (gap, value), and the gap counts the calls, messages, jobs or steps without an entry
before it. Hypothesis can therefore shrink a schedule to the few entries that matter.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.faults.files import KINDS
from tests.faults.world import MISHAPS
from tests.support.aws.sagemaker import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

CRASH_BEFORE, CRASH_AFTER = "crash before", "crash after"
TIMEOUT_BEFORE, TIMEOUT_AFTER = "time-out before", "time-out after"
THROTTLED, NO_ROOM, BROKEN = "throttled", "no room", "internal error"
STALE, AGAIN, CONFLICT = "stale", "sent again", "conflict"
FAULTS = (
    CRASH_BEFORE,
    CRASH_AFTER,
    TIMEOUT_BEFORE,
    TIMEOUT_AFTER,
    THROTTLED,
    NO_ROOM,
    BROKEN,
    STALE,
    AGAIN,
    CONFLICT,
)
# A byte of the next part of a bundle that is sent, or of the next file that is read for one, is another.
FLIPS = (SENT_OTHERWISE, READ_OTHERWISE) = ("flipped byte sent", "flipped byte read")
OPERATIONS = (
    "GetItem",
    "TransactWriteItems",
    "Query",
    "GetObject",
    "HeadObject",
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "SendMessage",
    "Publish",
    "CreateModel",
    "CreateTransformJob",
    "DescribeTransformJob",
    "ListObjectsV2",
    "ListObjectVersions",
)
# The acts of a lab, or of the world, each with a number: of its object, or of its duration.
DROPS = "drop "
DROP = tuple(DROPS + kind for kind in KINDS)
DELETE, COVER, POINT, RECONCILE, WAIT = "delete", "delete marker", "other model", "reconcile", "wait"
STOP, FALSE_EVENT = "stop a job", "false event"  # these need a running job
DELETE_COPY, COVER_COPY = "delete a copy", "delete marker over a copy"  # in the archive bucket
ACTS = (*DROP, DELETE, COVER, POINT, RECONCILE, WAIT, STOP, FALSE_EVENT)
WAITS = (60, 600, 2000, 6 * 3600, 26 * 3600, 11 * 24 * 3600)  # seconds; the last outlasts an examination

Sparse = tuple[tuple[int, object], ...]


@dataclass(frozen=True)
class Schedule:
    """The acts of a lab, and the faults that happen meanwhile.

    acts       (steps before the act, act, number)
    faults     calls that fail: (gap, fault)
    strikes    (operation, which call of it from 0, fault): so that rare operations fail as often as frequent ones
    mishaps    messages that arrive late, twice or never: (gap, mishap)
    turns      calls before which another invocation continues: (gap, place of the invocation in the line)
    crowd      every this many calls another invocation continues, so that many alternate; 0 for never
    order      deliveries that do not begin with the oldest message: (gap, index of their first message)
    endings    jobs that do not complete: (gap, ending)
    capacity   number of jobs that SageMaker runs simultaneously
    """

    acts: tuple[tuple[int, str, int], ...] = ()
    faults: Sparse = ()
    strikes: tuple[tuple[str, int, str], ...] = ()
    mishaps: Sparse = ()
    turns: Sparse = ()
    crowd: int = 0
    order: Sparse = ()
    endings: Sparse = ()
    capacity: int = 100

    def as_json(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value not in ((), 100, 0)})

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        content = {name: _tuples(value) for name, value in json.loads(text).items()}
        return cls(**{field.name: content[field.name] for field in fields(cls) if field.name in content})


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def expand(sparse: Iterable[tuple[int, object]]) -> dict[int, object]:
    """Return a sparse list as a dict: the number of the call (message, job …), from 0, → its value."""
    expanded, at = {}, -1
    for gap, what in sparse:
        at += gap + 1
        expanded[at] = what
    return expanded


def _sparse(what: st.SearchStrategy, widest: int, most: int) -> st.SearchStrategy:
    return st.lists(st.tuples(st.integers(0, widest), what), max_size=most).map(tuple)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules with at least one file."""
    number = st.integers(0, 3)
    drops = st.tuples(st.integers(0, 3), st.sampled_from(DROP), number)
    acts = st.tuples(st.integers(0, 12), st.sampled_from((*ACTS, *DROP)), number)
    first = st.lists(drops, min_size=1, max_size=4)
    return with_trouble(
        st.builds(lambda *some: tuple(act for part in some for act in part), first, st.lists(acts, max_size=6)),
        OPERATIONS,
        ENDINGS,
    )


def with_trouble(
    acts: st.SearchStrategy,
    operations: tuple[str, ...],
    endings: tuple[str, ...],
    most_endings: int = 3,
    faults: tuple[str, ...] = FAULTS,
) -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules of these acts with faults.

    Do not change the order of the fields: a seed must always mean the same schedule.
    """
    strikes = st.tuples(st.sampled_from(operations), st.integers(0, 9), st.sampled_from(faults))
    return st.builds(
        Schedule,
        acts=acts,
        faults=_sparse(st.sampled_from(faults), 80, 4),
        strikes=st.lists(strikes, max_size=6).map(tuple),
        mishaps=_sparse(st.sampled_from(MISHAPS), 6, 5),
        turns=_sparse(st.integers(0, 4), 40, 6),
        crowd=st.sampled_from((0, 0, 0, 1, 2, 3, 5, 8)),
        order=_sparse(st.integers(1, 3), 6, 3),
        endings=_sparse(st.sampled_from(endings), 2, most_endings),
        capacity=st.sampled_from((100, 1, 2)),
    )
