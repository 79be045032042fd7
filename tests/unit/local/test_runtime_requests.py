"""Requests of SageMaker's runtime, as boto3 sends them; captured payloads and messages about results."""

import base64
import json
from datetime import UTC, datetime

import pytest

from local.sagemaker.endpoints import rest
from local.sagemaker.endpoints.capture import make_record
from local.sagemaker.endpoints.errors import ModelError
from local.sagemaker.endpoints.notices import make_notice
from local.sagemaker.endpoints.records import Endpoint, Release
from local.sagemaker.errors import ValidationError
from local.sagemaker.shapes import check

NOW = datetime(2026, 12, 1, 10, 20, 30, tzinfo=UTC)


def test_parameters_are_read_from_path_headers_and_body():
    headers = {"x-amzn-sagemaker-inference-id": "id", "content-type": "text/csv", "authorization": "ignored"}
    operation, parameters = rest.read_request("/endpoints/a-b/invocations", headers, b"acgt")
    assert operation == "InvokeEndpoint"
    expected = {"EndpointName": "a-b", "InferenceId": "id", "ContentType": "text/csv", "Body": b"acgt"}
    assert parameters == expected


def test_an_asynchronous_request_needs_no_body():
    headers = {"x-amzn-sagemaker-inputlocation": "s3://in/key", "x-amzn-sagemaker-requestttlseconds": "60"}
    operation, parameters = rest.read_request("/endpoints/a/async-invocations", headers, b"")
    assert operation == "InvokeEndpointAsync"
    assert parameters == {"EndpointName": "a", "InputLocation": "s3://in/key", "RequestTTLSeconds": 60}


def test_other_paths_are_not_the_runtimes():
    assert rest.read_request("/endpoints/a/other", {}, b"") is None


def test_an_error_has_its_members_in_the_body():
    status, headers, body = rest.write_error(ModelError("why", OriginalStatusCode=400))
    assert (status, headers["x-amzn-errortype"]) == (424, "ModelError")
    assert json.loads(body) == {"Message": "why", "OriginalStatusCode": 400}


@pytest.mark.parametrize(
    ("name", "value"),
    [("InferenceId", " a"), ("InferenceId", "a" * 65), ("CustomAttributes", "ä"), ("Filename", "a.b.c")],
)
def test_values_that_the_service_refuses(name, value):
    operation = "InvokeEndpointAsync"
    with pytest.raises(ValidationError, match="1 validation error"):
        check(operation, {"EndpointName": "a", name: value}, rest.SERVICE)


@pytest.mark.parametrize("values", [{"InferenceId": "a b/c"}, {"Filename": "a.json"}, {"CustomAttributes": ""}])
def test_values_that_the_service_accepts(values):
    check("InvokeEndpointAsync", {"EndpointName": "a", **values}, rest.SERVICE)


@pytest.mark.parametrize(
    ("mode", "members"),
    [
        ("Input", {"endpointInput"}),
        ("Output", {"endpointOutput"}),
        ("InputAndOutput", {"endpointInput", "endpointOutput"}),
    ],
)
def test_capture_options_choose_what_is_captured(mode, members):
    record = make_record({"CaptureOptions": [{"CaptureMode": mode}]}, {"Body": b"a"}, b"b", NOW)
    assert set(record["captureData"]) == members
    assert record["eventMetadata"]["inferenceTime"] == "2026-12-01T10:20:30Z"


def test_payloads_are_base64_unless_their_type_is_listed():
    config = {"CaptureOptions": [{"CaptureMode": "InputAndOutput"}]}
    config["CaptureContentTypeHeader"] = {"JsonContentTypes": ["application/json"]}
    parameters = {"Body": b"\xff", "ContentType": "application/octet-stream"}
    data = make_record(config, parameters, b"{}", NOW)["captureData"]
    assert data["endpointInput"]["data"] == base64.b64encode(b"\xff").decode()
    assert (data["endpointOutput"]["data"], data["endpointOutput"]["encoding"]) == ("{}", "JSON")


@pytest.mark.parametrize(
    ("accept", "encoding", "content"),
    [("text/csv", "CSV", "acgt"), (None, "JSON", "acgt"), ("text/plain", "BASE64", "YWNndA==")],
)
def test_a_response_in_a_message_is_encoded_by_its_type(accept, encoding, content):
    endpoint = Endpoint(
        arn="arn",
        request={"EndpointName": "a"},
        account="0",
        region="us-east-1",
        tags={},
        release=Release(1, {"EndpointConfigName": "c"}, {}, {}),
    )
    request = {"Accept": accept} if accept else {}
    entry = {"inference": "i", "received": 0.0, "request": request, "OutputLocation": "s3://out/i.out"}
    message = json.loads(make_notice(endpoint, entry, "Completed", None, b"acgt"))
    assert message["responseBody"] == {"content": content, "encoding": encoding}
    assert message["receivedTime"] == "1970-01-01T00:00:00.000Z"
