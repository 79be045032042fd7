"""Files that belong together, in seeded schedules: masks, gated runs, trainings, and a person's commands.

Most schedules have files of one area only, so that files of one set meet often; some have files of all areas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from seqdrop.uploads import upload_id

from tests.faults import schedule as s
from tests.faults.evidence import Drop
from tests.faults.operators import REPAIRS
from tests.faults.schedule import Schedule, with_trouble
from tests.faults.sets import masks, runs, trainings
from tests.support.aws.sagemaker import BREAKS, ENDINGS

if TYPE_CHECKING:
    from tests.faults.sets.world import SetsWorld

ANALYSES = masks.ANALYSIS + runs.ANALYSES + trainings.ANALYSIS
POOR = "trains a poor model"
SET_ENDINGS = (*ENDINGS, POOR, POOR, BREAKS)
OPERATIONS = (
    *s.OPERATIONS,
    "CreateTrainingJob",
    "DescribeTrainingJob",
    "BatchGetItem",
    "ChangeMessageVisibility",
)
# The kinds of each area; kinds that are drawn more often are listed twice.
AREAS = {
    "masks": (*masks.KINDS, masks.PLAIN, masks.WITH_N, masks.BED, masks.BED),
    "runs": (*runs.KINDS, runs.FILE, runs.OTHER, runs.MARKER, runs.LISTS),
    "trainings": (*trainings.KINDS, trainings.FLIP, trainings.CSV, trainings.TABLE, trainings.REUSE),
}
OTHER_ACTS = (s.DELETE, s.COVER, s.POINT, s.RECONCILE, s.WAIT, s.STOP, s.FALSE_EVENT, *REPAIRS, *REPAIRS)
Acts = tuple[tuple[int, str, int], ...]


def drop(world: SetsWorld, kind: str, slot: int, number: int) -> Drop:
    """Put the file of this number, at least one second after the one before.

    Versions whose events are lost are ordered by the second in which they were written.
    """
    world.clock.advance(1)
    slot %= 4
    landing = world.s3.buckets[world.name("landing")]
    if kind in masks.KINDS:
        key, body = masks.place(kind, slot), masks.body(kind, slot, number)
    elif kind in runs.KINDS:
        key, body = runs.place(kind, slot), runs.body(kind, slot, number, landing)
    else:
        key = trainings.place(kind, slot)
        earlier = [(upload_id(landing.name, key, head.version_id), head) for head in world.heads if head.key == key]
        body = (
            trainings.reuse_body(slot, number, earlier)
            if kind == trainings.REUSE
            else trainings.body(kind, slot, number)
        )
    world.expect(Drop(kind, key, "", body, number, slot))
    version = world.s3.put(landing.name, key, body)
    put = Drop(kind, key, version.id, body, number, slot)
    if kind in trainings.GOOD_JOBS:
        world.heads.append(put)
    return put


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules that drop files that belong together, in any order, before other acts."""
    areas = [_acts(_whole(area), AREAS[area]) for area in AREAS]
    every = tuple(kind for kinds in AREAS.values() for kind in kinds)
    areas.append(_acts(_train_again(), AREAS["trainings"]))
    areas.append(_acts(st.builds(_join, *map(_whole, AREAS)), every))
    return with_trouble(st.one_of(areas), OPERATIONS, SET_ENDINGS, most_endings=5)


def _acts(first: st.SearchStrategy[Acts], kinds: tuple[str, ...]) -> st.SearchStrategy[Acts]:
    drops = st.sampled_from(tuple(s.DROPS + kind for kind in kinds))
    later = st.tuples(st.integers(0, 12), st.one_of(drops, st.sampled_from(OTHER_ACTS)), st.integers(0, 7))
    return st.builds(_join, first, st.lists(later, max_size=7).map(tuple))


def _whole(area: str) -> st.SearchStrategy[Acts]:
    """Return a strategy for drops, in one slot, of a complete set or of a set with a single defect."""
    wholes = {
        "masks": [(masks.PLAIN, masks.BED), (masks.WITH_N, masks.BED), (masks.PLAIN, masks.MISFIT), (masks.WITH_N,)],
        "runs": [
            (runs.FILE, runs.OTHER, runs.MARKER),
            (runs.FILE, runs.OTHER, runs.LISTS),
            (runs.FILE, runs.LISTS_WRONG),
            (runs.FIRST, runs.SECOND, runs.ABOVE),
            (runs.RAW, runs.RAW_MARKER),
        ],
        "trainings": list(trainings.WHOLE.values()),
    }[area]
    orders = st.sampled_from(wholes).flatmap(st.permutations)
    return st.builds(_schedule_drops, orders, st.lists(st.integers(0, 4), min_size=4, max_size=4), st.integers(0, 3))


def _train_again() -> st.SearchStrategy[Acts]:
    """Return a strategy for a complete training set, and a changed one in its folder at about its end.

    The second may be incomplete, or a job.toml that names the first. A third job.toml may name one of both.
    """
    wholes = st.sampled_from(list(trainings.WHOLE.values())).flatmap(st.permutations)
    changed = st.one_of(wholes, wholes, st.just([trainings.REUSE]))
    gap, named = st.integers(6, 40), st.lists(st.integers(0, 1), max_size=1)
    return st.builds(_repeat, wholes, changed, st.integers(1, 4), gap, st.integers(0, 1), named)


def _repeat(first: list[str], then: list[str], count: int, gap: int, slot: int, named: list[int]) -> Acts:
    """Return the drops of two sets, and of a job.toml that names one of them: the last (0), or the one before (1)."""
    last = tuple((gap, s.DROPS + trainings.REUSE, slot + 2 * which) for which in named)
    return _schedule_drops(first, [0, 0, 1, 1], slot) + _schedule_drops(then[:count], [gap, 0, 1, 1], slot) + last


def _schedule_drops(kinds: list[str], gaps: list[int], slot: int) -> Acts:
    return tuple((gap, s.DROPS + kind, slot) for kind, gap in zip(kinds, gaps, strict=False))


def _join(*parts: Acts) -> Acts:
    return tuple(act for part in parts for act in part)
