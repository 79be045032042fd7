"""Requests and responses of Feature Store's runtime over HTTP, read by botocore's model of the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from local.sagemaker.features.errors import RecordError
from local.sagemaker.shapes import load_service_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import StructureShape

    Response = tuple[int, dict[str, str], bytes]

SERVICE = "sagemaker-featurestore-runtime"
CONTENT_TYPE = {"content-type": "application/json"}


class Request(NamedTuple):
    """A request over HTTP; `query` has a list of values for each name."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    body: bytes


def read_request(request: Request) -> tuple[str, dict]:
    """Return the operation and its parameters; raise RecordError if there is no such operation."""
    model = load_service_model(SERVICE)
    for operation in model.operation_names:
        http = model.operation_model(operation).http
        name = _match(http["requestUri"], request.path)
        if http["method"] == request.method and name is not None:
            shape = model.operation_model(operation).input_shape
            return operation, _read_parameters(shape, request, name)
    raise RecordError(f"The embedded Feature Store has no resource {request.method} {request.path}")


def write_response(response: Mapping[str, object]) -> Response:
    """Return status, headers and body of a response."""
    return 200, dict(CONTENT_TYPE), json.dumps(response).encode()


def write_error(error: RecordError) -> Response:
    """Return status, headers and body of an error."""
    headers = CONTENT_TYPE | {"x-amzn-errortype": error.code}
    return error.status, headers, json.dumps({"Message": error.message}).encode()


def _match(uri: str, path: str) -> str | None:
    """Return the name of a feature group in a path ("" if the URI has none); None if the path does not fit the URI."""
    head, brace, tail = uri.partition("{FeatureGroupName}")
    if not brace:
        return "" if path == uri else None
    if not path.startswith(head) or not path.endswith(tail):
        return None
    name = unquote(path[len(head) : len(path) - len(tail)])
    return name if ":" in name or "/" not in name else None


def _read_parameters(shape: StructureShape, request: Request, name: str) -> dict:
    parameters = {"FeatureGroupName": name} if name else {}
    for member, each in shape.members.items():
        if each.serialization.get("location") == "querystring":
            values = request.query.get(each.serialization["name"], [])
            if values:
                parameters[member] = list(values) if each.type_name == "list" else values[0]
    return parameters | _read_body(request.body)


def _read_body(body: bytes) -> dict:
    try:
        content = json.loads(body or b"{}")
    except ValueError as error:
        raise RecordError("The request body is not JSON") from error
    if not isinstance(content, dict):
        raise RecordError("The request body is not a JSON object")
    return content
