"""Lists of the files of a run with their checksums, as the sequencer or the uploader wrote them.

docs/checksums.md describes the kinds, with the source of each form. Pure functions: a list is parsed and compared with
checksums that were computed from the bytes.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.reads.checksums import MD5, SHA256, Checksums, algorithm_of
from seqdrop.runs import checksum_forms as forms
from seqdrop.runs.checksum_forms import Entry, FormError
from seqdrop.runs.files import RunFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SEQUENCER, OTHERS = "as the sequencer wrote it", "as the list says that came with the run"
ILLUMINA, ONT, PACBIO, SUMS, UPLOADER = "illumina", "ont", "pacbio", "sums", "uploader"


@dataclass(frozen=True)
class Kind:
    """A kind of list: its form, the pattern of its file name, and what receipts say of it.

    `above` is how many folders above that of the list its paths begin.
    """

    name: str
    pattern: re.Pattern[str]
    read: Callable[[str, str], Iterator[Entry]]
    writer: str
    says: str = OTHERS
    above: int = 0


_SHA256_NAME = re.compile(r"(^|[/.])sha256(sums?)?(\.txt)?$", re.IGNORECASE)


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# In the order in which they are preferred: what the sequencer computed itself comes first.
KINDS = (
    Kind(ILLUMINA, _named(r"Manifest\.tsv"), forms.read_manifest_tsv, "Illumina on-board analysis", SEQUENCER),
    Kind(ONT, _named(r"output_hash_.*\.csv"), forms.read_output_hash, "Oxford Nanopore MinKNOW", SEQUENCER),
    Kind(PACBIO, _named(r".+\.transferdone"), forms.read_transferdone, "PacBio", SEQUENCER, above=1),
    Kind(UPLOADER, _named(r"seqdrop-manifest\.json"), forms.read_uploader_manifest, "the uploader"),
    Kind(SUMS, _named(r"(md5|sha256)sums?(\.txt)?|.+\.(md5|sha256)(sum)?"), forms.read_sums, "md5sum or sha256sum"),
)


@dataclass(frozen=True)
class ChecksumList:
    """A list that was parsed.

    `name` is its path below the run folder. `entries` maps the path of each file below the run folder to its checksum,
    "" if the list only names it. `algorithm` is that of the checksums ("crc32", "md5", "sha256"), or "" for names only.
    `wrote` is who wrote it and the name of the file, and `says` what a receipt says of a file that agrees.
    """

    name: str
    kind: str
    algorithm: str
    entries: dict[str, str]
    wrote: str
    says: str


@dataclass(frozen=True)
class Difference:
    """A file whose checksum is not that of the list; both are in hexadecimal."""

    name: str
    listed: str
    computed: str


@dataclass(frozen=True)
class Comparison:
    """The files of a list, each in exactly one group, in the order of the list.

    `uncomputed` are files whose checksum of the list's algorithm is not known; `named` are files that are there, and
    for which the list has no checksum.
    """

    agreed: list[str] = field(default_factory=list)
    differing: list[Difference] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    uncomputed: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def find_kind(name: str) -> Kind | None:
    """Return the kind of list that a file is by its name, or None. `name` may be a path or a key."""
    base = posixpath.basename(name)
    return next((kind for kind in KINDS if kind.pattern.fullmatch(base)), None)


def is_checksum_list(name: str) -> bool:
    """Return True if a file is a checksum list by its name, which may be a path or a key."""
    return find_kind(name) is not None


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names that are checksum lists: those of sequencers first, then by path."""
    ranked = [(KINDS.index(kind), name) for name in names if (kind := find_kind(name))]
    return [name for _, name in sorted(ranked)]


