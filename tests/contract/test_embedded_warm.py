"""Containers forked from a process that has done their imports; a model's code sees no difference."""

import json
import os
import signal

import pytest

from local.embedded import EmbeddedAws
from local.processes import find_session_members, read_command_line
from local.testing import EndpointBench, ModelBench, wait_for, wait_for_transform_job

CODE = """
import json, os, sys, time

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return bytes(data).decode()

def predict_fn(text, model):
    if text.startswith("exit"):
        os._exit(3)
    if text.startswith("wait"):
        print("waiting", flush=True)
        time.sleep(600)
    report = {"modules": "torch" in sys.modules, "cwd": os.getcwd(), "group": os.getpgid(0) == os.getpid()}
    report |= {"own": [name for name in sys.modules if name.split(".")[0] in ("local", "seqdrop")]}
    return report | {"environment": dict(os.environ)}

def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with EmbeddedAws(tmp_path_factory.mktemp("warm"), warm=True) as server:
        yield server


@pytest.fixture
def bench(aws):
    return ModelBench(aws, CODE)


def find_zygote(aws) -> int | None:
    """Return the process id of the zygote, which is the lowest of its processes; None if there is none."""
    members = find_session_members(aws.sagemaker_pid)
    zygotes = [pid for pid in members if any("zygote.py" in word for word in read_command_line(pid))]
    return min(zygotes, default=None)


def report_of_model(bench, **changes) -> dict:
    """Run a job and return the model's report about its process."""
    bench.put("in/a", b"report")
    assert bench.run("in/", **changes)["TransformJobStatus"] == "Completed"
    return json.loads(bench.outputs()["a.out"])


@pytest.mark.long
def test_a_container_has_the_imports_and_its_own_environment(aws, bench):
    report = report_of_model(bench, Environment={"SEQDROP_TASK": "promoter"})
    assert report["modules"], "the container must be forked"
    assert report["group"], "stopping a job ends its process group, which must be its own"
    assert report["own"] == [], "a container must import nothing of this project"
    environment = report["environment"]
    assert environment["SEQDROP_TASK"] == "promoter"
    assert environment["SAGEMAKER_BATCH"] == "true"
    assert environment["HOME"] in report["cwd"]
    assert not [name for name in environment if name.startswith("AWS_")]


@pytest.mark.long
def test_the_container_of_an_endpoint_is_forked_too(aws):
    bench = EndpointBench(aws, CODE)
    endpoint = bench.create_endpoint()
    report = json.loads(bench.invoke(endpoint, b"report", ContentType="application/octet-stream"))
    assert report["modules"], "the container must be forked"
    assert "SAGEMAKER_BATCH" not in report["environment"]
    bench.delete_endpoint(endpoint)


def test_a_variable_that_libraries_read_at_import_prevents_forking(bench):
    for name, value in (("OMP_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "ACTIVE")):
        report = report_of_model(bench, Environment={name: value})
        assert not report["modules"]
        assert report["environment"][name] == value


def test_its_death_is_reported_with_its_status(bench):
    bench.put("in/a", b"exit")
    job = bench.run("in/")
    assert job["TransformJobStatus"] == "Failed"
    assert "exit status 3" in job["FailureReason"]


def test_a_job_that_is_stopped_leaves_no_process(aws, bench):
    bench.put("in/a", b"wait")
    before = aws.processes()
    name = bench.start("in/")
    wait_for(lambda: aws.processes() - before)
    bench.sagemaker.stop_transform_job(TransformJobName=name)
    assert wait_for_transform_job(aws, name)["TransformJobStatus"] == "Stopped"
    wait_for(lambda: not aws.processes() - before)


def test_without_the_zygote_a_container_is_newly_started(aws, bench):
    """Another forked container continues. This must be the last test of the module: the zygote does not restart."""
    bench.put("long/a", b"wait")
    name = bench.start("long/")
    log = aws.workdir / "jobs" / name / "container.log"
    wait_for(lambda: log.is_file() and "waiting" in log.read_text())
    os.kill(find_zygote(aws), signal.SIGKILL)
    assert not report_of_model(bench)["modules"]
    bench.sagemaker.stop_transform_job(TransformJobName=name)
    assert wait_for_transform_job(aws, name)["TransformJobStatus"] == "Stopped"


def test_stop_leaves_no_process(tmp_path):
    with EmbeddedAws(tmp_path, warm=True) as aws:
        bench, sessions = ModelBench(aws, CODE), (aws.pid, aws.sagemaker_pid)
        bench.put("in/a", b"wait")
        bench.start("in/")
        wait_for(lambda: find_zygote(aws))
    assert not any(find_session_members(session) for session in sessions)
