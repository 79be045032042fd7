"""Two hundred files are dropped together, some broken, some announced twice: each becomes final, in a few jobs."""

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
from tests.e2e.test_routes import FASTQ, assert_archived

pytestmark = pytest.mark.long
FILES, MOST_JOBS = 200, 20
WINDOW = 30  # seconds; a lab has 60, other tests 1, because they drop single files
READS, CONTIGS, RAW, BROKEN = 70, 40, 60, 30


def make_fastq(number: int) -> bytes:
    """Return three reads that no other file contains."""
    generator = random.Random(number)
    reads = ["".join(generator.choices("ACGT", k=80)) for _ in range(3)]
    return "".join(f"@b{number}.{n}\n{read}\n+\n{'I' * 80}\n" for n, read in enumerate(reads)).encode()


def make_fasta(number: int) -> bytes:
    """Return a contig that no other file contains."""
    return f">c{number}\n{''.join(random.Random(number).choices('ACGT', k=450))}\n".encode()


def make_files() -> dict[str, bytes]:
    """Return the bytes of each key, with all prefixes in random order."""
    bodies = {f"reads/burst/sample{n}.fastq.gz": gzip.compress(make_fastq(n), mtime=0) for n in range(READS)}
    bodies |= {f"contigs/burst/{n}.fasta": make_fasta(n) for n in range(CONTIGS)}
    bodies |= {f"raw/burst/{n}.fastq": make_fastq(1000 + n) for n in range(RAW)}
    bodies |= {
        f"{['raw', 'reads', 'contigs'][n % 3]}/burst/broken{n}.fastq": FASTQ[: -4 - n % 3] for n in range(BROKEN)
    }
    keys = sorted(bodies)
    random.Random(0).shuffle(keys)
    return {key: bodies[key] for key in keys}


@pytest.fixture
def long_batching_window(aws, stack):
    """Give start_transform a long batching window, as in a lab."""
    functions = aws.client("lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = (entry for entry in mappings if "-StartTransformFunction-" in entry["FunctionArn"])
    before = mapping["MaximumBatchingWindowInSeconds"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=WINDOW)
    yield
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=before)


def test_two_hundred_files_together_reach_their_final_state(put, wait_for_end, aws, s3, stack, long_batching_window):
    bodies = make_files()
    assert len(bodies) == FILES
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(lambda item: put(*item), bodies.items()))
        list(threads.map(lambda version: send_again(aws, version), versions[::5]))
    uploads = {upload.key: upload for upload in wait_for_end(*versions)}
    expected = {key: "REJECTED" if "/broken" in key else "ARCHIVED" for key in bodies}
    assert {key: upload.state for key, upload in uploads.items()} == expected
    for key, upload in uploads.items():
        if upload.state == "ARCHIVED":
            assert_archived(s3, stack, upload, bodies[key])
            assert (
                len(s3.list_object_versions(Bucket=stack.archive, Prefix=archive_key(upload.upload))["Versions"]) == 1
            )
            assert len(upload.attempts) == (0 if key.startswith("raw/") else 1)
        else:
            assert s3.get_object(Bucket=stack.landing, Key=key)["Body"].read() == bodies[key]
    jobs = Counter(upload.attempts[0].job for upload in uploads.values() if upload.attempts)
    assert sum(jobs.values()) == READS + CONTIGS
    assert len(jobs) <= MOST_JOBS, jobs
    assert jobs.keys() <= list_job_names(aws)
    wait_for(lambda: not count_messages(aws), timeout=60)  # the duplicates have been handled as well
    assert {upload.key: upload.state for upload in wait_for_end(*versions)} == expected


def send_again(aws, version) -> None:
    sqs = aws.client("sqs")
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "ValidateQueue" in url)
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))


def list_job_names(aws) -> set[str]:
    pages = aws.client("sagemaker").get_paginator("list_transform_jobs").paginate()
    return {job["TransformJobName"] for page in pages for job in page["TransformJobSummaries"]}


def count_messages(aws) -> int:
    """Return the number of messages in all queues, including those in flight."""
    sqs, names = aws.client("sqs"), ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    urls = [url for url in sqs.list_queues()["QueueUrls"] if "seqdrop" in url]
    counts = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls]
    return sum(int(queue[name]) for queue in counts for name in names)
