"""The digest of a file's read names. By comparing two digests, a pair is checked without reading either file again.

For each chunk of 64 reads, a digest has the sum of the hashes of their base names, each multiplied by a number for its
position: 0.125 bytes for each read (2.5 MB for 20 million reads). It also has the number of reads, the mate that the
names say they are, the SHA-256 of the file and a fingerprint of its content. Two digests show whether the numbers of
reads differ, in which chunk names first differ, whether both files have the same reads, and whether they are swapped.

If all names of a file end in the same .1, .2 or .3, the number may be that of the mate, as `fastq-dump -I` writes it
(`SRR9.7.1`, `SRR9.7.2`). The digest then also has the sums of the names without it. They count if the names of the
other file all end in another number. A serial number (`SRR9.1`, `SRR9.2`) is not the same in all names of a file.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads import kernel
from seqdrop.reads.findings import fault
from seqdrop.reads.names import SINGLE

if TYPE_CHECKING:
    from seqdrop.errors import Fault
    from seqdrop.reads.arrays import UInt64Array
    from seqdrop.reads.duplicates import NameLocation
    from seqdrop.reads.names import DotNames, Names

CHUNK = 64
MAGIC = b"SDN1"
_WEIGHTS = np.arange(1, 2 * CHUNK, 2, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class NameDigest:
    """A digest of the names of a file, in order.

    `mate` is 1 to 4 if all names that say a mate say this one, otherwise 0. `sha256` is the hash of the file, and
    `fingerprint` a hash of its figures (`Reading`). `chunks` has a 64-bit sum for each 64 reads. `dot` is 1 to 3 if all
    names end in this number after a dot, otherwise 0; `dot_chunks` are then the sums of the names without it.
    """

    records: int
    mate: int
    sha256: str
    fingerprint: str
    chunks: UInt64Array = field(repr=False, compare=False)
    dot: int = 0
    dot_chunks: UInt64Array | None = field(default=None, repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """Return the digest as bytes for S3: a small JSON header, then the sums, little-endian."""
        facts: dict[str, int | str] = {
            "records": self.records,
            "mate": self.mate,
            "sha256": self.sha256,
            "fingerprint": self.fingerprint,
        }
        chunks = self.chunks
        if self.dot_chunks is not None:
            facts["dot"] = self.dot
            chunks = np.concatenate((self.chunks, self.dot_chunks))
        header = json.dumps(facts).encode()
        return MAGIC + struct.pack("<I", len(header)) + header + chunks.astype("<u8").tobytes()

    @classmethod
    def from_bytes(cls, body: bytes) -> NameDigest:
        """Return the digest from the result of `to_bytes`. Raise ValueError for other bytes."""
        if body[:4] != MAGIC:
            raise ValueError("these bytes are not a digest of read names")
        size = struct.unpack("<I", body[4:8])[0]
        facts = json.loads(body[8 : 8 + size])
        chunks = np.frombuffer(body, "<u8", offset=8 + size).astype(np.uint64)
        own = -(-facts["records"] // CHUNK)
        return cls(**facts, chunks=chunks[:own], dot_chunks=chunks[own:] if facts.get("dot") else None)

    @property
    def said_mate(self) -> int:
        """The mate that the names say, also by a number after a dot; 0 if they say none."""
        return self.mate or self.dot


class ChunkSums:
    """The sums of the chunks of consecutive blocks of hashes."""

    def __init__(self) -> None:
        self._parts: list[UInt64Array] = []
        self._rest: UInt64Array = np.empty(0, np.uint64)  # hashes of an incomplete chunk

    def add(self, hashes: UInt64Array) -> None:
        """Add the hashes of the next reads of the file."""
        hashes = np.concatenate([self._rest, hashes]) if len(self._rest) else hashes
        whole = len(hashes) // CHUNK * CHUNK
        self._parts.append(_sum_chunks(hashes, whole // CHUNK))
        self._rest = hashes[whole:].copy()

    @property
    def all(self) -> UInt64Array:
        """The sums of all chunks, and that of an incomplete last one."""
        parts = list(self._parts)
        if len(self._rest):
            parts.append(np.array([(self._rest * _WEIGHTS[: len(self._rest)]).sum()], np.uint64))
        return np.concatenate(parts) if parts else np.empty(0, np.uint64)


class NameSums:
    """A builder that makes a NameDigest from the hashes of consecutive blocks."""

    def __init__(self) -> None:
        self._chunks = ChunkSums()
        self._dot_chunks: ChunkSums | None = ChunkSums()  # None once a name does not end like the first one
        self._dot = 0
        self._least = 1  # reads without which the number after the dot may be a serial number
        self._mates: set[int] = set()
        self.records = 0

    def add(self, names: Names) -> None:
        """Add the names of the next reads of the file."""
        if self._dot_chunks and len(names.bases):
            self._add_dots(self._dot_chunks, names.split_dots())
        self.records += len(names.bases)
        self._mates |= set(np.flatnonzero(np.bincount(names.mates)).tolist()) if names.codes.any() else {0}
        self._chunks.add(names.bases)

    def _add_dots(self, chunks: ChunkSums, dots: DotNames) -> None:
        if not self.records:
            self._dot = int(dots.digits[0])
            self._least = 1 if dots.has_serial else 2
        if self._dot and (dots.digits == self._dot).all():
            chunks.add(dots.bases)
        else:
            self._dot_chunks = None

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        """Return the digest of all reads added so far."""
        mates = self._mates - {0, SINGLE}
        mate = mates.pop() if len(mates) == 1 else 0
        digest = NameDigest(self.records, mate, sha256, fingerprint, self._chunks.all)
        if self._dot_chunks and self.records >= self._least:
            return replace(digest, dot=self._dot, dot_chunks=self._dot_chunks.all)
        return digest


def _sum_chunks(bases: UInt64Array, chunks: int) -> UInt64Array:
    if kernel.lib:
        return kernel.sum_names(bases, chunks)
    sums: UInt64Array = np.einsum("ij,j->i", bases[: chunks * CHUNK].reshape(-1, CHUNK), _WEIGHTS)
    return sums


def compare(first: NameDigest, second: NameDigest) -> list[Fault]:
    """Return the faults of the pair of `first` (R1) and `second` (R2); an empty list if they are mates."""
    first, second = _drop_dots(first, second)
    if first.sha256 == second.sha256 or first.fingerprint == second.fingerprint:
        return [fault("mates_same_file", "both mates have the same reads")]
    faults = []
    if first.mate > second.mate > 0:
        message = f"the names in the first file say mate {first.mate}, and those in the second say mate {second.mate}"
        faults.append(fault("mates_swapped", message))
    if first.mate and first.mate == second.mate:
        faults.append(fault("mates_same_file", f"the names in both files say that they are mate {first.mate}"))
    if first.records != second.records:
        message = f"the first file has {first.records} reads, the second {second.records}"
        faults.append(fault("mates_unequal_counts", message))
    out_of_step = _find_out_of_step(first, second)
    if out_of_step is not None:
        faults.append(out_of_step)
    return faults


def _drop_dots(first: NameDigest, second: NameDigest) -> tuple[NameDigest, NameDigest]:
    """Return the digests of the names without their numbers after a dot, if these say that the files are mates."""
    if first.dot_chunks is None or second.dot_chunks is None or first.dot == second.dot:
        return first, second
    return (
        replace(first, mate=first.said_mate, chunks=first.dot_chunks),
        replace(second, mate=second.said_mate, chunks=second.dot_chunks),
    )


def records_to_search(fault: Fault) -> range:
    """Return the 0-based numbers of the records of the chunk in which names first differ, by a fault from `compare`."""
    first = (fault.record or 1) - 1
    return range(first, first + CHUNK)


NameHash = tuple[int, "NameLocation"]
"""The hash of a base name, and the location of the name."""


def locate_fault(coarse: Fault, first: list[NameHash], second: list[NameHash]) -> Fault:
    """Return the fault `coarse`, which `compare` returned, with the location of the first record whose name differs.

    `first` and `second` are the results of `Reading.locate_names` for both files and `records_to_search`. If all their
    names agree, the fault is returned unchanged.
    """
    pairs = list(zip(first, second, strict=False))
    by_dots = _say_mates_by_dots([read.name for _, read in first], [mate.name for _, mate in second])
    for (first_hash, read), (second_hash, mate) in pairs:
        if read.name[:-2] != mate.name[:-2] if by_dots else first_hash != second_hash:
            message = f"its mate should be record {mate.record} of the second file, but that is {mate.name}"
            return fault(coarse.code, message, **read.location)
    return coarse


def _say_mates_by_dots(first: list[str], second: list[str]) -> bool:
    """Return True if all names of a file end in the same number after a dot, and those of the other in another."""
    ends = [{name[-2:] for name in names} for names in (first, second)]
    return ends[0] != ends[1] and all(len(end) == 1 and end <= {".1", ".2", ".3"} for end in ends)


def _find_out_of_step(first: NameDigest, second: NameDigest) -> Fault | None:
    """Return a fault for the first chunk in which names differ; None if there is none.

    If the numbers of reads differ, the last chunk of the shorter file is not compared: `compare` reports the numbers.
    """
    whole = min(first.records, second.records) // CHUNK
    if first.records == second.records:
        whole = len(first.chunks)
    different = np.flatnonzero(first.chunks[:whole] != second.chunks[:whole])
    if not len(different):
        return None
    start = int(different[0]) * CHUNK + 1
    end = min(start + CHUNK - 1, first.records, second.records)
    message = f"the names differ, first at a record from {start} to {end}"
    return fault("mates_out_of_step", message, record=start, line=4 * start - 3)
