"""The C kernel returns the same as numpy; if it is not built, files are read by numpy."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads import kernel
from seqdrop.reads.blocks import PAD
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.duplicates import Bits
from seqdrop.reads.examiner import Examiner
from seqdrop.reads.measure import FIGURES

from tests.support.examples import share
from tests.unit.reads.planting import FASTQ_FAULTS, fastq

built = pytest.mark.skipif(kernel.lib is None, reason="the C kernel is not built here (`make kernel`)")
lengths = st.one_of(st.integers(0, 200), st.sampled_from([31, 32, 33, 511, 512, 513, 1024, 3000]))


def with_and_without_kernel(monkeypatch, function):
    """Return the result of a function with the kernel, and without it."""
    with_kernel = function()
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "lib", None)
        return with_kernel, function()


def report(body: bytes) -> dict:
    reading = Reading(io.BytesIO(body), ["fastq"], bounds=Bounds(2048))
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading.report() | {"names": reading.read_names.chunks.tolist() if reading.number else []}


def change_bases(source: np.random.Generator, body: bytes) -> bytes:
    """Change some upper-case bases to lower case, IUPAC codes or U."""
    text = np.frombuffer(body, np.uint8).copy()
    places = np.flatnonzero(np.isin(text, list(b"ACGTN")))
    chosen = places[source.random(len(places)) < 0.05]
    text[chosen] = source.choice(list(b"acgtnRYSWKMBDHVUu"), len(chosen))
    return text.tobytes()


@built
@settings(deadline=None, max_examples=share(150))
@given(
    st.lists(lengths, min_size=1, max_size=30),
    st.integers(0, 1 << 30),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_valid_files_have_the_same_report(sizes, seed, end, odd):
    source = np.random.default_rng(seed)
    records = fastq(len(sizes), lambda index: sizes[index], end)
    for record in records:
        record[1] = change_bases(source, record[1]) if odd else record[1]
    body = b"".join(part for record in records for part in record)
    with pytest.MonkeyPatch.context() as patch:
        first, second = with_and_without_kernel(patch, lambda: report(body))
    assert first == second
    assert first["valid"]


@built
@settings(deadline=None, max_examples=share(150))
@given(st.integers(0, 1 << 30))
def test_files_with_random_bytes_have_the_same_report(seed):
    source = np.random.default_rng(seed)
    body = bytearray(b"".join(b"".join(record) for record in fastq(20, lambda index: 60)))
    for place in source.integers(0, len(body), source.integers(1, 4)):
        body[place] = source.integers(0, 256)
    with pytest.MonkeyPatch.context() as patch:
        first, second = with_and_without_kernel(patch, lambda: report(bytes(body)))
    assert first == second


@built
@pytest.mark.parametrize("kind", FASTQ_FAULTS)
def test_every_fault_has_the_same_report(kind, monkeypatch):
    first, second = with_and_without_kernel(
        monkeypatch, lambda: report(FASTQ_FAULTS[kind](fastq(60, lambda index: 50), 37).body)
    )
    assert first == second


def block(body: bytes) -> np.ndarray:
    data = np.zeros(len(body) + PAD, np.uint8)
    data[: len(body)] = np.frombuffer(body, np.uint8)
    return data


def examine(body: bytes) -> dict | None:
    """Return everything that the examination of a block returns, as plain values."""
    examined = Examiner().examine(block(body), len(body))
    if examined is None:
        return None
    rows, counts, names = examined
    arrays = {"starts": rows.starts, "ends": rows.ends, "lengths": rows.lengths, "sums": counts.sums}
    arrays |= {"bases": names.bases, "codes": names.codes, "name_ends": names.ends}
    figures = {name: getattr(counts, name) for name in FIGURES}
    return {name: array.tolist() for name, array in arrays.items()} | figures | {"rest": (rows.size, rows.crlf)}


@built
@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=300).map(lambda data: bytes(33 + byte % 94 for byte in data)),
            st.sampled_from([b"", b"/0", b"/1", b"/2", b"/3", b"/4", b".1"]),
            st.sampled_from([b"", b" ", b"\t", b"  "]),
            st.text("01234567:NYQ", max_size=5).map(str.encode) | st.sampled_from([b"0:N:", b"3:Y:0", b"4:N:", b"1:"]),
        ),
        min_size=1,
    )
)
def test_names_have_the_same_hashes_and_mates(names):
    body = b"".join(b"@%b%b%b%b\nACGT\n+\nIIII\n" % name for name in names)
    with pytest.MonkeyPatch.context() as patch:
        first, second = with_and_without_kernel(patch, lambda: examine(body))
    assert first == second


@built
@settings(deadline=None)
@given(st.lists(lengths, min_size=1, max_size=300), st.sampled_from([b"\n", b"\r\n"]), st.integers(0, 30))
def test_a_block_has_the_same_examination(sizes, end, cut):
    body = b"".join(b"".join(record) for record in fastq(len(sizes), lambda index: sizes[index], end))
    with pytest.MonkeyPatch.context() as patch:
        first, second = with_and_without_kernel(patch, lambda: examine(body[: len(body) - cut]))
    assert first == second


@built
def test_a_set_of_hashes_has_the_same_bits(monkeypatch):
    hashes = np.random.default_rng(1).integers(0, 1 << 63, 3000).astype(np.uint64)
    by_kernel, by_numpy = Bits(1 << 10), Bits(1 << 10)
    by_kernel.add(hashes)
    contained = by_kernel.contains(hashes + np.uint64(1))
    monkeypatch.setattr(kernel, "lib", None)
    by_numpy.add(hashes)
    assert (by_kernel.words == by_numpy.words).all()
    assert (by_numpy.contains(hashes + np.uint64(1)) == contained).all()
    assert contained.any()


def test_files_are_read_without_the_kernel(monkeypatch):
    monkeypatch.setattr(kernel, "lib", None)
    body = b"".join(b"".join(record) for record in fastq(60, lambda index: 50))
    assert report(body)["valid"]
    assert len(examine(body)["starts"]) == 60
