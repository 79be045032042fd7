"""Containers forked from a process that has the imports behind it: to a model's code they are like any other."""

import json
import os
import signal

import pytest

from local.embedded import EmbeddedAws
from local.processes import find_session_members, read_command_line
from local.testing import ModelBench, wait_for, wait_for_transform_job

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
    about = {"modules": "torch" in sys.modules, "cwd": os.getcwd(), "group": os.getpgid(0) == os.getpid()}
    about |= {"own": [name for name in sys.modules if name.split(".")[0] in ("local", "seqdrop")]}
    return about | {"environment": dict(os.environ)}

def output_fn(answer, accept):
    return json.dumps(answer)
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with EmbeddedAws(tmp_path_factory.mktemp("warm"), warm=True) as running:
        yield running


@pytest.fixture
def bench(aws):
    return ModelBench(aws, CODE)


def zygote(aws) -> int | None:
    """The process id of the zygote: the first of its processes, which its containers are forked from."""
    members = find_session_members(aws.sagemaker_pid)
    zygotes = [pid for pid in members if any("zygote.py" in word for word in read_command_line(pid))]
    return min(zygotes, default=None)


def response(bench, **changes) -> dict:
    """What the model says of itself in a job of its own."""
    bench.put("in/a", b"about")
    assert bench.run("in/", **changes)["TransformJobStatus"] == "Completed"
    return json.loads(bench.outputs()["a.out"])


def test_a_container_has_the_imports_and_an_environment_of_its_own(aws, bench):
    about = response(bench, Environment={"SEQDROP_TASK": "promoter"})
    assert about["modules"], "it was forked"
    assert about["group"], "stopping a job ends a process group"
    assert about["own"] == [], "a container imports nothing of ours"
    environment = about["environment"]
    assert environment["SEQDROP_TASK"] == "promoter"
    assert environment["SAGEMAKER_BATCH"] == "true"
    assert environment["HOME"] in about["cwd"]
    assert not [name for name in environment if name.startswith("AWS_")]


def test_a_variable_that_libraries_read_early_starts_it_from_nothing(bench):
    for name, value in (("OMP_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "ACTIVE")):
        about = response(bench, Environment={name: value})
        assert not about["modules"]
        assert about["environment"][name] == value


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


def test_without_its_zygote_a_container_is_started_from_nothing(aws, bench):
    """Also while another that it forked goes on. The last test of the module: the zygote does not come back."""
    bench.put("long/a", b"wait")
    name = bench.start("long/")
    log = aws.workdir / "jobs" / name / "container.log"
    wait_for(lambda: log.is_file() and "waiting" in log.read_text())
    os.kill(zygote(aws), signal.SIGKILL)
    assert not response(bench)["modules"]
    bench.sagemaker.stop_transform_job(TransformJobName=name)
    assert wait_for_transform_job(aws, name)["TransformJobStatus"] == "Stopped"


def test_stop_leaves_nothing(tmp_path):
    with EmbeddedAws(tmp_path, warm=True) as aws:
        bench, sessions = ModelBench(aws, CODE), (aws.pid, aws.sagemaker_pid)
        bench.put("in/a", b"wait")
        bench.start("in/")
        wait_for(lambda: zygote(aws))
    assert not any(find_session_members(session) for session in sessions)
