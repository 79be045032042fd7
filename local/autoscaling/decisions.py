"""The number of instances that a policy asks for; pure functions of measurements."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from local.sagemaker.errors import ValidationError

INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
# CloudWatch's alarms of target tracking: above the target for 3 minutes, or below 90 percent of it for 15.
OUT_MINUTES, IN_MINUTES, IN_SHARE = 3, 15, 0.9


@dataclass(frozen=True)
class Measured:
    """The statistic that a target tracking policy follows, minute by minute, the latest first; None without data."""

    minutes: list[float | None]


def track(config: dict, current: int, measured: Measured) -> int:
    """Return the number of instances at which the metric would be at its target; `current` if no alarm trips.

    The metric must be one per instance. Without data it does not change, so it does not scale out from zero.
    """
    target, recent, longer = config["TargetValue"], measured.minutes[:OUT_MINUTES], measured.minutes[:IN_MINUTES]
    if len(recent) == OUT_MINUTES and all(value is not None and value > target for value in recent):
        return max(current, math.ceil(current * min(value for value in recent if value is not None) / target))
    low = target * IN_SHARE
    if len(longer) == IN_MINUTES and all(value is not None and value < low for value in longer):
        if config.get("DisableScaleIn"):
            return current
        return min(current, math.ceil(current * max(value for value in longer if value is not None) / target))
    return current


def step(config: dict, current: int, excess: float) -> int:
    """Return the number of instances after the step in whose interval `excess`, value minus threshold, lies."""
    for adjustment in config["StepAdjustments"]:
        low = adjustment.get("MetricIntervalLowerBound", -math.inf)
        high = adjustment.get("MetricIntervalUpperBound", math.inf)
        if low <= excess < high:
            return _adjust(config, current, adjustment["ScalingAdjustment"])
    return current


def _adjust(config: dict, current: int, amount: int) -> int:
    kind = config["AdjustmentType"]
    if kind == "ExactCapacity":
        return amount
    if kind == "PercentChangeInCapacity":
        change = abs(current * amount / 100)
        size = max(math.floor(change) if change > 1 else math.ceil(change), config.get("MinAdjustmentMagnitude", 0))
        amount = int(math.copysign(size, amount))
    return max(0, current + amount)


def check(request: dict) -> None:
    """Raise ValidationError for a policy that the service refuses, or that only AWS can follow."""
    kind = request.get("PolicyType", "StepScaling")
    members = {"StepScaling": "StepScalingPolicyConfiguration"}
    members["TargetTrackingScaling"] = "TargetTrackingScalingPolicyConfiguration"
    if kind not in members:
        raise ValidationError(f"The policy type {kind} is not supported by the embedded AWS.")
    config = request.get(members[kind])
    if config is None:
        raise ValidationError(f"{members[kind]} must be specified for the policy type {kind}.")
    (_check_tracking if kind == "TargetTrackingScaling" else _check_steps)(config)


def _check_tracking(config: dict) -> None:
    predefined, custom = config.get("PredefinedMetricSpecification"), config.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise ValidationError("Exactly one of predefined and customized metric specification must be specified.")
    if config["TargetValue"] <= 0:
        raise ValidationError("TargetValue must be greater than 0.")
    if predefined and predefined["PredefinedMetricType"] != INVOCATIONS:
        raise ValidationError(f"{predefined['PredefinedMetricType']} is not supported by the embedded AWS.")
    if custom is not None and not {"MetricName", "Namespace", "Statistic"} <= custom.keys():
        raise ValidationError("MetricName, Namespace and Statistic must be specified; metric math is not supported.")


def _check_steps(config: dict) -> None:
    if not config.get("AdjustmentType") or not config.get("StepAdjustments"):
        raise ValidationError("AdjustmentType and at least one step adjustment must be specified.")
    lows = [each.get("MetricIntervalLowerBound", -math.inf) for each in config["StepAdjustments"]]
    highs = [each.get("MetricIntervalUpperBound", math.inf) for each in config["StepAdjustments"]]
    intervals = sorted(zip(lows, highs, strict=True))
    if any(low >= high for low, high in intervals):
        raise ValidationError("The upper bound of a step adjustment must be greater than its lower bound.")
    if any(high != low for (_, high), (low, _) in itertools.pairwise(intervals)):
        raise ValidationError("Step adjustment intervals must neither overlap nor leave a gap.")
