"""Files with workflows, in seeded schedules: runs complete, fail, are lost or deleted, starts are throttled or refused,
files are replaced or deleted while runs read them, and events come twice, late or never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.evidence import Drop
from tests.faults.schedule import FAULTS, Schedule, with_trouble
from tests.faults.workflow.world import CANCEL_RUN, FALSE_RUN_EVENT
from tests.support.aws import omics
from tests.support.aws.template import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.faults.world import World

SINGLE, FIRST, SECOND, SHEET = KINDS = ("single", "mate 1", "mate 2", "sheet")
PLACES = {
    SINGLE: "single/{}.fastq",
    FIRST: "pairs/S{}_R1_001.fastq",
    SECOND: "pairs/S{}_R2_001.fastq",
    SHEET: "sheet/{}.fastq",
}
RUN = 'workflow = { id = "1234567", per = "%s", parameters = { files = "{files}" } }\n'
ANALYSES = (
    '[analyses.single]\nprefix = "single/"\nformats = ["fastq"]\nmax_gb = 1\n'
    + RUN % "file"
    + '[analyses.pairs]\nprefix = "pairs/"\nformats = ["fastq"]\nmax_gb = 1\nmates = "wait"\n'
    + RUN % "sample"
    + '[analyses.sheet]\nprefix = "sheet/"\nformats = ["fastq"]\nmax_gb = 1\nkeep_days = 1\n'
    'workflow = { id = "samplesheet", per = "file" }\n'
)
SETTINGS = {
    "workflow_queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/WorkflowQueue",
    "workflow_role": f"arn:aws:iam::{ACCOUNT}:role/WorkflowRunRole",
    "workflow_seconds": "10",
}
# The calls that only workflows make come more often than the others.
OPERATIONS = (
    *("GetItem", "TransactWriteItems", "Query", "GetObject", "PutObject", "SendMessage", "Publish", "ListObjectsV2"),
    *(3 * ("StartRun", "GetRun", "ListObjectVersions", "PutEvents")),
    "ListRuns",
)
ENDINGS = (*omics.ENDINGS, omics.LOST, omics.LOST)
OTHER_ACTS = (CANCEL_RUN, FALSE_RUN_EVENT, s.RECONCILE, s.WAIT, s.DELETE)


def schedules() -> st.SearchStrategy[Schedule]:
    """Return a strategy for schedules of one to five files."""
    number = st.integers(0, 1)
    kinds = st.sampled_from(tuple(s.DROPS + kind for kind in (*KINDS, FIRST, SECOND)))
    drops = st.tuples(st.integers(0, 6), kinds, number)
    later = st.tuples(st.integers(0, 14), st.sampled_from(OTHER_ACTS), st.integers(0, 3))
    acts = st.builds(
        lambda *parts: tuple(act for part in parts for act in part),
        st.lists(drops, min_size=1, max_size=5),
        st.lists(later, max_size=4),
    )
    return with_trouble(acts, OPERATIONS, ENDINGS, most_endings=4, faults=FAULTS)


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put the file of this number into the landing bucket. Files of one kind and slot are versions of one key."""
    body, key = files.reads(kind, slot, number), PLACES[kind].format(slot)
    version = world.s3.put(world.name("landing"), key, body)
    return Drop(kind, key, version.id, body, number, slot)
