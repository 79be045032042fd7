"""Deployment configurations of endpoints: the rules of the documentation's text, and the steps of a deployment."""

import pytest

from local.sagemaker.endpoints import policies
from local.sagemaker.errors import ValidationError


def size(value: int, kind: str = "CAPACITY_PERCENT") -> dict:
    return {"Type": kind, "Value": value}


def blue_green(kind: str, **routing: object) -> dict:
    policy = {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 60} | routing}
    return {"BlueGreenUpdatePolicy": policy | {"TerminationWaitInSeconds": 30}}


def rolling(value: int, kind: str = "CAPACITY_PERCENT", **others: object) -> dict:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size(value, kind), "WaitIntervalInSeconds": 10} | others}


CANARY = blue_green("CANARY", CanarySize=size(10))
LINEAR = blue_green("LINEAR", LinearStepSize=size(1, "INSTANCE_COUNT"))


@pytest.mark.parametrize(
    ("config", "shares", "waits"),
    [
        ({}, [1], [0]),
        (blue_green("ALL_AT_ONCE"), [1], [30]),
        (CANARY, [0.1, 1], [60, 30]),
        (LINEAR, [0.25, 0.5, 0.75, 1], [60, 60, 60, 30]),
        (blue_green("LINEAR", LinearStepSize=size(40)), [0.4, 0.8, 1], [60, 60, 30]),
        (rolling(2, "INSTANCE_COUNT"), [0.5, 1], [10, 10]),
    ],
)
def test_traffic_moves_in_steps_and_rests_after_each(config, shares, waits):
    steps = policies.shares(config, instances=4)
    assert steps == pytest.approx(shares)
    assert policies.waits(config, len(steps)) == waits


def test_a_rollback_is_at_once_unless_a_rolling_policy_names_a_batch():
    assert policies.rollback_shares(CANARY, 0.5, 4) == []
    config = rolling(25, RollbackMaximumBatchSize=size(25))
    assert policies.rollback_shares(config, 0.75, 4) == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize("config", [None, {}, CANARY, LINEAR, blue_green("ALL_AT_ONCE"), rolling(5)])
def test_configurations_that_are_accepted(config):
    policies.check(config)


@pytest.mark.parametrize(
    "config",
    [
        CANARY | rolling(5),
        blue_green("CANARY"),
        blue_green("ALL_AT_ONCE", CanarySize=size(10)),
        blue_green("CANARY", CanarySize=size(51)),
        blue_green("LINEAR", LinearStepSize=size(9)),
        rolling(4),
        rolling(51),
    ],
)
def test_configurations_that_are_refused(config):
    with pytest.raises(ValidationError):
        policies.check(config)


def test_a_batch_of_instances_is_at_most_half_of_the_fleet():
    policies.check_capacity(LINEAR, 2)
    policies.check_capacity(rolling(1, "INSTANCE_COUNT"), 1)
    with pytest.raises(ValidationError, match="over 50 percent"):
        policies.check_capacity(rolling(3, "INSTANCE_COUNT"), 4)
