"""Files above the threshold of analyses.toml are examined by a processing job, and the same comes of it.

A second stack is deployed from a copy of the tree whose threshold is tiny, as a lab would do that edits analyses.toml.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console
from seqdrop.aws.ranged_stream import PART
from seqdrop.models.code_bundles import current_code, push_code
from seqdrop.runtime.events import make_landed_message
from seqdrop.sagemaker.names import examination_name
from seqdrop_cli.landing import plan_drops
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, dropped, subscribed, target_of

pytestmark = pytest.mark.long  # a stack of its own; what a job does is held by contract tests as well

THRESHOLD = 2_000  # bytes
FASTQ = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"


@pytest.fixture(scope="module")
def tiny(aws, repository, tmp_path_factory):
    """The stack with the tiny threshold, and what tests do with it."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, tree / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, tree)
    text, count = re.subn(
        r"lambda_gb = \S+", f"lambda_gb = {THRESHOLD / 1e9:.9f}", (repository / "analyses.toml").read_text()
    )
    assert count == 1
    (tree / "layers/seqdrop/seqdrop/analyses.toml").write_text(text)
    stack, s3 = deploy(aws, tree=tree, name="tiny"), aws.client("s3")
    ledger = target_of(aws, stack).ledger()
    return SimpleNamespace(
        stack=stack,
        ledger=ledger,
        put=lambda key, body: dropped(s3, stack.landing, key, body),
        end=lambda *versions: watch(ledger, list(versions), Console(quiet=True), PATIENCE),
    )


@pytest.fixture(scope="module")
def ended(samples, tiny, put, end):
    """Where files of the demo ended in the usual stack and in the tiny one, by key."""
    bodies = {drop.key: drop.path.read_bytes() for drop in plan_drops([samples]) if not drop.key.startswith("contigs/")}
    here = [tiny.put(key, body) for key, body in bodies.items()]
    usual = end(*[put(key, body) for key, body in bodies.items()])
    return {one.key: one for one in usual}, {one.key: one for one in tiny.end(*here)}


def log(aws, name: str) -> str:
    return (aws.workdir / "processing-jobs" / name / "container.log").read_text()


def found(s3, stack, uploads: dict, key: str) -> list[bytes]:
    """The report and the shards, with keys for the ids that differ from stack to stack."""
    one = uploads[key]
    listed = s3.list_objects_v2(Bucket=stack.work, Prefix=f"shards/{one.upload_id}/").get("Contents", [])
    places = [(stack.results, f"reports/{one.upload_id}.json"), *((stack.work, item["Key"]) for item in listed)]
    bodies = [s3.get_object(Bucket=bucket, Key=place)["Body"].read() for bucket, place in places]
    for other in uploads.values():
        for word in (other.upload_id, other.upload.version_id):
            bodies = [body.replace(word.encode(), other.key.encode()) for body in bodies]
    return bodies


