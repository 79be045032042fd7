"""Small objects and parts are written as boto3 would write them: the same address, and a signature of botocore."""

from __future__ import annotations

import base64
import hashlib
import zlib
from urllib.parse import parse_qs, urlsplit

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

from tests.support.examples import share

PATH_STYLE, VIRTUAL = Config(s3={"addressing_style": "path"}), Config(s3={"addressing_style": "virtual"})


REFUSAL = b"<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>"
BODIES = {"POST": b"<InitiateMultipartUploadResult><UploadId>upload</UploadId></InitiateMultipartUploadResult>"}
BLOCK = b"ACGT" * 1000
BLOCK_CRC32 = base64.b64encode(zlib.crc32(BLOCK).to_bytes(4, "big")).decode()
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
        body = BODIES.get(request.method, b"") if status == 200 else REFUSAL
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


@settings(deadline=None, max_examples=share(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
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


multiparts = st.text("abcXYZ0189._-~+/=", min_size=1, max_size=60)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys, multipart=multiparts, number=st.integers(1, 10_000))
@example(key="raw/a b+c~d%20é&=?#/../x//y.fastq", multipart="2~a.b-c_d", number=1)
def test_the_address_and_headers_of_a_part_are_those_of_boto3(wire, key, multipart, number):
    wire.requests.clear()
    part = wire.landing.put_part(key, multipart, number, BLOCK, BLOCK_CRC32)
    (lean,) = wire.requests
    place = {"Bucket": "a-bucket", "Key": key, "UploadId": multipart, "PartNumber": number}
    wire.client.upload_part(**place, Body=BLOCK, ChecksumCRC32=BLOCK_CRC32)
    usual = wire.requests[-1]
    assert (part.number, part.size, part.crc32, part.etag) == (number, len(BLOCK), BLOCK_CRC32, "e")
    assert (lean.method, lean.url.partition("?")[0], lean.body) == (
        usual.method,
        usual.url.partition("?")[0],
        usual.body.getvalue(),
    )
    assert parse_qs(urlsplit(lean.url).query) == parse_qs(urlsplit(usual.url).query)
    for name in ("x-amz-checksum-crc32", "X-Amz-Security-Token", "Content-Length", "Expect"):
        assert text(lean.headers[name]) == text(usual.headers[name])


def test_the_signature_of_an_object_is_that_of_botocore(wire):
    wire.requests.clear()
    wire.put("raw/S1 R1.fastq")
    (lean,) = wire.requests
    check_signature(lean, hashlib.sha256(lean.body).hexdigest())


def test_the_signature_of_a_part_is_that_of_botocore(wire):
    wire.requests.clear()
    wire.landing.put_part("raw/S1 R1.fastq", "a+b/c==", 3, BLOCK, BLOCK_CRC32)
    (lean,) = wire.requests
    check_signature(lean, "UNSIGNED-PAYLOAD")


def check_signature(lean, payload: str) -> None:
    unsigned = ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token", "Content-Length")
    headers = {name: text(value) for name, value in lean.headers.items() if name not in unsigned}
    request = AWSRequest(lean.method, lean.url, headers, lean.body)
    request.context["timestamp"] = text(lean.headers["X-Amz-Date"])
    signer = S3SigV4Auth(Credentials("AKIA", "secret", "token"), "s3", "eu-west-1")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    request.headers["X-Amz-Security-Token"] = "token"
    request.headers["X-Amz-Content-SHA256"] = payload
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert text(lean.headers["Authorization"]).endswith(f"Signature={expected}")


def test_the_first_multipart_upload_shows_the_way():
    wire = Wire(PATH_STYLE)
    assert wire.landing.begin("raw/large one.fastq") == "upload"
    wire.requests.clear()
    wire.landing.put_part("raw/large one.fastq", "upload", 1, BLOCK, BLOCK_CRC32)
    (lean,) = wire.requests
    assert "User-Agent" not in lean.headers  # boto3 always sends one
    assert urlsplit(lean.url).path == "/a-bucket/raw/large%20one.fastq"


@pytest.mark.parametrize("status", [307, 403, 404, 503])
def test_a_refused_part_is_left_to_boto3(wire, status):
    wire.requests.clear()
    wire.statuses[:] = [status]
    assert wire.landing.put_part("raw/again.fa", "upload", 1, BLOCK, BLOCK_CRC32).etag == "e"
    assert len(wire.requests) == 2


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
