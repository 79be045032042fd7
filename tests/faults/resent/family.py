"""Files that are sent again, in seeded schedules, as `aws s3 sync` and impatient people do.

A slot has two bodies, so that about half of the drops of a key repeat an earlier one. The lab also deletes copies in
the archive bucket, or puts delete markers over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from seqdrop.stages.duplicates import AGAIN as METADATA

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.evidence import Drop
from tests.faults.schedule import Schedule, with_trouble
from tests.faults.sets import masks, runs
from tests.support.aws.sagemaker import ENDINGS

if TYPE_CHECKING:
    from tests.faults.world import World

ANALYSES = files.ANALYSES + masks.ANALYSIS + runs.ANALYSES.partition("[analyses.raw]")[0]
ON_PURPOSE = " on purpose"
ALONE = (files.READS, files.RAW)
MATES, MASKS = (files.FIRST, files.SECOND), (masks.PLAIN, masks.WITH_N, masks.BED)
RUN = (runs.FILE, runs.MARKER)
KINDS = (*ALONE, *MATES, *MASKS, *RUN)
PURPOSEFUL = tuple(kind + ON_PURPOSE for kind in (files.READS, files.RAW, masks.BED))
OTHER_ACTS = (s.DELETE, s.COVER, s.RECONCILE, s.WAIT, s.WAIT, s.DELETE_COPY, s.COVER_COPY)
SLOTS = 2


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put a file into the landing bucket, one second after the one before. `slot` chooses the key and the body."""
    world.clock.advance(1)
    plain, about = kind.removesuffix(ON_PURPOSE), {}
    if plain != kind:
        about = {"Metadata": {METADATA: "1"}}
    key, body = place(plain, slot % SLOTS), _body(plain, slot % SLOTS, slot // SLOTS)
    version = world.s3.put(world.name("landing"), key, body, about=about)
    return Drop(kind, key, version.id, body, number, slot)


def place(kind: str, slot: int) -> str:
    if kind in MASKS:
        return masks.place(kind, slot)
    return runs.place(kind, slot) if kind in RUN else files.PLACES[kind].format(slot)


def _body(kind: str, slot: int, variant: int) -> bytes:
    number = 2 * slot + variant + (4 if kind == files.SECOND else 0)  # two mates with equal bases are rejected
    if kind in MASKS:
        return masks.body(kind, slot, number)
    if kind == runs.MARKER:
        return b"%d" % variant
    return files.reads(files.READS if kind == runs.FILE else kind, slot, number)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules: some files, time in which they may be archived, and the same files again."""
    groups = st.sampled_from([ALONE, MATES, MASKS, MASKS, RUN, KINDS])
    acts = groups.flatmap(lambda kinds: st.builds(_join, _drops(kinds), _waits(), _drops(kinds), _later(kinds)))
    return with_trouble(acts, s.OPERATIONS, ENDINGS)


def _drops(kinds: tuple[str, ...]) -> st.SearchStrategy:
    numbers = st.sampled_from((0, 0, 0, 1, 2, 2))
    drops = st.tuples(st.integers(0, 2), st.sampled_from(tuple(s.DROPS + kind for kind in kinds)), numbers)
    return st.lists(drops, min_size=1, max_size=4)


def _waits() -> st.SearchStrategy:
    return st.lists(st.tuples(st.integers(10, 40), st.just(s.WAIT), st.integers(0, 4)), max_size=1)


def _later(kinds: tuple[str, ...]) -> st.SearchStrategy:
    purposeful = tuple(kind for kind in PURPOSEFUL if kind.removesuffix(ON_PURPOSE) in kinds)
    drops = tuple(s.DROPS + kind for kind in (*kinds, *kinds, *purposeful))
    acts = st.tuples(st.integers(0, 12), st.sampled_from((*drops, *OTHER_ACTS)), st.integers(0, 3))
    return st.lists(acts, max_size=6)


def _join(*parts) -> tuple:
    return tuple(act for part in parts for act in part)
