"""Endpoints of a stack in seeded schedules: models are promoted, updates are undone, creations fail, SageMaker has no
capacity, endpoints scale, a person stops and starts them, and the parameter Endpoints is turned off and on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import strategies as st
from seqdrop.stages.serve import stack_events

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.schedule import Schedule, with_trouble
from tests.faults.serve.world import ACTS, ENDINGS, HOURS, OFF, ON, SCALE, Url

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = 'formats = ["fastq"]\nmax_gb = 1\n' + files.USE
ANALYSES = (
    f'[analyses.busy]\nprefix = "busy/"\n{BASE}[analyses.busy.endpoint]\nmax_instances = 3\nidle_hours = 0\n'
    f'[analyses.idle]\nprefix = "idle/"\n{BASE}[analyses.idle.endpoint]\nidle_hours = 6\n'
    f'[analyses.small]\nprefix = "small/"\n{BASE}mode = "async"\n'
)
SETTINGS = {**files.SETTINGS, "endpoints": "true"}
OPERATIONS = (
    *("GetItem", "SendMessage", "GetObject", "DescribeEndpoint", "ListEndpoints", "ListTags"),
    *("CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "DeleteAlarms", "DeleteEndpointConfig"),
    *("RegisterScalableTarget", "PutScalingPolicy", "DeregisterScalableTarget", "ListEndpointConfigs"),
    *(3 * ("TransactWriteItems", "UpdateEndpoint", "Publish")),
    *(2 * ("CreateEndpoint", "DeleteEndpoint")),
)
FAULTS = tuple(fault for fault in s.FAULTS if fault not in (s.NO_ROOM, s.STALE))  # neither affects a call of serve
OTHERS = (*ACTS, *(4 * (s.POINT,)), SCALE, HOURS, OFF, ON)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules of up to eight acts on a stack that has just been deployed."""
    acts = st.lists(st.tuples(st.integers(0, 14), st.sampled_from(OTHERS), st.integers(0, 3)), min_size=1, max_size=8)
    return with_trouble(acts.map(tuple), OPERATIONS, ENDINGS, most_endings=5, faults=FAULTS)


@contextmanager
def own_url() -> Iterator[None]:
    """Have responses to CloudFormation come to the world that plays at the moment."""
    with mock.patch.object(stack_events, "urllib3", Url):
        yield
