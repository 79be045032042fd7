"""Two hundred files at once, some broken, some told of twice: each comes to its right end, in a few jobs."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from seqdrop.runtime.events import make_landed_message
from seqdrop.stages.archive.cold_copy import archive_key

from local.testing import wait_for
from tests.e2e.test_road import FASTQ, assert_archived

pytestmark = pytest.mark.long
FILES, MOST_JOBS = 200, 20
WINDOW = 30  # seconds; a lab has 60, and the other tests one, because they drop one file
READS, CONTIGS, RAW, BROKEN = 70, 40, 60, 30


def fastq(number: int) -> bytes:
    """Three reads that no other file has."""
    source = random.Random(number)
    reads = ["".join(source.choices("ACGT", k=80)) for _ in range(3)]
    return "".join(f"@b{number}.{n}\n{read}\n+\n{'I' * 80}\n" for n, read in enumerate(reads)).encode()


def fasta(number: int) -> bytes:
    """A contig that no other file has."""
    return f">c{number}\n{''.join(random.Random(number).choices('ACGT', k=450))}\n".encode()


def drops() -> dict[str, bytes]:
    """Bytes by key, of all prefixes mixed."""
    made = {f"reads/burst/sample{n}.fastq.gz": gzip.compress(fastq(n), mtime=0) for n in range(READS)}
    made |= {f"contigs/burst/{n}.fasta": fasta(n) for n in range(CONTIGS)}
    made |= {f"raw/burst/{n}.fastq": fastq(1000 + n) for n in range(RAW)}
    made |= {f"{['raw', 'reads', 'contigs'][n % 3]}/burst/broken{n}.fastq": FASTQ[: -4 - n % 3] for n in range(BROKEN)}
    keys = sorted(made)
    random.Random(0).shuffle(keys)
    return {key: made[key] for key in keys}


@pytest.fixture
def batching(aws, stack):
    """Have start_transform wait for more uploads, as it does for a lab."""
    functions = aws.client("lambda")
    found = functions.list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = (one for one in found if "-StartTransformFunction-" in one["FunctionArn"])
    before = mapping["MaximumBatchingWindowInSeconds"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=WINDOW)
    yield
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=before)


def test_two_hundred_files_at_once_all_arrive(put, end, aws, s3, stack, batching):
    bodies = drops()
    assert len(bodies) == FILES
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(lambda item: put(*item), bodies.items()))
        list(threads.map(lambda version: tell_again(aws, version), versions[::5]))
    found = {one.key: one for one in end(*versions)}
    right = {key: "REJECTED" if "/broken" in key else "ARCHIVED" for key in bodies}
    assert {key: one.state for key, one in found.items()} == right
    for key, one in found.items():
        if one.state == "ARCHIVED":
            assert_archived(s3, stack, one, bodies[key])
            assert len(s3.list_object_versions(Bucket=stack.archive, Prefix=archive_key(one.upload))["Versions"]) == 1
            assert len(one.attempts) == (0 if key.startswith("raw/") else 1)
        else:
            assert s3.get_object(Bucket=stack.landing, Key=key)["Body"].read() == bodies[key]
    jobs = Counter(one.attempts[0].job for one in found.values() if one.attempts)
    assert sum(jobs.values()) == READS + CONTIGS
    assert len(jobs) <= MOST_JOBS, jobs
    assert jobs.keys() <= names_of_jobs(aws)
    wait_for(lambda: not waiting(aws), timeout=60)  # the duplicates, too, have been dealt with
    assert {one.key: one.state for one in end(*versions)} == right


def tell_again(aws, version) -> None:
    sqs = aws.client("sqs")
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "ValidateQueue" in url)
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))


def names_of_jobs(aws) -> set[str]:
    pages = aws.client("sagemaker").get_paginator("list_transform_jobs").paginate()
    return {job["TransformJobName"] for page in pages for job in page["TransformJobSummaries"]}


def waiting(aws) -> int:
    """Messages in all queues, those that a function has taken included."""
    sqs, names = aws.client("sqs"), ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    urls = [url for url in sqs.list_queues()["QueueUrls"] if "seqdrop" in url]
    found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls]
    return sum(int(one[name]) for one in found for name in names)
