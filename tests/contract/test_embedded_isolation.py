"""Network isolation of models and trainings: their code reaches no network, has no credentials, and IAM demands it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from local.sagemaker.conditions import read_conditions
from local.testing import (
    ENDED,
    ModelBench,
    allow,
    assume_role,
    expect_error,
    make_bucket,
    make_model_archive,
    make_role,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]

# What hostile code would try: the account's S3 (here: the embedded AWS), another host, the credentials of its role, and
# the network of the process that started it. Processes of the container may talk to one another.
PROBE = """
import ctypes, os, socket

def probe(host, port):
    return {
        "s3": reach(host, port),
        "metadata": reach("169.254.170.2", 80),
        "credentials": sorted(name for name in os.environ if name.startswith("AWS_") and name != "AWS_REGION"),
        "parent": rejoin(os.getppid()),
        "itself": talk(),
    }

def reach(host, port):
    try:
        socket.create_connection((host, port), timeout=5).close()
        return "reached"
    except OSError as error:
        return type(error).__name__

def rejoin(pid):
    try:
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    except OSError:
        return "refused"
    return "refused" if ctypes.CDLL(None).setns(network, 0) else "joined"

def talk():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return reach(*server.getsockname())
"""
MODEL = """
import json
from probe import probe

def model_fn(model_dir): return None
def input_fn(data, content_type): return json.loads(bytes(data))
def predict_fn(address, model): return probe(*address)
"""
SCRIPT = """
import json, sys
from probe import probe
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print(json.dumps(probe(arguments["--host"], int(arguments["--port"]))))
"""
NOTHING = {
    "s3": "ConnectionRefusedError",
    "metadata": "OSError",
    "credentials": [],
    "parent": "refused",
    "itself": "reached",
}


@pytest.fixture(scope="module")
def address(aws) -> tuple[str, int]:
    parts = urlsplit(aws.endpoint)
    return parts.hostname, parts.port


@pytest.fixture(scope="module")
def bench(aws) -> ModelBench:
    bench = ModelBench(aws, MODEL)
    bench.data = bench.put("model.tar.gz", make_model_archive({"code/inference.py": MODEL, "code/probe.py": PROBE}))
    return bench


def probe_model(bench: ModelBench, address, **request) -> dict:
    bench.model = bench.create_model(**request)
    bench.put("in/a", json.dumps(address).encode())
    job = bench.run("in/", TransformInput={"ContentType": "application/octet-stream"})
    assert job["TransformJobStatus"] == "Completed", job["FailureReason"]
    return json.loads(bench.outputs()["a.out"])


def probe_training(bench: ModelBench, address, **request) -> dict:
    code = bench.put("code/sourcedir.tar.gz", make_model_archive({"train.py": SCRIPT, "probe.py": PROBE}))
    name, (host, port) = unique_name("job"), address
    bench.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=bench.role,
        AlgorithmSpecification={"TrainingImage": bench.image, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": code,
            "host": host,
            "port": str(port),
        },
        OutputDataConfig={"S3OutputPath": f"s3://{bench.bucket}/out/"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        CheckpointConfig={"S3Uri": f"s3://{bench.bucket}/checkpoints/"},
        **request,
    )
    describe = bench.sagemaker.describe_training_job
    job = wait_for(lambda: (now := describe(TrainingJobName=name))["TrainingJobStatus"] in ENDED and now, timeout=60)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert job["EnableNetworkIsolation"] is request.get("EnableNetworkIsolation", False)
    log = bench.aws.workdir / "training-jobs" / name / "container.log"
    return json.loads(log.read_text().splitlines()[-1])


def test_the_code_of_an_isolated_model_reaches_nothing(bench, address):
    assert probe_model(bench, address, EnableNetworkIsolation=True) == NOTHING


def test_the_script_of_an_isolated_training_reaches_nothing(bench, address):
    assert probe_training(bench, address, EnableNetworkIsolation=True) == NOTHING


def test_without_isolation_the_same_code_reaches_s3(bench, address):
    """Otherwise the tests above would show nothing."""
    assert probe_model(bench, address)["s3"] == "reached"
    training = probe_training(bench, address)
    assert (training["s3"], "AWS_SECRET_ACCESS_KEY" in training["credentials"]) == ("reached", True)


class TestConditions:
    """IAM's condition keys for the content of a request."""

    @pytest.mark.parametrize("isolated", [True, False, None])
    def test_a_role_may_be_allowed_to_create_only_isolated_models(self, aws, bench, isolated):
        condition = {"Bool": {"sagemaker:NetworkIsolation": "true"}}
        statements = allow("sagemaker:CreateModel", Condition=condition), allow("iam:PassRole")
        client = assume_role(aws, make_role(aws, *statements)).client("sagemaker")
        request = {
            "ModelName": unique_name("model"),
            "ExecutionRoleArn": bench.role,
            "PrimaryContainer": {"Image": bench.image, "ModelDataUrl": bench.data},
        } | ({} if isolated is None else {"EnableNetworkIsolation": isolated})
        if isolated:
            assert client.create_model(**request)["ModelArn"]
        else:
            with expect_error("AccessDeniedException", "sagemaker:CreateModel"):
                client.create_model(**request)

    @pytest.mark.parametrize(
        ("cluster", "seconds", "is_allowed"),
        [
            ({}, 60, True),
            ({"InstanceType": "ml.m5.large"}, 60, False),
            ({"VolumeKmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/other"}, 60, False),
            ({"VolumeKmsKeyId": None}, 60, False),
            ({}, 61, False),
            ({}, None, False),
        ],
    )
    def test_machine_time_and_key_of_a_processing_job_can_be_bounded(self, aws, cluster, seconds, is_allowed):
        key = "arn:aws:kms:us-east-1:000000000000:key/own"
        condition = {
            "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": "ml.m5.xlarge"},
            "Null": {"sagemaker:InstanceTypes": "false"},
            "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "60"},
            "ArnEquals": {"sagemaker:VolumeKmsKeyArn": key},
        }
        role, bucket = make_role(aws, allow(["s3:*", "logs:*"])), make_bucket(aws)
        statements = allow("sagemaker:CreateProcessingJob", Condition=condition), allow("iam:PassRole")
        client = assume_role(aws, make_role(aws, *statements)).client("sagemaker")
        resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5, "VolumeKmsKeyId": key}
        chosen = {name: value for name, value in (resources | cluster).items() if value is not None}
        request = {
            "ProcessingJobName": unique_name("job"),
            "RoleArn": role,
            "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["true", bucket]},
            "ProcessingResources": {"ClusterConfig": chosen},
        } | ({} if seconds is None else {"StoppingCondition": {"MaxRuntimeInSeconds": seconds}})
        if is_allowed:
            assert client.create_processing_job(**request)["ProcessingJobArn"]
        else:
            with expect_error("AccessDeniedException", "sagemaker:CreateProcessingJob"):
                client.create_processing_job(**request)

    def test_the_keys_of_a_training_follow_from_its_request(self):
        request = {
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "OutputDataConfig": {"S3OutputPath": "s3://a/", "KmsKeyId": "key"},
            "EnableNetworkIsolation": True,
        }
        assert read_conditions("CreateTrainingJob", request) == {
            "sagemaker:InstanceTypes": ["ml.g5.xlarge"],
            "sagemaker:MaxRuntimeInSeconds": "3600",
            "sagemaker:OutputKmsKeyArn": "key",
            "sagemaker:NetworkIsolation": "true",
        }
        assert read_conditions("DescribeTrainingJob", request) == {}
