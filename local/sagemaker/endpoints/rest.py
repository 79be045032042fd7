"""Requests and responses of SageMaker's runtime over HTTP, read and written by botocore's model of the service."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from local.sagemaker.shapes import load_service_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape

    from local.sagemaker.endpoints.errors import InvocationError

    Response = tuple[int, dict[str, str], bytes]

SERVICE = "sagemaker-runtime"
PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/(?P<kind>invocations|async-invocations)")
OPERATIONS = {"invocations": "InvokeEndpoint", "async-invocations": "InvokeEndpointAsync"}
CONTENT_TYPE = "content-type"  # in lower case: ministack rewrites "Content-Type" to that of SageMaker's control plane


def read_request(path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, dict] | None:
    """Return the operation and its parameters; None if the path is none of the runtime's. Header names are lower."""
    match = PATH.fullmatch(path)
    if match is None:
        return None
    operation = OPERATIONS[match["kind"]]
    shape = load_service_model(SERVICE).operation_model(operation).input_shape
    parameters: dict = {"EndpointName": match["name"]}
    for name, member in shape.members.items():
        value = headers.get(member.serialization.get("name", "").lower())
        if member.serialization.get("location") == "header" and value is not None:
            parameters[name] = _parse(member, value)
    if body or operation == "InvokeEndpoint":
        parameters["Body"] = body
    return operation, parameters


def write_response(operation: str, response: Mapping[str, object]) -> Response:
    """Return status, headers and body of a response."""
    model = load_service_model(SERVICE).operation_model(operation)
    headers, members = {}, {}
    payload = model.output_shape.serialization.get("payload")
    for name, value in response.items():
        serialization = model.output_shape.members[name].serialization
        if serialization.get("location") == "header":
            headers[serialization["name"].lower()] = str(value)
        elif name != payload:
            members[name] = value
    body = response[payload] if payload else json.dumps(members).encode()
    headers.setdefault(CONTENT_TYPE, "application/json")
    return model.http.get("responseCode", 200), headers, bytes(body)


def write_error(error: InvocationError) -> Response:
    """Return status, headers and body of an error."""
    headers = {CONTENT_TYPE: "application/json", "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps({"Message": error.message} | error.members).encode()


def _parse(member: Shape, value: str) -> str | int:
    if member.type_name == "integer":
        return int(value) if re.fullmatch(r"-?\d+", value) else value
    return value
