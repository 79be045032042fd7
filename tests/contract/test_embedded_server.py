"""The server as a process: where it listens, how it ends, and that its processes end with it."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from local.embedded import REPOSITORY, EmbeddedAws, EmbeddedAwsError, NotRunningError, PortTakenError
from local.processes import find_session_members
from local.testing import allow, make_bucket, make_model_archive, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]

SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(600)\n"
REPORTER = """
import importlib.util, os
def handler(event, context):
    return {"environment": dict(os.environ), "checkout": importlib.util.find_spec("local") is not None}
"""


def _list_sessions(aws: EmbeddedAws) -> tuple[int, int]:
    return aws.pid, aws.sagemaker_pid


def _are_empty(sessions: tuple[int, int]) -> bool:
    return not any(find_session_members(session) for session in sessions)


def _make_function(aws: EmbeddedAws, source: str) -> str:
    """Create a Lambda function and return its name."""
    code, name, role = io.BytesIO(), unique_name("function"), make_role(aws, service="lambda.amazonaws.com")
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("app.py", source)
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=900,
        Role=role,
        Code={"ZipFile": code.getvalue()},
    )
    return name


def _start_function(aws: EmbeddedAws) -> None:
    """Start a Lambda worker that sleeps for ten minutes."""
    aws.client("lambda").invoke(FunctionName=_make_function(aws, SLEEPER), InvocationType="Event")


def _start_job(aws: EmbeddedAws) -> None:
    """Start a transform job whose model sleeps for ten minutes."""
    bucket, role = make_bucket(aws), make_role(aws, allow("s3:*"))
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    code = "import time\ndef model_fn(d): time.sleep(600)\ndef predict_fn(d, m): return d\n"
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=make_model_archive({"code/inference.py": code}))
    s3.put_object(Bucket=bucket, Key="in/a", Body=b"a\n")
    name = unique_name("sleeper")
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": "image", "ModelDataUrl": f"s3://{bucket}/model.tar.gz"},
    )
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformOutput={"S3OutputPath": f"s3://{bucket}/out/"},
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}}},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def _has_container(aws: EmbeddedAws) -> bool:
    """Return True if SageMaker has more processes than itself and its warden."""
    return len(find_session_members(aws.sagemaker_pid)) >= 3


def _read_listeners(pid: int) -> set[str]:
    """Return the addresses on which a process listens, in the format of /proc."""
    inodes = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    addresses = set()
    for family in ("tcp", "tcp6"):
        with Path(f"/proc/net/{family}").open() as table:
            rows = [line.split() for line in table.readlines()[1:]]
        addresses |= {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}
    return addresses


def test_it_listens_on_loopback_only(aws):
    assert _read_listeners(aws.pid) == {"0100007F"}
    assert _read_listeners(aws.sagemaker_pid) == set()


def test_a_port_in_use_is_refused(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            EmbeddedAws(tmp_path, port).start()


def test_a_second_server_in_the_same_folder_is_refused(aws):
    with pytest.raises(EmbeddedAwsError, match="already runs"):
        EmbeddedAws(aws.workdir).start()


def test_all_files_are_in_the_working_directory(tmp_path):
    def list_files() -> set[str]:
        return {entry.name for entry in Path("/tmp").iterdir() if "ministack" in entry.name}

    before = list_files()
    with EmbeddedAws(tmp_path) as aws:
        _start_function(aws)
        wait_for(lambda: len(find_session_members(aws.pid)) > 2)
        assert any((tmp_path / "tmp").iterdir())
    assert list_files() == before
    assert not (tmp_path / "tmp").exists()
    assert (tmp_path / "server.log").stat().st_size > 0


def test_stop_leaves_no_process_behind(tmp_path):
    aws = EmbeddedAws(tmp_path).start()
    _start_function(aws)
    _start_job(aws)
    sessions = wait_for(
        lambda: _list_sessions(aws) if _has_container(aws) and len(find_session_members(aws.pid)) >= 3 else None
    )
    aws.stop()
    assert _are_empty(sessions)
    aws.stop()
    with pytest.raises(NotRunningError):
        _ = aws.endpoint


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_processes_end_with_the_server_however_it_ends(tmp_path, number):
    aws = EmbeddedAws(tmp_path).start()
    _start_job(aws)
    sessions = wait_for(lambda: _list_sessions(aws) if _has_container(aws) else None)
    os.kill(aws.pid, number)
    wait_for(lambda: _are_empty(sessions))
    aws.stop()


STARTER = """
import sys, time
from pathlib import Path
from local.embedded import EmbeddedAws
aws = EmbeddedAws(Path(sys.argv[1]), detached=sys.argv[2] == "detached").start()
print(aws.pid, aws.sagemaker_pid, flush=True)
time.sleep(600)
"""


def _start_elsewhere(workdir, mode: str) -> tuple[subprocess.Popen, tuple[int, int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(workdir), mode], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    server, sagemaker = process.stdout.readline().split()
    return process, (int(server), int(sagemaker))


def _kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_server_ends_when_the_process_that_started_it_is_killed(tmp_path):
    process, sessions = _start_elsewhere(tmp_path, "attached")
    _kill(process)
    wait_for(lambda: _are_empty(sessions))


def test_a_detached_server_outlives_its_starter_and_can_be_found_and_stopped(tmp_path):
    process, sessions = _start_elsewhere(tmp_path, "detached")
    _kill(process)
    time.sleep(0.3)
    aws = EmbeddedAws.attach(tmp_path)
    assert _list_sessions(aws) == sessions
    assert aws.client("sts").get_caller_identity()["Account"] == aws.account
    aws.stop()
    assert _are_empty(sessions)
    with pytest.raises(NotRunningError):
        EmbeddedAws.attach(tmp_path)


def test_attach_ignores_an_unrelated_process_with_the_recorded_pid(tmp_path):
    (tmp_path / "server.json").write_text(f'{{"pid": {os.getpid()}, "port": 1, "region": "us-east-1"}}')
    with pytest.raises(NotRunningError, match="gone"):
        EmbeddedAws.attach(tmp_path)


def test_the_environment_has_no_aws_settings_of_the_user(aws, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    environment = aws.environment()
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    process = subprocess.run(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert process.stdout.strip() == f"arn:aws:iam::{aws.account}:root"
    assert aws.client("sts").get_caller_identity()["Arn"].endswith(":root")


def test_the_health_page_says_that_permissions_are_enforced(aws):
    with urllib.request.urlopen(f"{aws.endpoint}/_ministack/health", timeout=5) as response:
        assert b'"auth": "enabled"' in response.read()


def test_functions_see_neither_the_checkout_nor_the_users_aws_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    with EmbeddedAws(tmp_path) as aws:
        response = aws.client("lambda").invoke(FunctionName=_make_function(aws, REPORTER))
        report = json.loads(response["Payload"].read())
    assert not report["checkout"]
    assert not {"AWS_PROFILE", "PYTHONPATH"} & report["environment"].keys()
    assert report["environment"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
