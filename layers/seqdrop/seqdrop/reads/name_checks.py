"""Check the names of a whole file for duplicates and interleaved mates, and compute their digest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.duplicates import MAX_LOCATIONS, Duplicates, Hashes, NameLocation
from seqdrop.reads.findings import FIRST, Findings, fault
from seqdrop.reads.name_digests import NameDigest, NameSums
from seqdrop.reads.name_samples import NameSample
from seqdrop.reads.names import LAST_WORD, MATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array, UInt64Array
    from seqdrop.reads.names import Names

    Locate = Callable[[int], NameLocation]

PAIRS = 4  # the first pairs of a file; if the names in each of them agree, the file counts as interleaved
SILENT, SUFFIX, DOT = "silent", "suffix", "dot"  # how the names of an interleaved file say their mates
FIRST_MATE, LAST_MATE, MIDDLE = 1, 2, 3
MIDDLE_ADVICE = (
    "`samtools import` writes these flags if the names in both files end in /1, as they do if it is given R1 twice, or "
    "in /1 and /3. Import R1 and R2 again, with names that have no number, or /1 and /2."
)


class NameChecks:
    """The checks of the names of one file. `add` the names of each block, then call `finish`.

    `interleaved` is None until enough names were added to decide. If `has_flags`, the file is BAM: the mates are those
    of the flags, and reads may be in any order.
    """

    def __init__(self, findings: Findings, may_interleave: bool, has_flags: bool = False) -> None:
        self._findings = findings
        self._duplicates = Duplicates()
        self._sums = NameSums()
        self._sample = NameSample()
        self._first: tuple[Names, list[NameLocation]] | None = None  # names so far, if too few to decide
        self._steps = Steps(findings)
        self.interleaved: bool | None = None if may_interleave else False
        self._style = SILENT
        self._middles = Middles(findings) if has_flags else None
        self.requested = range(0)  # 0-based numbers of the names to locate
        self.located: list[tuple[int, NameLocation]] = []  # (hash of the base name, location) of requested names

    def add(self, names: Names, locate: Locate) -> None:
        """Add names. `locate(index)` returns the location of one of them."""
        if self.interleaved is None:
            names, locate = self._after_first(names, locate)
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
        self._sums.add(names)
        self._sample.add(names.bases)
        numbers = before + np.arange(len(names.bases))
        is_silent = self.interleaved and self._style == SILENT
        self._duplicates.add(names.as_mates(1 + numbers % 2) if is_silent else names.full, locate)
        if self._middles:
            self._middles.add(names, locate)
        if self.interleaved and (is_silent or not self._middles):
            self._check_steps(names, locate)

    def _decide(self, names: Names) -> None:
        """Decide whether the file is interleaved, by its first pairs, or by all pairs of a smaller file.

        It is if the two names of each pair agree, and say mate 1 and a later mate, or nothing about mates. Numbers
        after a dot say mates if they are the same in all pairs. Later names are then checked against this decision.
        """
        pairs = min(len(names.bases), 2 * PAIRS) // 2 * 2
        bases, mates = names.bases[:pairs], names.mates[:pairs]
        self.interleaved = False
        if not pairs:
            return
        if _agree(bases):
            self._style = SUFFIX if mates.any() else SILENT
            self.interleaved = _say_mates(mates) or (not mates.any() and len(np.unique(bases)) > 1)
            return
        dots = names.split_dots()
        bases, digits = dots.bases[:pairs], dots.digits[:pairs]
        self._style = DOT
        can_be_serial = len(np.unique(bases)) == 1 and not dots.has_serial
        in_order = 0 < digits[0] < digits[1] and _agree(bases) and not can_be_serial
        self.interleaved = bool(in_order and (digits[0::2] == digits[0]).all() and (digits[1::2] == digits[1]).all())

    def _check_steps(self, names: Names, locate: Locate) -> None:
        """Check the pairs of an interleaved file. A read whose name says no mate where others say one has none."""
        if self._style == DOT:
            dots = names.split_dots()
            self._steps.add(dots.bases, np.arange(len(dots.bases)), locate)
        elif self._style == SUFFIX:
            indexes = np.flatnonzero(_is_mate(names.mates))
            self._steps.add(names.bases[indexes], indexes, locate)
        else:
            self._steps.add(names.bases, np.arange(len(names.bases)), locate)

    def finish(self) -> None:
        """Report duplicate names, and the last read of an interleaved file if it has no mate."""
        if self.interleaved is None and self._first:
            names, locations = self._first
            self._decide(names)
            self._check(names, locations.__getitem__)
        self._steps.finish()
        count, repeats = self._duplicates.find(FIRST)
        for repeat in repeats:
            self._findings.add(fault("duplicate_name", "an earlier record has the same name", **repeat.location))
        self._findings.count("duplicate_name", count - len(repeats))
        if self._middles:
            self._middles.finish(self._duplicates)

    def digest(self, sha256: str, fingerprint: str) -> NameDigest:
        """Return the digest of all names. The arguments identify the file and its content (see NameDigest)."""
        return replace(self._sums.digest(sha256, fingerprint), sample=self._sample.hashes)


def _agree(bases: UInt64Array) -> bool:
    """Return True if the two hashes of each pair are the same."""
    return bool((bases[0::2] == bases[1::2]).all())


def _say_mates(mates: UInt8Array) -> bool:
    """Return True if each pair has mate 1 and then a later one."""
    return bool((mates[0::2] == FIRST_MATE).all() and _is_mate(mates).all() and (mates[1::2] > FIRST_MATE).all())


def _is_mate(mates: UInt8Array) -> BoolArray:
    is_mate: BoolArray = (mates >= FIRST_MATE) & (mates <= LAST_WORD)
    return is_mate


class Steps:
    """The check that each two consecutive mates of an interleaved file belong together."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._unpaired: UInt64Array = np.empty(0, np.uint64)  # the hash of a mate 1 whose mate 2 is in the next block
        self._in_step = True

    def add(self, bases: UInt64Array, indexes: Int64Array, locate: Locate) -> None:
        """Add the hashes of base names, and their indexes for `locate`. Report the first pair whose names differ."""
        if not self._in_step:
            return
        carried = len(self._unpaired)
        bases = np.concatenate([self._unpaired, bases])
        pairs = len(bases) // 2 * 2
        self._unpaired = bases[pairs:]
        wrong = np.flatnonzero(bases[0:pairs:2] != bases[1:pairs:2])
        if len(wrong):
            self._in_step = False  # after a lost mate no pair agrees, so only the first is reported
            location = locate(int(indexes[2 * int(wrong[0]) + 1 - carried])).location
            message = "this read is not the mate of the read before it"
            self._findings.add(fault("mates_out_of_step", message, **location))

    def finish(self) -> None:
        """Report the last read if it has no mate."""
        if self._in_step and len(self._unpaired):
            self._findings.add(fault("mates_unequal_counts", "the last read of the interleaved file has no mate"))


