"""A processing job examines files above the threshold of analyses.toml, with the same outcome as a Lambda.

A second stack is deployed from a copy of the tree whose analyses.toml has a tiny threshold.
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
from tests.e2e.conftest import PATIENCE, drop_file, make_target, subscribe

pytestmark = pytest.mark.long  # deploys its own stack; contract tests cover the job as well

THRESHOLD = 2_000  # bytes
FASTQ = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"


@pytest.fixture(scope="module")
def tiny(aws, repository, tmp_path_factory):
    """The stack with the tiny threshold, and functions to use it."""
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
    ledger = make_target(aws, stack).ledger()
    return SimpleNamespace(
        stack=stack,
        ledger=ledger,
        put=lambda key, body: drop_file(s3, stack.landing, key, body),
        wait_for_end=lambda *versions: watch(ledger, list(versions), Console(quiet=True), PATIENCE),
    )


@pytest.fixture(scope="module")
def uploads_of_both(samples, tiny, put, wait_for_end):
    """The final progress of the demo's files by key, in the usual stack and in the tiny one."""
    bodies = {drop.key: drop.path.read_bytes() for drop in plan_drops([samples]) if not drop.key.startswith("contigs/")}
    in_tiny = [tiny.put(key, body) for key, body in bodies.items()]
    in_usual = wait_for_end(*[put(key, body) for key, body in bodies.items()])
    return {upload.key: upload for upload in in_usual}, {upload.key: upload for upload in tiny.wait_for_end(*in_tiny)}


def read_log(aws, name: str) -> str:
    return (aws.workdir / "processing-jobs" / name / "container.log").read_text()


def read_report_and_shards(s3, stack, uploads: dict, key: str) -> list[bytes]:
    """Return the report and the shards. Ids, which differ between stacks, are replaced by keys."""
    upload = uploads[key]
    shards = s3.list_objects_v2(Bucket=stack.work, Prefix=f"shards/{upload.upload_id}/").get("Contents", [])
    places = [(stack.results, f"reports/{upload.upload_id}.json"), *((stack.work, item["Key"]) for item in shards)]
    bodies = [s3.get_object(Bucket=bucket, Key=place)["Body"].read() for bucket, place in places]
    for other in uploads.values():
        for word in (other.upload_id, other.upload.version_id):
            bodies = [body.replace(word.encode(), other.key.encode()) for body in bodies]
    return bodies


