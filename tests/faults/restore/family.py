"""Archived files that are restored, in seeded schedules: read for a day, processed again, or kept.

S3 takes its 48 hours, and its events are lost, late or doubled like all others, so temporary copies also expire before
they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.operators import RESTORE, RESTORE_RUN, RESTORE_TO
from tests.faults.schedule import Schedule, with_trouble
from tests.support.aws.sagemaker import ENDINGS

if TYPE_CHECKING:
    from tests.faults.evidence import Drop
    from tests.faults.world import World

ANALYSES = files.ANALYSES
KINDS = (files.READS, files.RAW)
# The calls that only restores make come twice as often as the others.
OPERATIONS = (
    *("GetItem", "TransactWriteItems", "Query", "GetObject", "HeadObject", "PutObject", "SendMessage", "Publish"),
    *("CopyObject", "DeleteObject", "CreateTransformJob"),
    *(2 * ("RestoreObject", "CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload", "ListParts")),
)
ACTS = (RESTORE, RESTORE_RUN, RESTORE_RUN, RESTORE_TO)
OTHER_ACTS = (s.RECONCILE, s.RECONCILE, s.WAIT)
SLOTS = 2


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put a file into the landing bucket; every drop has its own key."""
    return files.drop(world, kind, number, number)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules: a few files, and requests for them, which may overlap."""
    drops = st.tuples(st.integers(0, 2), st.sampled_from(tuple(s.DROPS + kind for kind in KINDS)), st.just(0))
    asks = st.tuples(st.integers(0, 20), st.sampled_from(ACTS), st.integers(0, 3))
    others = st.tuples(st.integers(0, 20), st.sampled_from((*ACTS, *OTHER_ACTS)), st.integers(0, 3))
    first = st.lists(drops, min_size=1, max_size=3)
    acts = st.builds(
        lambda *some: tuple(act for part in some for act in part), first, st.tuples(asks), st.lists(others, max_size=4)
    )
    return with_trouble(acts, OPERATIONS, ENDINGS, most_endings=0)
