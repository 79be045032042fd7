"""Small files of an asynchronous analysis, in seeded schedules: results come twice, late or never, requests fail or
expire, and the endpoint is deleted, made again, or gets another model while requests wait.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import strategies as st
from seqdrop.work import examine

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.asynchronous.world import ENDPOINT_ACTS, MAKE_ENDPOINT
from tests.faults.schedule import Schedule, with_trouble
from tests.support.aws import runtime, sagemaker

if TYPE_CHECKING:
    from collections.abc import Iterator

ANALYSES = files.ANALYSES.replace('prefix = "reads/"\n', 'prefix = "reads/"\nmode = "async"\n')
SETTINGS = {**files.SETTINGS, "endpoints": "true"}
KINDS = (files.READS, files.READS, files.READS, files.POISONED, files.FIRST)
# The calls that only asynchronous jobs make come twice as often as the others.
OPERATIONS = (
    *("GetItem", "TransactWriteItems", "Query", "GetObject", "PutObject", "SendMessage", "Publish"),
    *("CreateModel", "CreateTransformJob", "DescribeTransformJob"),
    *(2 * ("InvokeEndpointAsync", "HeadObject", "ListObjectsV2", "DescribeEndpoint", "DescribeModel")),
)
ENDINGS = (*(2 * runtime.ENDINGS), sagemaker.DIES, sagemaker.BREAKS)
OTHER_ACTS = (*ENDPOINT_ACTS, MAKE_ENDPOINT, s.POINT, s.POINT, s.RECONCILE, s.WAIT, s.DELETE)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules of one to four files, while the endpoint changes."""
    number = st.integers(0, 3)
    drops = st.tuples(st.integers(0, 6), st.sampled_from(tuple(s.DROPS + kind for kind in KINDS)), number)
    later = st.tuples(st.integers(0, 12), st.sampled_from(OTHER_ACTS), number)
    acts = st.builds(
        lambda *parts: tuple(act for part in parts for act in part),
        st.lists(drops, min_size=1, max_size=4),
        st.lists(later, max_size=5),
    )
    return with_trouble(acts, OPERATIONS, ENDINGS, most_endings=4)


@contextmanager
def small_shards() -> Iterator[None]:
    """Write each work item into a shard of its own, so that an upload has two requests."""
    with mock.patch.object(examine, "MEGABYTE", 100):
        yield