class TestExaminationByJob:
    def test_each_file_has_the_same_final_state_as_without_a_job(self, uploads_of_both):
        usual, tiny_uploads = uploads_of_both
        assert {key: (upload.state, upload.upload.reason) for key, upload in tiny_uploads.items()} == {
            key: (upload.state, upload.upload.reason) for key, upload in usual.items()
        }
        assert {upload.state for upload in tiny_uploads.values()} == {"ARCHIVED", "REJECTED"}

    def test_reports_and_shards_are_the_same(self, uploads_of_both, s3, stack, tiny):
        usual, tiny_uploads = uploads_of_both
        for key in tiny_uploads:
            expected = read_report_and_shards(s3, stack, usual, key)
            assert read_report_and_shards(s3, tiny.stack, tiny_uploads, key) == expected, key
        assert len(read_report_and_shards(s3, stack, usual, "reads/run1/S1_L001_R1_001.fastq.gz")) == 2, (
            "a report and a shard"
        )

    def test_a_job_examined_each_file(self, uploads_of_both, aws, tiny):
        for key, upload in uploads_of_both[1].items():
            job = tiny.ledger.find_job(examination_name(upload.upload_id, 1))
            assert (job.state, job.task, job.upload) == ("DONE", "examine", upload.upload_id), key
            description = aws.client("sagemaker").describe_processing_job(ProcessingJobName=job.name)
            assert description["ExitMessage"] == (upload.upload.reason or "valid")

    def test_the_log_of_a_job_has_the_progress_and_no_sequences(self, uploads_of_both, aws, repository):
        upload = uploads_of_both[1]["raw/run1/S3_L001_R1_001.fastq.gz"]
        text = read_log(aws, examination_name(upload.upload_id, 1))
        assert "400 records" in text
        assert str(repository) not in text, "the job runs the pushed code"
        assert not re.search("[ACGTN]{20}", text.replace(upload.upload_id, ""))

    def test_the_usual_stack_has_no_job(self, uploads_of_both, aws):
        for upload in uploads_of_both[0].values():
            assert (
                aws.client("sagemaker").list_processing_jobs(NameContains=upload.upload_id)["ProcessingJobSummaries"]
                == []
            )

    def test_a_file_of_several_parts_is_read_completely_by_both(self, tiny, put, wait_for_end, s3, stack):
        count = 2 * PART // 300
        body = b"".join(b"@r%d\n%b\n+\n%b\n" % (number, b"ACGT" * 37, b"I" * 148) for number in range(count))
        assert len(body) > 2 * PART
        tiny_uploads = tiny.put("raw/parts.fastq", body)
        for (upload,), results in (
            (wait_for_end(put("raw/parts.fastq", body)), stack),
            (tiny.wait_for_end(tiny_uploads), tiny.stack),
        ):
            assert upload.state == "ARCHIVED", upload.detail
            place = {"Bucket": results.results, "Key": f"reports/{upload.upload_id}.json"}
            report = json.loads(s3.get_object(**place)["Body"].read())
            assert (report["records"], report["sha256"]) == (count, hashlib.sha256(body).hexdigest())

    def test_a_small_file_is_examined_by_the_lambda(self, tiny, aws):
        (upload,) = tiny.wait_for_end(tiny.put("raw/small.fastq", FASTQ))
        assert upload.state == "ARCHIVED"
        assert tiny.ledger.find_job(examination_name(upload.upload_id, 1)) is None


class TestFailuresAndDuplicates:
    BODY = b"".join(FASTQ.replace(b"r1", b"r%d" % number) for number in range(200))

    @pytest.fixture
    def broken_code(self, tiny, s3):
        """Make all processing jobs fail during the test."""
        models, key = tiny.stack.models, "processing/current.json"
        before = s3.get_object(Bucket=models, Key=key)["Body"].read()
        push_code(s3, models, b"no archive", "2026-01-01T00:00:00Z")
        yield
        s3.put_object(Bucket=models, Key=key, Body=before)
        assert current_code(s3, models).digest == json.loads(before)["current"]["digest"]

    def test_a_failed_job_is_retried_then_reported_and_the_file_stays(self, tiny, aws, s3, broken_code):
        mails = subscribe(aws, tiny.stack.topic, "mails-tiny")
        version = tiny.put("raw/unlucky.fastq", self.BODY)
        (upload,) = tiny.wait_for_end(version)
        assert (upload.state, upload.upload.state) == ("UNEXAMINED", "RECEIVED")
        mail = mails.wait_for(version.id)
        assert "could not examine raw/unlucky.fastq" in mail["Subject"]
        jobs = [tiny.ledger.find_job(examination_name(version.id, number)) for number in (1, 2)]
        assert [job.state for job in jobs] == ["FAILED", "FAILED"]
        assert s3.get_object(Bucket=tiny.stack.landing, Key=version.key)["Body"].read() == self.BODY

    def test_simultaneous_events_start_one_job(self, tiny, aws):
        version = tiny.put("raw/together.fastq", self.BODY)
        functions = aws.client("lambda").list_functions()["Functions"]
        here = next(f for f in functions if f["FunctionName"].startswith("tiny-ValidateFunction"))
        url = here["Environment"]["Variables"]["SEQDROP_VALIDATE_QUEUE"]
        for _ in range(4):
            aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))
        (upload,) = tiny.wait_for_end(version)
        assert upload.state == "ARCHIVED", upload.detail
        listed = aws.client("sagemaker").list_processing_jobs(NameContains=version.id)["ProcessingJobSummaries"]
        assert len(listed) == 1