class TestThroughAJob:
    def test_each_ends_as_it_does_without(self, ended):
        usual, here = ended
        assert {key: (one.state, one.upload.reason) for key, one in here.items()} == {
            key: (one.state, one.upload.reason) for key, one in usual.items()
        }
        assert {one.state for one in here.values()} == {"ARCHIVED", "REJECTED"}

    def test_reports_and_shards_are_the_same(self, ended, s3, stack, tiny):
        usual, here = ended
        for key in here:
            assert found(s3, tiny.stack, here, key) == found(s3, stack, usual, key), key
        assert len(found(s3, stack, usual, "reads/run1/S1_L001_R1_001.fastq.gz")) == 2, "a report and a shard"

    def test_it_was_a_job_that_examined_each(self, ended, aws, tiny):
        for key, one in ended[1].items():
            job = tiny.ledger.find_job(examination_name(one.upload_id, 1))
            assert (job.state, job.task, job.upload) == ("DONE", "examine", one.upload_id), key
            told = aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)
            assert told["ExitMessage"] == (one.upload.reason or "valid")

    def test_its_log_tells_how_far_it_was_and_nothing_of_the_reads(self, ended, aws, repository):
        one = ended[1]["raw/run1/S3_L001_R1_001.fastq.gz"]
        text = log(aws, examination_name(one.upload_id, 1))
        assert "400 records" in text
        assert str(repository) not in text, "what ran is what was pushed"
        assert not re.search("[ACGTN]{20}", text.replace(one.upload_id, ""))

    def test_without_it_there_is_no_job(self, ended, aws):
        for one in ended[0].values():
            assert (
                aws.client("sagemaker").list_processing_jobs(NameContains=one.upload_id)["ProcessingJobSummaries"] == []
            )

    def test_a_file_of_several_parts_is_read_whole_by_both(self, tiny, put, end, s3, stack):
        count = 2 * PART // 300
        body = b"".join(b"@r%d\n%b\n+\n%b\n" % (number, b"ACGT" * 37, b"I" * 148) for number in range(count))
        assert len(body) > 2 * PART
        here = tiny.put("raw/parts.fastq", body)
        for (one,), results in ((end(put("raw/parts.fastq", body)), stack), (tiny.end(here), tiny.stack)):
            assert one.state == "ARCHIVED", one.detail
            place = {"Bucket": results.results, "Key": f"reports/{one.upload_id}.json"}
            report = json.loads(s3.get_object(**place)["Body"].read())
            assert (report["records"], report["sha256"]) == (count, hashlib.sha256(body).hexdigest())

    def test_a_small_file_is_examined_by_the_lambda(self, tiny, aws):
        (one,) = tiny.end(tiny.put("raw/small.fastq", FASTQ))
        assert one.state == "ARCHIVED"
        assert tiny.ledger.find_job(examination_name(one.upload_id, 1)) is None


class TestTrouble:
    BODY = b"".join(FASTQ.replace(b"r1", b"r%d" % number) for number in range(200))

    @pytest.fixture
    def broken_code(self, tiny, s3):
        """Jobs that fail, until the test is over."""
        results, key = tiny.stack.results, "processing/current.json"
        before = s3.get_object(Bucket=results, Key=key)["Body"].read()
        push_code(s3, results, b"no archive", "2026-01-01T00:00:00Z")
        yield
        s3.put_object(Bucket=results, Key=key, Body=before)
        assert current_code(s3, results).digest == json.loads(before)["current"]["digest"]

    def test_a_job_that_fails_is_tried_again_then_told_and_the_file_stays(self, tiny, aws, s3, broken_code):
        mails = subscribed(aws, tiny.stack.topic, "mails-tiny")
        version = tiny.put("raw/unlucky.fastq", self.BODY)
        (one,) = tiny.end(version)
        assert (one.state, one.upload.state) == ("UNEXAMINED", "RECEIVED")
        mail = mails.wait_for(version.id)
        assert "could not examine raw/unlucky.fastq" in mail["Subject"]
        jobs = [tiny.ledger.find_job(examination_name(version.id, number)) for number in (1, 2)]
        assert [job.state for job in jobs] == ["FAILED", "FAILED"]
        assert s3.get_object(Bucket=tiny.stack.landing, Key=version.key)["Body"].read() == self.BODY

    def test_events_that_come_together_make_one_job(self, tiny, aws):
        version = tiny.put("raw/together.fastq", self.BODY)
        functions = aws.client("lambda").list_functions()["Functions"]
        here = next(f for f in functions if f["FunctionName"].startswith("tiny-ValidateFunction"))
        url = here["Environment"]["Variables"]["SEQDROP_VALIDATE_QUEUE"]
        for _ in range(4):
            aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))
        (one,) = tiny.end(version)
        assert one.state == "ARCHIVED", one.detail
        listed = aws.client("sagemaker").list_processing_jobs(NameContains=version.id)["ProcessingJobSummaries"]
        assert len(listed) == 1
