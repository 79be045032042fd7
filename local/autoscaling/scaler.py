"""The scaling itself: every minute, each target's policies are asked, and its variant is scaled."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

from local.autoscaling import decisions
from local.autoscaling.records import DIMENSION, ScalableTarget, ScalingPolicy
from local.calls import CallError, UnreachableError
from local.sagemaker.endpoints.metrics import NAMESPACE
from local.sagemaker.endpoints.records import Endpoint

if TYPE_CHECKING:
    from local.calls import Remote
    from local.sagemaker.endpoints.hosts import Hosts
    from local.sagemaker.registry import Registry

logger = logging.getLogger("local.autoscaling")
COOLDOWN = 300  # seconds, the default
MAX_ACTIVITIES = 50


class Scaler:
    """Scales variants by their policies. `tick` is called once a minute, after the metrics of that minute."""

    def __init__(self, registry: Registry, hosts: Hosts, account: Remote) -> None:
        self._registry, self._hosts, self._account = registry, hosts, account
        self._minutes: dict[str, deque[float | None]] = {}
        self._last = time.time()

    def tick(self) -> None:
        """Scale each target whose endpoint is in service."""
        start, self._last = self._last, time.time()
        for target in self._registry.list_everywhere(ScalableTarget):
            try:
                self._scale(target, start, self._last)
            except (CallError, UnreachableError):
                logger.exception("target %s", target.resource)

    def _scale(self, target: ScalableTarget, start: float, end: float) -> None:
        endpoint = self._registry.find(target, Endpoint, target.endpoint)
        variant = endpoint.release.variants.get(target.variant) if endpoint else None
        if variant is None or endpoint.status == "Creating":
            return
        current = variant.instances
        wanted = self._decide(target, current, start, end)
        least = 0 if endpoint.release.is_async else 1
        wanted = max(least, target.bound(wanted))
        if wanted != current and endpoint.status == "InService" and self._may_change(target, current, wanted):
            self._apply(target, endpoint, current, wanted)

    def _decide(self, target: ScalableTarget, current: int, start: float, end: float) -> int:
        """Return the largest number that a policy asks for; fewer instances only if every tracking policy agrees."""
        tracked, stepped = [], []
        for policy in self._registry.list(target, ScalingPolicy):
            if policy.resource != target.resource:
                continue
            if policy.request["PolicyType"] == "TargetTrackingScaling":
                tracked.append(self._track(target, policy, current, start, end))
            else:
                stepped += self._step(policy, current)
        proposals = [*tracked, *(number for number in stepped if number != current)]
        return max(proposals, default=current)

    def _track(self, target: ScalableTarget, policy: ScalingPolicy, current: int, start: float, end: float) -> int:
        config = policy.request["TargetTrackingScalingPolicyConfiguration"]
        minutes = self._minutes.setdefault(policy.arn, deque(maxlen=decisions.IN_MINUTES))
        minutes.appendleft(self._measure(target, config, start, end))
        return decisions.track(config, current, decisions.Measured(list(minutes)))

    def _measure(self, target: ScalableTarget, config: dict, start: float, end: float) -> float | None:
        if custom := config.get("CustomizedMetricSpecification"):
            dimensions = {each["Name"]: each["Value"] for each in custom.get("Dimensions", [])}
            names = custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"]
            return self._cloudwatch(target, "read_statistic", *names, start, end)
        dimensions = {"EndpointName": target.endpoint, "VariantName": target.variant}
        names = NAMESPACE, "InvocationsPerInstance", dimensions, "Sum"
        # Without traffic this metric is 0, so that the variant is scaled in.
        return self._cloudwatch(target, "read_statistic", *names, start, end) or 0.0

    def _step(self, policy: ScalingPolicy, current: int) -> list[int]:
        config = policy.request["StepScalingPolicyConfiguration"]
        excesses = self._cloudwatch(policy, "find_excesses", policy.arn)
        return [decisions.step(config, current, excess) for excess in excesses]

    def _cloudwatch(self, scope: ScalableTarget | ScalingPolicy, method: str, *arguments: object) -> object:
        return self._account.call("read_cloudwatch", method, arguments, scope.account, scope.region)

    def _may_change(self, target: ScalableTarget, current: int, wanted: int) -> bool:
        is_out, now = wanted > current, time.time()
        suspended = target.request.get("SuspendedState", {})
        if suspended.get("DynamicScalingOutSuspended" if is_out else "DynamicScalingInSuspended"):
            return False
        return now >= (target.cooled_out if is_out else max(target.cooled_in, target.cooled_out))

    def _apply(self, target: ScalableTarget, endpoint: Endpoint, current: int, wanted: int) -> None:
        now, is_out = time.time(), wanted > current
        with self._registry.lock:
            if not self._hosts.begin_scaling(endpoint, target.variant, wanted):
                return
            end = now + self._hosts.platform.scale(self._cooldown(target, is_out))
            if is_out:
                target.cooled_out = end
            else:
                target.cooled_in = end
            target.activities = [_make_activity(target, wanted, now), *target.activities][:MAX_ACTIVITIES]
            self._registry.save(target)
        self._hosts.rescale(endpoint)

    def _cooldown(self, target: ScalableTarget, is_out: bool) -> float:
        """Return the longest cooldown in seconds that a policy of the target has for this direction."""
        name, seconds = ("ScaleOutCooldown" if is_out else "ScaleInCooldown"), []
        for policy in self._registry.list(target, ScalingPolicy):
            if policy.resource == target.resource:
                tracking = policy.request.get("TargetTrackingScalingPolicyConfiguration", {})
                step = policy.request.get("StepScalingPolicyConfiguration", {})
                seconds.append(tracking.get(name, step.get("Cooldown", COOLDOWN)))
        return max(seconds, default=0)


def _make_activity(target: ScalableTarget, wanted: int, now: float) -> dict:
    return {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": "sagemaker",
        "ResourceId": target.resource,
        "ScalableDimension": DIMENSION,
        "Description": f"Setting desired instance count to {wanted}.",
        "Cause": "a policy of the target, or its bounds",
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired instance count to {wanted}.",
    }
