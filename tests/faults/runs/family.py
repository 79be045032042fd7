"""Runs of sequencers, in seeded schedules: whole folders in any order, and what a lab and instruments do later.

Most schedules have one or two folders of one kind, so that the files of a run meet often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.faults import schedule as s
from tests.faults.evidence import Drop
from tests.faults.runs import folders as f
from tests.faults.runs.folders import ANALYSES
from tests.faults.schedule import Schedule, with_trouble
from tests.support.aws.sagemaker import ENDINGS

if TYPE_CHECKING:
    from tests.faults.runs.world import RunsWorld

__all__ = ["ANALYSES", "drop", "schedules"]

OPERATIONS = (*s.OPERATIONS, "BatchGetItem", "ListObjectVersions", "SendMessage", "PutObject")
OTHER_ACTS = (s.DELETE, s.COVER, s.RECONCILE, s.WAIT, s.WAIT, s.WAIT)
_RUN = ("info", "calls", "rta", "copied")
_CELL = ("reads", "signals", "summary", "list")
# What is dropped first, in any order: whole folders, and some that lack a file or say that the run failed.
WHOLES = {
    f.ILLUMINA: [
        (*_RUN, "log", "status"),
        (*_RUN, "failure"),
        (*_RUN, "bad sheet", "sheet"),
        ("info", "calls", "rta"),
        ("calls", "log", "manifest"),
        (*_RUN, "a1 reads", "a1 done", "a1 list", "a1 copied"),
        (*_RUN, "sheet", "a1 reads", "a1 done", "a1 wrong list", "a1 copied"),
    ],
    f.SCORED: [(*_RUN, "reads"), (*_RUN, "reads", "failure"), ("reads", "calls", "log", "manifest")],
    f.ONT: [
        tuple(f"c1 {label}" for label in _CELL),
        tuple(f"{cell} {label}" for cell in f.CELLS for label in _CELL),
        ("c1 reads", "c1 signals", "c2 reads", "c2 summary", "note"),
    ],
    f.UNKNOWN: [
        ("left", "right", "manifest"),
        ("left", "right", "marker"),
        ("left", "right", "marker below"),
        ("bad reads",),
    ],
}
ANALYSIS_LABELS = ("reads", "done", "list", "copied")
Acts = tuple[tuple[int, str, int], ...]


def drop(world: RunsWorld, kind: str, slot: int, number: int) -> Drop:
    """Put a file into the landing bucket, one second after the one before."""
    world.clock.advance(1)
    key, body = f.place(kind, slot), f.body(kind, slot)
    world.note_complete()
    version = world.s3.put(world.name("landing"), key, body)
    dropped = Drop(kind, key, version.id, body, number, slot)
    world.note_drop(dropped)
    return dropped


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules: a run folder, time in which it may be archived, and later acts."""
    areas = st.sampled_from((f.ILLUMINA, f.ILLUMINA, f.SCORED, f.ONT, f.UNKNOWN))
    acts = areas.flatmap(lambda area: st.builds(_join, _whole(area), _waits(), _again(area), _later(area)))
    return with_trouble(acts, OPERATIONS, ENDINGS)


def _whole(area: str) -> st.SearchStrategy[Acts]:
    orders = st.sampled_from(WHOLES[area]).flatmap(st.permutations)
    gaps = st.lists(st.integers(0, 3), min_size=9, max_size=9)
    return st.builds(_schedule, st.just(area), orders, gaps, st.sampled_from((0, 0, 0, 1, 2)))


def _waits() -> st.SearchStrategy[Acts]:
    """Return a strategy for the time after the first files: none, the grace time, or days of silence."""
    return st.lists(st.tuples(st.integers(0, 30), st.just(s.WAIT), st.integers(0, 5)), max_size=2).map(tuple)


def _again(area: str) -> st.SearchStrategy[Acts]:
    """Return a strategy for what comes late: an analysis or flow cell of its own, or the same files again."""
    wholes = list(WHOLES[area])
    if area == f.ILLUMINA:
        wholes += [tuple(f"a{number} {label}" for label in ANALYSIS_LABELS) for number in (1, 2, 2)]
    if area == f.ONT:
        wholes.append(tuple(f"c2 {label}" for label in _CELL))
    gaps = st.lists(st.integers(0, 6), min_size=9, max_size=9)
    late = st.builds(_schedule, st.just(area), st.sampled_from(wholes).flatmap(st.permutations), gaps, st.just(0))
    return st.one_of(st.just(()), late, late)


def _later(area: str) -> st.SearchStrategy[Acts]:
    drops = tuple(s.DROPS + kind for kind in f.FILES if f.area_of(kind) == area)
    acts = st.tuples(st.integers(0, 12), st.one_of(st.sampled_from(drops), st.sampled_from(OTHER_ACTS)), _numbers())
    return st.lists(acts, max_size=6).map(tuple)


def _numbers() -> st.SearchStrategy[int]:
    return st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5))


def _schedule(area: str, labels: list[str], gaps: list[int], slot: int) -> Acts:
    kinds = (f"{s.DROPS}{area}: {label}" for label in labels)
    return tuple((gap, kind, slot) for gap, kind in zip(gaps, kinds, strict=False))


def _join(*parts: Acts) -> Acts:
    return tuple(act for part in parts for act in part)
