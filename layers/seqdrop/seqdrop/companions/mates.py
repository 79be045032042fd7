"""What a file's name says of its mates: `S1_L001_R1_001.fastq.gz` is the first of a pair. Names only, no bytes.

The role is the last part of the name that reads like one. Lane, chunk (`_001`) and whatever else stands in the name
are left as they are, so they never mix; compression and .fq or .fastq do not matter, so a gzipped R1 finds a plain R2.

    _R1 .R1 -R1 _r1, also before _001, _trimmed, …    sure: nobody writes it by chance
    _1 .1 at the very end of a FASTQ name              weak: it may as well be sample number one
    _R1_val_1 _1_val_1                                 Trim Galore's, where both numbers are the role
    _I1 _I2 _R3 _R4                                    index and UMI reads: recognised, and nobody's mate
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
# `seqkit split2` puts its part's number behind.
_DIGIT = re.compile(r"(?<=[^_.])[_.]([12])(?:\.part_\d+)?$")
_VERSION = re.compile(r"(?:v\d+|[SED]RR\d+)\.[12]$", re.IGNORECASE)  # of a file or of an accession
_TRIM_GALORE = re.compile(r"_val_([12])$")
# What a trimmer wrote of reads that lost their mate is in step with nothing.
_LEFT_OVER = re.compile(r"[_.-](?:unpaired|orphans?|singletons?|singles?|se)(?:[_.-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class MateName:
    """A key whose file name holds a role. `places` are where its number stands in the key."""

    key: str
    kind: str  # "R" or "I"
    number: int  # 1 to 4
    sure: bool
    places: tuple[int, ...]

    @property
    def is_mate(self) -> bool:
        """Whether there should be another file for this one. Index and UMI files wait for none."""
        return self.kind == "R" and self.number in (1, 2)

    @property
    def pair(self) -> str:
        """What both mates share: the key without its suffix, a NUL (no key holds one) where the number stood."""
        return _SUFFIX.sub("", self._with("\0"))

    @property
    def partner(self) -> str:
        """The key that the other mate of the pair would have if it were named alike."""
        return self._with(str(3 - self.number))

    def _with(self, text: str) -> str:
        letters = list(self.key)
        for place in self.places:
            letters[place] = text
        return "".join(letters)


def parse(key: str) -> MateName | None:
    """None if the name holds no role, or is not that of a FASTQ file."""
    name = posixpath.basename(key)
    start = len(key) - len(name)
    if _OTHER.search(name):
        return None
    stem = _SUFFIX.sub("", name)
    found = _weak(key, stem, start) if _FASTQ.search(name) else None
    return found or _sure(key, stem, start)


def _weak(key: str, stem: str, start: int) -> MateName | None:
    found = _DIGIT.search(stem)
    if not found or _VERSION.search(stem):
        return None
    number, place = int(found[1]), start + found.start(1)
    trimmed = _TRIM_GALORE.search(stem)
    inner = trimmed and _inner(key, stem[: trimmed.start()], start)
    if inner and inner.is_mate and inner.number == number:
        return MateName(key, "R", number, True, (*inner.places, place))
    return MateName(key, "R", number, False, (place,))


def _inner(key: str, stem: str, start: int) -> MateName | None:
    """The role that stood in a name before Trim Galore added its own."""
    found = _DIGIT.search(stem)
    return MateName(key, "R", int(found[1]), False, (start + found.start(1),)) if found else _sure(key, stem, start)


def _sure(key: str, stem: str, start: int) -> MateName | None:
    roles = list(_ROLE.finditer(stem))
    if not roles or _LEFT_OVER.match(stem, roles[-1].end()):
        return None
    last = roles[-1]
    return MateName(key, last[1].upper(), int(last[2]), True, (start + last.start(2),))
