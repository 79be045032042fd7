"""The deployment of a new release: traffic moves to its fleet step by step, and back if an alarm trips."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from local.sagemaker.endpoints import policies
from local.sagemaker.endpoints.alarms import AlarmsUnreadableError, find_tripped
from local.sagemaker.model_data import ModelDataError
from local.sagemaker.model_records import Model

if TYPE_CHECKING:
    from local.sagemaker.endpoints.hosts import Host, Hosts

logger = logging.getLogger("local.sagemaker")
POLL_SECONDS = 0.5
DEFAULT_TIMEOUT = 28_800


class RolledBackError(Exception):
    """The deployment must be undone; the message is the reason."""


class CancelledError(Exception):
    """The endpoint is being deleted."""


class Deployment:
    """Replaces the release in service by the pending one."""

    def __init__(self, host: Host, hosts: Hosts) -> None:
        self._host, self._hosts, self._endpoint = host, hosts, host.endpoint
        self._pending, self._policy = host.endpoint.pending, host.endpoint.policy or {}
        self._blue = host.traffic.blue
        self._green = hosts.make_fleet(host.endpoint, self._pending)

    def run(self) -> None:
        """Deploy the pending release, or return to the one in service."""
        try:
            self._deploy()
        except CancelledError:
            return
        except (RolledBackError, ModelDataError, AlarmsUnreadableError) as error:
            logger.warning("endpoint %s rolls back: %s", self._endpoint.name, error)
            self._roll_back(str(error))
            return
        self._hosts.complete(self._host, self._green)
        self._blue.close()

    def _deploy(self) -> None:
        traffic, count = self._host.traffic, self._count()
        traffic.set(self._blue, self._green, 0.0)
        self._note("Creating", f"Launching {count} instance(s).")
        self._green.start()
        deadline = time.monotonic() + self._scaled(self._timeout())
        steps = policies.shares(self._policy, count)
        for share, wait in zip(steps, policies.waits(self._policy, len(steps)), strict=True):
            capacity = f"capacity of {self._part(share)} instance(s)."
            self._note("ActivatingTraffic", f"Activating traffic on {capacity}", share)
            traffic.set(self._blue, self._green, share)
            self._note("Baking", f"Baking for {wait} seconds with traffic enabled on {capacity}", share)
            self._bake(self._scaled(wait), deadline)

    def _bake(self, seconds: float, deadline: float) -> None:
        """Watch the alarms for a time, at least once."""
        end = time.monotonic() + seconds
        while True:
            if self._host.cancelled.is_set():
                raise CancelledError
            if tripped := find_tripped(policies.alarms(self._policy), self._model(), self._hosts.platform.roles):
                raise RolledBackError(f"One or more alarms are in state ALARM: {', '.join(tripped)}")
            now = time.monotonic()
            if now >= end:
                return
            if now >= deadline:
                raise RolledBackError("The deployment exceeded MaximumExecutionTimeoutInSeconds")
            self._host.cancelled.wait(min(POLL_SECONDS, end - now))

    def _roll_back(self, reason: str) -> None:
        self._hosts.enter(self._endpoint, "RollingBack", reason)
        for share in policies.rollback_shares(self._policy, self._host.traffic.share, self._count()):
            self._host.traffic.set(self._blue, self._green, share)
        self._host.traffic.set(self._blue)
        self._green.close()
        self._hosts.abandon(self._host, reason)

    def _note(self, status: str, message: str, share: float = 0.0) -> None:
        """Record and announce what the new fleet does."""
        activity = {"Status": status, "StatusMessage": message, "StartTime": time.time()}
        for variant in self._pending.variants.values():
            variant.activity, variant.instances = activity, math.ceil(share * variant.desired_instances)
        self._hosts.announce_step(self._endpoint)

    def _model(self) -> Model:
        return Model(**next(iter(self._pending.models.values())))

    def _count(self) -> int:
        return sum(variant.desired_instances for variant in self._pending.variants.values())

    def _part(self, share: float) -> int:
        return math.ceil(share * self._count())

    def _timeout(self) -> float:
        policy = self._policy.get("RollingUpdatePolicy") or self._policy.get("BlueGreenUpdatePolicy") or {}
        return policy.get("MaximumExecutionTimeoutInSeconds", DEFAULT_TIMEOUT)

    def _scaled(self, seconds: float) -> float:
        return self._hosts.platform.scale(seconds)
