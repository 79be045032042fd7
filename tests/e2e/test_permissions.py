"""IAM is enforced in the embedded AWS: a function's role grants its permissions and no others."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from seqdrop.sagemaker.requests.processing import LONGEST

from local.testing import allow, assume_role, expect_error, make_role, wait_for

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


def test_archive_finds_and_continues_an_unfinished_copy_and_sends_the_next_message(aws, try_call, s3, stack):
    place = {"Bucket": stack.archive, "Key": "raw/unfinished"}
    unfinished = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    outcomes = try_call(
        "Archive",
        ("s3", "list_multipart_uploads", {"Bucket": stack.archive, "Prefix": place["Key"]}),
        ("s3", "list_parts", unfinished),
        ("s3", "abort_multipart_upload", unfinished),
    )
    assert set(outcomes.values()) == {"granted"}
    queues = aws.client("sqs").list_queues()["QueueUrls"]
    for name, outcome in (("ArchiveQueue", "granted"), ("FinishQueue", "AccessDenied")):
        url = next(url for url in queues if f"-{name}-" in url)
        body = json.dumps({"upload": "ABCDEFGHIJKLMNOPQRSTUVWX27"})  # unknown, so it is ignored
        message = {"QueueUrl": url, "MessageBody": body}
        assert try_call("Archive", ("sqs", "send_message", message)) == {"send_message": outcome}, name


def test_reconcile_and_finish_cannot_read_dropped_files(try_call, put, stack):
    version = put("raw/unread.fastq", b"")
    place = {"Bucket": stack.landing, "Key": version.key}
    for function in ("StartTransform", "Finish", "Reconcile"):
        assert try_call(function, ("s3", "get_object", place)) == {"get_object": "AccessDenied"}, function
    assert try_call("Validate", ("s3", "get_object", place)) == {"get_object": "granted"}


def test_who_may_write_results_cannot_change_the_code_of_jobs(aws, try_call, stack):
    """No function with write access to results but finish and reconcile, which copy models, writes to the models."""
    for function in ("Validate", "StartTransform", "StartTraining", "Archive"):
        for key in ("models/m/current.json", "processing/current.json", "training/protein/current.json"):
            call = ("s3", "put_object", {"Bucket": stack.models, "Key": key, "Body": "x"})
            assert try_call(function, call) == {"put_object": "AccessDenied"}, (function, key)
    for key in ("processing/current.json", "training/protein/current.json"):
        call = ("s3", "put_object", {"Bucket": stack.models, "Key": key, "Body": "x"})
        assert try_call("Finish", call) == {"put_object": "AccessDenied"}
    everything = allow("s3:*", f"arn:aws:s3:::{stack.results}*"), allow("kms:*")
    person = assume_role(aws, make_role(aws, *everything)).client("s3", endpoint_url=aws.endpoint)
    person.put_object(Bucket=stack.results, Key="models/planted/current.json", Body=b"{}")
    with expect_error("AccessDenied"):
        person.put_object(Bucket=stack.models, Key="models/planted/current.json", Body=b"{}")


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


def test_no_function_may_start_a_job_beyond_the_ceilings(aws, try_call, stack):
    """Whatever the code sends: the role decides. The embedded SageMaker checks it before it reads the request."""
    roles = aws.client("iam").list_roles()["Roles"]
    role = next(role["Arn"] for role in roles if "-TrainingRole-" in role["RoleName"])
    algorithm = {"TrainingImage": "image", "TrainingInputMode": "File"}
    output = {"S3OutputPath": f"s3://{stack.work}/jobs/"}

    def train(instance: str, seconds: int) -> str:
        request = {
            "TrainingJobName": "seqdrop-training-probe",
            "RoleArn": role,
            "AlgorithmSpecification": algorithm,
            "OutputDataConfig": output,
            "ResourceConfig": {"InstanceType": instance, "InstanceCount": 64, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
            "EnableNetworkIsolation": True,
        }
        return try_call("StartTraining", ("sagemaker", "create_training_job", request))["create_training_job"]

    assert not train("ml.g5.xlarge", 86_400).startswith("AccessDenied")
    assert train("ml.p5.48xlarge", 3600).startswith("AccessDenied")
    assert train("ml.g5.xlarge", 432_000).startswith("AccessDenied")

    def transform(instance: str) -> str:
        source = {"DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": f"s3://{stack.work}/none"}}}
        request = {
            "TransformJobName": "seqdrop-probe",
            "ModelName": "none",
            "TransformInput": source,
            "TransformOutput": output,
            "TransformResources": {"InstanceType": instance, "InstanceCount": 1},
        }
        return try_call("StartTransform", ("sagemaker", "create_transform_job", request))["create_transform_job"]

    assert not transform("ml.m5.xlarge").startswith("AccessDenied")
    assert transform("ml.g5.12xlarge").startswith("AccessDenied")


def test_only_the_reconciler_stops_transform_jobs(try_call):
    call = ("sagemaker", "stop_transform_job", {"TransformJobName": "seqdrop-none"})
    assert not try_call("Reconcile", call)["stop_transform_job"].startswith("AccessDenied")
    for function in ("Validate", "StartTransform", "Finish", "Archive"):
        assert try_call(function, call)["stop_transform_job"].startswith("AccessDenied"), function


PROCESSING_JOB = {
    "ProcessingJobName": "seqdrop-examine-probe-1",
    "AppSpecification": {"ImageUri": "a/strangers:image", "ContainerEntrypoint": ["true"]},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 20}
    },
}


def find_variable(aws, function: str, name: str) -> str:
    """Return the value of an environment variable of a deployed function."""
    deployed = aws.client("lambda").list_functions()["Functions"]
    details = next(item for item in deployed if f"-{function}Function-" in item["FunctionName"])
    return details["Environment"]["Variables"][name]


def test_validate_starts_no_job_and_start_processing_only_bounded_ones(try_call, aws):
    """Validate parses dropped files. start_processing must name the stack's machine and key, and a time limit."""
    role, key = (find_variable(aws, "StartProcessing", f"SEQDROP_{name}") for name in ("PROCESSING_ROLE", "KEY"))
    job = PROCESSING_JOB | {"RoleArn": role, "StoppingCondition": {"MaxRuntimeInSeconds": 60}}
    cluster = job["ProcessingResources"]["ClusterConfig"]
    encrypted = {"ClusterConfig": cluster | {"VolumeKmsKeyId": key}}
    larger = {"ClusterConfig": encrypted["ClusterConfig"] | {"InstanceType": "ml.m5.24xlarge"}}
    refused = {"create_processing_job": "AccessDeniedException"}
    bounded = job | {"ProcessingResources": encrypted}
    assert try_call("Validate", ("sagemaker", "create_processing_job", bounded)) == refused
    longest = {"StoppingCondition": {"MaxRuntimeInSeconds": LONGEST + 1}}
    for change in ({"ProcessingResources": larger}, longest, {"ProcessingResources": {"ClusterConfig": cluster}}):
        assert try_call("StartProcessing", ("sagemaker", "create_processing_job", bounded | change)) == refused
    other = find_variable(aws, "StartTransform", "SEQDROP_EXECUTION_ROLE")
    call = ("sagemaker", "create_processing_job", bounded | {"RoleArn": other})
    assert try_call("StartProcessing", call) == refused
    assert try_call("StartProcessing", ("sagemaker", "create_processing_job", bounded)) == {
        "create_processing_job": "granted"
    }


