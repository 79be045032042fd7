"""The numbers of instances that scaling policies ask for."""

import pytest

from local.autoscaling.decisions import Measured, check, step, track
from local.sagemaker.errors import ValidationError

TARGET = {"TargetValue": 10.0}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 3},
    ],
}


@pytest.mark.parametrize(
    ("minutes", "current", "wanted"),
    [
        ([30.0, 30.0, 30.0], 1, 3),
        ([30.0, 30.0, 9.0], 1, 1),
        ([30.0, 30.0], 1, 1),
        ([30.0, None, 30.0], 1, 1),
        ([30.0, 30.0, 30.0], 0, 0),
        ([4.0] * 15, 5, 2),
        ([0.0] * 15, 5, 0),
        ([9.5] * 15, 5, 5),
        ([0.0] * 14, 5, 5),
        ([None] * 15, 5, 5),
    ],
)
def test_tracking_follows_three_minutes_above_and_fifteen_below(minutes, current, wanted):
    assert track(TARGET, current, Measured(minutes)) == wanted


def test_tracking_may_only_scale_out():
    assert track(TARGET | {"DisableScaleIn": True}, 5, Measured([0.0] * 15)) == 5


@pytest.mark.parametrize(("excess", "wanted"), [(0, 2), (4.9, 2), (5, 4), (-1, 1)])
def test_a_step_is_chosen_by_the_excess_over_the_threshold(excess, wanted):
    assert step(STEPS, 1, excess) == wanted


@pytest.mark.parametrize(
    ("kind", "amount", "least", "wanted"),
    [
        ("ExactCapacity", 7, 0, 7),
        ("PercentChangeInCapacity", 50, 0, 15),
        ("PercentChangeInCapacity", 1, 2, 12),
        ("PercentChangeInCapacity", -25, 0, 8),
        ("ChangeInCapacity", -20, 0, 0),
    ],
)
def test_kinds_of_adjustment(kind, amount, least, wanted):
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": amount}]
    assert step({"AdjustmentType": kind, "MinAdjustmentMagnitude": least, "StepAdjustments": steps}, 10, 0) == wanted


def test_intervals_of_steps_have_no_gap():
    gap = [STEPS["StepAdjustments"][0], {"MetricIntervalLowerBound": 6, "ScalingAdjustment": 3}]
    check({"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": STEPS})
    with pytest.raises(ValidationError, match="gap"):
        check({"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": STEPS | {"StepAdjustments": gap}})


def test_predictive_policies_are_not_supported():
    with pytest.raises(ValidationError, match="PredictiveScaling is not supported"):
        check({"PolicyType": "PredictiveScaling"})
