"""The digest of a file's read names that its pair is checked by, without reading either file again.

Of each 64 reads it keeps the sum of their base names' hashes, each times a number of its place: 0.125 bytes a read
(2.5 MB for 20 million reads). With it go the count, which mate the names say they are, the SHA-256 of the file and
a fingerprint of its contents. Two digests tell whether counts differ, which 64 reads are the first out of step,
whether the same reads were given twice, and whether the mates are swapped.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads import kernel
from seqdrop.reads.findings import fault

if TYPE_CHECKING:
    from seqdrop.errors import Fault
    from seqdrop.reads.duplicates import Place

CHUNK = 64
MAGIC = b"SDN1"
_WEIGHTS = np.arange(1, 2 * CHUNK, 2, dtype=np.uint64) * np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class NameDigest:
    """Names in order. `mate` is 1 or 2 if all names that say so agree, else 0; `chunks` one 64-bit sum per 64 reads."""

    records: int
    mate: int
    sha256: str
    fingerprint: str
    chunks: np.ndarray = field(repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """For S3: a small JSON header, then the sums, little-endian."""
        facts = {key: value for key, value in asdict(self).items() if key != "chunks"}
        header = json.dumps(facts).encode()
        return MAGIC + struct.pack("<I", len(header)) + header + self.chunks.astype("<u8").tobytes()

    @classmethod
    def from_bytes(cls, body: bytes) -> NameDigest:
        """Raises ValueError if the bytes are no digest."""
        if body[:4] != MAGIC:
            raise ValueError("these bytes are no digest of read names")
        size = struct.unpack("<I", body[4:8])[0]
        chunks = np.frombuffer(body, "<u8", offset=8 + size).astype(np.uint64)
        return cls(**json.loads(body[8 : 8 + size]), chunks=chunks)


class NameSums:
    """Makes the chunks of a NameDigest from blocks of hashes."""

    def __init__(self):
        self._parts: list[np.ndarray] = []
        self._held = np.empty(0, np.uint64)
        self._mates: set[int] = set()
        self.records = 0

    def add(self, bases: np.ndarray, mates: np.ndarray) -> None:
        """Base-name hashes and mates of further reads, in the order of the file."""
        self.records += len(bases)
        self._mates |= set(mates.tolist()) if mates.any() else {0}
        bases = np.concatenate([self._held, bases]) if len(self._held) else bases
        whole = len(bases) // CHUNK * CHUNK
        self._parts.append(_sums(bases, whole // CHUNK))
        self._held = bases[whole:].copy()

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        rest = [np.array([(self._held * _WEIGHTS[: len(self._held)]).sum()], np.uint64)] if len(self._held) else []
        chunks = np.concatenate([*self._parts, *rest]) if self._parts or rest else np.empty(0, np.uint64)
        said = self._mates - {0}
        return NameDigest(self.records, said.pop() if len(said) == 1 else 0, sha256, fingerprint, chunks)


def _sums(bases: np.ndarray, chunks: int) -> np.ndarray:
    if kernel.lib:
        return kernel.sum_names(bases, chunks)
    return np.einsum("ij,j->i", bases[: chunks * CHUNK].reshape(-1, CHUNK), _WEIGHTS)


def compare(first: NameDigest, second: NameDigest) -> list[Fault]:
    """What is wrong with the pair of `first` (R1) and `second` (R2); empty if they fit."""
    if first.sha256 == second.sha256 or first.fingerprint == second.fingerprint:
        return [fault("mates_same_file", "both mates hold the same reads")]
    faults = [] if (first.mate, second.mate) != (2, 1) else [_swapped()]
    if first.mate and first.mate == second.mate:
        faults.append(fault("mates_same_file", f"the names of both files say that they are mate {first.mate}"))
    step = _out_of_step(first, second)
    if first.records != second.records:
        message = f"the first file has {first.records} reads, the second {second.records}"
        faults.append(fault("mates_unequal_counts", message))
    if step is not None:
        faults.append(step)
    return faults


def records_to_search(fault: Fault) -> range:
    """The records, by their numbers from 0 on, among which the first out of step is; of a fault that `compare` made."""
    return range(fault.record - 1, fault.record - 1 + CHUNK)


def locate_fault(found: Fault, first: list[tuple[int, Place]], second: list[tuple[int, Place]]) -> Fault:
    """The same fault at the very record, from what `Reading.locate_names` returns of both files
    for `records_to_search`."""
    for (one, place), (other, mate) in zip(first, second, strict=False):
        if one != other:
            message = f"its mate is not record {mate.record} of the second file, where {mate.name} stands"
            at = {"name": place.name, "record": place.record, "line": place.line, "byte": place.byte}
            return fault(found.code, message, **at)
    return found


def _swapped() -> Fault:
    return fault("mates_swapped", "the names of the first file say mate 2, those of the second mate 1")


def _out_of_step(first: NameDigest, second: NameDigest) -> Fault | None:
    """The first chunk in which names differ. A last chunk that is shorter in one file is left to the counts."""
    whole = min(first.records, second.records) // CHUNK
    if first.records == second.records:
        whole = len(first.chunks)
    different = np.flatnonzero(first.chunks[:whole] != second.chunks[:whole])
    if not len(different):
        return None
    start = int(different[0]) * CHUNK + 1
    end = min(start + CHUNK - 1, first.records, second.records)
    message = f"the names differ from a record between {start} and {end} on"
    return fault("mates_out_of_step", message, record=start, line=4 * start - 3)
