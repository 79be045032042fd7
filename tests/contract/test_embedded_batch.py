"""S3 Batch Operations: jobs that request restores, with the role, the manifest and the report of the service."""

import csv
import hashlib
import io
import json
from urllib.parse import quote

import pytest
from botocore.exceptions import ParamValidationError

from local.testing import (
    EventLog,
    allow,
    assume_role,
    expect_error,
    make_bucket,
    make_role,
    run_function,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]
BATCH = "batchoperations.s3.amazonaws.com"
ENDED = ("Complete", "Failed", "Cancelled")
CALLER = """
import os, boto3
def handler(event, context):
    return boto3.client("s3control").list_jobs(AccountId=os.environ["ACCOUNT"])["ResponseMetadata"]["HTTPStatusCode"]
"""


class Bench:
    """A bucket of archived objects, a bucket of manifests and reports, and a role for jobs."""

    def __init__(self, aws) -> None:
        self.aws, self.s3, self.control = aws, aws.client("s3"), aws.client("s3control")
        self.archive, self.work = make_bucket(aws, versioned=True), make_bucket(aws)
        self.role = self.make_role()

    def make_role(self, *without: str, service: str = BATCH) -> str:
        needed = {
            "s3:RestoreObject": f"arn:aws:s3:::{self.archive}/*",
            "s3:GetObject": f"arn:aws:s3:::{self.work}/*",
            "s3:PutObject": f"arn:aws:s3:::{self.work}/reports/*",
        }
        statements = [allow(action, arn) for action, arn in needed.items() if action not in without]
        return make_role(self.aws, *statements, service=service)

    def archived(self, *keys: str, storage_class: str = "DEEP_ARCHIVE") -> dict[str, str]:
        """Write archived objects; return their version ids by key."""
        request = {"Bucket": self.archive, "Body": b"bases", "StorageClass": storage_class}
        return {key: self.s3.put_object(Key=key, **request)["VersionId"] for key in keys}

    def request(self, rows: list[list[str]], fields: tuple[str, ...] = ("Bucket", "Key"), **changes) -> dict:
        """Return a CreateJob request; its manifest has these rows."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        key = unique_name("manifests/job")
        tag = self.s3.put_object(Bucket=self.work, Key=key, Body=text.getvalue().encode())["ETag"]
        return {
            "AccountId": self.aws.account,
            "ConfirmationRequired": False,
            "Operation": {"S3InitiateRestoreObject": {"ExpirationInDays": 3, "GlacierJobTier": "BULK"}},
            "Report": self.report("AllTasks"),
            "ClientRequestToken": unique_name("token"),
            "Manifest": {
                "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": list(fields)},
                "Location": {"ObjectArn": f"arn:aws:s3:::{self.work}/{key}", "ETag": tag.strip('"')},
            },
            "Priority": 10,
            "RoleArn": self.role,
        } | changes

    def report(self, scope: str) -> dict:
        bucket = f"arn:aws:s3:::{self.work}"
        form = {"Format": "Report_CSV_20180820", "Prefix": "reports/restore", "ReportScope": scope}
        return {"Enabled": True, "Bucket": bucket} | form

    def rows(self, *keys: str) -> list[list[str]]:
        return [[self.archive, quote(key)] for key in keys]

    def describe(self, job: str) -> dict:
        return self.control.describe_job(AccountId=self.aws.account, JobId=job)["Job"]

    def wait(self, job: str, *statuses: str) -> dict:
        def probe() -> dict | None:
            description = self.describe(job)
            return description if description["Status"] in (statuses or ENDED) else None

        return wait_for(probe)

    def run(self, rows: list[list[str]], *fields: str, **changes) -> dict:
        request = self.request(rows, fields or ("Bucket", "Key"), **changes)
        return self.wait(self.control.create_job(**request)["JobId"])

    def read_report(self, job: str) -> dict[str, list[list[str]]]:
        """Return the rows of a job's report by outcome, after a check of its checksums."""
        folder = f"reports/restore/job-{job}"
        manifest = self.read(f"{folder}/manifest.json")
        assert self.read(f"{folder}/manifest.json.md5").decode() == hashlib.md5(manifest).hexdigest()
        rows = {}
        for result in json.loads(manifest)["Results"]:
            content = self.read(result["Key"])
            assert hashlib.md5(content).hexdigest() == result["MD5Checksum"]
            rows[result["TaskExecutionStatus"]] = list(csv.reader(io.StringIO(content.decode())))
        return rows

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.work, Key=key)["Body"].read()


@pytest.fixture
def bench(aws) -> Bench:
    return Bench(aws)


