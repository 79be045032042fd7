"""Small objects are written as boto3 would write them: the same address, and a signature that S3 accepts."""

from __future__ import annotations

import base64
import hashlib
import zlib

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from seqdrop_cli.uploader.digest import Digest
from seqdrop_cli.uploader.landing_bucket import LandingBucket, TakenError
from seqdrop_cli.uploader.pacing import Pace

PATH_STYLE, VIRTUAL = Config(s3={"addressing_style": "path"}), Config(s3={"addressing_style": "virtual"})


ONCE = Config(retries={"total_max_attempts": 1})


class Raw:
    def __init__(self, body: bytes):
        self._body = body

    def stream(self, *_, **__):
        yield self._body


class Wire:
    """Takes the requests of a client, and responds with a status and no body."""

    def __init__(self, config: Config, endpoint: str | None = None):
        self.requests, self.statuses = [], []
        secrets = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret", "aws_session_token": "token"}
        self.client = boto3.client(
            "s3", region_name="eu-west-1", endpoint_url=endpoint, config=config.merge(ONCE), **secrets
        )
        self.landing = LandingBucket(self.client, "a-bucket", Pace(patience=0.0))
        self.client.meta.events.register_last("before-send.s3", self.respond)

    def respond(self, request, **_):
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        body = b"<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>" if status != 200 else b""
        headers = {"ETag": '"e"', "x-amz-version-id": f"v{len(self.requests)}"}
        return AWSResponse(request.url, status, headers, Raw(body))

    def put(self, key: str, body: bytes = b"ACGT", *, if_absent: bool = True):
        digest = Digest()
        digest.add(body)
        return self.landing.put(key, body, digest, if_absent=if_absent)


@pytest.fixture(scope="module", params=["path", "virtual", "http"])
def wire(request):
    config = {"path": PATH_STYLE, "virtual": VIRTUAL, "http": PATH_STYLE}[request.param]
    wire = Wire(config, "http://127.0.0.1:1" if request.param == "http" else None)
    wire.put("raw/first.fa")
    return wire


keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).map(lambda name: f"raw/{name}")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys, body=st.binary(max_size=200))
@example(key="raw/a b+c~d%20é&=?#/../x//y.fastq", body=b"")
def test_the_address_and_headers_are_those_of_boto3(wire, key, body):
    wire.requests.clear()
    stored = wire.put(key, body)
    (lean,) = wire.requests
    crc32 = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    wire.client.put_object(Bucket="a-bucket", Key=key, Body=body, ChecksumCRC32=crc32, IfNoneMatch="*")
    usual = wire.requests[-1]
    assert (stored.version, stored.etag) == ("v1", "e")
    assert (lean.method, lean.url, lean.body or b"") == (usual.method, usual.url, usual.body.getvalue())
    for name in ("x-amz-checksum-crc32", "If-None-Match", "X-Amz-Security-Token", "Content-Length"):
        assert text(lean.headers[name]) == text(usual.headers[name])
    assert text(lean.headers["X-Amz-Content-SHA256"]) == hashlib.sha256(body).hexdigest()


def text(header) -> str:
    return header.decode() if isinstance(header, bytes) else str(header)


def test_the_signature_is_that_of_botocore_for_the_same_request(wire):
    wire.requests.clear()
    wire.put("raw/S1 R1.fastq")
    (lean,) = wire.requests
    unsigned = ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token", "Content-Length")
    headers = {name: text(value) for name, value in lean.headers.items() if name not in unsigned}
    request = AWSRequest("PUT", lean.url, headers, lean.body)
    request.context["timestamp"] = text(lean.headers["X-Amz-Date"])
    signer = S3SigV4Auth(Credentials("AKIA", "secret", "token"), "s3", "eu-west-1")
    headers_now = {"X-Amz-Date": request.context["timestamp"], "X-Amz-Security-Token": "token"}
    for name, value in headers_now.items():
        request.headers[name] = value
    request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(lean.body).hexdigest()
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    assert text(lean.headers["Authorization"]).endswith(f"Signature={expected}")


@pytest.mark.parametrize("status", [307, 403, 412, 503])
def test_a_refusal_is_left_to_boto3(wire, status):
    wire.requests.clear()
    wire.statuses[:] = [status]
    assert wire.put("raw/again.fa").version == "v2"
    assert len(wire.requests) == 2


def test_an_object_that_is_there_is_reported(wire):
    wire.statuses[:] = [412, 412]
    with pytest.raises(TakenError):
        wire.put("raw/there.fa")
