"""The queue of an asynchronous endpoint: requests, one at a time, from their inputs in S3 to outputs and messages."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.endpoints.notices import make_notice
from local.sagemaker.host import ContainerError
from local.sagemaker.model_data import ObjectFailedError, read_chunks
from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from local.sagemaker.endpoints.fleet import VariantServer
    from local.sagemaker.endpoints.platform import Platform
    from local.sagemaker.endpoints.records import Endpoint
    from local.sagemaker.endpoints.traffic import Traffic
    from local.sagemaker.store import Store

logger = logging.getLogger("local.sagemaker")
DEFAULT_TTL, DEFAULT_TIMEOUT = 21_600, 900  # seconds
MAX_NOTICE_BODY = 128 * 1024


class Backlog:
    """The requests of an endpoint that have no result yet, oldest first; `store` has them when the service is killed.

    A request that was being processed then is processed again, so its message may come twice.
    """

    def __init__(self, endpoint: Endpoint, traffic: Traffic, store: Store, platform: Platform) -> None:
        self._endpoint, self._traffic, self._store, self._platform = endpoint, traffic, store, platform
        self._waiting: deque[dict] = deque()
        self._busy, self._is_closed = 0, False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting) + self._busy

    def add(self, parameters: dict, now: float) -> dict:
        """Store a request and return the response: the locations of its output and of its failure."""
        identifier = parameters.get("InferenceId") or str(uuid.uuid4())
        config = self._endpoint.release.config["AsyncInferenceConfig"]["OutputConfig"]
        stem = re.sub(r"[^\w.-]", "_", identifier, flags=re.ASCII)
        extension = parameters.get("S3OutputPathExtension", "").strip("/")
        request = {key: value for key, value in parameters.items() if key != "Body"}
        if "Body" in parameters:
            request["Body"] = base64.b64encode(parameters["Body"]).decode()
        locations = {
            "OutputLocation": _join(config["S3OutputPath"], extension, parameters.get("Filename") or f"{stem}.out")
        }
        if config.get("S3FailurePath"):
            locations["FailureLocation"] = _join(config["S3FailurePath"], extension, f"{stem}-error.out")
        entry = {"id": uuid.uuid4().hex, "inference": identifier, "received": now, "request": request, **locations}
        self._store.put(self._key(entry), entry)
        self._append(entry)
        return {"InferenceId": identifier, **locations}

    def restore(self) -> None:
        """Append the requests of an earlier process of the service."""
        entries = [entry for entry in self._store.below(self._scope()) if entry]
        for entry in sorted(entries, key=lambda entry: entry["received"]):
            self._append(entry)

    def close(self) -> None:
        """Drop all requests, when the one under way has ended."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        for entry in self._waiting:
            self._store.remove(self._key(entry))
        self._waiting.clear()

    def _append(self, entry: dict) -> None:
        with self._changed:
            self._waiting.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="async", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed or self._traffic.is_closed:
                    return
                self._busy = 1
            # Without a limit of time: an endpoint without instances keeps its requests until it has one.
            with self._traffic.enter(wait=self._seconds_left()) as server:
                if server is None and (self._traffic.is_closed or self._traffic.blue is None):
                    self._busy = 0
                    continue  # closed, or not launched yet
                entry = self._waiting.popleft()
                self._process(entry, server)
            self._store.remove(self._key(entry))
            self._busy = 0

    def _seconds_left(self) -> float:
        entry = self._waiting[0]
        return max(0.05, self._deadline(entry) - time.time())

    def _deadline(self, entry: dict) -> float:
        return entry["received"] + self._platform.scale(entry["request"].get("RequestTTLSeconds", DEFAULT_TTL))

    def _process(self, entry: dict, server: VariantServer | None) -> None:
        try:
            if server is None or time.time() >= self._deadline(entry):
                self._finish(entry, server, "Expired", b"", "The request expired before it was processed.")
                return
            self._run(entry, server)
        except Exception:
            logger.exception("asynchronous request of %s", self._endpoint.name)

    def _run(self, entry: dict, server: VariantServer) -> None:
        entry["begun"], request = time.time(), entry["request"]
        timeout = request.get("InvocationTimeoutSeconds", DEFAULT_TIMEOUT)
        try:
            body = self._read(request, server)
            with self._platform.metrics.measure(self._endpoint, server):
                content = server.invoke(body, request.get("ContentType"), request.get("Accept"), timeout)
            self._write(Location.parse(entry["OutputLocation"]), content, request, server)
        except (ContainerError, ObjectFailedError) as error:
            kind = "ClientError" if getattr(error, "status", 400) < 500 else "ServerError"
            self._finish(entry, server, "Failed", str(error).encode(), f"{kind}: {error}")
            return
        self._finish(entry, server, "Completed", content)

    def _read(self, request: dict, server: VariantServer) -> bytes:
        if "Body" in request:
            return base64.b64decode(request["Body"])
        with contextlib.closing(self._client("s3", server)) as s3:
            chunks = read_chunks(s3, Location.parse(request["InputLocation"]), server.model.role)
            return b"".join(chunks)

    def _write(self, location: Location, content: bytes, request: dict, server: VariantServer) -> None:
        key = self._endpoint.release.config["AsyncInferenceConfig"]["OutputConfig"].get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        with contextlib.closing(self._client("s3", server)) as s3:
            try:
                s3.put_object(
                    Bucket=location.bucket,
                    Key=location.key,
                    Body=content,
                    ContentType=request.get("Accept") or "application/json",
                    **encryption,
                )
            except (BotoCoreError, ClientError) as error:
                raise ObjectFailedError(explain(error, server.model.role, "s3:PutObject", location)) from error

    def _finish(
        self, entry: dict, server: VariantServer | None, status: str, content: bytes, reason: str | None = None
    ) -> None:
        """Write the failure, if there is one, publish the message, and count the result."""
        server = server or self._any_server()
        if status != "Completed" and "FailureLocation" in entry:
            with contextlib.suppress(ObjectFailedError):
                failure = content or (reason or "").encode()
                self._write(Location.parse(entry["FailureLocation"]), failure, {"Accept": "text/plain"}, server)
        config = self._endpoint.release.config["AsyncInferenceConfig"]["OutputConfig"].get("NotificationConfig", {})
        name = "SuccessTopic" if status == "Completed" else "ErrorTopic"
        if config.get(name):
            include = _topic_enum(name) in config.get("IncludeInferenceResponseIn", ())
            body = content if include and len(content) <= MAX_NOTICE_BODY else None
            self._publish(config[name], make_notice(self._endpoint, entry, status, reason, body), server)
        self._count(entry, status)

    def _count(self, entry: dict, status: str) -> None:
        now = time.time()
        in_backlog = entry.get("begun", now) - entry["received"]
        self._platform.metrics.record_result(self._endpoint, status, in_backlog, now - entry["received"])

    def _publish(self, topic: str, message: str, server: VariantServer) -> None:
        """Publish with the role of the model; a failure does not change the result, and is only in the log."""
        with contextlib.closing(self._client("sns", server)) as sns:
            try:
                sns.publish(TopicArn=topic, Message=message)
            except (BotoCoreError, ClientError):
                logger.exception("no message for a request of %s", self._endpoint.name)

    def _client(self, service: str, server: VariantServer) -> BaseClient:
        return self._platform.roles.client(service, server.keys, self._endpoint.region)

    def _any_server(self) -> VariantServer:
        return next(iter(self._traffic.blue.servers.values()))

    def _scope(self) -> tuple[str, ...]:
        return self._endpoint.account, self._endpoint.region, self._endpoint.name.lower()

    def _key(self, entry: dict) -> tuple[str, ...]:
        return *self._scope(), entry["id"]


def _topic_enum(name: str) -> str:
    return {"SuccessTopic": "SUCCESS_NOTIFICATION_TOPIC", "ErrorTopic": "ERROR_NOTIFICATION_TOPIC"}[name]


def _join(path: str, *names: str) -> str:
    return "/".join([path.rstrip("/"), *(name for name in names if name)])