class Middles:
    """The check of reads of BAM whose flags 0x40 and 0x80 are both set: neither the first nor the last of a template.

    A template of three reads has the flags 77, 205 and 141. The flag 205 also says that the next read is unmapped, so
    it must be in the file. `samtools import` sets 77 and 205 for two reads of one name that both say mate 1.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._bases = Hashes()
        self._locations: list[NameLocation] = []

    def add(self, names: Names, locate: Locate) -> None:
        """Add the names of a block."""
        indexes = np.flatnonzero(names.mates == MIDDLE)
        if not len(indexes):
            return
        self._bases.add(names.bases[indexes])
        capacity = max(0, MAX_LOCATIONS - len(self._locations))
        self._locations += [locate(index) for index in indexes[:capacity].tolist()]

    def finish(self, names: Duplicates) -> None:
        """Report each middle read whose template has a first read, but no last one. `names` are all of the file."""
        if not self._bases.size:
            return
        bases = self._bases.all
        wrong = names.contain(bases ^ MATES[FIRST_MATE]) & ~names.contain(bases ^ MATES[LAST_MATE])
        indexes = np.flatnonzero(wrong).tolist()
        listed = [index for index in indexes[:FIRST] if index < len(self._locations)]
        message = (
            "another record has the same name, and the flags of the two (77 and 205) say that they are the first and a "
            "middle read of a template, but its last read is missing"
        )
        for index in listed:
            middle_read = fault("duplicate_name", message, **self._locations[index].location)
            self._findings.add(replace(middle_read, advice=MIDDLE_ADVICE))
        self._findings.count("duplicate_name", len(indexes) - len(listed))
