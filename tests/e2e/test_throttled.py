"""AWS throttles, fails and cuts connections by a seeded schedule: every file becomes ARCHIVED, exactly once."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from seqdrop.uploads import UploadVersion

from tests.e2e.test_burst import make_fastq
from tests.e2e.test_routes import assert_archived
from tests.support.throttling import CUT_AFTER, CUT_BEFORE, CUT_WITHIN, THROTTLE, Schedule, throttled

pytestmark = pytest.mark.long
SEEDS, FILES = (1, 2), 12
SERVICES = ("S3", "DYNAMODB", "SQS", "SNS", "SAGEMAKER")


@pytest.fixture(params=SEEDS)
def seed(request) -> int:
    return request.param


@pytest.fixture
def schedule(seed) -> Schedule:
    return Schedule(seed)


@pytest.fixture
def proxy(aws, schedule):
    """The endpoint of a proxy before the embedded AWS."""
    with throttled(aws.endpoint, schedule) as endpoint:
        yield endpoint


@pytest.fixture
def functions(proxy, aws, stack):
    """Send the calls of all functions through the proxy for the length of a test."""
    client = aws.client("lambda")
    before = {item["FunctionName"]: item["Environment"]["Variables"] for item in client.list_functions()["Functions"]}
    through = {f"AWS_ENDPOINT_URL_{service}": proxy for service in SERVICES}
    for name, variables in before.items():
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables | through})
    yield before
    for name, variables in before.items():
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@pytest.fixture
def put_through(proxy, pipeline):
    """Return a function that drops a file through the proxy, as an uploader with boto3's default retries would."""
    keys = pipeline.aws.settings()
    client = boto3.client(
        "s3",
        endpoint_url=proxy,
        region_name=pipeline.aws.region,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )

    def put(key: str, body: bytes) -> UploadVersion:
        answer = client.put_object(Bucket=pipeline.stack.landing, Key=key, Body=body)
        return UploadVersion(pipeline.stack.landing, key, answer["VersionId"], len(body), answer["ETag"].strip('"'))

    return put


def make_bodies(seed: int) -> dict[str, bytes]:
    """Return files that no other test or seed drops: half are only kept, half have predictions."""
    raw = {f"raw/throttled{seed}/{n}.fastq": make_fastq(50_000 + 100 * seed + n) for n in range(FILES // 2)}
    reads = {
        f"reads/throttled{seed}/{n}.fastq.gz": gzip.compress(make_fastq(60_000 + 100 * seed + n), mtime=0)
        for n in range(FILES // 2)
    }
    return raw | reads


def test_throttles_and_cut_connections_lose_and_repeat_nothing(seed, schedule, functions, put_through, pipeline):
    """If the answer to an uploader is cut, its client sends the file again: one of both versions is a DUPLICATE."""
    assert functions
    bodies = make_bodies(seed)
    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(lambda item: put_through(*item), bodies.items()))
    uploads = pipeline.wait_for_end(*versions)
    assert {upload.state for upload in uploads} <= {"ARCHIVED", "DUPLICATE"}
    for upload in uploads:
        copies = list_copies(pipeline, upload.key)
        assert [copy["Size"] for copy in copies] == [len(bodies[upload.key])]
        if upload.state == "ARCHIVED":
            assert_archived(pipeline.s3, pipeline.stack, upload, bodies[upload.key])
            assert [attempt.state for attempt in upload.attempts] == ["PREDICTED"] * upload.key.startswith("reads/")
    lost = schedule.counts["s3", CUT_AFTER] + schedule.counts["s3", CUT_WITHIN]
    assert sum(upload.state == "DUPLICATE" for upload in uploads) <= lost
    assert schedule.counts["s3", CUT_BEFORE] + lost
    assert {service for service, outcome in schedule.counts if outcome == THROTTLE} >= {"s3", "dynamodb", "sqs"}


def list_copies(pipeline, key: str) -> list[dict]:
    """Return every version in the archive bucket of files that were dropped under a key."""
    folder, name = key.rsplit("/", 1)
    copies = pipeline.s3.list_object_versions(Bucket=pipeline.stack.archive, Prefix=f"{folder}/").get("Versions", [])
    return [copy for copy in copies if copy["Key"].endswith(f"/{name}")]
