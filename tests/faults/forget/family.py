"""Archived files that a lab forgets, in seeded schedules: alone, in bundles, with their results, and taken back again.

S3 refuses to delete the copies of some, as Object Lock does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.bundle import family as bundle
from tests.faults.evidence import Drop
from tests.faults.operators import CANCEL, FORGET, FORGET_RESULTS
from tests.faults.schedule import Schedule, with_trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.world import World

ANALYSES = bundle.ANALYSES + files.ANALYSES
DAYS = 2  # that a request waits
DUE = len(s.WAITS) - 1  # the longest wait, after which it is due
SETTINGS = {**files.SETTINGS, "forget_days": str(DAYS)}
RAW, READS, LOCKED, AGAIN = KINDS = (files.RAW, files.READS, "locked", "sent again")
PLACES = {LOCKED: "raw/locked{} +é.fastq", AGAIN: "raw/again{} +é.fastq"}
OPERATIONS = (
    *("GetItem", "Query", "GetObject", "HeadObject", "PutObject", "CopyObject", "SendMessage", "Publish"),
    *(4 * ("TransactWriteItems",)),
    *(3 * ("DeleteObject", "ListObjectVersions")),
)
ACTS = (FORGET, FORGET, FORGET_RESULTS, CANCEL)
OTHER_ACTS = (s.RECONCILE, s.WAIT, s.WAIT, s.DELETE, s.DROPS + AGAIN, s.DROPS + bundle.SMALL)
RUN = (*3 * (bundle.SMALL,), bundle.MARKER)


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put a file into the landing bucket: one of a run, or one with a key of its own; only AGAIN repeats its bytes."""
    if kind in bundle.KINDS:
        return bundle.drop(world, kind, slot, number)
    if kind in (RAW, READS):
        return files.drop(world, kind, number, number)
    body = files.reads(files.RAW, slot, 1000 + slot if kind == AGAIN else number)
    version = world.s3.put(world.name("landing"), PLACES[kind].format(slot if kind == AGAIN else number), body)
    return Drop(kind, version.key, version.id, body, number, slot)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules: files, alone or in a run, and requests for them that may overlap."""
    kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=3)
    runs = st.sampled_from(((), RUN, RUN))
    first = st.builds(lambda kinds, run: _number([*kinds, *run]), kinds, runs)
    asks = st.tuples(st.integers(5, 40), st.sampled_from((FORGET, FORGET_RESULTS)), st.integers(0, 9))
    others = st.tuples(st.integers(0, 30), st.sampled_from((*ACTS, *OTHER_ACTS)), st.integers(0, 9))
    # A request is taken back when it is due: before, while or after the copy is deleted.
    late = st.builds(
        lambda gap, number: ((20, s.WAIT, DUE), (0, s.RECONCILE, 0), (gap, CANCEL, number)),
        st.integers(0, 8),
        st.sampled_from((0, 1, 3)),
    )
    acts = st.builds(_join, first, st.tuples(asks), st.lists(others, max_size=6), st.one_of(st.just(()), late, late))
    return with_trouble(acts, OPERATIONS, ("breaks",), most_endings=0)


def _join(*parts: Iterable[tuple[int, str, int]]) -> tuple[tuple[int, str, int], ...]:
    return tuple(act for part in parts for act in part)


def _number(kinds: list[str]) -> tuple[tuple[int, str, int], ...]:
    """Return the acts that drop these files; those of a run have even slots, so they are in one bundle."""
    return tuple((0, s.DROPS + kind, 2 * place) for place, kind in enumerate(kinds))
