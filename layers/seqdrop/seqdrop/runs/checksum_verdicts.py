"""All checksum lists of a run together: which files agree, which differ, and which need a checksum not known yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.reads.checksums import algorithm_of
from seqdrop.runs.checksum_lists import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seqdrop.reads.checksums import Checksums
    from seqdrop.runs.checksum_lists import ChecksumList, Difference


@dataclass(frozen=True)
class Verdict:
    """What a list says of a file: `name` is that of the list, `listed` its checksum, `computed` that of the bytes."""

    name: str
    listed: str
    computed: str


@dataclass(frozen=True)
class Verdicts:
    """The files of all lists, by path below the run folder.

    A file is in `differing` if any list disagrees with it, and otherwise in `agreed` with the first list that agrees.
    `uncomputed` maps a file to the algorithm that must be computed before any list can say something. `missing` maps
    the path of a list to the files that it names and that are not there.
    """

    agreed: dict[str, Verdict] = field(default_factory=dict)
    differing: dict[str, Verdict] = field(default_factory=dict)
    uncomputed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)


def judge_lists(lists: Iterable[ChecksumList], present: Mapping[str, Checksums]) -> Verdicts:
    """Compare lists, the preferred ones first, with the checksums of the files that are there.

    A checksum that is not known is asked for only if no other list agrees with the file: the bytes are then proven.
    """
    verdicts = Verdicts()
    for each in lists:
        result = compare(each, present)
        for name in result.agreed:
            verdicts.agreed.setdefault(name, Verdict(each.name, each.entries[name], each.entries[name]))
        for difference in result.differing:
            verdicts.differing.setdefault(difference.name, _as_verdict(each, difference))
        for name in result.uncomputed:
            verdicts.uncomputed.setdefault(name, algorithm_of(each.entries[name]))
        if result.missing:
            verdicts.missing[each.name] = result.missing
    for name in verdicts.differing:
        verdicts.agreed.pop(name, None)
    for name in verdicts.agreed.keys() | verdicts.differing.keys():
        verdicts.uncomputed.pop(name, None)
    return verdicts


def _as_verdict(checksum_list: ChecksumList, difference: Difference) -> Verdict:
    return Verdict(checksum_list.name, difference.listed, difference.computed)
