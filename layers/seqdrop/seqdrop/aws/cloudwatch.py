"""The operations of CloudWatch that are used; boto3-stubs for it are not among the requirements.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

HOUR = 3600
MOST_POINTS = 1000  # of a response; CloudWatch allows 1,440


class MetricDimension(TypedDict):
    """A dimension of a metric."""

    Name: str
    Value: str


class AlarmRequest(TypedDict):
    """A PutMetricAlarm request for an alarm on one metric."""

    AlarmName: str
    AlarmDescription: str
    Namespace: str
    MetricName: str
    Dimensions: list[MetricDimension]
    Statistic: str
    Period: int
    EvaluationPeriods: int
    Threshold: float
    ComparisonOperator: str
    TreatMissingData: str
    AlarmActions: list[str]


class CloudWatchClient(Protocol):
    """The client `cloudwatch`."""

    def put_metric_alarm(self, **request: object) -> object:
        """Create or replace an alarm."""

    def delete_alarms(self, *, AlarmNames: list[str]) -> object:  # noqa: N803 - boto3's name
        """Delete alarms; those that do not exist are ignored."""

    def get_metric_statistics(self, **request: object) -> dict[str, Any]:
        """Return the statistics of a metric as `Datapoints`."""


def sum_of(
    cloudwatch: CloudWatchClient, metric: str, dimensions: list[MetricDimension], hours: float, now: datetime
) -> float:
    """Return the sum of a metric of SageMaker over the last hours, and up to a period more."""
    period = HOUR * math.ceil((hours + 1) / MOST_POINTS)
    response = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=dimensions,
        StartTime=now - timedelta(hours=hours, seconds=period),
        EndTime=now,
        Period=period,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in response["Datapoints"]))
