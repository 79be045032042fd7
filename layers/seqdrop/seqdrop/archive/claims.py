"""What the ledger says about the archive, and what an inventory lists, as arrays of a few bytes for each object.

Ten million objects of each fit into a Lambda's memory this way. A key is represented by 64 bits of its hash: among ten
million keys, two have the same hash with a probability of 1 to 370,000, and one of them would then go unchecked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.archive.storage_classes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from seqdrop.archive.inventory import Entry

CODES = {name: number for number, name in enumerate(CLASSES)}
OTHER = 255  # a storage class in which Seqdrop archives nothing
LATEST, MARKER = 1, 2
CHUNK = 65_536
CLAIM = np.dtype(
    [("key", "<u8"), ("size", "<i8"), ("moved", "<i8"), ("storage", "u1"), ("bundled", "?"), ("upload", "S32")]
)
ENTRY = np.dtype([("key", "<u8"), ("size", "<i8"), ("modified", "<i8"), ("storage", "u1"), ("flags", "u1")])
# S3 tells when an object was written in whole seconds.
ROUNDING_MS = 1000


def digest(key: str) -> int:
    """Return 64 bits that stand for a key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")


def make_claim(
    upload: str, key: str, size: int, moved: int, storage_class: str, bundled: bool
) -> tuple[int, int, int, int, bool, bytes]:
    """Return the row of CLAIM for an archived file. `moved` is when it became ARCHIVED, in ms since 1970."""
    return digest(key), size, moved, CODES.get(storage_class, OTHER), bundled, upload.encode()


def pack_entries(entries: Iterable[Entry]) -> NDArray[np.void]:
    """Return the rows of ENTRY for the entries of an inventory."""
    parts = [np.array(chunk, ENTRY) for chunk in _chunks(map(_pack, entries))]
    return np.concatenate(parts) if parts else np.empty(0, ENTRY)


def _pack(entry: Entry) -> tuple[int, int, int, int, int]:
    flags = LATEST * entry.is_latest | MARKER * entry.is_delete_marker
    return digest(entry.key), entry.size, entry.modified, CODES.get(entry.storage_class, OTHER), flags


def _chunks(rows: Iterator[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    chunk: list[tuple[int, ...]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@dataclass(frozen=True)
class Comparison:
    """The keys, by hash, that need a closer look. All others agree.

    `doubtful` are keys of files whose object is absent or not as expected; `bundles` are keys of bundles, whose size
    only a receipt knows; `strays` are keys that no file of the ledger has.
    """

    doubtful: NDArray[np.uint64]
    bundles: NDArray[np.uint64]
    strays: NDArray[np.uint64]
    agreeing: int  # files whose object is as the ledger says


def compare(entries: NDArray[np.void], claims: NDArray[np.void], created: int) -> Comparison:
    """Compare an inventory, which was created at `created` (ms since 1970), with what the ledger says.

    Files that were archived afterwards are neither agreeing nor doubtful, and their objects are no strays.
    """
    known, first, versions = np.unique(entries["key"], return_index=True, return_counts=True)
    strays = np.setdiff1d(known, claims["key"])
    due = claims[claims["moved"] <= created]
    place = np.minimum(np.searchsorted(known, due["key"]), max(len(known) - 1, 0))
    if not len(known):
        return Comparison(np.unique(due["key"]), np.empty(0, np.uint64), strays, 0)
    single = (known[place] == due["key"]) & (versions[place] == 1)
    entry = entries[first[place]]
    good = (
        single
        & (entry["flags"] == LATEST)
        & (entry["storage"] == due["storage"])
        & (due["bundled"] | (entry["size"] == due["size"]))
        & (entry["modified"] <= due["moved"] + ROUNDING_MS)
    )
    doubtful = np.unique(due["key"][~good])
    bundles = np.setdiff1d(due["key"][due["bundled"]], doubtful)
    return Comparison(doubtful, bundles, strays, int(np.count_nonzero(good)))