class TestRestores:
    """What a job does to the objects of its manifest."""

    def test_each_object_is_requested_and_announces_its_own_end(self, aws, bench):
        keys = ("run 1/a+b.fastq.gz", "run 1/ü.fastq.gz")
        versions = bench.archived(*keys)
        names = ["Object Restore Initiated", "Object Restore Completed"]
        pattern = {"source": ["aws.s3"], "detail-type": names, "detail": {"bucket": {"name": [bench.archive]}}}
        events = EventLog(aws, pattern)
        job = bench.run(bench.rows(*keys))
        assert job["Status"] == "Complete", job
        counts = {"TotalNumberOfTasks": 2, "NumberOfTasksSucceeded": 2, "NumberOfTasksFailed": 0}
        assert job["ProgressSummary"].items() >= counts.items()
        # Complete means that the restores were requested: the objects cannot be read yet.
        with expect_error("InvalidObjectState"):
            bench.s3.get_object(Bucket=bench.archive, Key=keys[0])
        announced = events.first(4)
        assert {(event["detail-type"], event["detail"]["object"]["version-id"]) for event in announced} == {
            (name, version) for name in names for version in versions.values()
        }
        assert bench.s3.get_object(Bucket=bench.archive, Key=keys[0])["Body"].read() == b"bases"

    def test_a_manifest_names_versions(self, bench):
        version = bench.archived("a")["a"]
        job = bench.run([[bench.archive, "a", version]], "Bucket", "Key", "VersionId")
        assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 1
        assert bench.read_report(job["JobId"]) == {
            "succeeded": [[bench.archive, "a", version, "succeeded", "202", "", ""]]
        }
        mixed = [[bench.archive, "a", version], [bench.archive, "a", ""]]
        failure = bench.run(mixed, "Bucket", "Key", "VersionId")["FailureReasons"][0]
        assert "some rows only" in failure["FailureReason"]

    def test_failed_tasks_have_rows_of_their_own(self, bench):
        bench.archived("a")
        bench.archived("warm", storage_class="STANDARD")
        job = bench.run(bench.rows("a", "gone", "warm"))
        assert job["Status"] == "Complete", job
        assert job["ProgressSummary"]["NumberOfTasksFailed"] == 2
        rows = bench.read_report(job["JobId"])
        assert [row[:6] for row in rows["succeeded"]] == [[bench.archive, "a", "", "succeeded", "202", ""]]
        assert [row[:6] for row in rows["failed"]] == [
            [bench.archive, "gone", "", "failed", "404", "NoSuchKey"],
            [bench.archive, "warm", "", "failed", "403", "ObjectAlreadyInActiveTierError"],
        ]

    def test_a_report_of_failures_leaves_the_others_out(self, bench):
        bench.archived("a")
        job = bench.run(bench.rows("a", "gone"), Report=bench.report("FailedTasksOnly"))
        assert set(bench.read_report(job["JobId"])) == {"failed"}

    @pytest.mark.long
    def test_a_restore_in_progress_fails_and_a_restored_object_is_extended(self, bench):
        bench.archived("a")
        bench.run(bench.rows("a"))
        again = bench.read_report(bench.run(bench.rows("a"))["JobId"])
        assert again["failed"][0][4:6] == ["409", "RestoreAlreadyInProgress"]
        wait_for(lambda: 'false"' in bench.s3.head_object(Bucket=bench.archive, Key="a")["Restore"])
        extended = bench.read_report(bench.run(bench.rows("a"))["JobId"])
        assert extended["succeeded"][0][4] == "200"


class TestRoles:
    """The job's role decides, not the caller's."""

    def test_a_role_that_may_not_restore_fails_each_task(self, bench):
        bench.archived("a")
        job = bench.run(bench.rows("a"), RoleArn=bench.make_role("s3:RestoreObject"))
        assert bench.read_report(job["JobId"])["failed"][0][4:6] == ["403", "AccessDenied"]

    @pytest.mark.parametrize(("action", "code"), [("s3:GetObject", "Forbidden"), ("s3:PutObject", "ReportNotWritten")])
    def test_a_role_without_the_manifest_or_the_report_fails_the_job(self, bench, action, code):
        bench.archived("a")
        job = bench.run(bench.rows("a"), RoleArn=bench.make_role(action))
        assert (job["Status"], job["FailureReasons"][0]["FailureCode"]) == ("Failed", code)

    def test_a_role_that_does_not_trust_the_service_fails_the_job(self, bench):
        job = bench.run(bench.rows("a"), RoleArn=bench.make_role(service="lambda.amazonaws.com"))
        assert job["FailureReasons"][0]["FailureCode"] == "AssumeRoleFailed"

    def test_the_caller_needs_the_action_and_may_pass_the_role(self, aws, bench):
        request = bench.request(bench.rows("a"))
        job = allow("s3:CreateJob")
        for statements, missing in [((), "s3:CreateJob"), ((job,), "iam:PassRole")]:
            control = assume_role(aws, make_role(aws, *statements)).client("s3control")
            with expect_error("AccessDenied", missing if statements else ""):
                control.create_job(**request)
        passing = allow("iam:PassRole", bench.role, Condition={"StringEquals": {"iam:PassedToService": BATCH}})
        control = assume_role(aws, make_role(aws, job, passing)).client("s3control")
        assert bench.wait(control.create_job(**request)["JobId"])


