"""OverrideCycles: which cycles of each read are bases (Y), index (I), molecular identifier (U), or left out (N).

Source: Illumina, BCL Convert, "Sample Sheet" (support-docs.illumina.com). Both forms are read: in the order of
sequencing, `Y151;I8;U9;Y151`, and by read, `R1:Y151;I1:I8;I2:I8;R2:Y151` (BCL Convert 4.3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PART = re.compile(r"(?:[YIUN](?:[0-9]{1,4}|\*)?)+")
ITEM = re.compile(r"([YIUN])([0-9]{1,4}|\*)?")
NAMED = re.compile(r"([RI][1-4]):(.*)")

Cycles = dict[str, int]
"""Cycles by letter, of one read: {"Y": 151, "N": 1}. A letter without a number counts 1; with `*`, the rest."""


def parse_override(text: str, reads: dict[str, int]) -> dict[str, Cycles]:
    """Return the cycles of each read by letter.

    `reads` are the cycles of the run's reads in the order of sequencing; they say what `*` means and give the names of
    reads in the plain form. Raise ValueError, with a sentence, if the text is malformed or names other reads.
    """
    parts = [part.strip() for part in text.strip().strip(";").split(";")]
    named = [NAMED.fullmatch(part) for part in parts]
    if any(named) and not all(named):
        raise ValueError("some of its parts name a read and others do not")
    names: Sequence[str] = [match[1] for match in named if match] or list(reads)
    values = [match[2] for match in named if match] or parts
    if len(values) != len(reads) or set(names) != set(reads):
        raise ValueError(f"it has {len(values)} parts, but the run has {len(reads)} reads ({', '.join(reads)})")
    return {name: _count(value, reads[name]) for name, value in zip(names, values, strict=True)}


def _count(part: str, total: int) -> Cycles:
    if not PART.fullmatch(part):
        raise ValueError(f"the part {part[:30]!r} must be letters of Y, I, U and N with numbers, such as I8N2")
    counts: Cycles = {}
    rest = ""
    for letter, number in ITEM.findall(part):
        if number == "*":
            rest = letter
        counts[letter] = counts.get(letter, 0) + (0 if number == "*" else int(number or 1))
    if rest:
        counts[rest] += max(total - sum(counts.values()), 0)
    return counts
