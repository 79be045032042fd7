"""The block functions in C, where they were built (`make kernel`); everything works without, by numpy, slower.

`lib` is None where they were not, or where a caller set it so. Each function here has the contract of its
numpy counterpart, which is the reference; tests fuzz the two against each other.
"""

from __future__ import annotations

import numpy as np

try:
    from seqdrop.reads.kernel._kernel import ffi, lib
except ImportError:  # the usual case: a fresh machine need not have a compiler
    ffi = lib = None

SHORTEST = 8  # bytes of four lines: @a, an empty line, +, an empty line


def _pointer(array: np.ndarray, kind: str):
    return ffi.from_buffer(kind, array)


def four_lines(data: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, int, bool] | None:
    """(starts, ends, bytes used, crlf) of the whole records, or None if anything is unusual."""
    room = size // SHORTEST + 1
    places = np.empty((2, room, 4), np.int64)
    used, crlf = ffi.new("int64_t *"), ffi.new("int32_t *")
    starts, ends = (_pointer(part, "int64_t[]") for part in places)
    count = lib.seqdrop_four_lines(_pointer(data, "uint8_t[]"), size, starts, ends, room, used, crlf)
    return None if count < 0 else (places[0, :count], places[1, :count], used[0], crlf[0] == 1)


def measure(data, sequences, qualities, lengths, total) -> None:
    """Fill a fresh Measure; its `legal` is False if any byte may not stand where it does."""
    starts = [np.ascontiguousarray(part) for part in (sequences, qualities, lengths)]
    figures = np.zeros(6, np.int64)
    sums = (total.content, total.quality, total.bins, total.per_read, figures)
    pointers = [_pointer(part, "int64_t[]") for part in (*starts, *sums)]
    total.legal = bool(lib.seqdrop_measure(_pointer(data, "uint8_t[]"), *pointers[:3], len(lengths), *pointers[3:]))
    names = ("ambiguous", "lower", "q20", "q30", "lowest", "highest")
    for name, value in zip(names, figures.tolist(), strict=True):
        setattr(total, name, value)


def hash_names(data: np.ndarray, starts: np.ndarray, longest: int):
    """(hashes, mates, ends), or None if a name is longer."""
    starts, count = np.ascontiguousarray(starts), len(starts)
    hashes, mates, ends = np.empty(count, np.uint64), np.empty(count, np.uint8), np.empty(count, np.int64)
    done = lib.seqdrop_hash_names(
        _pointer(data, "uint8_t[]"), _pointer(starts, "int64_t[]"), count, longest,
        _pointer(hashes, "uint64_t[]"), _pointer(mates, "uint8_t[]"), _pointer(ends, "int64_t[]"),
    )  # fmt: skip
    return (hashes, mates, ends) if done else None


def add_bits(words: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Which hashes may have been in the set before, earlier ones of this block included; all are added."""
    again = np.empty(len(hashes), np.uint8)
    hashes = np.ascontiguousarray(hashes)
    lib.seqdrop_add_bits(
        _pointer(words, "uint64_t[]"),
        len(words),
        _pointer(hashes, "uint64_t[]"),
        len(hashes),
        _pointer(again, "uint8_t[]"),
    )
    return again.view(bool)
