"""Data capture: payloads of an endpoint and its responses, as JSON lines in S3, in the format of the service."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import random
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.storage import Location

if TYPE_CHECKING:
    from local.sagemaker.endpoints.fleet import VariantServer
    from local.sagemaker.endpoints.platform import Platform
    from local.sagemaker.endpoints.records import Endpoint

logger = logging.getLogger("local.sagemaker")


class Capture:
    """The captured requests of an endpoint that are not in S3 yet; a kill of the service loses them."""

    def __init__(self, endpoint: Endpoint, platform: Platform) -> None:
        self._endpoint, self._platform = endpoint, platform
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[VariantServer, list[str]]] = {}

    def add(self, server: VariantServer, parameters: dict, response: bytes) -> None:
        """Capture a request if the configuration of the variant says so, in the sampled share of cases."""
        config = server.release.config.get("DataCaptureConfig", {})
        if not config or not config.get("EnableCapture", True):
            return
        if random.random() * 100 >= config["InitialSamplingPercentage"]:
            return
        line = json.dumps(make_record(config, parameters, response, datetime.now(UTC)))
        with self._lock:
            self._lines.setdefault(f"{server.config}/{server.name}", (server, []))[1].append(line)

    def flush(self) -> None:
        """Write what was captured, a file for each variant, with the role of its model."""
        with self._lock:
            pending, self._lines = self._lines, {}
        for server, lines in pending.values():
            try:
                self._write(server, "".join(f"{line}\n" for line in lines).encode())
            except (BotoCoreError, ClientError):
                logger.exception("captured data of endpoint %s are lost", self._endpoint.name)

    def _write(self, server: VariantServer, content: bytes) -> None:
        config = server.release.config["DataCaptureConfig"]
        folder, now = Location.parse(config["DestinationS3Uri"]), datetime.now(UTC)
        name = f"{now:%Y/%m/%d/%H}/{now:%M-%S}-{now.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
        parts = (folder.key.strip("/"), self._endpoint.name, server.name, name)
        key, encryption = config.get("KmsKeyId"), {}
        if key:
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        with contextlib.closing(self._platform.roles.client("s3", server.keys, self._endpoint.region)) as s3:
            path = "/".join(part for part in parts if part)
            s3.put_object(Bucket=folder.bucket, Key=path, Body=content, **encryption)


def make_record(config: dict, parameters: dict, response: bytes, now: datetime) -> dict:
    """Return the record of a request; a payload is base64 unless the configuration names its type."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    headers, accept = config.get("CaptureContentTypeHeader", {}), parameters.get("Accept") or "application/json"
    data = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _payload(headers, parameters["Body"], parameters.get("ContentType"), "INPUT")
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _payload(headers, response, accept, "OUTPUT")
    metadata = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    if parameters.get("InferenceId"):
        metadata["inferenceId"] = parameters["InferenceId"]
    if parameters.get("CustomAttributes"):
        metadata["customAttributes"] = [parameters["CustomAttributes"]]
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _payload(headers: dict, content: bytes, content_type: str | None, mode: str) -> dict:
    encoding = "BASE64"
    if content_type in headers.get("CsvContentTypes", ()):
        encoding = "CSV"
    elif content_type in headers.get("JsonContentTypes", ()):
        encoding = "JSON"
    text = base64.b64encode(content).decode() if encoding == "BASE64" else content.decode(errors="replace")
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
