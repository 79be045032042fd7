"""Division of objects into payloads: no byte is lost, no payload is over the limit, no line is divided."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.records import BadRecordError, inflate, payloads

CONTENT = st.lists(st.binary(max_size=12), max_size=12).map(b"\n".join)


def split_chunks(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def longest_line(content: bytes) -> int:
    return max(len(line) + 1 for line in content.split(b"\n"))


@given(CONTENT, st.integers(1, 9), st.booleans(), st.integers(0, 20))
def test_the_payloads_together_are_the_object(content, chunk, single, slack):
    limit = longest_line(content) + slack
    result = list(payloads(split_chunks(content, chunk), split=True, single=single, limit=limit))
    assert b"".join(result) == content
    assert all(0 < len(payload) <= limit for payload in result)
    assert all(payload.endswith(b"\n") for payload in result[:-1])


@given(CONTENT, st.integers(1, 9))
def test_a_single_record_payload_is_one_line(content, chunk):
    result = list(payloads(split_chunks(content, chunk), split=True, single=True, limit=None))
    assert all(payload.count(b"\n") <= 1 for payload in result)


@given(CONTENT, st.integers(1, 9), st.integers(0, 20))
def test_a_batch_is_as_full_as_possible(content, chunk, slack):
    limit = longest_line(content) + slack
    result = list(payloads(split_chunks(content, chunk), split=True, single=False, limit=limit))
    assert all(
        len(batch) + len(following.split(b"\n")[0]) + 1 > limit
        for batch, following in pairwise(result)
        if b"\n" in following
    )


def test_an_object_that_is_not_split_is_one_payload():
    assert list(payloads([b"one\n", b"two\n"], split=False, single=False, limit=8)) == [b"one\ntwo\n"]


@pytest.mark.parametrize("split", [True, False])
def test_an_empty_object_has_no_payload(split):
    assert list(payloads([], split=split, single=False, limit=1)) == []


@pytest.mark.parametrize("split", [True, False])
def test_a_record_over_the_limit_is_refused_before_all_of_it_is_read(split):
    def endless():
        while True:
            yield b"x" * 1000

    with pytest.raises(BadRecordError, match="MaxPayloadInMB"):
        list(payloads(endless(), split=split, single=False, limit=5000))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(1, 50))
def test_every_member_of_a_gzip_stream_is_read(members, chunk):
    content = b"".join(gzip.compress(member) for member in members)
    assert b"".join(inflate(split_chunks(content, chunk))) == b"".join(members)


@pytest.mark.parametrize("content", [b"plain text", gzip.compress(b"cut off" * 100, mtime=0)[:-5], b""])
def test_an_incomplete_gzip_stream_is_refused(content):
    with pytest.raises(BadRecordError, match="gzip"):
        list(inflate([content]))