class TestStates:
    """Confirmation, cancellation, tokens and lists."""

    def test_a_job_waits_for_its_confirmation(self, bench):
        bench.archived("a")
        job = bench.control.create_job(**bench.request(bench.rows("a"), ConfirmationRequired=True))["JobId"]
        assert bench.wait(job, "Suspended")["ProgressSummary"]["TotalNumberOfTasks"] == 1
        assert "Restore" not in bench.s3.head_object(Bucket=bench.archive, Key="a")
        update = {"AccountId": bench.aws.account, "JobId": job, "RequestedJobStatus": "Ready"}
        assert bench.control.update_job_status(**update)["Status"] == "Ready"
        assert bench.wait(job)["Status"] == "Complete"
        with expect_error("JobStatusException"):
            bench.control.update_job_status(**update)

    def test_a_cancelled_job_restores_nothing(self, bench):
        bench.archived("a")
        job = bench.control.create_job(**bench.request(bench.rows("a"), ConfirmationRequired=True))["JobId"]
        bench.wait(job, "Suspended")
        update = {"AccountId": bench.aws.account, "JobId": job, "StatusUpdateReason": "too dear"}
        bench.control.update_job_status(RequestedJobStatus="Cancelled", **update)
        ended = bench.wait(job)
        assert (ended["Status"], ended["StatusUpdateReason"]) == ("Cancelled", "too dear")
        assert "Restore" not in bench.s3.head_object(Bucket=bench.archive, Key="a")

    def test_a_token_names_one_job(self, bench):
        request = bench.request(bench.rows("a"))
        job = bench.control.create_job(**request)["JobId"]
        assert bench.control.create_job(**request)["JobId"] == job
        with expect_error("IdempotencyException"):
            bench.control.create_job(**request | {"Priority": 11})

    def test_jobs_are_listed_by_status(self, bench):
        job = bench.run(bench.rows("gone"))
        account = {"AccountId": bench.aws.account}
        listed = bench.control.list_jobs(**account, JobStatuses=["Complete"], MaxResults=1)
        entry = listed["Jobs"][0]
        assert (entry["JobId"], entry["Operation"]) == (job["JobId"], "S3InitiateRestoreObject")
        assert not bench.control.list_jobs(**account, JobStatuses=["Paused"]).get("Jobs")

    def test_an_unknown_job_is_an_error(self, bench):
        with expect_error("NoSuchJobException"):
            bench.describe("00000000-absent")


class TestRequests:
    """Requests that the service refuses, and jobs that fail before their first task."""

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"Operation": {"S3DeleteObjectTagging": {}}}, id="operation"),
            pytest.param({"Operation": {"S3InitiateRestoreObject": {"GlacierJobTier": "BULK"}}}, id="no-days"),
            pytest.param({"Operation": {"S3InitiateRestoreObject": {"ExpirationInDays": 0}}}, id="zero-days"),
            pytest.param(
                {"Operation": {"S3InitiateRestoreObject": {"ExpirationInDays": 1, "GlacierJobTier": "Bulk"}}},
                id="lower-case-tier",
            ),
            pytest.param(
                {"Operation": {"S3InitiateRestoreObject": {"ExpirationInDays": 1, "GlacierJobTier": "EXPEDITED"}}},
                id="expedited",
            ),
            pytest.param({"Report": {"Enabled": True}}, id="report"),
            pytest.param({"RoleArn": "role"}, id="role"),
        ],
    )
    def test_requests_that_break_a_rule(self, bench, change):
        with expect_error("InvalidRequest"):
            bench.control.create_job(**bench.request(bench.rows("a"), **change))

    def test_a_manifest_needs_buckets_and_keys(self, bench):
        with expect_error("InvalidRequest", "Bucket and Key"):
            bench.control.create_job(**bench.request([["a"]], ("Key",)))
        with pytest.raises(ParamValidationError):
            bench.control.create_job(**bench.request([["a"]], Priority=None))

    @pytest.mark.parametrize(
        ("change", "code"),
        [("ETag", "ManifestETagMismatch"), ("ObjectArn", "Forbidden")],  # the role may not list the bucket
    )
    def test_another_manifest_fails_the_job(self, bench, change, code):
        request = bench.request(bench.rows("a"))
        request["Manifest"]["Location"][change] += "x"
        job = bench.wait(bench.control.create_job(**request)["JobId"])
        assert (job["Status"], job["FailureReasons"][0]["FailureCode"]) == ("Failed", code)


def test_a_function_calls_it_with_a_plain_client(aws):
    role = make_role(aws, allow("s3:ListJobs"), service="lambda.amazonaws.com")
    assert run_function(aws, CALLER, role, ACCOUNT=aws.account) == 200
