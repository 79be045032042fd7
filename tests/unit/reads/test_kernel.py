"""The C kernel, where it was built, answers as numpy does; without it everything else still works."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads import kernel
from seqdrop.reads.blocks import PAD
from seqdrop.reads.check import Reading
from seqdrop.reads.duplicates import Bits
from seqdrop.reads.examiner import Examiner
from seqdrop.reads.measure import FIGURES

from tests.unit.reads.planting import FASTQ_FAULTS, fastq

built = pytest.mark.skipif(kernel.lib is None, reason="the C kernel is not built here (`make kernel`)")
lengths = st.one_of(st.integers(0, 200), st.sampled_from([31, 32, 33, 511, 512, 513, 1024, 3000]))


def both(monkeypatch, function):
    """What it answers with the kernel, and without."""
    with_kernel = function()
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "lib", None)
        return with_kernel, function()


def report(body: bytes) -> dict:
    reading = Reading(io.BytesIO(body), ["fastq"], block=2048)
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading.report() | {"names": reading.read_names.chunks.tolist() if reading.number else []}


def letters(source: np.random.Generator, body: bytes) -> bytes:
    """Some upper-case bases become lower case, IUPAC codes or U."""
    text = np.frombuffer(body, np.uint8).copy()
    places = np.flatnonzero(np.isin(text, list(b"ACGTN")))
    chosen = places[source.random(len(places)) < 0.05]
    text[chosen] = source.choice(list(b"acgtnRYSWKMBDHVUu"), len(chosen))
    return text.tobytes()


@built
@settings(deadline=None, max_examples=150)
@given(
    st.lists(lengths, min_size=1, max_size=30),
    st.integers(0, 1 << 30),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_the_same_report(sizes, seed, end, odd):
    source = np.random.default_rng(seed)
    records = fastq(len(sizes), lambda index: sizes[index], end)
    for record in records:
        record[1] = letters(source, record[1]) if odd else record[1]
    body = b"".join(part for record in records for part in record)
    with pytest.MonkeyPatch.context() as patch:
        first, second = both(patch, lambda: report(body))
    assert first == second
    assert first["valid"]


@built
@settings(deadline=None, max_examples=150)
@given(st.integers(0, 1 << 30))
def test_the_same_judgement_of_any_bytes(seed):
    source = np.random.default_rng(seed)
    body = bytearray(b"".join(b"".join(one) for one in fastq(20, lambda index: 60)))
    for place in source.integers(0, len(body), source.integers(1, 4)):
        body[place] = source.integers(0, 256)
    with pytest.MonkeyPatch.context() as patch:
        first, second = both(patch, lambda: report(bytes(body)))
    assert first == second


@built
@pytest.mark.parametrize("kind", FASTQ_FAULTS)
def test_the_same_of_every_fault(kind, monkeypatch):
    first, second = both(monkeypatch, lambda: report(FASTQ_FAULTS[kind](fastq(60, lambda index: 50), 37).body))
    assert first == second


def block(body: bytes) -> np.ndarray:
    data = np.zeros(len(body) + PAD, np.uint8)
    data[: len(body)] = np.frombuffer(body, np.uint8)
    return data


def examined(body: bytes) -> dict | None:
    """All that is answered for a block."""
    found = Examiner().examine(block(body), len(body))
    if found is None:
        return None
    rows, counted, names = found
    answer = {"starts": rows.starts, "ends": rows.ends, "lengths": rows.lengths, "sums": counted.sums}
    answer |= {"bases": names.bases, "mates": names.mates, "name_ends": names.ends}
    figures = {name: getattr(counted, name) for name in FIGURES}
    return {name: array.tolist() for name, array in answer.items()} | figures | {"rest": (rows.size, rows.crlf)}


@built
@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300).map(lambda b: bytes(33 + one % 94 for one in b)), min_size=1))
def test_the_same_names(names):
    body = b"".join(b"@%b 1:N\nACGT\n+\nIIII\n" % name for name in names)
    with pytest.MonkeyPatch.context() as patch:
        first, second = both(patch, lambda: examined(body))
    assert first == second


@built
@settings(deadline=None)
@given(st.lists(lengths, min_size=1, max_size=300), st.sampled_from([b"\n", b"\r\n"]), st.integers(0, 30))
def test_the_same_of_a_block(sizes, end, cut):
    body = b"".join(b"".join(one) for one in fastq(len(sizes), lambda index: sizes[index], end))
    with pytest.MonkeyPatch.context() as patch:
        first, second = both(patch, lambda: examined(body[: len(body) - cut]))
    assert first == second


@built
def test_the_same_bits(monkeypatch):
    hashes = np.random.default_rng(1).integers(0, 1 << 63, 3000).astype(np.uint64)
    one, other = Bits(1 << 10), Bits(1 << 10)
    one.add(hashes)
    held = one.holds(hashes + np.uint64(1))
    monkeypatch.setattr(kernel, "lib", None)
    other.add(hashes)
    assert (one.words == other.words).all()
    assert (other.holds(hashes + np.uint64(1)) == held).all()
    assert held.any()


def test_nothing_needs_the_kernel(monkeypatch):
    monkeypatch.setattr(kernel, "lib", None)
    body = b"".join(b"".join(one) for one in fastq(60, lambda index: 50))
    assert report(body)["valid"]
    assert len(examined(body)["starts"]) == 60
