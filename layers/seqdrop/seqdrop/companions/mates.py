"""The role of a file in a pair, by its name alone: `S1_L001_R1_001.fastq.gz` is mate 1.

The role is the last part of the name that has the form of a role. Two files are a pair only if all other parts of
their names, such as lane and chunk (`_001`), are equal. The suffixes of format and compression are ignored, so a
gzipped R1 matches a plain R2.

    _R1 .R1 -R1 _r1, also before _001, _trimmed, …     certain: other parts of names do not have this form
    _1 .1 at the very end of a FASTQ name              uncertain: it may also be the number of a sample
    _R1_val_1 _1_val_1                                 names by Trim Galore, in which both numbers are the role
    _I1 _I2 _R3 _R4                                    index and UMI reads: recognised, but not mates
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

_PACKED = r"(?:\.(?:gz|gzip|bgz|bgzf))?$"
_FASTQ = re.compile(r"\.(?:fastq|fq)" + _PACKED, re.IGNORECASE)
_SUFFIX = re.compile(r"(?:\.(?:fastq|fq))?" + _PACKED, re.IGNORECASE)
_OTHER = re.compile(r"\.(?:fasta|fa|fna|fas|ffn|bam|ubam|sam|cram)" + _PACKED, re.IGNORECASE)
_ROLE = re.compile(r"(?:^|(?<=[_.-]))([RI])([1-4])(?=[_.-]|$)", re.IGNORECASE)
# `seqkit split2` appends the number of the part.
_DIGIT = re.compile(r"(?<=[^_.])[_.]([12])(?:\.part_\d+)?$")
_VERSION = re.compile(r"(?:v\d+|[SED]RR\d+)\.[12]$", re.IGNORECASE)  # a version of a file or of an accession
_TRIM_GALORE = re.compile(r"_val_([12])$")
# Trimmers write reads that lost their mate to a file of their own, which is not a mate of any other file.
_LEFT_OVER = re.compile(r"[_.-](?:unpaired|orphans?|singletons?|singles?|se)(?:[_.-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class MateName:
    """A key whose file name has a role. `places` are the 0-based positions in the key at which `number` is written."""

    key: str
    kind: str  # "R" or "I"
    number: int  # 1 to 4
    sure: bool  # False if the number may be that of a sample instead
    places: tuple[int, ...]

    @property
    def is_mate(self) -> bool:
        """Whether this file has a mate. Index and UMI files have none."""
        return self.kind == "R" and self.number in (1, 2)

    @property
    def pair(self) -> str:
        """A text that is equal for both mates: the key without its suffix, and with NUL in place of the number.

        Keys contain no NUL.
        """
        return _SUFFIX.sub("", self._with_number("\0"))

    @property
    def partner(self) -> str:
        """The key of the other mate, if its name differs only in the number."""
        return self._with_number(str(3 - self.number))

    def _with_number(self, text: str) -> str:
        characters = list(self.key)
        for place in self.places:
            characters[place] = text
        return "".join(characters)


def parse(key: str) -> MateName | None:
    """Return the role of a key; None if its name has no role, or has the suffix of another sequence format."""
    name = posixpath.basename(key)
    start = len(key) - len(name)
    if _OTHER.search(name):
        return None
    stem = _SUFFIX.sub("", name)
    digit = _parse_digit(key, stem, start) if _FASTQ.search(name) else None
    return digit or _parse_role(key, stem, start)


def _parse_digit(key: str, stem: str, start: int) -> MateName | None:
    """Return the role of a name that ends in 1 or 2, otherwise None. `start` is the position of `stem` in the key."""
    match = _DIGIT.search(stem)
    if not match or _VERSION.search(stem):
        return None
    number, place = int(match[1]), start + match.start(1)
    trimmed = _TRIM_GALORE.search(stem)
    original = trimmed and _parse_original(key, stem[: trimmed.start()], start)
    if original and original.is_mate and original.number == number:
        return MateName(key, "R", number, True, (*original.places, place))
    return MateName(key, "R", number, False, (place,))


def _parse_original(key: str, stem: str, start: int) -> MateName | None:
    """Return the role that a name had before Trim Galore added its own."""
    match = _DIGIT.search(stem)
    if match:
        return MateName(key, "R", int(match[1]), False, (start + match.start(1),))
    return _parse_role(key, stem, start)


def _parse_role(key: str, stem: str, start: int) -> MateName | None:
    """Return the last role of the form R1 in a name."""
    roles = list(_ROLE.finditer(stem))
    if not roles or _LEFT_OVER.match(stem, roles[-1].end()):
        return None
    last = roles[-1]
    return MateName(key, last[1].upper(), int(last[2]), True, (start + last.start(2),))
