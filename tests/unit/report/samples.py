"""Input for tests of pages: small files with their reports, and Hypothesis strategies for parts of reports."""

from __future__ import annotations

import io
from contextlib import suppress

from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

from tests.unit.reads.planting import fastq


def read(body: bytes, name: str = "") -> dict:
    """Return the report on a file with these bytes, valid or not."""
    reading = Reading(io.BytesIO(body), ["fastq", "fasta"], name=name)
    with suppress(InvalidFileError):
        reading.run()
    return reading.report()


def reads(count: int, length) -> bytes:
    """Return FASTQ with `count` reads; `length(index)` is the length of each."""
    return b"".join(b"".join(record) for record in fastq(count, length))


BROKEN = reads(12, lambda index: 20 + index % 3) + b"@<b>&amp;\nACGT\n+\nII\n@cut\nAC"
BODIES = {
    "short reads": reads(50, lambda index: 100 + index % 7),
    "reads of one length": reads(20, lambda _: 30),
    "one base": b"@a\nA\n+\nI\n",
    "no bases": b"@a\n\n+\n\n",
    "long reads": reads(9, lambda index: 900 * index + 3),
    "one long read among short ones": reads(3000, lambda index: 3000 if index == 7 else 50),
    "very long reads": reads(3, lambda index: 150_000 + index),
    "fasta": b">a\nACGTN\nACG\n>b\nacgtRY\n",
    "rna": b"@a\nACGUUacgu\n+\nIIIIIIIII\n",
    "rna and dna": b">a\nACGUU\n>b\nACGTT\n",
    "fasta of N": b">a\nNNNN\n",
    "broken": BROKEN,
    "carriage returns": b"@a\r\nA\r\n+\r\nI\r\n",
    "nothing": b"",
    "no sequence file": b"hello",
}

texts = st.text(max_size=30) | st.sampled_from(
    ["<script>alert(1)</script>", '"><img src=x onerror=y>', "]]>", "&lt;", "\0"]
)
entries = st.fixed_dictionaries(
    {
        "code": st.sampled_from(["truncated", "length_mismatch", "crlf"]),
        "record": st.none() | texts,
        "number": st.none() | st.integers(1, 9),
        "line": st.none() | st.integers(1, 9),
        "byte": st.none() | st.integers(0, 9),
        "message": texts,
        "advice": texts,
    }
)
origins = st.fixed_dictionaries(
    {key: st.lists(texts, max_size=2) for key in ("platform", "instrument", "flow_cell", "lane")}
)
