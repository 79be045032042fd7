"""An object read in parts is the object, whatever goes wrong on the way; and what cannot be mended is said."""

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
    """A body whose connection is lost after some bytes."""

    def read(self, size: int = -1) -> bytes:
        raise ProtocolError("connection lost")


class Short(io.BytesIO):
    """A body that ends before its length."""

    def __init__(self, body: bytes):
        super().__init__(body[:-1])


class Bucket:
    """S3 with one object; `faults` are taken from the front, one a request, until there are none."""

    def __init__(self, body: bytes, faults=()):
        self.body, self.faults, self.asked = body, list(faults), []
        self._lock = threading.Lock()

    def get_object(self, **wanted):
        with self._lock:
            self.asked.append(wanted)
            fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, str):
            raise ClientError({"Error": {"Code": fault}}, "GetObject")
        part = self.body
        if "Range" in wanted:
            first, last = wanted["Range"].removeprefix("bytes=").split("-")
            part = part[int(first) : int(last) + 1]
        return {"Body": StreamingBody((fault or io.BytesIO)(part), len(part))}

    @property
    def version(self) -> UploadVersion:
        return UploadVersion("landing", "raw/a b", "v1", len(self.body), "etag")

    def opened(self, part: int = 10, parts: int = 3) -> RangedObject:
        return RangedObject(self, self.version, part, parts, pause=0)


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("part")]


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 70), st.integers(1, 5), st.lists(st.integers(1, 90), min_size=1))
def test_any_size_in_any_parts_by_any_reads_is_the_same_bytes(body, part, parts, sizes):
    bucket, seen = Bucket(body), bytearray()
    with bucket.opened(part, parts) as stream:
        while block := stream.read(sizes[len(seen) % len(sizes)]):
            seen += block
        assert stream.read(5) == b""
    assert seen == body
    assert len(bucket.asked) == max(1, -(-len(body) // part))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(1, 70), st.lists(st.sampled_from([Broken, Short]), max_size=4))
def test_parts_that_break_off_are_fetched_again(body, part, faults):
    with Bucket(body, faults).opened(part) as stream:
        assert stream.readall() == body


def test_it_is_read_like_any_raw_stream():
    body = bytes(range(256))
    with Bucket(body).opened() as stream:
        assert io.BufferedReader(stream, 16).read() == body


def test_no_more_parts_are_fetched_than_may_be_held():
    bucket = Bucket(bytes(100))
    with bucket.opened(part=10, parts=3) as stream:
        stream.read(1)
        assert len(bucket.asked) <= 3
        assert len(stream.read(1000)) == 9, "no read spans parts"
    assert len(bucket.asked) <= 4


def test_a_small_object_is_one_plain_get_without_a_thread():
    bucket = Bucket(b"12345")
    with bucket.opened() as stream:
        assert stream.read(100) == b"12345"
        assert threads() == []
    assert bucket.asked == [{"Bucket": "landing", "Key": "raw/a b", "VersionId": "v1", "IfMatch": '"etag"'}]


def test_every_part_is_of_the_version_that_was_announced():
    bucket = Bucket(bytes(25))
    with bucket.opened() as stream:
        stream.readall()
    assert sorted(one["Range"] for one in bucket.asked) == ["bytes=0-9", "bytes=10-19", "bytes=20-24"]
    assert {(one["VersionId"], one["IfMatch"]) for one in bucket.asked} == {("v1", '"etag"')}


@pytest.mark.parametrize("size", [5, 50])
@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "PreconditionFailed"])
def test_an_object_that_went_or_changed_is_gone(code, size):
    with Bucket(bytes(size), [code]).opened() as stream, pytest.raises(ObjectGoneError):
        stream.readall()


@pytest.mark.parametrize("size", [5, 50])
def test_what_cannot_be_mended_is_raised(size):
    with Bucket(bytes(size), ["AccessDenied"]).opened() as stream, pytest.raises(ClientError, match="AccessDenied"):
        stream.readall()
    with Bucket(bytes(size), [Broken] * TRIES * 5).opened() as stream, pytest.raises(ResponseStreamingError):
        stream.readall()


def test_closing_half_way_leaves_no_thread():
    bucket = Bucket(bytes(1000))
    stream = bucket.opened()
    stream.read(1)
    assert threads()
    stream.close()
    assert threads() == []
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)
