"""The checksums of pieces and of the whole are those of zlib and hashlib."""

from __future__ import annotations

import hashlib
import zlib

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.aws.crc32 import combine_crc32
from seqdrop_cli.uploader.digest import Digest


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_crcs_make_that_of_both_pieces(first, second):
    assert combine_crc32(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


def test_pieces_may_be_large():
    first, second = b"abc" * 1000, bytes(range(256)) * 40_000
    assert combine_crc32(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_a_digest_is_that_of_all_blocks_and_gives_the_crc_of_each(blocks):
    digest = Digest()
    assert [digest.add(block) for block in blocks] == [zlib.crc32(block) for block in blocks]
    assert (digest.crc, digest.sha256) == (zlib.crc32(b"".join(blocks)), hashlib.sha256(b"".join(blocks)).hexdigest())
