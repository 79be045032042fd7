"""Requests and responses of S3 Control in XML, read and written by botocore's model of the service."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from botocore.parsers import create_parser
from botocore.serialize import RestXMLSerializer
from defusedxml.ElementTree import ParseError, fromstring

from local.batch.errors import BatchError, InvalidRequestError
from local.sagemaker import shapes
from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel

SERVICE = "s3control"
NAMESPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/"


def read_request(operation: str, account: str, job: str, body: bytes, query: Mapping[str, list[str]]) -> dict:
    """Return the members of a request, checked against botocore's model with its bounds and enumerations.

    Raise InvalidRequestError with all problems.
    """
    model = _load(operation)
    request = _read_body(model, body) | _read_query(model, query)
    known = {"AccountId": account, "JobId": job}
    request |= {name: value for name, value in known.items() if name in model.input_shape.members}
    try:
        shapes.check(operation, request, SERVICE)
    except ValidationError as error:
        raise InvalidRequestError(error.message) from error
    return request


def write_response(operation: str, response: dict) -> bytes:
    """Return the response as the service sends it."""
    root, shape = Element(f"{operation}Result", xmlns=NAMESPACE), _load(operation).output_shape
    serializer = RestXMLSerializer()
    for name, value in _without_absent(response).items():
        serializer._serialize(shape.members[name], value, root, name)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root)


def write_error(error: BatchError, request_id: str) -> bytes:
    """Return an error in the envelope of S3 Control."""
    root = Element("ErrorResponse")
    inner = _append(root, "Error")
    _append(inner, "Code").text = error.code
    _append(inner, "Message").text = error.message
    _append(root, "RequestId").text = request_id
    return tostring(root)


def _without_absent(value: object) -> object:
    """Return the value without members that are None: botocore's serializer drops what follows such a member."""
    if isinstance(value, dict):
        return {name: _without_absent(member) for name, member in value.items() if member is not None}
    return [_without_absent(item) for item in value] if isinstance(value, list) else value


def _append(parent: Element, name: str) -> Element:
    child = Element(name)
    parent.append(child)
    return child


@functools.cache
def _load(operation: str) -> OperationModel:
    return shapes.load_service_model(SERVICE).operation_model(operation)


def _read_body(model: OperationModel, body: bytes) -> dict:
    if not body:
        return {}
    try:
        root = fromstring(body)
        parsed = create_parser("rest-xml")._parse_shape(model.input_shape, root)
    except (ParseError, ValueError) as error:
        raise InvalidRequestError("The XML you provided was not well-formed") from error
    located = {name for name, shape in model.input_shape.members.items() if shape.serialization.get("location")}
    return {name: value for name, value in parsed.items() if name not in located}


def _read_query(model: OperationModel, query: Mapping[str, list[str]]) -> dict:
    request: dict[str, object] = {}
    for name, shape in model.input_shape.members.items():
        values = query.get(shape.serialization.get("name", ""))
        if shape.serialization.get("location") != "querystring" or not values:
            continue
        values = values if isinstance(values, list) else [values]
        request[name] = values if shape.type_name == "list" else _convert(shape.type_name, values[0])
    return request


def _convert(kind: str, text: str) -> object:
    try:
        return int(text) if kind in ("integer", "long") else text
    except ValueError as error:
        raise InvalidRequestError(f"{text!r} is not a number") from error
