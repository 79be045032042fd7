"""An object read in parts has the same bytes despite transient errors; other errors are raised."""

import io
import threading

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from botocore.response import StreamingBody
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.aws.ranged_stream import TRIES, RangedObject
from seqdrop.errors import ObjectGoneError
from seqdrop.uploads import UploadVersion
from urllib3.exceptions import ProtocolError


class Broken(io.BytesIO):
    """A body whose connection is lost."""

    def read(self, size: int = -1) -> bytes:
        raise ProtocolError("connection lost")


class Short(io.BytesIO):
    """A body that ends before its length."""

    def __init__(self, body: bytes):
        super().__init__(body[:-1])


class Bucket:
    """S3 with one object; each request takes the first of the remaining `faults`."""

    def __init__(self, body: bytes, faults=()):
        self.body, self.faults, self.requests = body, list(faults), []
        self._lock = threading.Lock()

    def get_object(self, **request):
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, str):
            raise ClientError({"Error": {"Code": fault}}, "GetObject")
        part = self.body
        if "Range" in request:
            first, last = request["Range"].removeprefix("bytes=").split("-")
            part = part[int(first) : int(last) + 1]
        return {"Body": StreamingBody((fault or io.BytesIO)(part), len(part))}

    def head_object(self, **request):
        raise ClientError({"Error": {"Code": "403"}}, "HeadObject")

    @property
    def version(self) -> UploadVersion:
        return UploadVersion("landing", "raw/a b", "v1", len(self.body), "etag")

    def open(self, part: int = 10, parts: int = 3) -> RangedObject:
        return RangedObject(self, self.version, part, parts, pause=0)


def part_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("part")]


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 70), st.integers(1, 5), st.lists(st.integers(1, 90), min_size=1))
def test_every_size_of_object_part_and_read_gives_the_same_bytes(body, part, parts, sizes):
    bucket, content = Bucket(body), bytearray()
    with bucket.open(part, parts) as stream:
        while block := stream.read(sizes[len(content) % len(sizes)]):
            content += block
        assert stream.read(5) == b""
    assert content == body
    assert len(bucket.requests) == max(1, -(-len(body) // part))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(1, 70), st.lists(st.sampled_from([Broken, Short]), max_size=4))
def test_interrupted_parts_are_fetched_again(body, part, faults):
    with Bucket(body, faults).open(part) as stream:
        assert stream.readall() == body


def test_it_can_be_read_like_any_raw_stream():
    body = bytes(range(256))
    with Bucket(body).open() as stream:
        assert io.BufferedReader(stream, 16).read() == body


def test_no_more_parts_are_fetched_than_may_be_in_memory():
    bucket = Bucket(bytes(100))
    with bucket.open(part=10, parts=3) as stream:
        stream.read(1)
        assert len(bucket.requests) <= 3
        assert len(stream.read(1000)) == 9, "a read must not span two parts"
    assert len(bucket.requests) <= 4


def test_a_small_object_is_read_by_one_plain_request_without_a_thread():
    bucket = Bucket(b"12345")
    with bucket.open() as stream:
        assert stream.read(100) == b"12345"
        assert part_threads() == []
    assert bucket.requests == [{"Bucket": "landing", "Key": "raw/a b", "VersionId": "v1", "IfMatch": '"etag"'}]


def test_every_part_is_of_the_requested_version():
    bucket = Bucket(bytes(25))
    with bucket.open() as stream:
        stream.readall()
    assert sorted(request["Range"] for request in bucket.requests) == ["bytes=0-9", "bytes=10-19", "bytes=20-24"]
    assert {(request["VersionId"], request["IfMatch"]) for request in bucket.requests} == {("v1", '"etag"')}


@pytest.mark.parametrize("size", [5, 50])
@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "PreconditionFailed"])
def test_a_deleted_or_changed_object_raises_gone(code, size):
    with Bucket(bytes(size), [code]).open() as stream, pytest.raises(ObjectGoneError):
        stream.readall()


@pytest.mark.parametrize("size", [5, 50])
def test_persistent_errors_are_raised(size):
    with Bucket(bytes(size), ["AccessDenied"]).open() as stream, pytest.raises(ClientError, match="AccessDenied"):
        stream.readall()
    with Bucket(bytes(size), [Broken] * TRIES * 5).open() as stream, pytest.raises(ResponseStreamingError):
        stream.readall()


def test_closing_early_leaves_no_thread():
    bucket = Bucket(bytes(1000))
    stream = bucket.open()
    stream.read(1)
    assert part_threads()
    stream.close()
    assert part_threads() == []
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)
