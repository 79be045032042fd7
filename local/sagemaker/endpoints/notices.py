"""The messages that an asynchronous endpoint publishes when a request has ended."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.sagemaker.endpoints.records import Endpoint

TEXT = {"application/json": "JSON", "text/csv": "CSV"}


def make_notice(endpoint: Endpoint, entry: dict, status: str, reason: str | None, body: bytes | None) -> str:
    """Return the message about a request: `status` is Completed, Failed or Expired, `body` the response to include."""
    request = entry["request"]
    parameters = {
        "accept": request.get("Accept"),
        "contentType": request.get("ContentType"),
        "customAttributes": request.get("CustomAttributes"),
        "endpointName": endpoint.name,
        "inputLocation": request.get("InputLocation"),
    }
    message = {
        "awsRegion": endpoint.region,
        "eventTime": _format(time.time()),
        "receivedTime": _format(entry["received"]),
        "invocationStatus": status,
        "failureReason": reason,
        "requestParameters": _present(parameters),
        "responseParameters": _response(entry, status, request.get("Accept")),
        "responseBody": None if body is None else _encode(body, request.get("Accept")),
        "inferenceId": entry["inference"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return json.dumps(_present(message))


def _response(entry: dict, status: str, accept: str | None) -> dict | None:
    if status == "Completed":
        return {"contentType": accept or "application/json", "outputLocation": entry["OutputLocation"]}
    return {"failureLocation": entry["FailureLocation"]} if "FailureLocation" in entry else None


def _encode(body: bytes, accept: str | None) -> dict:
    encoding = TEXT.get(accept or "application/json", "BASE64")
    content = base64.b64encode(body) if encoding == "BASE64" else body
    return {"content": content.decode(errors="replace"), "encoding": encoding}


def _format(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _present(values: dict) -> dict:
    return {key: value for key, value in values.items() if value is not None}
