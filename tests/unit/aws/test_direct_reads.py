"""Direct reads: boto3 makes the first request, the others go over its connections, and its errors stay its errors."""

from __future__ import annotations

import io
from types import SimpleNamespace

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError
from seqdrop.aws.direct_reads import Content, DirectReads
from seqdrop.runtime.clients import Deferred
from seqdrop.runtime.services import BUNDLING

KEY = "runs/r 1/s_é+~1.bin"


class Server:
    """Responds to the requests of a client. `requests` are (method, URL, headers); `responses` are used up in order."""

    def __init__(self):
        session = boto3.Session("key", "secret", "token", region_name="us-east-1")
        self.client = session.client("s3", config=BUNDLING)
        self.client.meta.events.register("before-send.s3", self.respond)
        self.requests: list[SimpleNamespace] = []
        self.responses: list[tuple[int, dict, bytes] | Exception] = []

    def respond(self, request, event_name, **_) -> AWSResponse:
        is_direct = event_name == "before-send.s3"
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        self.requests.append(SimpleNamespace(url=request.url, headers=headers, is_direct=is_direct))
        response = self.responses.pop(0) if self.responses else (200, {}, b"ACGT")
        if isinstance(response, Exception):
            raise response
        status, headers, body = response
        raw = SimpleNamespace(read=io.BytesIO(body).read, stream=lambda *_, **__: iter([body]), close=lambda: None)
        return AWSResponse(request.url, status, {"content-length": str(len(body)), **headers}, raw)

    @property
    def roads(self) -> list[bool]:
        return [request.is_direct for request in self.requests]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def reads(server) -> DirectReads:
    """Provide reads that know the route."""
    reads = DirectReads(server.client, "landing")
    reads.read("first", "v0")
    server.requests.clear()
    return reads


def test_only_the_first_request_is_made_by_boto3(server):
    reads = DirectReads(server.client, "landing")
    contents = [reads.read(KEY, f"v{number}") for number in range(3)]
    assert contents == [Content(b"ACGT", False)] * 3
    assert server.roads == [False, True, True]
    by_boto3, direct, _ = server.requests
    assert direct.url == by_boto3.url.replace("versionId=v0", "versionId=v1")
    assert direct.headers["X-Amz-Security-Token"] == by_boto3.headers["X-Amz-Security-Token"]
    scope = direct.headers["Authorization"].partition(",")[0]
    assert scope == by_boto3.headers["Authorization"].partition(",")[0]


def test_a_client_that_is_made_when_it_is_first_used_is_read_directly(server):
    """The functions have such clients (runtime/clients.py)."""
    reads = DirectReads(Deferred(lambda: server.client), "landing")
    assert [reads.read(KEY, f"v{number}").body for number in range(3)] == [b"ACGT"] * 3
    assert server.roads == [False, True, True]


def test_learning_leaves_no_hook_at_the_client(server):
    urls = []
    server.client.meta.events.register("before-send.s3", lambda request, **_: urls.append(request.url))
    before = count_hooks(server)
    for _ in range(3):
        reads = DirectReads(server.client, "landing")
        assert count_hooks(server) == before + 1
        reads.read(KEY, "v1")
        assert count_hooks(server) == before


def count_hooks(server) -> int:
    """Return the hooks of requests that are about to be sent; other tests may have left some of moto."""
    return len(server.client.meta.events._emitter._handlers.prefix_search("before-send.s3"))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-amz-meta-mtime": "1"}, True),
        ({"x-amz-meta-seqdrop-again": "1"}, False),
        ({"x-amz-tagging-count": "2"}, True),
        ({"Content-Encoding": "gzip"}, True),
        ({"Content-Type": "text/plain", "x-amz-version-id": "v"}, False),
    ],
    ids=str,
)
def test_both_roads_see_metadata_and_tags(server, headers, expected):
    reads = DirectReads(server.client, "landing")
    server.responses = [(200, headers, b"ACGT")] * 2
    assert [reads.read(KEY, "v1").has_labels for _ in range(2)] == [expected] * 2
    assert server.roads == [False, True]


def test_a_refusal_is_that_of_boto3(server, reads):
    error = b"<Error><Code>NoSuchVersion</Code><Message>gone</Message></Error>"
    server.responses = [(404, {}, error)] * 2
    with pytest.raises(ClientError, match="NoSuchVersion"):
        reads.read(KEY, "v1")
    assert server.roads == [True, False]


def test_a_connection_that_fails_is_repeated_by_boto3(server, reads):
    server.responses = [EndpointConnectionError(endpoint_url="https://s3"), (503, {}, b"")]
    assert reads.read(KEY, "v1") == Content(b"ACGT", False)
    assert server.roads == [True, False, False]


def test_an_empty_object_is_read(server, reads):
    server.responses = [(200, {}, b"")]
    assert reads.read(KEY, "v1") == Content(b"", False)
    assert server.roads == [True]


def test_a_client_that_is_not_of_botocore_makes_all_requests():
    def get_object(**request) -> dict:
        assert request == {"Bucket": "landing", "Key": KEY, "VersionId": "v1"}
        return {"Body": io.BytesIO(b"ACGT")}

    reads = DirectReads(SimpleNamespace(get_object=get_object), "landing")
    assert reads.read(KEY, "v1") == Content(b"ACGT", False)
