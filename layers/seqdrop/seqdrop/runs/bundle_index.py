"""The index of a bundle: for each file its place in the tar, its checksums and its time (docs/bundles.md)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from seqdrop.runs.files import RunFile, RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 512  # bytes; a tar consists of blocks of this size (POSIX.1-2017, pax, "ustar Interchange Format")
MOST_BYTES = 20_000_000  # of an index; enough for 50,000 files with names of 300 bytes
TITLE = "#seqdrop-bundle\t1"
COLUMNS = ("offset", "size", "crc32", "sha256", "modified", "name")
TAR_NAME = re.compile(r"seqdrop-bundle-[0-9a-f]{16}\.tar")
INDEX_SUFFIX = ".index.tsv"
NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
HEX = {"crc32": re.compile(r"[0-9a-f]{8}"), "sha256": re.compile(r"[0-9a-f]{64}")}
MODIFIED = "%Y-%m-%dT%H:%M:%S.%fZ"
UNSAFE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff\u2028\u2029\x85]")  # the last three end lines for some readers
DRIVE = re.compile(r"(?:^|/)[A-Za-z]:")


@dataclass(frozen=True)
class Entry:
    """One file of a bundle: its bytes are `size` bytes from `offset` in the tar.

    `name` is its path below the folder of the bundle, with `/`. `crc32` (zlib's) and `sha256` are lower-case hex
    digits.
    """

    name: str
    offset: int
    size: int
    crc32: str
    sha256: str
    modified: datetime

    @property
    def run_file(self) -> RunFile:
        """The file as the rules of completion take it."""
        return RunFile(self.name, self.size, self.modified)


@dataclass(frozen=True)
class Index:
    """The index of the bundle `tar` (its file name); the entries are sorted by name, as the files lie in the tar."""

    tar: str
    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        """The name of the object that has this index; it lies beside the tar."""
        return self.tar + INDEX_SUFFIX

    @property
    def newest(self) -> datetime:
        """When the newest file was last written; the time of the index in the tar."""
        return max(entry.modified for entry in self.entries)

    @cached_property
    def by_name(self) -> dict[str, Entry]:
        """The entries by name."""
        return {entry.name: entry for entry in self.entries}

    @cached_property
    def body(self) -> bytes:
        """The index as it is stored: UTF-8, TAB between columns, LF after each line."""
        total = sum(entry.size for entry in self.entries)
        lines = [f"{TITLE}\t{self.tar}\t{len(self.entries)}\t{total}", "\t".join(COLUMNS)]
        lines += ("\t".join(_columns(entry)) for entry in self.entries)
        return "".join(f"{line}\n" for line in lines).encode()


def name_bundle(files: Iterable[RunFile]) -> str:
    """Return the file name of the bundle of these files: the same files, sizes and times have the same name.

    So a bundle that is packed again after an interruption replaces nothing but itself, and two uploaders cannot give
    one name to different bundles.
    """
    rows = sorted(f"{file.name}\t{file.size}\t{format_time(file.modified)}\n" for file in files)
    return f"seqdrop-bundle-{hashlib.sha256(''.join(rows).encode()).hexdigest()[:16]}.tar"


def is_bundle(name: str) -> bool:
    """Return True for the name or path of a bundle's tar."""
    return TAR_NAME.fullmatch(name.rsplit("/", 1)[-1]) is not None


def is_index(name: str) -> bool:
    """Return True for the name or path of a bundle's index."""
    return name.endswith(INDEX_SUFFIX) and is_bundle(name.removesuffix(INDEX_SUFFIX))


def explain_name(name: str) -> str | None:
    """Return why a bundle cannot have a file of this name, None if it can.

    A name is a path below the folder of the bundle, with `/`. One that could be written elsewhere when the tar is
    extracted, or that a line of the index cannot have, is refused; so are names of bundles and indexes themselves.
    """
    if UNSAFE.search(name):
        return "it has a backslash, a control character, or bytes that are not UTF-8"
    if DRIVE.search(name):
        return "it has a drive letter"
    if not all(name.split("/")) or {".", ".."} & set(name.split("/")):
        return "it is not a plain path below the folder of the bundle"
    if is_bundle(name) or is_index(name):
        return "it is the name of a bundle"
    return None


def format_time(moment: datetime) -> str:
    """Return a time as the index has it: UTC, with microseconds. Raise ValueError if it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"the time {moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def blocks(size: int) -> int:
    """Return the bytes that a file of `size` bytes occupies in a tar, without its header."""
    return -(-size // BLOCK) * BLOCK


def read_index(body: bytes, name: str) -> Index:
    """Return the index in `body`, the content of the file `name`.

    Raise RunFileError with the line if it is damaged, is of a later version, has a name that `explain_name` refuses or
    that is not greater than the one before (so none comes twice), or has offsets that overlap.
    """
    lines = _split(body, name)
    tar, count, total = _read_title(lines[0], name)
    if len(lines) < 2 or tuple(lines[1].split("\t")) != COLUMNS:
        raise RunFileError(name, f"the columns must be {', '.join(COLUMNS)}", 2)
    entries = tuple(_read_entries(lines[2:], name))
    if (len(entries), sum(entry.size for entry in entries)) != (count, total):
        raise RunFileError(name, f"the first line says {count} files with {total} bytes; the lines differ. Is it cut?")
    return Index(tar, entries)


def _columns(entry: Entry) -> tuple[str, ...]:
    modified = format_time(entry.modified)
    return str(entry.offset), str(entry.size), entry.crc32, entry.sha256, modified, entry.name


def _split(body: bytes, name: str) -> list[str]:
    if len(body) > MOST_BYTES:
        raise RunFileError(name, f"it has {len(body)} bytes; the index of a bundle has at most {MOST_BYTES}")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise RunFileError(name, "it is not UTF-8", body.count(b"\n", 0, error.start) + 1) from error
    if not text.endswith("\n"):
        raise RunFileError(name, "the last line has no end; the file was cut", text.count("\n") + 1)
    return text.split("\n")[:-1]


def _read_title(line: str, name: str) -> tuple[str, int, int]:
    version, _, rest = line.partition("\tseqdrop-bundle-")
    words = f"seqdrop-bundle-{rest}".split("\t")
    if version != TITLE:
        raise RunFileError(name, f"it does not begin with {TITLE!r}; it is no index, or of a later version", 1)
    if len(words) != 3 or not TAR_NAME.fullmatch(words[0]) or not all(map(NUMBER.fullmatch, words[1:])):
        raise RunFileError(name, "the first line must have the name of the tar, the number of files and of bytes", 1)
    if name.rsplit("/", 1)[-1] != words[0] + INDEX_SUFFIX:
        raise RunFileError(name, f"it is the index of {words[0]}; was it renamed?", 1)
    return words[0], int(words[1]), int(words[2])


def _read_entries(lines: list[str], name: str) -> Iterator[Entry]:
    end, last = 0, ""
    for number, line in enumerate(lines, start=3):
        entry = _read_entry(line, name, number)
        if last and entry.name <= last:
            raise RunFileError(name, "its file name does not come after the one of the line before", number)
        if entry.offset < end + BLOCK or entry.offset % BLOCK:
            raise RunFileError(name, f"the offset {entry.offset} lies in the file before, or in no block", number)
        end, last = entry.offset + blocks(entry.size), entry.name
        yield entry


def _read_entry(line: str, name: str, number: int) -> Entry:
    words = line.split("\t")
    if len(words) != len(COLUMNS):
        raise RunFileError(name, f"it has {len(words)} columns instead of {len(COLUMNS)}", number)
    row = dict(zip(COLUMNS, words, strict=True))
    wrong = [column for column in ("offset", "size") if not NUMBER.fullmatch(row[column])]
    wrong += [column for column, pattern in HEX.items() if not pattern.fullmatch(row[column])]
    if wrong:
        raise RunFileError(name, f"its {wrong[0]} is malformed", number)
    if reason := explain_name(row["name"]):
        raise RunFileError(name, f"its file name is refused: {reason}", number)
    modified = _read_time(row["modified"], name, number)
    return Entry(row["name"], int(row["offset"]), int(row["size"]), row["crc32"], row["sha256"], modified)


def _read_time(text: str, name: str, number: int) -> datetime:
    try:
        moment = datetime.strptime(text, MODIFIED).replace(tzinfo=UTC)
    except ValueError:
        moment = None
    if moment is None or format_time(moment) != text:  # strptime accepts 2026-1-1, and fewer digits of a second
        raise RunFileError(name, "its time must look like 2026-12-01T03:00:00.000000Z", number)
    return moment
