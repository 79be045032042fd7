"""The forms of checksum lists: functions from the text of a list to its lines, as its writer has them.

Each takes the text and the file name of a list. It yields `Entry` (line from 1, path as written, checksum in lower-case
hexadecimal or ""), and raises `FormError` with the line of what it cannot read. `checksum_lists` knows which list has
which form, and where its paths begin.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from seqdrop.reads.checksums import CRC32, SHA256, algorithm_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_GNU = re.compile(r"(\\?)([0-9A-Fa-f]+) [ *](.+)")  # the second blank is * for a file that was read as binary
_BSD = re.compile(r"(\\?)(?:MD5|SHA256|SHA2-256) \((.+)\) ?= ?([0-9A-Fa-f]+)")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_COUNT = re.compile(r"Transfer Manifest nfiles: ([0-9]+)")


class Entry(NamedTuple):
    """A line of a list: its number, the path as it is written, and the checksum ("" if the list has none for it)."""

    line: int
    path: str
    value: str


class FormError(Exception):
    """A line that is not of the form; `line` is None if the list as a whole is not."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def read_manifest_tsv(text: str, _name: str = "") -> Iterator[Entry]:
    """Yield the lines of an Illumina on-board Manifest.tsv: path, TAB, checksum; there is no header."""
    for number, line in _lines(text):
        path, tab, value = line.rpartition("\t")
        if not tab or not path:
            raise FormError("a line must be a path, a tab and a checksum", number)
        yield Entry(number, path, value.strip().lower())


def read_output_hash(text: str, _name: str = "") -> Iterator[Entry]:
    """Yield the rows of MinKNOW's output_hash_*.csv, by the columns file_path and file_hash.

    Format: nanoporetech/ont-output-specifications, "Output Hash File". file_hash may be empty, and paths may have the
    backslashes of Windows.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        yield from _read_rows(rows)
    except csv.Error as error:
        raise FormError(f"it is not CSV that can be read ({error})", rows.line_num + 1) from error


def _read_rows(rows: csv.DictReader[str]) -> Iterator[Entry]:
    if missing := {"file_path", "file_hash"} - set(rows.fieldnames or ()):
        raise FormError(f"the header has no column {' and '.join(sorted(missing))}", 1)
    for row in rows:
        path, value = row["file_path"], row["file_hash"]
        if path is None or value is None:
            raise FormError("the row has fewer columns than the header", rows.line_num)
        yield Entry(rows.line_num, path.replace("\\", "/"), value.strip().lower())


def read_transferdone(text: str, name: str) -> Iterator[Entry]:
    """Yield the paths of a PacBio .transferdone, below the folder of the cell.

    `name` is that of the list, MOVIE.transferdone. The first line is "Transfer Manifest nfiles: N"; N lines are
    absolute paths of the instrument, /data/…/MOVIE/SUB/FILE, where MOVIE stands for the folder of the cell. Other lines
    are ignored.
    """
    lines = list(_lines(text))
    header = _COUNT.match(lines[0][1]) if lines else None
    if header is None:
        raise FormError('the first line must be "Transfer Manifest nfiles: N"', 1)
    paths = [(number, line.strip()) for number, line in lines if line.startswith("/")]
    if len(paths) != int(header[1]):
        raise FormError(f"the first line says {header[1]} files, but there are {len(paths)} paths", 1)
    movie = name.rsplit(".", 1)[0]
    for number, path in paths:
        _, folder, rest = path.partition(f"/{movie}/")
        if not folder:
            raise FormError("the path has no folder with the name of the list", number)
        yield Entry(number, rest, "")


def read_sums(text: str, _name: str = "") -> Iterator[Entry]:
    """Yield the lines of md5sum and sha256sum: text, binary and escaped form, the BSD form, or only a checksum.

    Comments (#) are left out. A line with only a checksum has an empty path.
    """
    for number, line in _lines(text):
        if line.startswith("#"):
            continue
        if algorithm_of(line.strip().lower()):
            yield Entry(number, "", line.strip().lower())
        elif match := _GNU.fullmatch(line):
            yield Entry(number, _unescape(match[3]) if match[1] else match[3], match[2].lower())
        elif match := _BSD.fullmatch(line):
            yield Entry(number, _unescape(match[2]) if match[1] else match[2], match[3].lower())
        else:
            raise FormError("a line must be a checksum, two blanks and a path, as md5sum writes it", number)


def read_uploader_manifest(text: str, _name: str = "") -> Iterator[Entry]:
    """Yield the files of seqdrop-manifest.json with "sha256", or else "crc32", or else "" (companions/manifest.py).

    Only what is needed here is checked; the manifest itself is checked where it opens a run.
    """
    try:
        document = json.loads(text)
        files = [(file["name"], file.get(SHA256) or file.get(CRC32) or "") for file in document["files"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormError('it must be JSON: {"files": [{"name": …, "size": …, "sha256": …}, …]}') from error
    for name, value in files:
        if not isinstance(name, str) or not isinstance(value, str):
            raise FormError("the name and the checksum of a file must be texts")
        yield Entry(0, name, value)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line) of the lines that are not blank. Only LF and CRLF end a line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def _unescape(path: str) -> str:
    """Return a path of a line that begins with a backslash: GNU coreutils escapes backslash, LF and CR in it."""
    return re.sub(r"\\[\\nr]", lambda match: _ESCAPES[match[0]], path)
