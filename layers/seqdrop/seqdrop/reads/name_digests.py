"""The digest of a file's read names. By comparing two digests, a pair is checked without reading either file again.

For each chunk of 64 reads, a digest has the sum of the hashes of their base names, each multiplied by a number for its
position: 0.125 bytes for each read (2.5 MB for 20 million reads). It also has the number of reads, the mate that the
names say they are, the SHA-256 of the file and a fingerprint of its content. Two digests show whether the numbers of
reads differ, in which chunk names first differ, whether both files have the same reads, and whether they are swapped.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads import kernel
from seqdrop.reads.findings import fault

if TYPE_CHECKING:
    from seqdrop.errors import Fault
    from seqdrop.reads.arrays import UInt8Array, UInt64Array
    from seqdrop.reads.duplicates import NameLocation

CHUNK = 64
MAGIC = b"SDN1"
_WEIGHTS = np.arange(1, 2 * CHUNK, 2, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class NameDigest:
    """A digest of the names of a file, in order.

    `mate` is 1 or 2 if all names that say a mate say this one, otherwise 0. `sha256` is the hash of the file, and
    `fingerprint` a hash of its figures (`Reading`). `chunks` has a 64-bit sum for each 64 reads.
    `sample` has some hashes of names (`name_samples`); the result of `to_bytes` does not contain it, so that earlier
    versions can read it.
    """

    records: int
    mate: int
    sha256: str
    fingerprint: str
    chunks: UInt64Array = field(repr=False, compare=False)
    sample: frozenset[int] | None = field(default=None, repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """Return the digest as bytes for S3: a small JSON header, then the sums, little-endian."""
        facts = {
            "records": self.records,
            "mate": self.mate,
            "sha256": self.sha256,
            "fingerprint": self.fingerprint,
        }
        header = json.dumps(facts).encode()
        return MAGIC + struct.pack("<I", len(header)) + header + self.chunks.astype("<u8").tobytes()

    @classmethod
    def from_bytes(cls, body: bytes) -> NameDigest:
        """Return the digest from the result of `to_bytes`. Raise ValueError for other bytes."""
        if body[:4] != MAGIC:
            raise ValueError("these bytes are not a digest of read names")
        size = struct.unpack("<I", body[4:8])[0]
        chunks = np.frombuffer(body, "<u8", offset=8 + size).astype(np.uint64)
        return cls(**json.loads(body[8 : 8 + size]), chunks=chunks)


class NameSums:
    """A builder that makes a NameDigest from the hashes of consecutive blocks."""

    def __init__(self) -> None:
        self._parts: list[UInt64Array] = []
        self._rest: UInt64Array = np.empty(0, np.uint64)  # hashes of an incomplete chunk
        self._mates: set[int] = set()
        self.records = 0

    def add(self, bases: UInt64Array, mates: UInt8Array) -> None:
        """Add the hashes of base names and the mates (0, 1 or 2; 0 is unknown) of the next reads of the file."""
        self.records += len(bases)
        self._mates |= set(mates.tolist()) if mates.any() else {0}
        bases = np.concatenate([self._rest, bases]) if len(self._rest) else bases
        whole = len(bases) // CHUNK * CHUNK
        self._parts.append(_sum_chunks(bases, whole // CHUNK))
        self._rest = bases[whole:].copy()

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        """Return the digest of all reads added so far."""
        parts = list(self._parts)
        if len(self._rest):
            parts.append(np.array([(self._rest * _WEIGHTS[: len(self._rest)]).sum()], np.uint64))
        chunks = np.concatenate(parts) if parts else np.empty(0, np.uint64)
        mates = self._mates - {0}
        mate = mates.pop() if len(mates) == 1 else 0
        return NameDigest(self.records, mate, sha256, fingerprint, chunks)


def _sum_chunks(bases: UInt64Array, chunks: int) -> UInt64Array:
    if kernel.lib:
        return kernel.sum_names(bases, chunks)
    sums: UInt64Array = np.einsum("ij,j->i", bases[: chunks * CHUNK].reshape(-1, CHUNK), _WEIGHTS)
    return sums


def compare(first: NameDigest, second: NameDigest) -> list[Fault]:
    """Return the faults of the pair of `first` (R1) and `second` (R2); an empty list if they are mates."""
    if first.sha256 == second.sha256 or first.fingerprint == second.fingerprint:
        return [fault("mates_same_file", "both mates have the same reads")]
    faults = []
    if (first.mate, second.mate) == (2, 1):
        message = "the names in the first file say mate 2, and those in the second say mate 1"
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
    for (first_hash, read), (second_hash, mate) in zip(first, second, strict=False):
        if first_hash != second_hash:
            message = f"its mate should be record {mate.record} of the second file, but that is {mate.name}"
            return fault(coarse.code, message, **read.location)
    return coarse


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
