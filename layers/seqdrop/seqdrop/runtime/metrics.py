"""Publish the counts of a function's run as CloudWatch metrics, through its log (the embedded metric format)."""

from __future__ import annotations

from aws_lambda_powertools.metrics import Metrics, MetricUnit

NAMESPACE = "Seqdrop"


def publish(function: str, counts: dict[str, int]) -> None:
    """Publish each count as a metric in the namespace Seqdrop, with the function's name as dimension `service`."""
    metrics = Metrics(namespace=NAMESPACE, service=function)
    for name, count in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
