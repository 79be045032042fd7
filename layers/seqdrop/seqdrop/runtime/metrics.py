"""Publish the figures of a function's run as CloudWatch metrics, through its log (the embedded metric format).

A metric costs money for each hour in which it is published, and each combination of dimensions is a metric of its own.
So there are two dimensions, the stack and the function, and a third one (`code`) only for what is rare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import Metrics, MetricUnit

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "Seqdrop"


def publish(stack: str, function: str, values: Mapping[str, float], **dimensions: str) -> None:
    """Publish each value as a metric in the namespace Seqdrop.

    Its dimensions are `stack`, `service` (the function's name), and those that are passed.
    """
    metrics = Metrics(namespace=NAMESPACE, service=function)
    for name, text in {"stack": stack, **dimensions}.items():
        metrics.add_dimension(name=name, value=text)
    for name, value in values.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()
