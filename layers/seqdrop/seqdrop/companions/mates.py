"""The role of a file in a pair, by its name alone: `S1_L001_R1_001.fastq.gz` is mate 1.

`mate_forms.py` has the table of all forms. Two files are a pair only if all other parts of their names, such as lane
and chunk (`_001`), are equal. The suffixes of format and compression are ignored, so a gzipped R1 matches a plain R2.

A name can have several forms. A number at the end of a FASTQ name comes first, then the last form that leaves no doubt
(or `1P`), then a number before words such as `clean`, then `forward` or `reverse`. Without the suffix of FASTQ, only
forms that leave no doubt count, and only if no other suffix follows: `S1_R1` and `S1_R1.trimmed`, not `S1_R1.txt`.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from seqdrop.companions.mate_forms import AFTER, BEFORE, FORMS, INDEX, MATE, MAYBE, WORD, pattern_of

_PACKED = r"(?:\.(?:gz|gzip|bgz|bgzf))?$"
_FASTQ = re.compile(r"\.(?:fastq|fq)" + _PACKED, re.IGNORECASE)
_SUFFIX = re.compile(r"(?:\.(?:fastq|fq))?" + _PACKED, re.IGNORECASE)
_OTHER = re.compile(r"\.(?:fasta|fa|fna|fas|ffn|bam|ubam|sam|cram)" + _PACKED, re.IGNORECASE)
_NUMBER_LAST = re.compile(r"\.(?:fastq|fq)\.[12]" + _PACKED, re.IGNORECASE)  # S1.fastq.1.gz

_START, _END = r"(?:^|(?<=[_.-]))", r"(?=[_.-]|$)"
_TOKENS = tuple(
    (form.meaning, re.compile(f"{_START}(?:{form.pattern}){_END}", re.IGNORECASE if form.meaning != MAYBE else 0))
    for form in FORMS
    if form.meaning in (MATE, MAYBE, INDEX) and form.pattern and "(" in form.pattern
)
_WORDS = f"(?:{pattern_of(WORD)})"
_ONLY_WORDS = re.compile(rf"(?:[_.-](?:{_WORDS}|\d{{3}}))*$", re.IGNORECASE)
_DIGIT = re.compile(rf"(?<=[^_.])[_.]([12])(?P<words>(?:[_.-]{_WORDS})*)$", re.IGNORECASE)
# `seqkit split2` appends the number of the part. Earlier versions knew no other word, and sets have names by this rule.
_ONLY_PART = re.compile(r"(?:\.part_\d+)?$")
_VERSION = re.compile(r"(?:v\d+|[SED]RR\d+)\.[12]$", re.IGNORECASE)  # a version of a file or of an accession
_TRIM_GALORE = re.compile(r"_val_[12]$")
_INDEX_NUMBER = re.compile(rf"{_START}(?:barcode|index)[_.]$", re.IGNORECASE)
_NO_SUFFIX = re.compile(rf"(?:[^.]|\.(?:{_WORDS}|\d{{3}}|truncated){_END})*$", re.IGNORECASE)
_LEFT_AFTER = re.compile(rf"(?:[_.-](?:{_WORDS}|\d{{3}}))*[_.-](?:{pattern_of(AFTER)})[12]?{_END}", re.IGNORECASE)
_LEFT_BEFORE = re.compile(rf"{_START}(?:{pattern_of(BEFORE)})(?:[_.-]{_WORDS})*[_.-]$", re.IGNORECASE)
_UNPAIRED = re.compile(rf"{_START}unpaired{_END}", re.IGNORECASE)

_NUMBERS = {"1": 1, "forward": 1, "fwd": 1, "f": 1, "2": 2, "reverse": 2, "rev": 2, "r": 2, "3": 3, "4": 4}
_OPPOSITES = {"1": "2", "forward": "reverse", "fwd": "rev", "f": "r"}
_OPPOSITES |= {second: first for first, second in _OPPOSITES.items()}

Span = tuple[int, int]


@dataclass(frozen=True)
class MateName:
    """A key whose file name has a role. `places` are the spans of the key (0-based, half-open) with the number."""

    key: str
    kind: str  # "R" or "I"
    number: int  # 1 to 4
    sure: bool  # False if the number may be that of a sample instead
    places: tuple[Span, ...]

    @property
    def is_mate(self) -> bool:
        """Whether this file has a mate. Index and UMI files have none."""
        return self.kind == "R" and self.number in (1, 2)

    @property
    def pair(self) -> str:
        """A text that is equal for both mates: the key without its suffix, and with NUL in place of the number.

        Keys contain no NUL.
        """
        return _SUFFIX.sub("", self._replace(dict.fromkeys(_OPPOSITES, "\0")))

    @property
    def partner(self) -> str:
        """The key of the other mate, if its name differs only in the number."""
        return self._replace(_OPPOSITES)

    def _replace(self, other: dict[str, str]) -> str:
        """Return the key with other numbers, in upper or lower case as they were."""
        key = self.key
        for start, end in sorted(self.places, reverse=True):
            number = key[start:end]
            text = other.get(number.lower(), number)
            if number.istitle() and len(number) > 1:
                text = text.title()
            elif number.isupper():
                text = text.upper()
            key = key[:start] + text + key[end:]
        return key


@dataclass(frozen=True)
class _Role:
    """A role in a stem (the name of a file without its suffix), and the part of the stem that has the form, as `R1`.

    `places` is empty if two numbers contradict each other, as in `S1_R1_val_2`.
    """

    kind: str
    sure: bool
    places: tuple[Span, ...]
    token: Span
    ends_name: bool = False  # True if no word stands between the number and the suffix


def parse(key: str) -> MateName | None:
    """Return the role of a key; None if its name has no role, or has the suffix of another sort of file."""
    name = posixpath.basename(key)
    if _OTHER.search(name):
        return None
    stem = _SUFFIX.sub("", name)
    role = _find_role(name, stem)
    if role is None or not role.places or _is_left_over(stem, role):
        return None
    offset = len(key) - len(name)
    start, end = role.places[-1]
    places = tuple((first + offset, last + offset) for first, last in role.places)
    return MateName(key, role.kind, _NUMBERS[stem[start:end].lower()], role.sure, places)


def _find_role(name: str, stem: str) -> _Role | None:
    """Return the role that counts, of all that a name has."""
    token = _find_token(stem)
    is_fastq = bool(_FASTQ.search(name))
    if not is_fastq and not _NUMBER_LAST.search(name):
        return token if token and token.sure and _NO_SUFFIX.match(stem, token.token[1]) else None
    digit = _find_digit(stem)
    if digit and is_fastq and (digit.ends_name or digit.sure):
        return digit
    return token or digit or _find_direction(stem)


def _is_left_over(stem: str, role: _Role) -> bool:
    """Return True for reads that lost their mate. Trimmers write them to files that are no mates of each other."""
    before, after = stem[: role.token[0]], stem[role.token[1] :]
    left_over = _LEFT_BEFORE.search(before) or _LEFT_AFTER.match(after)
    return bool(left_over or _UNPAIRED.search(before) or _UNPAIRED.search(after))


def _find_digit(stem: str) -> _Role | None:
    """Return the role of a stem that ends in 1 or 2, or in such a number and words; None for other stems."""
    match = _DIGIT.search(stem)
    if not match or _VERSION.search(stem[: match.end(1)]):
        return None
    place = match.span(1)
    ends_name = bool(_ONLY_PART.fullmatch(match["words"]))
    if _INDEX_NUMBER.search(stem[: place[0]]):
        return _Role("I", False, (place,), place, ends_name)
    trimmed = _TRIM_GALORE.search(stem[: place[1]])
    original = _find_original(stem[: trimmed.start()]) if trimmed else None
    if original is None:
        return _Role("R", False, (place,), place, ends_name)
    agree = stem[slice(*original)] == match[1]
    return _Role("R", True, (original, place) if agree else (), place, ends_name)


def _find_original(stem: str) -> Span | None:
    """Return the place of the number that a name had before Trim Galore added its own."""
    match = _DIGIT.search(stem)
    if match:
        return match.span(1)
    token = _find_token(stem)
    return token.places[-1] if token and token.kind == "R" else None


def _find_token(stem: str) -> _Role | None:
    """Return the last role of a form such as R1."""
    matches = [
        (match.start(1), meaning, match)
        for meaning, token in _TOKENS
        for match in token.finditer(stem)
        if match[1].isdigit()
    ]
    if not matches:
        return None
    _, meaning, match = max(matches, key=lambda candidate: candidate[0])
    is_index = meaning == INDEX and match[0][0] in "Ii"
    return _Role("I" if is_index else "R", meaning != MAYBE, (match.span(1),), match.span())


def _find_direction(stem: str) -> _Role | None:
    """Return the role of a name that ends in `forward` or `reverse`, with or without words."""
    for _, token in _TOKENS:
        for match in token.finditer(stem):
            if not match[1].isdigit() and _ONLY_WORDS.match(stem, match.end()):
                return _Role("R", False, (match.span(1),), match.span())
    return None
