"""An index is read only if it is whole, and if no name in it can be written elsewhere."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.bundle_index import Entry, Index, explain_name, format_time, is_bundle, is_index, read_index
from seqdrop.runs.files import RunFileError

TAR = "seqdrop-bundle-0123456789abcdef.tar"
NAME = f"{TAR}.index.tsv"
TIME = datetime(2026, 12, 1, 3, 0, 0, 123456, tzinfo=UTC)
SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ENTRIES = (Entry("a/b.txt", 512, 600, "0000abcd", SHA, TIME), Entry("c.txt", 2048, 0, "00000000", SHA, TIME))
BODY = Index(TAR, ENTRIES).body


def with_line(number: int, line: str) -> bytes:
    lines = BODY.decode().split("\n")
    lines[number - 1] = line
    return "\n".join(lines).encode()


def row(name="c.txt", offset="2048", size="0", crc="00000000", sha=SHA, time="2026-12-01T03:00:00.123456Z") -> str:
    return "\t".join((offset, size, crc, sha, time, name))


def test_the_format_is_that_of_the_page():
    assert BODY.decode().splitlines() == [
        f"#seqdrop-bundle\t1\t{TAR}\t2\t600",
        "offset\tsize\tcrc32\tsha256\tmodified\tname",
        f"512\t600\t0000abcd\t{SHA}\t2026-12-01T03:00:00.123456Z\ta/b.txt",
        f"2048\t0\t00000000\t{SHA}\t2026-12-01T03:00:00.123456Z\tc.txt",
    ]
    assert read_index(BODY, f"runs/r1/{NAME}") == Index(TAR, ENTRIES)


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "#seqdrop-bundle\t2\t" + TAR + "\t2\t600", "of a later version"),
        (1, "offset\tsize", "it is no index"),
        (1, f"#seqdrop-bundle\t1\t{TAR}\t2", "number of files and of bytes"),
        (1, f"#seqdrop-bundle\t1\t{TAR}\t2\t-600", "number of files and of bytes"),
        (1, f"#seqdrop-bundle\t1\t{TAR.replace('0', '1')}\t2\t600", "was it renamed"),
        (2, "offset\tsize\tcrc32\tsha256\tname\tmodified", "the columns must be"),
        (4, row(name="../c.txt"), "refused"),
        (4, row(name="/c.txt"), "refused"),
        (4, row(name="c/../../d"), "refused"),
        (4, row(name="c//d"), "refused"),
        (4, row(name="c/"), "refused"),
        (4, row(name=""), "refused"),
        (4, row(name="c\\..\\d"), "refused"),
        (4, row(name="c:\\windows"), "refused"),
        (4, row(name="c/d:e"), "drive letter"),
        (4, row(name="c\x00d"), "control"),
        (4, row(name="c\rd"), "control"),
        (4, row(name=f"c/{TAR}"), "name of a bundle"),
        (4, row(name="a/b.txt"), "after the one of the line before"),
        (4, row(name="a/a.txt"), "after the one of the line before"),
        (4, row(offset="1024"), "offset 1024"),
        (4, row(offset="1536"), "offset 1536"),  # there would be no header between the two files
        (4, row(offset="2049"), "offset 2049"),
        (4, row(offset="02048"), "offset is malformed"),
        (4, row(offset="９"), "offset is malformed"),
        (4, row(size="-1"), "size is malformed"),
        (4, row(crc="0000ABCD"), "crc32 is malformed"),
        (4, row(sha=SHA[:-1]), "sha256 is malformed"),
        (4, row(time="2026-12-01T03:00:00.123456"), "its time must look like"),
        (4, row(time="2026-12-1T03:00:00.123456Z"), "its time must look like"),
        (4, row(time="2026-13-01T03:00:00.123456Z"), "its time must look like"),
        (4, row() + "\tmore", "7 columns instead of 6"),
    ],
)
def test_a_wrong_line_is_named(line, text, message):
    with pytest.raises(RunFileError, match=message) as refused:
        read_index(with_line(line, text), NAME)
    assert str(refused.value).startswith(f"{NAME}, line {line}: ")


@given(st.integers(0, len(BODY) - 1))
def test_a_cut_index_is_refused(length):
    with pytest.raises(RunFileError):
        read_index(BODY[:length], NAME)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leads_to_another_index(place, change):
    damaged = bytearray(BODY)
    damaged[place] ^= change
    with suppress(RunFileError):
        assert read_index(bytes(damaged), NAME) != Index(TAR, ENTRIES)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_index_are_refused(body):
    with pytest.raises(RunFileError):
        read_index(body, NAME)


def test_an_index_of_100_megabytes_is_refused_unread():
    with pytest.raises(RunFileError, match="has at most"):
        read_index(bytes(20_000_001), NAME)


@pytest.mark.parametrize("name", ["a", "a/b c.txt", "Ü/ß", "..a", "a..", "-rf", "ab:c", ".hidden"])
def test_plain_names_are_accepted(name):
    assert explain_name(name) is None


def test_names_of_bundles_and_indexes_are_recognised():
    assert is_bundle(TAR)
    assert is_bundle(f"runs/r1/{TAR}")
    assert not is_bundle(NAME)
    assert is_index(NAME)
    assert not is_index(TAR)
    assert not is_bundle("seqdrop-bundle-1.tar")


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        format_time(datetime(2026, 1, 1))
