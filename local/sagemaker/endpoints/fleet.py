"""The fleet of a release: for each of its variants one container, which serves the requests of all its instances."""

from __future__ import annotations

import contextlib
import logging
import random
import shutil
import threading
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.environment import make_serving_environment
from local.sagemaker.host import Container, ContainerError
from local.sagemaker.logs import send_lines
from local.sagemaker.model_data import fetch_model
from local.sagemaker.model_records import Model

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.endpoints.platform import Platform
    from local.sagemaker.endpoints.records import Endpoint, Release

logger = logging.getLogger("local.sagemaker")


class VariantServer:
    """A variant's model in a container, which responds to one request at a time."""

    def __init__(self, name: str, release: Release, model: Model, folder: Path, platform: Platform) -> None:
        self.name, self.release, self.model, self.state = name, release, model, release.variants[name]
        self._roles, self._log, self._scratch = platform.roles, folder / f"{name}.log", folder / name
        self._model_dir = self._scratch / "opt/ml/model"
        self._lock, self._sent = threading.Lock(), 0
        shutil.rmtree(self._scratch, ignore_errors=True)  # left by a service that was killed
        self._log.unlink(missing_ok=True)
        self._scratch.mkdir(parents=True)
        self.keys = self._roles.credentials(model.role)
        environment = make_serving_environment(model, self._scratch, self._model_dir)
        stopped = threading.Event()
        self._container = Container(
            self._model_dir, environment, self._log, stopped, platform.zygote, is_isolated=model.is_isolated
        )

    @property
    def config(self) -> str:
        """The name of the configuration that it belongs to."""
        return self.release.name

    def start(self) -> None:
        """Fetch the model and load it.

        Raise ModelDataError if it cannot be fetched. A model that does not load is not an error: like the real
        container, this one is healthy, and responds to each request with the reason.
        """
        with contextlib.closing(self._roles.client("s3", self.keys, self.model.region)) as s3:
            fetch_model(s3, self.model, self._scratch, self._model_dir)
        self._load()

    def scale(self) -> None:
        """Take the desired weight and number of instances; without instances, there is no container."""
        self._load()
        self.state.weight, self.state.instances = self.state.desired_weight, self.state.desired_instances
        if not self.state.instances:
            with self._lock:
                self._container.close()

    def _load(self) -> None:
        if self.state.desired_instances:
            with self._lock, contextlib.suppress(ContainerError):
                self._container.start()

    def invoke(self, body: bytes, content_type: str | None, accept: str | None, timeout: float) -> bytes:
        """Return the model's response; raise ContainerError if there is none within `timeout` seconds."""
        with self._lock:
            return self._container.invoke(body, content_type, accept, timeout)

    def send_log(self, endpoint: Endpoint) -> None:
        """Write the new lines of the container's log to CloudWatch Logs, if the role may do so."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._sent)
            text = log.read()
        if not text:
            return
        self._sent += len(text)
        with contextlib.suppress(BotoCoreError, ClientError):
            group, stream = f"/aws/sagemaker/Endpoints/{endpoint.name}", f"{self.name}/i-local-{id(self):x}"
            send_lines(text.decode(errors="replace"), group, stream, self.keys, endpoint.region, self._roles)

    def close(self) -> None:
        """End the container, and remove its files; its log stays."""
        self._container.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


class Fleet:
    """The servers of a release by variant; requests that use them delay `close`."""

    def __init__(self, endpoint: Endpoint, release: Release, platform: Platform) -> None:
        self.endpoint, self.release = endpoint, release
        folder = platform.folder / endpoint.name / str(release.number)
        self.servers = {
            variant["VariantName"]: VariantServer(
                variant["VariantName"],
                release,
                Model(**release.models[variant["ModelName"]]),
                folder,
                platform,
            )
            for variant in release.config["ProductionVariants"]
        }
        self._users, self._idle = 0, threading.Condition()

    def start(self) -> None:
        """Start all servers; raise ModelDataError if a model cannot be fetched."""
        for server in self.servers.values():
            server.start()

    def choose(self, target: str | None = None) -> VariantServer | None:
        """Return the target variant, or one by the variants' weights; None if it has no instances."""
        if target is not None:
            server = self.servers.get(target)
            return server if server and server.state.instances else None
        ready = [server for server in self.servers.values() if server.state.instances]
        weights = [server.state.weight for server in ready]
        return random.choices(ready, weights)[0] if sum(weights) else None

    def enter(self) -> None:
        """Count a request that uses the fleet."""
        with self._idle:
            self._users += 1

    def leave(self) -> None:
        """Count a request as finished."""
        with self._idle:
            self._users -= 1
            self._idle.notify_all()

    def send_logs(self) -> None:
        """Write the new lines of the containers' logs to CloudWatch Logs."""
        for server in self.servers.values():
            server.send_log(self.endpoint)

    def close(self) -> None:
        """End the containers when the requests that use them have ended."""
        with self._idle:
            self._idle.wait_for(lambda: self._users == 0)
        self.send_logs()
        for server in self.servers.values():
            server.close()
