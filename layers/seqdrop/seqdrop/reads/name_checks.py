"""What names tell over a whole file: duplicates, whether mates are interleaved, and the digest for its pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.duplicates import Duplicates, Place
from seqdrop.reads.findings import FIRST, Findings, fault
from seqdrop.reads.name_digests import NameDigest, NameSums

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.reads.names import Names

PAIRS = 4  # that must be in step at the beginning for a file to count as interleaved


class Naming:
    """`add` the names of each block; `finish` reports what can be told at the end only."""

    def __init__(self, findings: Findings, may_interleave: bool):
        self._findings = findings
        self._duplicates = Duplicates()
        self._sums = NameSums()
        self._held: tuple[Names, list[Place]] | None = None  # the first names, too few to decide by
        self._odd = np.empty(0, np.uint64)  # the first mate of a pair that the next block completes
        self.interleaved = None if may_interleave else False
        self._in_step = True
        self.wanted = range(0)  # names, by their number from 0 on, that are kept with their places
        self.kept: list[tuple[int, Place]] = []  # their hashes

    def add(self, names: Names, place: Callable[[int], Place]) -> None:
        """`place(index)` tells where one of these names stands."""
        if self.interleaved is None:
            names, place = self._with_held(names.with_comments(), place)
            count = len(names.bases)
            if count < 2 * PAIRS:
                self._held = names.kept(), [place(index) for index in range(count)]
                return
            self._decide(names)
        self._take(names, place)

    def _with_held(self, names: Names, place: Callable[[int], Place]) -> tuple[Names, Callable[[int], Place]]:
        if self._held is None:
            return names, place
        held, places = self._held
        count = len(places)
        return held.followed_by(names), lambda index: places[index] if index < count else place(index - count)

    def _take(self, names: Names, place: Callable[[int], Place]) -> None:
        before = self._sums.records
        for number in self.wanted[max(0, before - self.wanted.start) :]:
            if number < before + len(names.bases):
                self.kept.append((int(names.bases[number - before]), place(number - before)))
        self._sums.add(names.bases, names.mates)
        hashes = names.full if not self.interleaved else names.as_mates(1 + (before + np.arange(len(names.bases))) % 2)
        self._duplicates.add(hashes, place)
        if self.interleaved and self._in_step:
            self._check_steps(names.bases, place)

    def _decide(self, names: Names) -> None:
        """Interleaved: from the first record on, names come in pairs, as mates 1 and 2 if they say which they are.

        The first pairs decide, or all there are in a file of fewer. Whether all others follow is checked.
        """
        pairs = min(len(names.bases), 2 * PAIRS) // 2 * 2
        bases, mates = names.bases[:pairs], names.mates[:pairs]
        said = (mates[0::2] == 1).all() and (mates[1::2] == 2).all()
        silent = not mates.any() and len(set(bases[0::2].tolist())) > 1
        self.interleaved = bool(pairs and (bases[0::2] == bases[1::2]).all() and (said or silent))

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
        if self.interleaved is None and self._held:
            names, places = self._held
            self._decide(names)
            self._take(names, places.__getitem__)
        if self.interleaved and self._in_step and len(self._odd):
            self._findings.add(fault("mates_unequal_counts", "the last read of the interleaved file has no mate"))
        count, places = self._duplicates.find(FIRST)
        for place in places:
            self._say("duplicate_name", "an earlier record has the same name", place)
        self._findings.count("duplicate_name", count - len(places))

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        return self._sums.digest(sha256, fingerprint)
