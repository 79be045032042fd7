"""What must hold of jobs and messages, whatever was dropped: nothing runs twice, nothing is left on its way."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.ledger import moves

from tests.faults.files import SETTINGS
from tests.support.aws.sagemaker import OPEN, TRANSFORM, Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Evidence


def of_jobs(evidence: Evidence, replayed: frozenset[str] = frozenset()) -> Iterator[str]:
    """`replayed` are ids of uploads that a person may have replayed: other attempts may do their work again."""
    jobs, most = list(evidence.world.sagemaker.jobs.values()), int(SETTINGS["max_jobs"])
    if evidence.world.sagemaker.most_at_once > most:
        yield f"{evidence.world.sagemaker.most_at_once} jobs ran at once, and {most} may"
    for job in jobs:
        if job.status in OPEN:
            yield f"{job.name} still runs"
        if job.kind == TRANSFORM and not job.shards:
            yield f"{job.name} was started without its manifest"
    for one, other in itertools.combinations(jobs, 2):
        if set(one.shards) & set(other.shards):
            yield from _share(one, other, evidence.jobs, replayed)
    for record in evidence.jobs.values():
        if record["state"] not in moves.ENDS[moves.JOB]:
            yield f"job {record['name']} ends in {record['state']}"
    yield from _of_members(evidence)


def _share(one: Job, other: Job, known: dict, replayed: frozenset[str]) -> Iterator[str]:
    """Only what a job that failed did not do may be in a later one, as another attempt."""
    shared = {shard for shard in set(one.shards) & set(other.shards) if shard.split("/")[4] not in replayed}
    if shared and (one.status != "Failed" or shared & set(one.done)):
        yield f"{other.name} does what {one.name} did"
    members = [set(known[job.name]["members"]) if job.name in known else set() for job in (one, other)]
    if members[0] & members[1] or not all(members):
        yield f"{one.name} and {other.name} hold the same attempt"


def _of_members(evidence: Evidence) -> Iterator[str]:
    """An attempt is in one job: the one that it names."""
    holders = Counter(member for record in evidence.jobs.values() for member in record["members"])
    for member, count in holders.items():
        if count > 1:
            yield f"{member} is in {count} jobs"
    for name in evidence.world.sagemaker.jobs:
        if name not in evidence.jobs:
            yield f"{name} runs, and no record tells of it"


def of_messages(evidence: Evidence) -> Iterator[str]:
    for queue, settings in evidence.world.queues.settings.items():
        for message in evidence.world.queues.messages[queue]:
            if settings.dead_letters:
                yield f"{queue} still has {message.body}"
            elif not all(message.troubles):
                yield f"{queue} has {message.body}, which failed by itself: {message.troubles}"


def of_landing(evidence: Evidence) -> Iterator[str]:
    """Only what the lab dropped lies there, and its delete markers."""
    dropped = {(drop.key, drop.version_id) for drop in evidence.drops}
    for key, versions in evidence.landing.keys.items():
        for version in versions:
            if (key, version.id) not in dropped and not version.marker:
                yield f"{key} ({version.id}) lies in the landing bucket, and nobody dropped it"
