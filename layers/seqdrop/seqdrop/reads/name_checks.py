"""Check the names of a whole file for duplicates and interleaved mates, and compute their digest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.duplicates import Duplicates, NameLocation
from seqdrop.reads.findings import FIRST, Findings, fault
from seqdrop.reads.name_digests import NameDigest, NameSums
from seqdrop.reads.name_samples import NameSample

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.reads.arrays import UInt64Array
    from seqdrop.reads.names import Names

    Locate = Callable[[int], NameLocation]

PAIRS = 4  # the first pairs of a file; if the names in each of them agree, the file counts as interleaved


class NameChecks:
    """The checks of the names of one file. `add` the names of each block, then call `finish`.

    `interleaved` is None until enough names were added to decide.
    """

    def __init__(self, findings: Findings, may_interleave: bool) -> None:
        self._findings = findings
        self._duplicates = Duplicates()
        self._sums = NameSums()
        self._sample = NameSample()
        self._first: tuple[Names, list[NameLocation]] | None = None  # names so far, if too few to decide
        self._unpaired: UInt64Array = np.empty(0, np.uint64)  # the hash of a mate 1 whose mate 2 is in the next block
        self.interleaved: bool | None = None if may_interleave else False
        self._in_step = True
        self.requested = range(0)  # 0-based numbers of the names to locate
        self.located: list[tuple[int, NameLocation]] = []  # (hash of the base name, location) of requested names

    def add(self, names: Names, locate: Locate) -> None:
        """Add names. `locate(index)` returns the location of one of them."""
        if self.interleaved is None:
            names, locate = self._after_first(names.with_comments(), locate)
            count = len(names.bases)
            if count < 2 * PAIRS:
                self._first = names.copy(), [locate(index) for index in range(count)]
                return
            self._decide(names)
        self._check(names, locate)

    def _after_first(self, names: Names, locate: Locate) -> tuple[Names, Locate]:
        """Return the names with those that were kept from earlier blocks in front of them."""
        if self._first is None:
            return names, locate
        first, locations = self._first
        count = len(locations)
        return first.followed_by(names), lambda index: locations[index] if index < count else locate(index - count)

    def _check(self, names: Names, locate: Locate) -> None:
        before = self._sums.records
        for number in self.requested[max(0, before - self.requested.start) :]:
            if number < before + len(names.bases):
                self.located.append((int(names.bases[number - before]), locate(number - before)))
        self._sums.add(names.bases, names.mates)
        self._sample.add(names.bases)
        numbers = before + np.arange(len(names.bases))
        hashes = names.as_mates(1 + numbers % 2) if self.interleaved else names.full
        self._duplicates.add(hashes, locate)
        if self.interleaved and self._in_step:
            self._check_steps(names.bases, locate)

    def _decide(self, names: Names) -> None:
        """Decide whether the file is interleaved, by its first pairs, or by all pairs of a smaller file.

        It is if the two names of each pair agree, and say mate 1 and mate 2 or nothing about mates. Later names are
        then checked against this decision.
        """
        pairs = min(len(names.bases), 2 * PAIRS) // 2 * 2
        bases, mates = names.bases[:pairs], names.mates[:pairs]
        say_mates = bool((mates[0::2] == 1).all() and (mates[1::2] == 2).all())
        say_nothing = not mates.any() and len(set(bases[0::2].tolist())) > 1
        self.interleaved = bool(pairs and (bases[0::2] == bases[1::2]).all() and (say_mates or say_nothing))

    def _check_steps(self, bases: UInt64Array, locate: Locate) -> None:
        """Report the first pair of an interleaved file whose names differ."""
        carried = len(self._unpaired)
        bases = np.concatenate([self._unpaired, bases])
        pairs = len(bases) // 2 * 2
        self._unpaired = bases[pairs:]
        wrong = np.flatnonzero(bases[0:pairs:2] != bases[1:pairs:2])
        if len(wrong):
            self._in_step = False  # after a lost mate no pair agrees, so only the first is reported
            location = locate(2 * int(wrong[0]) + 1 - carried).location
            message = "this read is not the mate of the read before it"
            self._findings.add(fault("mates_out_of_step", message, **location))

    def finish(self) -> None:
        """Report duplicate names, and the last read of an interleaved file if it has no mate."""
        if self.interleaved is None and self._first:
            names, locations = self._first
            self._decide(names)
            self._check(names, locations.__getitem__)
        if self.interleaved and self._in_step and len(self._unpaired):
            self._findings.add(fault("mates_unequal_counts", "the last read of the interleaved file has no mate"))
        count, repeats = self._duplicates.find(FIRST)
        for repeat in repeats:
            self._findings.add(fault("duplicate_name", "an earlier record has the same name", **repeat.location))
        self._findings.count("duplicate_name", count - len(repeats))

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        """Return the digest of all names. The arguments identify the file and its content (see NameDigest)."""
        return replace(self._sums.digest(sha256, fingerprint), sample=self._sample.hashes)
