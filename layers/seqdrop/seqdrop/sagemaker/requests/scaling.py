"""The scaling of an endpoint: its scalable target and its policies, as requests to Application Auto Scaling.

In real time it aims at requests per instance and minute. An asynchronous endpoint aims at waiting requests per instance
and scales to zero; the step policy adds the first instance (endpoint_alarms.backlog_alarm).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.sagemaker.endpoint_names import VARIANT

if TYPE_CHECKING:
    from seqdrop.aws.autoscaling import Dimension, PolicyRequest, TargetRequest
    from seqdrop.sagemaker.serving import Serving

OUT, IN = 60, 300  # seconds between two changes: adding is urgent, removing is not
TRACKING, FIRST = "tracking", "first"  # names of the policies


def dimension(endpoint: str) -> Dimension:
    """Return what names the number of instances of an endpoint."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def target_request(serving: Serving) -> TargetRequest:
    """Return the RegisterScalableTarget request."""
    return {**dimension(serving.name), "MinCapacity": serving.least, "MaxCapacity": serving.most}


def policy_requests(serving: Serving) -> list[PolicyRequest]:
    """Return the PutScalingPolicy requests; that of the first instance comes last."""
    tracking = _policy(serving, TRACKING, "TargetTrackingScaling")
    tracking["TargetTrackingScalingPolicyConfiguration"] = {
        "TargetValue": float(serving.target),
        "ScaleOutCooldown": OUT,
        "ScaleInCooldown": IN,
        **_metric(serving),
    }
    if not serving.is_async:
        return [tracking]
    first = _policy(serving, FIRST, "StepScaling")
    first["StepScalingPolicyConfiguration"] = {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": IN,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    return [tracking, first]


def _policy(serving: Serving, name: str, kind: str) -> PolicyRequest:
    named: Dimension = dimension(serving.name)
    return {
        "ServiceNamespace": named["ServiceNamespace"],
        "ResourceId": named["ResourceId"],
        "ScalableDimension": named["ScalableDimension"],
        "PolicyName": name,
        "PolicyType": kind,
    }


def _metric(serving: Serving) -> dict[str, object]:
    if not serving.is_async:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}
    return {
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Dimensions": [{"Name": "EndpointName", "Value": serving.name}],
            "Statistic": "Average",
        }
    }
