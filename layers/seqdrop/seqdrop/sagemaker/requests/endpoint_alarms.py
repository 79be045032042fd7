"""The alarms of an endpoint. They roll back an update, and between updates they send a mail.

The model server returns 400 if the handler raises an error, and 5xx if its worker died. A caller's bad request is a 400
as well, so that alarm is raised only if most requests of a minute fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.sagemaker.endpoint_names import VARIANT

if TYPE_CHECKING:
    from seqdrop.aws.cloudwatch import AlarmRequest, MetricDimension
    from seqdrop.config.settings import Settings
    from seqdrop.sagemaker.serving import Serving

CRASHES, FAILURES = 0.05, 0.5  # share of a minute's requests: of 5xx, and of 4xx
SUFFIXES = ("5xx", "4xx", "latency", "backlog")


def alarm_names(endpoint: str) -> list[str]:
    """Return the names of all alarms that an endpoint of this name may have."""
    return [f"{endpoint}-{suffix}" for suffix in SUFFIXES]


def dimensions_of(endpoint: str) -> list[MetricDimension]:
    """Return the dimensions of the metrics of an endpoint's only variant."""
    return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": VARIANT}]


def alarm_requests(settings: Settings, serving: Serving) -> list[AlarmRequest]:
    """Return the PutMetricAlarm requests of the alarms that roll back an update of the endpoint."""
    alarms = [
        _alarm(settings, serving, "5xx", "Invocation5XXErrors", CRASHES),
        _alarm(settings, serving, "4xx", "Invocation4XXErrors", FAILURES),
    ]
    if serving.latency_ms:
        alarms.append(_alarm(settings, serving, "latency", "ModelLatency", serving.latency_ms * 1000.0))  # microseconds
    return alarms


def _alarm(settings: Settings, serving: Serving, suffix: str, metric: str, threshold: float) -> AlarmRequest:
    """Return an alarm on the average of a metric over a minute; the average of errors is their share."""
    return {
        "AlarmName": f"{serving.name}-{suffix}",
        "AlarmDescription": f"{metric} of an endpoint of Seqdrop. docs/operations.md says what to do.",
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": dimensions_of(serving.name),
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [settings.topic],
    }


def backlog_alarm(serving: Serving, policy: str) -> AlarmRequest:
    """Return the alarm that adds the first instance of an asynchronous endpoint; `policy` is the ARN of its policy.

    Without an instance there is no backlog per instance, so the policy that aims at one cannot add the first.
    """
    return {
        "AlarmName": f"{serving.name}-backlog",
        "AlarmDescription": "Requests wait at an asynchronous endpoint of Seqdrop without an instance. No mail.",
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": [{"Name": "EndpointName", "Value": serving.name}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [policy],
    }
