"""S3 Batch Operations without a server: manifests, host names, and the states of a job."""

import csv
import io
import socket
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.account_hosts import resolve_account_hosts
from local.batch.errors import IdempotencyError, JobFailureError, JobStatusError
from local.batch.execution import _has_failed
from local.batch.jobs import Job, Jobs
from local.batch.manifest import parse_manifest

REQUEST = {"Operation": {"S3InitiateRestoreObject": {"ExpirationInDays": 1}}, "ClientRequestToken": "t", "Priority": 1}


@given(st.lists(st.text(min_size=1), min_size=1), st.sampled_from([quote, quote_plus]))
def test_keys_of_a_manifest_are_url_encoded(keys, encode):
    text = io.StringIO()
    csv.writer(text).writerows(["b", encode(key)] for key in keys)
    tasks = parse_manifest(text.getvalue().encode(), ["Bucket", "Key"])
    assert [task.key for task in tasks] == keys


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no objects"),
        (b"b,a\nb\n", "2 columns"),
        (b"b,a\nc,a\n", "more than one bucket"),
        (b"b,\n", "without a bucket or a key"),
        (b"\xff", "UTF-8"),
    ],
    ids=["empty", "columns", "buckets", "key", "bytes"],
)
def test_manifests_that_fail_a_job(content, problem):
    with pytest.raises(JobFailureError, match=problem):
        parse_manifest(content, ["Bucket", "Key"])


@pytest.mark.parametrize(
    ("succeeded", "failed", "fails"), [(0, 999, False), (500, 500, False), (499, 501, True), (5000, 4000, False)]
)
def test_a_job_fails_if_more_than_half_of_a_thousand_tasks_do(succeeded, failed, fails):
    assert _has_failed(SimpleNamespace(succeeded=succeeded, failed=failed)) == fails


def test_a_job_that_has_ended_stays_so():
    job = Job(REQUEST, "us-east-1", "0" * 12)
    for status in ("Preparing", "Ready", "Active", "Completing", "Complete", "Active"):
        job.move(status)
    assert job.status == "Complete"
    for wish in ("Ready", "Cancelled"):
        with pytest.raises(JobStatusError):
            job.update(wish, None)


def test_a_job_that_is_being_cancelled_ends_cancelled():
    job = Job(REQUEST, "us-east-1", "0" * 12)
    job.move("Active")
    job.update("Cancelled", "why")
    job.move("Completing")
    assert job.status == "Cancelling"
    job.move("Complete")
    assert (job.status, job.describe()["StatusUpdateReason"]) == ("Cancelled", "why")


def test_a_token_belongs_to_one_request():
    jobs = Jobs()
    first, is_new = jobs.create(REQUEST, "0" * 12, "us-east-1")
    assert (jobs.create(REQUEST, "0" * 12, "us-east-1"), is_new) == ((first, False), True)
    with pytest.raises(IdempotencyError):
        jobs.create(REQUEST | {"Priority": 2}, "0" * 12, "us-east-1")
    assert jobs.create(REQUEST, "1" * 12, "us-east-1")[1], "another account"


def test_only_hosts_with_an_account_are_resolved_to_loopback(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: asked.append(host))
    resolve_account_hosts()
    once = socket.getaddrinfo
    resolve_account_hosts()
    assert socket.getaddrinfo is once
    hosts = ["000000000000.127.0.0.1", "000000000000.localhost", "0.127.0.0.1", "000000000000.s3.amazonaws.com", None]
    for host in hosts:
        socket.getaddrinfo(host, 80)
    assert asked == ["127.0.0.1", "localhost", *hosts[2:]]
