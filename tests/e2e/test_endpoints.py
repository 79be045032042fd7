"""Endpoints of a stack: made by a deploy, updated by a promotion, undone by an alarm, and gone with the parameter."""

from __future__ import annotations

import json
import shutil
import threading
import time

import pytest
from seqdrop.aws import keys
from seqdrop.kinds.plans import parse
from seqdrop.models.archives import push_archive
from seqdrop.monitoring.captures import read_capture
from seqdrop.runtime.services import now
from seqdrop.sagemaker.endpoints import describe_endpoint
from seqdrop_cli.deploy.archive import pack_model
from seqdrop_cli.main import main
from seqdrop_cli.target import Target

from local.deploy import SEEDS, Stack, install, push_seeds
from local.testing import make_model_archive
from tests.e2e.conftest import subscribe

pytestmark = pytest.mark.long  # deploys its own stack

STACK, NAME, MODEL = "serving", "serving-contigs", "promoter-300"
# Two instances, so that an update begins with a canary. Its alarms do not wait for the latency of a cold model.
ENDPOINT = "\n[analyses.contigs.endpoint]\nmin_instances = 2\nmax_instances = 3\nmax_latency_ms = 60_000\n"
ENDPOINT += "capture_percent = 100\n"
PATIENCE = 240  # seconds
PAYLOAD = {"inputs": "CTAATC TAATCT AATCTA"}
LABELS = ("not promoter", "promoter"), ("background", "promoter")  # of the first model, and of the second
WORSE = """
def model_fn(folder): return None
def input_fn(data, content_type): return data
def predict_fn(data, model): raise ValueError("worse")
def output_fn(prediction, accept): return prediction
"""


def copy_tree(repository, folder, more: str):
    """Return a copy of the checkout whose analyses.toml has more tables."""
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, folder / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, folder)
    (folder / "layers/seqdrop/seqdrop/analyses.toml").write_text((repository / "analyses.toml").read_text() + more)
    return folder


@pytest.fixture(scope="module")
def tree(repository, tmp_path_factory):
    return copy_tree(repository, tmp_path_factory.mktemp("tree"), ENDPOINT)


@pytest.fixture(scope="module")
def serving(aws, tree) -> Stack:
    stack, _ = install(aws, tree=tree, name=STACK, Endpoints="true")
    push_seeds(aws, stack)
    return stack


@pytest.fixture(scope="module")
def mails(aws, serving):
    return subscribe(aws, serving.topic, "mails-of-serving")


@pytest.fixture
def seqdrop(aws, serving, tree, monkeypatch, capsys):
    """Return a function that runs a command in the checkout of the stack, and returns its output."""
    analyses = parse((tree / "layers/seqdrop/seqdrop/analyses.toml").read_text())
    monkeypatch.setattr("seqdrop_cli.endpoints.packaged", lambda: analyses)
    names = {name: getattr(serving, name) for name in ("landing", "work", "results", "models", "archive", "table")}
    target = Target(region=aws.region, endpoint=aws.endpoint, access_key="test", stack=STACK, **names)
    monkeypatch.setattr("seqdrop_cli.target.find_target", lambda _: target)

    def run(*words: str) -> str:
        capsys.readouterr()
        assert main([*words]) == 0
        return capsys.readouterr().out

    return run


