"""A bundle that is laid out from checksums has the bytes of one that is packed from files."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.runs import bundle_layout
from seqdrop.runs.bundle_index import explain_name
from seqdrop.runs.bundle_layout import divide, fill_headers, lay_out
from seqdrop.runs.bundles import EPOCH, make_header, measure, write_bundle
from seqdrop.runs.files import RunFile

from tests.support.examples import share
from tests.unit.stages.runs.test_bundles import Memory

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.text(st.sampled_from("ab/.é 1"), min_size=1, max_size=120).filter(lambda name: explain_name(name) is None)
FILES = st.dictionaries(NAMES, st.binary(max_size=1600), min_size=1, max_size=12)


@settings(deadline=None, max_examples=share(60), derandomize=True)
@given(FILES, st.sampled_from([512, 2048, 1 << 20]))
def test_parts_and_files_together_are_the_tar_that_is_written_from_a_folder(files, part_size):
    folder, stream = Memory(files, MOMENT), io.BytesIO()
    written = write_bundle([folder.look(name) for name in files], folder, stream)
    rows = [(folder.look(name), f"{zlib.crc32(body):08x}", _sha256(body)) for name, body in files.items()]
    index = lay_out(rows)
    assert index == written
    tar = b"".join(_pack(index, part, files) for part in _divide(index, part_size))
    assert tar == stream.getvalue()
    assert len(tar) == measure(index)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _divide(index, size: int) -> list:
    before, bundle_layout.PART = bundle_layout.PART, size
    try:
        return list(divide(index))
    finally:
        bundle_layout.PART = before


def _pack(index, part, files: dict[str, bytes]) -> bytes:
    body = bytearray(b"\xff" * part.size)  # a buffer that was used before
    fill_headers(index, part, memoryview(body))
    for entry in index.entries[part.first : part.last]:
        begin = entry.offset - part.start
        body[begin : begin + entry.size] = files[entry.name]
    return bytes(body)


@settings(deadline=None, max_examples=share(80), derandomize=True)
@given(NAMES, st.integers(0, 1 << 36), st.integers(-100, 1 << 35))
def test_a_header_is_that_of_tarfile(name, size, seconds):
    member = tarfile.TarInfo(name)
    moment = EPOCH + timedelta(seconds=seconds, microseconds=999_999)
    member.size, member.mode, member.mtime = size, 0o644, (moment - EPOCH) // timedelta(seconds=1)
    assert make_header(name, size, moment) == member.tobuf(tarfile.PAX_FORMAT)


def test_files_have_their_places_before_a_byte_is_read():
    index = lay_out([(RunFile("a", 3, MOMENT), "0" * 8, "0" * 64)])
    assert [(entry.offset, entry.size) for entry in index.entries] == [(512, 3)]
