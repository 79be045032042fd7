"""After a kill and a restart, SageMaker has its models, jobs and tags, and completes the jobs in progress."""

import os
import signal

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.embedded import EmbeddedAws
from local.processes import find_session_members
from local.testing import EventLog, ModelBench, unique_name, wait_for, wait_for_transform_job

# The model responds once the file exists whose path is the data.
CODE = """
import os, time
def model_fn(model_dir): return None
def predict_fn(data, model):
    gate = bytes(data).decode().strip()
    while not os.path.exists(gate):
        time.sleep(0.02)
    return b"done"
def input_fn(data, content_type): return data
def output_fn(prediction, accept): return prediction
"""
STATE_CHANGE = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Transform Job State Change"]}


@pytest.fixture
def aws(tmp_path):
    with EmbeddedAws(tmp_path / "aws") as server:
        yield server


@pytest.fixture
def bench(aws):
    return ModelBench(aws, CODE)


def kill(aws: EmbeddedAws) -> None:
    """Kill SageMaker and wait until none of its processes is left."""
    pid = aws.sagemaker_pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not find_session_members(pid))


def has_container(aws: EmbeddedAws) -> bool:
    """Return True if SageMaker has more processes than itself and its warden."""
    return len(find_session_members(aws.sagemaker_pid)) > 2


def test_a_killed_sagemaker_is_unavailable_and_its_jobs_end(aws, bench, tmp_path):
    bench.put("in/a", str(tmp_path / "gate").encode())
    bench.start("in/")
    wait_for(lambda: has_container(aws))
    kill(aws)
    client = aws.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError, match="ServiceUnavailable") as error:
        client.list_models()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert bench.s3.list_objects_v2(Bucket=bench.bucket)["KeyCount"] == 2  # the rest of the account still responds


def test_a_job_in_progress_is_run_again_and_its_end_is_announced(aws, bench, tmp_path):
    gate, log = tmp_path / "gate", EventLog(aws, STATE_CHANGE)
    bench.put("in/a", str(gate).encode())
    name = bench.start("in/")
    before = wait_for(lambda: describe_started(bench, name) if has_container(aws) else None)
    kill(aws)
    aws.restart_sagemaker()
    wait_for(lambda: has_container(aws))
    assert bench.outputs() == {}
    gate.touch()
    job = wait_for_transform_job(aws, name)
    assert job["TransformJobStatus"] == "Completed"
    assert job["TransformStartTime"] == before["TransformStartTime"]
    assert bench.outputs() == {"a.out": b"done"}
    assert [event["detail"]["TransformJobStatus"] for event in log.first(2)] == ["InProgress", "Completed"]


def describe_started(bench, name: str) -> dict | None:
    job = bench.sagemaker.describe_transform_job(TransformJobName=name)
    return job if "TransformStartTime" in job else None


def test_jobs_models_and_tags_survive_a_kill(aws, bench, tmp_path):
    (tmp_path / "gate").touch()
    bench.put("in/a", str(tmp_path / "gate").encode())
    name = bench.start("in/", Tags=[{"Key": "lab", "Value": "one"}])
    before = wait_for_transform_job(aws, name)
    removed = bench.create_model()
    bench.sagemaker.delete_model(ModelName=removed)
    bench.sagemaker.add_tags(ResourceArn=before["TransformJobArn"], Tags=[{"Key": "run", "Value": "2"}])
    model = bench.sagemaker.describe_model(ModelName=bench.model)
    kill(aws)
    aws.restart_sagemaker()
    after = bench.sagemaker.describe_transform_job(TransformJobName=name)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert bench.sagemaker.describe_model(ModelName=bench.model)["CreationTime"] == model["CreationTime"]
    assert [item["ModelName"] for item in bench.sagemaker.list_models()["Models"]] == [bench.model]
    tags = bench.sagemaker.list_tags(ResourceArn=before["TransformJobArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"lab": "one", "run": "2"}
    with pytest.raises(ClientError, match="ResourceInUse"):
        bench.sagemaker.create_transform_job(**bench.request("in/", TransformJobName=name))


def test_a_job_that_was_stopping_is_stopped(aws, bench, tmp_path):
    names = [unique_name("job") for _ in range(3)]
    bench.put("in/a", str(tmp_path / "gate").encode())
    for name in names:  # two run at a time, so the last one waits
        bench.start("in/", TransformJobName=name)
    wait_for(lambda: has_container(aws))
    kill(aws)
    aws.restart_sagemaker()
    bench.sagemaker.stop_transform_job(TransformJobName=names[2])
    kill(aws)
    aws.restart_sagemaker()
    for name in names[:2]:
        bench.sagemaker.stop_transform_job(TransformJobName=name)
    assert {wait_for_transform_job(aws, name)["TransformJobStatus"] for name in names} == {"Stopped"}


def test_it_can_be_restarted_while_it_runs(aws, bench):
    before = aws.sagemaker_pid
    aws.restart_sagemaker()
    assert aws.sagemaker_pid != before
    assert not find_session_members(before)
    assert bench.sagemaker.describe_model(ModelName=bench.model)


def test_stop_ends_a_restarted_sagemaker(aws, bench, tmp_path):
    bench.put("in/a", str(tmp_path / "gate").encode())
    bench.start("in/")
    wait_for(lambda: has_container(aws))
    kill(aws)
    aws.restart_sagemaker()
    wait_for(lambda: has_container(aws))
    sessions = (aws.pid, aws.sagemaker_pid)
    aws.stop()
    assert not any(find_session_members(session) for session in sessions)
