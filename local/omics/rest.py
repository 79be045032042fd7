"""Requests and responses of HealthOmics over HTTP, read and written by botocore's model of the service."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from local.omics.errors import OmicsError
from local.sagemaker.shapes import load_service_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botocore.model import Shape

    Response = tuple[int, dict[str, str], bytes]

SERVICE = "omics"
JSON = {"content-type": "application/json"}


@cache
def routes(operations: frozenset[str]) -> list[tuple[str, re.Pattern[str], str]]:
    """Return method, pattern of the path, and name of each of these operations."""
    table = []
    for name in sorted(operations):
        http = load_service_model(SERVICE).operation_model(name).http
        path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"])
        path = path.replace("(?P<resourceArn>[^/]+)", "(?P<resourceArn>.+)")  # an ARN contains slashes
        table.append((http["method"], re.compile(path), name))
    return table


def find_operation(operations: Iterable[str], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """Return the operation of a request and the parameters in its path; None if there is no such operation."""
    for wanted, pattern, name in routes(frozenset(operations)):
        match = pattern.fullmatch(path)
        if match and method == wanted:
            return name, {key: unquote(value) for key, value in match.groupdict().items()}
    return None


def read_request(operation: str, in_path: Mapping[str, str], query: Mapping[str, object], body: bytes) -> dict:
    """Return the parameters of a request. Raise OmicsError for a body that is no JSON."""
    shape = load_service_model(SERVICE).operation_model(operation).input_shape
    try:
        parameters = json.loads(body) if body else {}
    except ValueError as error:
        raise OmicsError("The body is not valid JSON") from error
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri":
            parameters[name] = in_path[key]
        elif location == "querystring" and key in query:
            parameters[name] = _read_query(member, query[key])
        elif member.type_name == "blob" and name in parameters:
            parameters[name] = _decode(parameters[name])
    return parameters


def _read_query(member: Shape, value: object) -> object:
    values = value if isinstance(value, list) else [value]
    if member.type_name == "list":
        return values
    return int(values[0]) if member.type_name == "integer" and str(values[0]).isdigit() else values[0]


def _decode(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise OmicsError("A blob is not valid base64") from error


def write_response(operation: str, response: Mapping[str, object]) -> Response:
    """Return status, headers and body of a response; members that are None are left out."""
    status = load_service_model(SERVICE).operation_model(operation).http.get("responseCode", 200)
    return status, dict(JSON), json.dumps(_plain(response)).encode()


def write_error(error: OmicsError) -> Response:
    """Return status, headers and body of an error."""
    headers = {**JSON, "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps({"message": error.message}).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value
