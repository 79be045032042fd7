"""Deployment configurations: the rules of the documentation's text, and the steps that follow from a policy."""

from __future__ import annotations

import math

from local.sagemaker.errors import ValidationError

PERCENT = "CAPACITY_PERCENT"
ALL_AT_ONCE = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}


def check(config: dict | None) -> None:
    """Raise ValidationError for a deployment configuration that breaks a rule that botocore's model lacks."""
    if config is None:
        return
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        raise ValidationError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    if policy := config.get("BlueGreenUpdatePolicy"):
        _check_blue_green(policy)
    if policy := config.get("RollingUpdatePolicy"):
        _check_size("MaximumBatchSize", policy["MaximumBatchSize"], 5, 50)
        if size := policy.get("RollbackMaximumBatchSize"):
            _check_size("RollbackMaximumBatchSize", size, 5, 100)


def _check_blue_green(policy: dict) -> None:
    routing = policy["TrafficRoutingConfiguration"]
    needed = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(routing["Type"])
    for member in ("CanarySize", "LinearStepSize"):
        if (member in routing) != (member == needed):
            rule = "must" if member == needed else "cannot"
            raise ValidationError(f"{member} {rule} be specified for the traffic routing type {routing['Type']}.")
    if needed:
        _check_size(needed, routing[needed], 1 if needed == "CanarySize" else 10, 50)


def _check_size(name: str, size: dict, least: int, most: int) -> None:
    if size["Type"] == PERCENT and not least <= size["Value"] <= most:
        raise ValidationError(f"{name} must be between {least} and {most} percent of the capacity.")


def check_capacity(config: dict, instances: int) -> None:
    """Raise ValidationError for a size in instances that is over half of a fleet."""
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    batch = config.get("RollingUpdatePolicy", {}).get("MaximumBatchSize")
    for size in (routing.get("CanarySize"), routing.get("LinearStepSize"), batch):
        if size and size["Type"] != PERCENT and size["Value"] > max(1, instances // 2):
            raise ValidationError(f"A batch of {size['Value']} instances is over 50 percent of {instances} instances.")


def shares(config: dict, instances: int) -> list[float]:
    """Return the shares of the traffic that the new fleet receives, step by step; the last one is 1."""
    if "RollingUpdatePolicy" in config:
        return _even(_fraction(config["RollingUpdatePolicy"]["MaximumBatchSize"], instances))
    routing = config.get("BlueGreenUpdatePolicy", ALL_AT_ONCE)["TrafficRoutingConfiguration"]
    if routing["Type"] == "CANARY":
        return [_fraction(routing["CanarySize"], instances), 1.0]
    if routing["Type"] == "LINEAR":
        return _even(_fraction(routing["LinearStepSize"], instances))
    return [1.0]


def waits(config: dict, steps: int) -> list[int]:
    """Return the seconds to wait after each step: the interval, and after the last step the termination wait too."""
    if "RollingUpdatePolicy" in config:
        return [config["RollingUpdatePolicy"]["WaitIntervalInSeconds"]] * steps
    policy = config.get("BlueGreenUpdatePolicy", ALL_AT_ONCE)
    interval = policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"]
    return [interval] * (steps - 1) + [policy.get("TerminationWaitInSeconds", 0)]


def rollback_shares(config: dict, share: float, instances: int) -> list[float]:
    """Return the falling shares of the new fleet in a rollback, without the final 0; usually there are none."""
    size = config.get("RollingUpdatePolicy", {}).get("RollbackMaximumBatchSize")
    steps = _even(_fraction(size, instances)) if size else []
    return [1 - step for step in steps if 0 < 1 - step < share]


def alarms(config: dict) -> list[str]:
    """Return the names of the alarms that roll the deployment back."""
    return [alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])]


def _fraction(size: dict, instances: int) -> float:
    return size["Value"] / 100 if size["Type"] == PERCENT else min(1.0, size["Value"] / max(1, instances))


def _even(step: float) -> list[float]:
    return [min(1.0, step * number) for number in range(1, math.ceil(1 / step) + 1)]
