"""The endpoints that run in this process: each with its traffic, its queue, and a thread for its changes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from local.sagemaker.endpoints.backlog import Backlog
from local.sagemaker.endpoints.capture import Capture
from local.sagemaker.endpoints.deployment import Deployment
from local.sagemaker.endpoints.fleet import Fleet
from local.sagemaker.endpoints.records import Endpoint
from local.sagemaker.endpoints.traffic import Traffic
from local.sagemaker.model_data import ModelDataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.endpoints.platform import Platform
    from local.sagemaker.endpoints.records import Release
    from local.sagemaker.events import StateChanges
    from local.sagemaker.registry import Registry
    from local.sagemaker.store import Store

logger = logging.getLogger("local.sagemaker")


class Host:
    """One endpoint as it runs."""

    def __init__(self, endpoint: Endpoint, requests: Store, platform: Platform) -> None:
        self.endpoint, self.traffic, self.metrics = endpoint, Traffic(), platform.metrics
        self.backlog = Backlog(endpoint, self.traffic, requests, platform)
        self.capture = Capture(endpoint, platform)
        self.cancelled = threading.Event()
        self.change: threading.Thread | None = None

    def observe(self) -> None:
        """Write captured data and logs, and publish the size of the queue of an asynchronous endpoint in service."""
        self.capture.flush()
        for fleet in (self.traffic.blue, self.traffic.green):
            if fleet is not None:
                fleet.send_logs()
        release = self.endpoint.release
        if release.is_async and self.endpoint.status != "Creating":
            instances = sum(variant.instances for variant in release.variants.values())
            self.metrics.record_backlog(self.endpoint, len(self.backlog), instances)


class Hosts:
    """All endpoints; `requests` stores the queues of asynchronous ones, `announce` announces each change of state."""

    def __init__(
        self,
        registry: Registry,
        requests: Store,
        platform: Platform,
        announce: StateChanges,
    ) -> None:
        self._registry, self._requests, self.platform, self._announce = registry, requests, platform, announce
        self._hosts: dict[str, Host] = {}

    def find(self, arn: str) -> Host | None:
        """Return the host of an endpoint."""
        return self._hosts.get(arn)

    def resume(self) -> None:
        """Run the endpoints of an earlier process of the service that was killed."""
        for endpoint in self._registry.list_everywhere(Endpoint):
            if endpoint.status == "Deleting":
                self._registry.remove(endpoint)
            elif endpoint.status != "Failed":
                host = self._add(endpoint)
                host.backlog.restore()
                self._start(host, self._relaunch)

    def create(self, endpoint: Endpoint) -> None:
        """Launch a new endpoint."""
        self._announce(endpoint)
        self._start(self._add(endpoint), self._launch)

    def update(self, endpoint: Endpoint) -> None:
        """Deploy the pending release of an endpoint."""
        self._announce(endpoint)
        self._start(self._hosts[endpoint.arn], self._deploy)

    def rescale(self, endpoint: Endpoint) -> None:
        """Give the variants of an endpoint the weights and instances that are desired."""
        self._announce(endpoint)
        if host := self._hosts.get(endpoint.arn):  # it may have been deleted since
            self._start(host, self._rescale)

    def delete(self, endpoint: Endpoint) -> None:
        """End an endpoint, and remove it when its requests under way have ended."""
        self._announce(endpoint)
        host = self._hosts.get(endpoint.arn)
        if host is None:
            self._registry.remove(endpoint)
            return
        host.cancelled.set()
        host.traffic.close()
        threading.Thread(target=self._remove, args=(host, host.change), daemon=True).start()

    def observe(self) -> None:
        """Write captured data and publish the sizes of the queues; to be called every minute."""
        for host in list(self._hosts.values()):
            host.observe()

    def begin_scaling(self, endpoint: Endpoint, variant: str, instances: int) -> bool:
        """Record that a variant shall have as many instances, for `rescale`; return False if it cannot change now."""
        with self._registry.lock:
            if endpoint.status != "InService":
                return False
            endpoint.release.variants[variant].desire(None, instances)
            endpoint.status, endpoint.modified = "Updating", time.time()
        return True

    def _add(self, endpoint: Endpoint) -> Host:
        host = self._hosts[endpoint.arn] = Host(endpoint, self._requests, self.platform)
        return host

    def _start(self, host: Host, change: Callable[[Host], None]) -> None:
        if host.cancelled.is_set():
            return
        host.change = threading.Thread(target=self._guard, args=(host, change), name="endpoint", daemon=True)
        host.change.start()

    def _guard(self, host: Host, change: Callable[[Host], None]) -> None:
        try:
            change(host)
        except Exception as error:
            logger.exception("endpoint %s", host.endpoint.name)
            self.enter(host.endpoint, "Failed", f"InternalServerError: {error!r}")

    def _launch(self, host: Host) -> None:
        fleet = self.make_fleet(host.endpoint, host.endpoint.release)
        try:
            fleet.start()
        except ModelDataError as error:
            fleet.close()
            self.enter(host.endpoint, "Failed", f"ClientError: {error}")
            return
        host.traffic.set(fleet)
        if host.endpoint.status == "Creating":
            self.enter(host.endpoint, "InService")

    def _relaunch(self, host: Host) -> None:
        """Launch an endpoint of an earlier process, and start the change over in which it was killed."""
        endpoint = host.endpoint
        self._launch(host)
        if endpoint.status == "RollingBack":
            self.abandon(host, endpoint.failure)
        elif endpoint.status == "Updating":
            (self._deploy if endpoint.pending else self._rescale)(host)

    def _deploy(self, host: Host) -> None:
        Deployment(host, self).run()

    def _rescale(self, host: Host) -> None:
        for server in host.traffic.blue.servers.values():
            server.scale()
        host.traffic.wake()
        for variant in host.endpoint.release.variants.values():
            variant.activity = None
        self.enter(host.endpoint, "InService")

    def make_fleet(self, endpoint: Endpoint, release: Release) -> Fleet:
        """Return the fleet of a release, which is not started yet."""
        return Fleet(endpoint, release, self.platform)

    def complete(self, host: Host, fleet: Fleet) -> None:
        """Make the pending release, which the fleet runs, the one in service."""
        endpoint = host.endpoint
        with self._registry.lock:
            endpoint.release, endpoint.pending = endpoint.pending, None
            for variant in endpoint.release.variants.values():
                variant.activity, variant.instances = None, variant.desired_instances
        host.traffic.set(fleet)
        self.enter(endpoint, "InService")

    def abandon(self, host: Host, reason: str | None) -> None:
        """Drop the pending release; the reason stays in the description of the endpoint."""
        with self._registry.lock:
            host.endpoint.pending = None
        self.enter(host.endpoint, "InService", reason)

    def announce_step(self, endpoint: Endpoint) -> None:
        """Announce a step of a deployment."""
        self._announce.announce_deployment(endpoint)

    def _remove(self, host: Host, change: threading.Thread | None) -> None:
        if change is not None:
            change.join()
        for fleet in (host.traffic.blue, host.traffic.green):
            if fleet is not None:
                fleet.close()
        host.backlog.close()
        host.capture.flush()
        with self._registry.lock:
            del self._hosts[host.endpoint.arn]
            self._registry.remove(host.endpoint)

    def enter(self, endpoint: Endpoint, status: str, failure: str | None = None) -> None:
        """Change the status of an endpoint and announce it, unless it is being deleted."""
        with self._registry.lock:
            if endpoint.status == "Deleting":
                return
            endpoint.status, endpoint.failure, endpoint.modified = status, failure, time.time()
        self._announce(endpoint)