def wait_until(condition, seconds: float = PATIENCE):
    """Return what the condition returns as soon as it is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := condition():
            return result
        time.sleep(0.5)  # an endpoint that was asked for on AWS is polled, too
    raise AssertionError(f"not true after {seconds} seconds: {condition.__name__}")


def wait_for_service(aws, name: str = NAME, *, but: str = ""):
    """Return the state of an endpoint as soon as it is in service, with another configuration than `but`."""

    def in_service():
        state = describe_endpoint(aws.client("sagemaker"), name)
        return state if state and state.status == "InService" and state.configuration != but else None

    return wait_until(in_service)


class Requests:
    """Requests that do not stop: the label of the class in each response, or the error."""

    def __init__(self, aws):
        self._runtime, self._over = aws.client("sagemaker-runtime"), threading.Event()
        self.labels, self.errors = [], []
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(60)

    def _send(self):
        while not self._over.is_set():
            try:
                self.labels.append(invoke(self._runtime)["label"])
            except Exception as error:  # noqa: BLE001 - a test asserts which there were
                self.errors.append(str(error))


def invoke(runtime) -> dict:
    response = runtime.invoke_endpoint(
        EndpointName=NAME, ContentType="application/json", Accept="application/json", Body=json.dumps(PAYLOAD)
    )
    (prediction,) = json.loads(response["Body"].read())
    return prediction


def push_second(aws, stack: Stack, folder) -> None:
    """Make a model with other names of its classes the current one."""
    shutil.copytree(SEEDS[MODEL], folder)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(enumerate(LABELS[1]))
    config["label2id"] = {label: number for number, label in enumerate(LABELS[1])}
    (folder / "config.json").write_text(json.dumps(config))
    push_archive(aws.client("s3"), stack.models, MODEL, pack_model(folder), now())


def push_worse(aws, stack: Stack) -> None:
    config = {"id2label": dict(enumerate(LABELS[1]))}
    body = make_model_archive({"config.json": json.dumps(config), "code/inference.py": WORSE})
    push_archive(aws.client("s3"), stack.models, MODEL, body, now())


def test_a_deployed_endpoint_predicts_for_the_payload_of_the_chapter(aws, serving):
    wait_for_service(aws)
    prediction = invoke(aws.client("sagemaker-runtime"))
    assert prediction["label"] in LABELS[0]
    assert 0.5 <= prediction["score"] <= 1


def test_what_the_endpoint_captures_is_what_monitoring_reads(aws, serving):
    """SageMaker writes captured requests each minute."""
    wait_for_service(aws)
    prediction, s3 = invoke(aws.client("sagemaker-runtime")), aws.client("s3")
    place = {"Bucket": serving.work, "Prefix": keys.captured(NAME)}

    def read():
        names = [entry["Key"] for entry in s3.list_objects_v2(**place).get("Contents", [])]
        bodies = [s3.get_object(Bucket=serving.work, Key=name)["Body"].read() for name in names]
        return [read_capture(line, LABELS[0][1], 0.9) for body in bodies for line in body.splitlines()]

    captured = next(each for each in wait_until(read) if each.sequences == ["CTAATCTA"])
    for entry in s3.list_objects_v2(**place)["Contents"]:
        head = s3.head_object(Bucket=serving.work, Key=entry["Key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", serving.key)
    expected = prediction["score"] if prediction["label"] == LABELS[0][1] else 1 - prediction["score"]
    assert captured.rows == [{"probability": pytest.approx(expected), "call": expected >= 0.9}]


def test_a_file_is_predicted_by_the_endpoint_as_on_this_machine(aws, serving, seqdrop, tmp_path):
    wait_for_service(aws)
    file = tmp_path / "a.fa"
    file.write_text(">a\n" + "ACGTTGCATC" * 200 + "\n>b\n" + "TTGACATATAATGC" * 60 + "\n")
    seqdrop("predict", str(file), "--endpoint", "contigs", "-o", str(tmp_path / "there"))
    words = ("--model", str(SEEDS[MODEL]), "--analysis", "contigs")
    seqdrop("predict", str(file), *words, "-o", str(tmp_path / "here"))
    here, there = ((tmp_path / name / "predictions.jsonl").read_text().splitlines() for name in ("here", "there"))
    for mine, other in zip(map(json.loads, here), map(json.loads, there), strict=True):
        assert mine.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-4)
        assert mine == other
    summary = json.loads((tmp_path / "there/summary.json").read_text())
    assert (summary["job"], summary["complete"]) == (NAME, True)


def test_a_promoted_model_replaces_the_other_while_requests_run(aws, serving, mails, tmp_path):
    before = wait_for_service(aws)
    with Requests(aws) as requests:
        push_second(aws, serving, tmp_path / "second")
        after = wait_for_service(aws, but=before.configuration)
        count = len(requests.labels)
        wait_until(lambda: len(requests.labels) > count + 5)
    assert requests.errors == []
    first, second = (set(labels) for labels in LABELS)
    positions = {label: number for number, label in enumerate(requests.labels)}
    assert requests.labels[0] in first
    assert requests.labels[-1] in second
    assert set(positions) <= first | second
    wait_until(lambda: [it["EndpointConfigName"] for it in list_configurations(aws)] == [after.configuration])
    assert not [mail for mail in mails.all() if "endpoint" in mail["Subject"]]


def list_configurations(aws) -> list[dict]:
    return aws.client("sagemaker").list_endpoint_configs(NameContains=NAME)["EndpointConfigs"]


def test_a_worse_model_is_rolled_back_by_its_alarm_and_not_tried_again(aws, serving, mails, seqdrop):
    before = wait_for_service(aws)
    with Requests(aws) as requests:
        push_worse(aws, serving)
        mail = mails.wait_for("rolled back")
    assert "worse" in requests.errors[0]
    after = wait_for_service(aws)
    assert after.configuration == before.configuration
    assert f"{NAME}-4xx" in mail["Message"]
    runtime = aws.client("sagemaker-runtime")
    assert {invoke(runtime)["label"] for _ in range(10)} <= set(LABELS[1])
    assert "refused" in seqdrop("endpoint", "list")


def test_an_endpoint_is_stopped_and_started_by_a_person(aws, serving, seqdrop):
    seqdrop("endpoint", "stop", "contigs", "--wait")
    assert describe_endpoint(aws.client("sagemaker"), NAME) is None
    assert "stopped by a person" in seqdrop("endpoint", "list")
    push_seeds(aws, serving)
    seqdrop("endpoint", "start", "contigs", "--wait")
    assert invoke(aws.client("sagemaker-runtime"))["label"] in LABELS[0]


def test_without_the_parameter_nothing_is_left(aws, serving, tree):
    wait_for_service(aws)
    install(aws, tree=tree, name=STACK, Endpoints="false")
    sagemaker = aws.client("sagemaker")
    assert sagemaker.list_endpoints(NameContains=STACK)["Endpoints"] == []
    assert sagemaker.list_endpoint_configs(NameContains=STACK)["EndpointConfigs"] == []
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
    assert alarms == []
    targets = aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert [it for it in targets["ScalableTargets"] if NAME in it["ResourceId"]] == []
    functions = [it["FunctionName"] for it in aws.client("lambda").list_functions()["Functions"]]
    assert not [name for name in functions if name.startswith(f"{STACK}-ServeFunction")]
