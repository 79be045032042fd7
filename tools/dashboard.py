"""Draw the stack's CloudWatch dashboard from what happens in the embedded AWS: `python -m tools.dashboard FILE.svg`.

Start the demo in another terminal (`make demo KEEP=1`) at the same time. The reconciler, which runs every five minutes,
is invoked every few seconds here, so that the short demo has curves. Its metrics, which CloudWatch would take from the
logs, are read from there. Queues are looked at as often; the embedded AWS has no metrics of SQS.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.deploy import STACK
from local.embedded import EmbeddedAws, NotRunningError
from tools.dashboard_drawing import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKDIR = Path(".seqdrop/aws")  # of `make demo`
EVERY = 5.0  # seconds between two looks
WAIT = 300  # seconds for the demo to deploy
SUMMED = ("Errors",)  # metrics of Lambda that the dashboard shows

Key = tuple[str, str, frozenset[tuple[str, str]]]  # namespace, name, dimensions
Points = dict[Key, list[tuple[float, float]]]  # time in seconds, and value


@dataclass
class Account:
    """The embedded AWS with a stack in it, and the points that were read so far."""

    aws: EmbeddedAws
    points: Points = field(default_factory=lambda: defaultdict(list))

    def client(self, name: str) -> Any:  # noqa: ANN401 # a client of any service
        """Return a client of an AWS service."""
        return self.aws.client(name)

    def find(self, logical: str) -> str:
        """Return the physical id of a resource of the stack."""
        response = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        name: str = response["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def queues(self) -> Iterator[str]:
        """Yield the URL of each queue."""
        yield from self.client("sqs").list_queues().get("QueueUrls", [])

    def add(self, at: float, namespace: str, name: str, value: float, dimensions: dict[str, str]) -> None:
        """Add a point of a metric."""
        self.points[namespace, name, frozenset(dimensions.items())].append((at, value))


def main() -> None:
    """Watch a demo, and write its dashboard as SVG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=180, help="how long to watch (default: 180)")
    options = parser.parse_args()
    account, began = wait_for_stack(), time.time()
    watch(account, began + options.seconds)
    read_logs(account, began)
    read_lambda(account, began)
    body = account.client("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    states = read_alarms(account, widgets)
    options.file.write_text(draw(widgets, account.points, (began, time.time()), states))


def wait_for_stack() -> Account:
    """Return the account of the demo as soon as its stack is complete. Raise SystemExit after WAIT seconds."""
    until = time.time() + WAIT
    while time.time() < until:
        try:
            account = Account(EmbeddedAws.attach(WORKDIR))
            stacks = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
            if stacks[0]["StackStatus"].endswith("_COMPLETE"):
                return account
        except (NotRunningError, ClientError):
            pass
        time.sleep(1)
    raise SystemExit(f"no stack was deployed to {WORKDIR} within {WAIT} s: run `make demo KEEP=1` at the same time")


def watch(account: Account, until: float) -> None:
    """Run the reconciler and look at the queues every few seconds."""
    function, sqs = account.find("ReconcileFunction"), account.client("sqs")
    while time.time() < until:
        account.client("lambda").invoke(FunctionName=function)
        for url in account.queues():
            response = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            count = int(response["Attributes"]["ApproximateNumberOfMessages"])
            name = {"QueueName": url.rsplit("/", 1)[1]}
            account.add(time.time(), "AWS/SQS", "ApproximateNumberOfMessagesVisible", count, name)
        time.sleep(EVERY)


def read_logs(account: Account, began: float) -> None:
    """Add the points that functions wrote to their logs in the embedded metric format."""
    logs = account.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/seqdrop/{STACK}/")["logGroups"]
    for group in groups:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], startTime=int(began * 1000)
        )
        for event in (event for page in pages for event in page["events"]):
            for line in event["message"].splitlines():
                if line.startswith("{") and '"_aws"' in line:
                    _read_line(account, json.loads(line))


def _read_line(account: Account, record: dict[str, Any]) -> None:
    at = record["_aws"]["Timestamp"] / 1000
    for directive in record["_aws"]["CloudWatchMetrics"]:
        dimensions = {name: record[name] for name in directive["Dimensions"][0]}
        for metric in directive["Metrics"]:
            value = record[metric["Name"]]
            for number in value if isinstance(value, list) else [value]:
                account.add(at, directive["Namespace"], metric["Name"], number, dimensions)


def read_lambda(account: Account, began: float) -> None:
    """Add what the embedded AWS measures of functions."""
    client = account.client("cloudwatch")
    for metric in client.list_metrics(Namespace="AWS/Lambda")["Metrics"]:
        if metric["MetricName"] in SUMMED:
            period = {"StartTime": began, "EndTime": time.time(), "Period": int(EVERY), "Statistics": ["Sum"]}
            for point in client.get_metric_statistics(**metric, **period)["Datapoints"]:
                dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
                account.add(
                    point["Timestamp"].timestamp(), "AWS/Lambda", metric["MetricName"], point["Sum"], dimensions
                )


def read_alarms(account: Account, widgets: list[dict[str, Any]]) -> dict[str, str]:
    """Return the state of each alarm of the dashboard, by its name."""
    (arns,) = [widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm"]
    names = [arn.rsplit(":", 1)[1] for arn in arns]
    pages = account.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=names)
    return {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}


if __name__ == "__main__":
    main()