def parse_list(name: str, body: bytes) -> ChecksumList:
    """Return the list in the file `name`, a path below the run folder.

    Raise RunFileError, with the line, if it is not of its form, names no file or one file with two checksums, has
    checksums of two lengths, or a path that leads out of its folder.
    """
    kind = find_kind(name)
    if kind is None:
        raise RunFileError(name, "it has not the name of a checksum list")
    try:
        entries = _collect(name, kind, body)
        algorithm = _find_algorithm(name, kind, entries.values())
    except FormError as error:
        raise RunFileError(name, str(error), error.line) from error
    wrote = f"{kind.writer}, {posixpath.basename(name)}"
    return ChecksumList(name, kind.name, algorithm, entries, wrote, kind.says)


def compare(checksum_list: ChecksumList, present: Mapping[str, Checksums]) -> Comparison:
    """Return how the files of a list differ from those that are `present`: {path below the run folder: checksums}."""
    result = Comparison()
    for name, listed in checksum_list.entries.items():
        checksums = present.get(name)
        if checksums is None:
            result.missing.append(name)
        elif not listed:
            result.named.append(name)
        elif not (computed := checksums.value(algorithm_of(listed))):
            result.uncomputed.append(name)
        elif computed == listed:
            result.agreed.append(name)
        else:
            result.differing.append(Difference(name, listed, computed))
    return result


def _collect(name: str, kind: Kind, body: bytes) -> dict[str, str]:
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise FormError("it is not UTF-8 text", 1 + body[: error.start].count(b"\n")) from error
    rows = list(kind.read(text, posixpath.basename(name)))
    if not rows:
        raise FormError("it lists no file")
    entries: dict[str, str] = {}
    for row in _place_sidecar(name, rows) if kind.name == SUMS else rows:
        if row.value and not algorithm_of(row.value):
            message = "a checksum must have 8 (CRC32), 32 (MD5) or 64 (SHA-256) hexadecimal digits"
            raise FormError(message, row.line or None)
        path = _place(name, kind, row)
        if entries.setdefault(path, row.value) != row.value:
            raise FormError("the file is listed twice, with two checksums", row.line or None)
    return entries


def _place_sidecar(name: str, rows: list[Entry]) -> list[Entry]:
    """Return the rows with the path of the sibling for a list of one file, such as S1.fastq.gz.md5.

    Such a list may have only the checksum, or a path on the machine where it was made.
    """
    sibling = posixpath.splitext(posixpath.basename(name))[0]
    if len(rows) == 1 and posixpath.basename(rows[0].path) in ("", sibling):
        return [rows[0]._replace(path=sibling)]
    return rows


def _place(name: str, kind: Kind, row: Entry) -> str:
    """Return the path of a row below the run folder. Raise FormError if it leads out of the folder of the list."""
    parts = row.path.removeprefix("./").split("/")
    if not all(parts) or {".", ".."} & set(parts):
        message = "a path must lead to a file below the folder of the list; write the list again in that folder"
        raise FormError(message, row.line or None)
    folder = posixpath.dirname(name)
    for _ in range(kind.above):
        folder = posixpath.dirname(folder)
    return posixpath.join(folder, *parts)


def _find_algorithm(name: str, kind: Kind, values: Iterable[str]) -> str:
    """Return the algorithm of a list. Only the uploader's manifest may have several; then it is the strongest."""
    algorithms = {algorithm_of(value) for value in values if value}
    if len(algorithms) > 1 and kind.name != UPLOADER:
        raise FormError(f"it has checksums of several lengths: {', '.join(sorted(algorithms))}")
    expected = _expected(name, kind)
    if expected and algorithms - {expected}:
        raise FormError(f"its name says {expected}, but its checksums are {algorithms.pop()}")
    return SHA256 if SHA256 in algorithms else next(iter(algorithms), "")


def _expected(name: str, kind: Kind) -> str:
    """Return the algorithm that the name of a list says; "" if the name says none."""
    if kind.name != SUMS:
        return SHA256 if kind.name == ONT else ""
    return SHA256 if _SHA256_NAME.search(name) else MD5
