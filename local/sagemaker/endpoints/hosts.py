"""The endpoints that run in this process: each with its traffic, its queue, and a thread for its changes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from local.sagemaker.endpoints.backlog import Backlog
from local.sagemaker.endpoints.fleet import Fleet
from local.sagemaker.endpoints.records import Endpoint
from local.sagemaker.endpoints.traffic import Traffic
from local.sagemaker.model_data import ModelDataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.sagemaker.registry import Registry
    from local.sagemaker.roles import Roles
    from local.sagemaker.store import Store
    from local.warm import Zygote

logger = logging.getLogger("local.sagemaker")


class Host:
    """One endpoint as it runs."""

    def __init__(self, endpoint: Endpoint, requests: Store, roles: Roles) -> None:
        self.endpoint, self.traffic = endpoint, Traffic()
        self.backlog = Backlog(endpoint, self.traffic, requests, roles)
        self.cancelled = threading.Event()
        self.change: threading.Thread | None = None


class Hosts:
    """All endpoints; `requests` stores the queues of asynchronous ones, `announce` is called at each change of state.

    `folder` has the files of the containers, which are forked from `zygote` if there is one.
    """

    def __init__(
        self,
        registry: Registry,
        requests: Store,
        folder: Path,
        roles: Roles,
        announce: Callable[[Endpoint], None],
        zygote: Zygote | None = None,
    ) -> None:
        self._registry, self._requests, self._folder = registry, requests, folder
        self._roles, self._announce, self._zygote = roles, announce, zygote
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
                self._start(host, self._launch)

    def create(self, endpoint: Endpoint) -> None:
        """Launch a new endpoint."""
        self._announce(endpoint)
        self._start(self._add(endpoint), self._launch)

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

    def _add(self, endpoint: Endpoint) -> Host:
        host = self._hosts[endpoint.arn] = Host(endpoint, self._requests, self._roles)
        return host

    def _start(self, host: Host, change: Callable[[Host], None]) -> None:
        host.change = threading.Thread(target=self._guard, args=(host, change), name="endpoint", daemon=True)
        host.change.start()

    def _guard(self, host: Host, change: Callable[[Host], None]) -> None:
        try:
            change(host)
        except Exception as error:
            logger.exception("endpoint %s", host.endpoint.name)
            self._enter(host.endpoint, "Failed", f"InternalServerError: {error!r}")

    def _launch(self, host: Host) -> None:
        fleet = Fleet(host.endpoint, host.endpoint.release, self._folder, self._roles, self._zygote)
        try:
            fleet.start()
        except ModelDataError as error:
            fleet.close()
            self._enter(host.endpoint, "Failed", f"ClientError: {error}")
            return
        host.traffic.set(fleet)
        self._enter(host.endpoint, "InService")

    def _remove(self, host: Host, change: threading.Thread | None) -> None:
        if change is not None:
            change.join()
        for fleet in (host.traffic.blue, host.traffic.green):
            if fleet is not None:
                fleet.close()
        host.backlog.close()
        with self._registry.lock:
            del self._hosts[host.endpoint.arn]
            self._registry.remove(host.endpoint)

    def _enter(self, endpoint: Endpoint, status: str, failure: str | None = None) -> None:
        """Change the status of an endpoint and announce it, unless it is being deleted."""
        with self._registry.lock:
            if endpoint.status == "Deleting":
                return
            endpoint.status, endpoint.failure, endpoint.modified = status, failure, time.time()
        self._announce(endpoint)
