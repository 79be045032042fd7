"""A stack with Tracing, JobLogDays and no DailySpend: spans arrive, and what the parameters make is there."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from local.deploy import install
from local.embedded import EmbeddedAws
from local.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long
NAME = "traced"
ID = "ABCDEFGHIJKLMNOPQRSTUVWX27"


class Daemon:
    """X-Ray's daemon, as far as functions see it: it receives spans over UDP."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(30)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def receive(self, name: str) -> dict:
        """Return the next span of this name."""
        while True:
            span = json.loads(self.socket.recv(65_536).partition(b"\n")[2])
            if span["name"] == name:
                return span


@pytest.fixture(scope="module")
def aws(tmp_path_factory) -> Iterator[EmbeddedAws]:
    """An account in which no job has run: the log groups of jobs do not exist yet."""
    with EmbeddedAws(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="module")
def traced(aws):
    """Return the names of the resources of the stack."""
    install(aws, name=NAME, Tracing="true", JobLogDays=30, DailySpend=0)
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=NAME)
    resources = (resource for page in pages for resource in page["StackResourceSummaries"])
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources}


@pytest.fixture
def daemon(aws, traced):
    """Return a daemon to which the archive function and the reconciler send their spans."""
    daemon, client = Daemon(), aws.client("lambda")
    for name in ("ArchiveFunction", "ReconcileFunction"):
        variables = client.get_function_configuration(FunctionName=traced[name])["Environment"]["Variables"]
        variables["AWS_XRAY_DAEMON_ADDRESS"] = daemon.address  # Lambda sets it by itself
        client.update_function_configuration(FunctionName=traced[name], Environment={"Variables": variables})
    yield daemon
    daemon.socket.close()


def test_every_function_has_the_layer_and_active_tracing(aws, traced):
    client = aws.client("lambda")
    functions = [physical for name, physical in traced.items() if name.endswith("Function")]
    for name in functions:
        configuration = client.get_function_configuration(FunctionName=name)
        assert configuration["TracingConfig"]["Mode"] == "Active"
        assert any("TracingLayer" in layer["Arn"] for layer in configuration["Layers"])


def test_a_run_of_the_reconciler_is_a_span_with_one_for_each_check(aws, traced, daemon):
    response = aws.client("lambda").invoke(FunctionName=traced["ReconcileFunction"])
    assert "FunctionError" not in response, response["Payload"].read()
    gauges, run = daemon.receive("gauges"), daemon.receive("reconcile")
    assert gauges["parent_id"] == run["id"]
    assert gauges["trace_id"] == run["trace_id"]


def test_a_stage_is_a_span_with_the_id_of_the_upload(aws, traced, daemon):
    url = traced["ArchiveQueue"]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"upload": ID}))
    span = daemon.receive("archive")
    assert span["annotations"] == {"upload_id": ID}


def test_the_logs_of_jobs_are_kept_for_a_time(aws, traced):
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker/")["logGroups"]
    days = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    assert {days[traced[f"{kind}JobsLogs"]] for kind in ("Transform", "Training", "Processing")} == {30}


def test_there_is_a_dashboard_with_the_name_of_the_stack_and_no_alarm_on_spending(aws, traced):
    assert traced["Dashboard"] == NAME
    assert "DailySpendAlarm" not in traced
    body = aws.client("cloudwatch").get_dashboard(DashboardName=NAME)["DashboardBody"]
    assert "${PROP('Dim.code')}" in body
    assert json.loads(body)["widgets"]


def test_the_metrics_are_those_of_the_stack(aws, traced):
    aws.client("lambda").invoke(FunctionName=traced["ReconcileFunction"])
    logs = aws.client("logs")
    events = wait_for(
        lambda: logs.filter_log_events(logGroupName=f"/seqdrop/{NAME}/reconcile", filterPattern='"_aws"')["events"]
    )
    record = json.loads(events[0]["message"])
    assert (record["stack"], record["service"], record["jobs_running"]) == (NAME, "reconcile", [0])