def test_start_processing_reads_no_dropped_file(try_call, put, stack):
    version = put("raw/unread-by-the-starter.fastq", b"")
    place = {"Bucket": stack.landing, "Key": version.key}
    assert try_call("StartProcessing", ("s3", "get_object", place)) == {"get_object": "AccessDenied"}


def test_a_model_or_a_training_without_isolation_is_refused(try_call, aws):
    model = {
        "ModelName": "seqdrop-probe",
        "ExecutionRoleArn": find_variable(aws, "StartTransform", "SEQDROP_EXECUTION_ROLE"),
        "PrimaryContainer": {"Image": "image", "ModelDataUrl": "s3://a-bucket/model.tar.gz"},
    }
    training = {
        "TrainingJobName": "seqdrop-training-probe",
        "RoleArn": find_variable(aws, "StartTraining", "SEQDROP_TRAINING_ROLE"),
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://a-bucket/"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    for function, operation, request in (
        ("StartTransform", "create_model", model),
        ("StartTraining", "create_training_job", training),
    ):
        assert try_call(function, ("sagemaker", operation, request)) == {operation: "AccessDeniedException"}
        isolated = request | {"EnableNetworkIsolation": True}
        # It passes IAM, and is refused for its content: there is no such data, and no script.
        assert try_call(function, ("sagemaker", operation, isolated)) == {operation: "ValidationException"}


@pytest.fixture(scope="module")
def run_as_uploader(aws, stack, tmp_path_factory):
    """Return a function that runs `seqdrop` with the stack's UploaderPolicy and no other permission."""
    role = make_role(aws)
    aws.client("iam").attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=stack.uploaderpolicy)
    credentials = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="uploader")["Credentials"]
    own = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state")),
    }

    def run(*arguments: object) -> subprocess.CompletedProcess:
        command = [str(Path(sys.executable).with_name("seqdrop")), *map(str, arguments), "--stack", "seqdrop"]
        return subprocess.run(command, env=aws.environment() | own, capture_output=True, text=True)

    return run


def test_an_uploader_drops_a_file_that_is_then_archived(run_as_uploader, target, stack, tmp_path):
    ledger, path = target.ledger(), tmp_path / "uploader.fastq"
    path.write_bytes(b"@r\nACGT\n+\nIIII\n")
    outcome = run_as_uploader("drop", path, "--prefix", "raw/")
    upload_id, address = outcome.stdout.split()
    assert (outcome.returncode, address) == (0, f"s3://{stack.landing}/raw/uploader.fastq")
    assert outcome.stderr.splitlines()[1].startswith("1 file sent, ")
    wait_for(lambda: (upload := ledger.find_upload(upload_id)) and upload.state == "ARCHIVED")


def test_the_command_says_what_an_uploader_may_ask_for(run_as_uploader, tmp_path):
    (tmp_path / "job.toml").write_text("")
    outcome = run_as_uploader("drop", tmp_path / "job.toml", "--prefix", "training/")
    assert outcome.returncode == 2
    assert "ask an administrator for the stack's UploaderPolicy" in outcome.stderr
    outcome = run_as_uploader("status")
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("seqdrop: AWS denies Query (AccessDenied")
