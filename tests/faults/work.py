"""Invariants of jobs, messages and receipts, for all drops: no work runs twice, and no message is left in a queue."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.archive.chain import Evidence as Proofs
from seqdrop.archive.chain import verify
from seqdrop.aws import keys
from seqdrop.ledger import moves

from tests.faults.files import SETTINGS
from tests.support.aws.sagemaker import OPEN, TRANSFORM, Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Evidence


def check_jobs(evidence: Evidence, replayed: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield violations by jobs.

    `replayed` are ids of uploads that a person may have replayed: their work may be repeated.
    """
    jobs, limit = list(evidence.world.sagemaker.jobs.values()), int(SETTINGS["max_jobs"])
    if evidence.world.sagemaker.most_at_once > limit:
        yield f"{evidence.world.sagemaker.most_at_once} jobs ran simultaneously, and the limit is {limit}"
    for job in jobs:
        if job.status in OPEN:
            yield f"{job.name} still runs"
        if job.kind == TRANSFORM and not job.shards:
            yield f"{job.name} was started without its manifest"
    for first, second in itertools.combinations(jobs, 2):
        if set(first.shards) & set(second.shards):
            yield from _check_shared(first, second, evidence.jobs, replayed)
    for record in evidence.jobs.values():
        if record["state"] not in moves.ENDS[moves.JOB]:
            yield f"job {record['name']} ends in {record['state']}"
    yield from _check_members(evidence)


def _check_shared(first: Job, second: Job, known: dict, replayed: frozenset[str]) -> Iterator[str]:
    """Check that two jobs share only shards for which the first, which failed, has no output, as other attempts."""
    shared = {shard for shard in set(first.shards) & set(second.shards) if shard.split("/")[4] not in replayed}
    if shared and (first.status != "Failed" or shared & set(first.done)):
        yield f"{second.name} repeats the work of {first.name}"
    members = [set(known[job.name]["members"]) if job.name in known else set() for job in (first, second)]
    if members[0] & members[1] or not all(members):
        yield f"{first.name} and {second.name} have the same attempt"


def _check_members(evidence: Evidence) -> Iterator[str]:
    """Check that each attempt is in only one job, and that each job has a record."""
    holders = Counter(member for record in evidence.jobs.values() for member in record["members"])
    for member, count in holders.items():
        if count > 1:
            yield f"{member} is in {count} jobs"
    for name in evidence.world.sagemaker.jobs:
        if name not in evidence.jobs:
            yield f"{name} runs, and it has no record"


def check_messages(evidence: Evidence) -> Iterator[str]:
    """Check that no message is left, except in dead-letter queues after faults of the schedule."""
    for queue, settings in evidence.world.queues.settings.items():
        for message in evidence.world.queues.messages[queue]:
            if settings.dead_letters:
                yield f"{queue} still has {message.body}"
            elif not all(message.troubles):
                yield f"{queue} has {message.body}, which failed by itself: {message.troubles}"


def check_receipts(evidence: Evidence) -> Iterator[str]:
    """Check that the chain of manifests is sound, and lists every receipt and tombstone with its present bytes.

    What was written today or yesterday need not be listed yet.
    """
    bodies = {key: version.body for key in evidence.results.keys if (version := evidence.results.current(key))}
    manifests = {key: body for key, body in bodies.items() if key.startswith(keys.MANIFESTS)}
    listed = (keys.RECEIPTS, keys.TOMBSTONES)
    digests = {
        key: hashlib.sha256(body).hexdigest()
        for key, body in bodies.items()
        if key.startswith(listed) and key not in manifests
    }
    since = (evidence.world.clock.now - timedelta(days=1)).date().isoformat()
    pending = frozenset(key for key in digests if _written_at(bodies[key]) >= since)
    for finding in verify(Proofs(manifests, digests, pending=pending)).findings:
        yield f"the chain of receipts: {finding.fault} {finding.key}"


def _written_at(body: bytes) -> str:
    """Return when a receipt or a tombstone was written."""
    content = json.loads(body)
    return content.get("deleted_at") or content["verified_at"]


def check_landing(evidence: Evidence) -> Iterator[str]:
    """Check that the landing bucket holds only objects that the lab dropped, and delete markers."""
    dropped = {(drop.key, drop.version_id) for drop in evidence.drops}
    for key, versions in evidence.landing.keys.items():
        for version in versions:
            if (key, version.id) not in dropped and not version.marker:
                yield f"{key} ({version.id}) is in the landing bucket, and the lab did not drop it"
