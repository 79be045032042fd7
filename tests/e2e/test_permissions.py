"""IAM is enforced in the embedded AWS: a function's role grants its permissions and no others."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

# Runs in a Lambda with the role under test, and returns the outcome of each call.
PROBE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    outcomes = {}
    for service, operation, arguments in event["calls"]:
        try:
            getattr(boto3.client(service), operation)(**arguments)
            outcomes[operation] = "granted"
        except ClientError as error:
            outcomes[operation] = error.response["Error"]["Code"]
    return outcomes
"""


@pytest.fixture(scope="module")
def try_call(aws, stack):
    """Return a function that calls AWS with the role of a function in the template.

    It returns {operation: "granted" or the error code}.
    """
    functions, probes = aws.client("lambda"), []

    def call(function: str, *calls) -> dict:
        deployed = functions.list_functions()["Functions"]
        details = next(item for item in deployed if f"-{function}Function-" in item["FunctionName"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("probe.py", PROBE)
        name = f"probe-{function}"
        if name not in probes:
            probes.append(name)
            functions.create_function(
                FunctionName=name,
                Role=details["Role"],
                Runtime=details["Runtime"],
                Handler="probe.handler",
                Code={"ZipFile": buffer.getvalue()},
                Timeout=30,
            )
        response = functions.invoke(FunctionName=name, Payload=json.dumps({"calls": calls}).encode())
        return json.loads(response["Payload"].read())

    yield call
    for name in probes:
        functions.delete_function(FunctionName=name)


def test_only_archive_may_delete_from_landing(try_call, put, stack):
    version = put("raw/permissions.fastq", b"")  # rejected as empty, so it stays
    place = {"Bucket": stack.landing, "Key": version.key, "VersionId": version.version_id}
    for function in ("Validate", "StartTransform", "Finish", "Reconcile"):
        assert try_call(function, ("s3", "delete_object", place)) == {"delete_object": "AccessDenied"}, function
    marker = {"Bucket": stack.landing, "Key": version.key}
    # Even archive must not create a delete marker, which would hide a file that is still billed.
    assert try_call("Archive", ("s3", "delete_object", marker)) == {"delete_object": "AccessDenied"}
    assert try_call("Archive", ("s3", "delete_object", place)) == {"delete_object": "granted"}


def test_validate_writes_reports_but_no_results(try_call, stack):
    written = {"Bucket": stack.results, "Body": "x"}
    assert try_call("Validate", ("s3", "put_object", {**written, "Key": "reports/probe.json"})) == {
        "put_object": "granted"
    }
    assert try_call("Validate", ("s3", "put_object", {**written, "Key": "results/probe"})) == {
        "put_object": "AccessDenied"
    }


def test_only_validate_reads_and_writes_the_names_of_reads(try_call, stack):
    place = {"Bucket": stack.work, "Key": "names/probe"}
    assert try_call("Validate", ("s3", "put_object", {**place, "Body": "x"})) == {"put_object": "granted"}
    assert try_call("Validate", ("s3", "get_object", place)) == {"get_object": "granted"}
    for function in ("StartTransform", "Finish", "Archive", "Reconcile"):
        assert try_call(function, ("s3", "get_object", place)) == {"get_object": "AccessDenied"}, function


def test_only_archive_reads_the_archive(try_call, stack):
    place = {"Bucket": stack.archive, "Key": "raw/none"}
    for function in ("Validate", "StartTransform", "Finish", "Reconcile"):
        assert try_call(function, ("s3", "get_object", place)) == {"get_object": "AccessDenied"}, function


def test_reconcile_and_finish_cannot_read_dropped_files(try_call, put, stack):
    version = put("raw/unread.fastq", b"")
    place = {"Bucket": stack.landing, "Key": version.key}
    for function in ("StartTransform", "Finish", "Reconcile"):
        assert try_call(function, ("s3", "get_object", place)) == {"get_object": "AccessDenied"}, function
    assert try_call("Validate", ("s3", "get_object", place)) == {"get_object": "granted"}


def test_functions_may_publish_and_not_subscribe(try_call, stack):
    mail = ("sns", "publish", {"TopicArn": stack.topic, "Message": "probe"})
    assert try_call("Validate", mail) == {"publish": "granted"}
    assert try_call("Archive", ("sns", "subscribe", {"TopicArn": stack.topic, "Protocol": "email", "Endpoint": "a@b"}))[
        "subscribe"
    ].startswith("Auth")


def test_only_start_transform_describes_jobs_of_the_stack(try_call):
    call = ("sagemaker", "describe_transform_job", {"TransformJobName": "seqdrop-none"})
    assert try_call("Archive", call)["describe_transform_job"].startswith("AccessDenied")
    assert not try_call("StartTransform", call)["describe_transform_job"].startswith("AccessDenied")
    foreign = ("sagemaker", "describe_transform_job", {"TransformJobName": "another-teams-job"})
    assert try_call("StartTransform", foreign)["describe_transform_job"].startswith("AccessDenied")


def test_finish_registers_models_and_may_not_change_which_one_is_current(try_call, s3, stack):
    written = {"Bucket": stack.models, "Body": "x"}
    for key in ("models/probe/v1/model.tar.gz", "models/probe/v1/card.json"):
        assert try_call("Finish", ("s3", "put_object", {**written, "Key": key})) == {"put_object": "granted"}
    for key in (
        "models/probe/current.json",
        "models/structure/current.json",
        "models/structure/0123456789abcdef.tar.gz",
    ):
        assert try_call("Finish", ("s3", "put_object", {**written, "Key": key})) == {"put_object": "AccessDenied"}, key
    place = {"Bucket": stack.models, "Key": "models/structure/current.json"}
    assert try_call("Finish", ("s3", "get_object", place)) == {"get_object": "granted"}
    for key in ("models/probe/v1/model.tar.gz", "models/probe/v1/card.json"):
        s3.delete_object(Bucket=stack.models, Key=key)
