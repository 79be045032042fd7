"""What names tell over a whole file: duplicates, whether mates are interleaved, and the digest for its pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqdrop.reads.duplicates import Duplicates, Place
from seqdrop.reads.findings import FIRST, Findings, fault
from seqdrop.reads.mates import NameDigest, NameSums
from seqdrop.reads.names import Names

PAIRS = 4  # that must be in step at the beginning for a file to count as interleaved


class Naming:
    """`add` the names of each block; `finish` reports what can be told at the end only."""

    def __init__(self, findings: Findings, may_interleave: bool):
        self._findings = findings
        self._duplicates = Duplicates()
        self._sums = NameSums()
        self._first = np.empty(0, np.uint64), np.empty(0, np.uint8)
        self._odd = np.empty(0, np.uint64)  # the first mate of a pair that the next block completes
        self.interleaved = None if may_interleave else False
        self._in_step = True

    def add(self, names: Names, place: Callable[[int], Place]) -> None:
        """`place(index)` tells where one of these names stands."""
        undecided = self.interleaved is None
        if undecided:
            names = names.with_comments()
            self._decide(names)
        before = self._sums.records
        self._sums.add(names.bases, names.mates)
        hashes = names.full if not self.interleaved else names.as_mates(1 + (before + np.arange(len(names.bases))) % 2)
        self._duplicates.add(hashes, place)
        if self.interleaved and self._in_step:
            self._check_steps(names.bases, place)

    def _decide(self, names: Names) -> None:
        """Interleaved: from the first record on, names come in pairs, as mates 1 and 2 if they say which they are."""
        held = len(self._first[0])
        bases = np.concatenate([self._first[0], names.bases])[: 2 * PAIRS]
        mates = np.concatenate([self._first[1], names.mates])[: 2 * PAIRS]
        pairs = len(bases) // 2 * 2
        first, second = (mates[0:pairs:2] == 1).all(), (mates[1:pairs:2] == 2).all()
        silent = not mates[:pairs].any() and len(set(bases[:pairs:2].tolist())) > 1
        if not (bases[0:pairs:2] == bases[1:pairs:2]).all() or not ((first and second) or silent):
            self.interleaved = False
        elif pairs:
            self.interleaved = True
            self._odd = self._first[0][:held]
        else:
            self._first = bases, mates

    def _check_steps(self, bases: np.ndarray, place) -> None:
        held = len(self._odd)
        bases = np.concatenate([self._odd, bases])
        pairs = len(bases) // 2 * 2
        self._odd = bases[pairs:]
        wrong = np.flatnonzero(bases[0:pairs:2] != bases[1:pairs:2])
        if len(wrong):
            self._in_step = False  # after a lost mate no pair fits; the first one says it all
            self._say(
                "mates_out_of_step", "this read and the one before are no mates", place(2 * int(wrong[0]) + 1 - held)
            )

    def _say(self, code: str, message: str, at: Place) -> None:
        self._findings.add(fault(code, message, name=at.name, record=at.record, line=at.line, byte=at.byte))

    def finish(self) -> None:
        """Report duplicates, and a mate that is left over."""
        if self.interleaved and self._in_step and len(self._odd):
            self._findings.add(fault("mates_unequal_counts", "the last read of the interleaved file has no mate"))
        count, places = self._duplicates.find(FIRST)
        for place in places:
            self._say("duplicate_name", "an earlier record has the same name", place)
        self._findings.count("duplicate_name", count - len(places))

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        return self._sums.digest(sha256, fingerprint)
