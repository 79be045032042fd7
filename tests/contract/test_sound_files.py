"""Files that other tools read are accepted: 500 generated sound files, and the same files broken in one place.

The oracles are samtools' library (pysam) and, where it is installed, dnaio. Each sound file must be valid here, and
each broken one must be rejected.
"""

from __future__ import annotations

import gzip
import io
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pysam
import pytest
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 500
ALPHABETS = {"dna": "ACGT", "soft": "ACGTacgtN", "rna": "ACGU", "codes": "ACGTNRYSWKM"}
NAMES = (
    "A01:12:HX:1:1101:{0}:20 1:N:0:ACGT",
    "A01:12:HX:1:1101:{0}:20/1",
    "SRR9.{0} {0} length=90",
    "m84001_220101_000000_s1/{0}/ccs",
    "V350012345L1C001R001{0:08d}/1",
    "read{0}\tRX:Z:ACGT",
)


@dataclass(frozen=True)
class Case:
    """A generated file."""

    name: str
    content: bytes
    plain: bytes
    """The content before compression."""


def make_case(number: int) -> Case:
    chance = random.Random(number)
    alphabet, style = chance.choice(list(ALPHABETS.values())), chance.choice(NAMES)
    is_fastq, end = chance.random() < 0.7, chance.choice((b"\n", b"\n", b"\r\n"))
    lines: list[bytes] = []
    for index in range(1, chance.randint(2, 40)):
        bases = "".join(chance.choices(alphabet, k=chance.randint(1, 120))).encode()
        header = style.format(index).encode()
        if is_fastq:
            qualities = bytes(chance.randint(35, 73) for _ in bases)
            lines += [b"@" + header, bases, b"+", qualities]
        else:
            width = chance.choice((60, 1000))
            lines += [b">" + header, *(bases[at : at + width] for at in range(0, len(bases), width))]
    plain = end.join(lines) + chance.choice((end, end, b""))
    suffix = ".fastq" if is_fastq else ".fasta"
    pack = chance.choice((None, _gzip, _members, _bgzip))
    return Case(f"s{number}{suffix}{'.gz' if pack else ''}", pack(plain) if pack else plain, plain)


def _gzip(plain: bytes) -> bytes:
    return gzip.compress(plain, mtime=0)


def _members(plain: bytes) -> bytes:
    half = len(plain) // 2
    return _gzip(plain[:half]) + _gzip(plain[half:])


def _bgzip(plain: bytes) -> bytes:
    stream = io.BytesIO()
    for at in range(0, len(plain), 300):
        stream.write(_block(plain[at : at + 300]))
    return stream.getvalue() + _block(b"")


def _block(plain: bytes) -> bytes:
    """Return one block of BGZF (SAM specification, section 4.1)."""
    packed = gzip.compress(plain, mtime=0)
    size = len(packed) + 8
    extra = b"\x06\x00BC\x02\x00" + (size - 1).to_bytes(2, "little")
    return packed[:3] + b"\x04" + packed[4:10] + extra + packed[10:]


def break_case(case: Case, number: int) -> bytes:
    """Return the content with a fault: cut off, with a wrong first character, or with a quality string too short."""
    kind = number % 3
    if kind == 0:
        return (
            case.content[: len(case.content) * 2 // 3] if case.name.endswith(".gz") else case.plain.rstrip() + b"\x00"
        )
    if kind == 1:
        return b"#" + case.plain[1:]
    return case.plain.replace(b"\n", b"\n\x01", 1)


def is_valid(content: bytes, name: str) -> bool:
    reading = Reading(io.BytesIO(content), ("fastq", "fasta"), name=name)
    try:
        reading.run()
    except InvalidFileError:
        return False
    return True


def pysam_reads(path: Path) -> bool:
    try:
        with pysam.FastxFile(str(path)) as records:
            return sum(1 for _ in records) > 0
    except (OSError, ValueError):
        return False


def dnaio_reads(path: Path) -> bool:
    dnaio = pytest.importorskip("dnaio")
    try:
        with dnaio.open(path) as records:
            return sum(1 for _ in records) > 0
    except (OSError, EOFError, ValueError, dnaio.FileFormatError):
        return False


def test_sound_files_are_accepted_as_samtools_accepts_them(tmp_path):
    for number in range(COUNT):
        case = make_case(number)
        path = tmp_path / case.name
        path.write_bytes(case.content)
        assert pysam_reads(path), f"the generator made {case.name}, which pysam refuses"
        assert is_valid(case.content, case.name), case.name


def test_broken_files_are_rejected(tmp_path):
    for number in range(COUNT):
        case = make_case(number)
        broken = break_case(case, number)
        name = case.name if number % 3 == 0 else case.name.removesuffix(".gz")
        assert not is_valid(broken, name), f"{name}: fault {number % 3}"


def test_sound_files_are_accepted_as_dnaio_accepts_them(tmp_path):
    for number in range(COUNT):
        case = make_case(number)
        path = tmp_path / case.name
        path.write_bytes(case.content)
        assert dnaio_reads(path), f"the generator made {case.name}, which dnaio refuses"
        assert is_valid(case.content, case.name), case.name
