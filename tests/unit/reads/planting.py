"""Valid FASTQ, and functions that break one record of it and return the expected fault with its location."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

BASES = "ACGT"
lengths = st.integers(1, 40)


@dataclass(frozen=True)
class Planted:
    """Broken bytes, and the expected fault: its code, and the number, line and byte of its location."""

    body: bytes
    code: str
    number: int | None
    line: int | None
    byte: int | None


def fastq(count: int, length: Callable[[int], int], end: bytes = b"\n") -> list[list[bytes]]:
    """Return records of four lines with line ends; names differ, sequences and qualities vary with position."""
    return [_record(index, length(index), end) for index in range(count)]


def _record(index: int, length: int, end: bytes) -> list[bytes]:
    sequence = bytes(b"ACGTN"[(index * 7 + position * position) % 5] for position in range(length))
    quality = bytes(33 + (index * 5 + position * 3) % 42 for position in range(length))
    return [b"@run:%d x" % index + end, sequence + end, b"+" + end, quality + end]


def _edit(records: list[list[bytes]], at: int, line: int, to: bytes | None, code: str, fault_line: int | None = None):
    """Replace one line of record `at` (None removes it); the fault is at `fault_line`, or at that line."""
    records = [list(record) for record in records]
    before = sum(len(part) for record in records[:at] for part in record)
    if to is None:
        del records[at][line]
    else:
        records[at][line] = to
    fault_line = line if fault_line is None else fault_line
    byte = before + sum(map(len, records[at][:fault_line]))
    body = b"".join(part for record in records for part in record)
    return Planted(body, code, at + 1, 4 * at + 1 + fault_line, byte)


def _change(line: int, change: Callable[[bytes, bytes], bytes | None], code: str, fault_line: int | None = None):
    """Return a function that changes a line of a record by `change(text, line end)`."""

    def plant(records: list[list[bytes]], at: int) -> Planted:
        text = records[at][line]
        end = b"\r\n" if text.endswith(b"\r\n") else b"\n"
        return _edit(records, at, line, change(text[: -len(end)], end), code, fault_line)

    return plant


def _middle(new: bytes):
    """Return a change that replaces the middle character by `new`."""
    return lambda text, end: text[: len(text) // 2] + new + text[len(text) // 2 + 1 :] + end


def _cut(line: int, keep: Callable[[bytes], bytes]):
    """Return a function that cuts the file after `keep(line)` of this line of a record."""

    def plant(records: list[list[bytes]], at: int) -> Planted:
        planted = _edit(records[: at + 1], at, line, keep(records[at][line]), "truncated")
        head = planted.byte + len(keep(records[at][line]))
        return Planted(planted.body[:head], "truncated", at + 1, planted.line, planted.byte)

    return plant


def _blank(line: int):
    """Return a function that inserts a blank line before this line of a record."""
    return _change(line, lambda text, end: end + text + end, "blank_line")


def _duplicate(records: list[list[bytes]], at: int) -> Planted:
    if at == 0:
        at, records = 1, [*records, *fastq(1, lambda _: 5)] if len(records) == 1 else records
    return _edit(records, at, 0, records[0][0], "duplicate_name")


FASTQ_FAULTS: dict[str, Callable[[list[list[bytes]], int], Planted]] = {
    "header without @": _change(0, lambda text, end: text[1:] + end, "bad_header"),
    "empty name": _change(0, lambda text, end: b"@" + end, "empty_name"),
    "name after a space": _change(0, lambda text, end: b"@ " + text[1:] + end, "empty_name"),
    "no + line": _change(2, lambda text, end: None, "missing_plus"),
    "+ lost its +": _change(2, lambda text, end: b"x" + end, "missing_plus"),
    "+ name differs": _change(2, lambda text, end: b"+other" + end, "plus_name_differs"),
    "quality too short": _change(3, lambda text, end: text[:-1] + end, "length_mismatch"),
    "quality too long": _change(3, lambda text, end: text + b"I" + end, "length_mismatch"),
    "sequence too short": _change(1, lambda text, end: text[:-1] + end, "length_mismatch", 3),
    "sequence too long": _change(1, lambda text, end: text + b"A" + end, "length_mismatch", 3),
    "no quality line": _change(3, lambda text, end: None, "length_mismatch"),
    "illegal base": _change(1, _middle(b"E"), "illegal_base"),
    "gap in the sequence": _change(1, _middle(b"-"), "illegal_base"),
    "space in the sequence": _change(1, _middle(b" "), "illegal_base"),
    "tab in the sequence": _change(1, _middle(b"\t"), "illegal_base"),
    "non-ASCII name": _change(0, lambda text, end: text[:2] + "é".encode() + text[2:] + end, "non_ascii"),
    "non-ASCII base": _change(1, _middle(b"\xc3"), "non_ascii"),
    "non-ASCII quality": _change(3, _middle(b"\xff"), "non_ascii"),
    "NUL in the name": _change(0, lambda text, end: text[:2] + b"\0" + text[2:] + end, "nul_byte"),
    "NUL in the sequence": _change(1, _middle(b"\0"), "nul_byte"),
    "NUL in the quality": _change(3, _middle(b"\0"), "nul_byte"),
    "control character in the name": _change(0, lambda text, end: text + b"\x1b" + end, "control_character"),
    "space in the quality": _change(3, _middle(b" "), "illegal_quality"),
    "tab in the quality": _change(3, _middle(b"\t"), "illegal_quality"),
    "control character in the quality": _change(3, _middle(b"\x0b"), "illegal_quality"),
    "quality over ~": _change(3, _middle(b"\x7f"), "illegal_quality"),
    "stray CR": _change(0, lambda text, end: text + b"\rx" + end, "mixed_line_ends"),
    "blank line before the header": _blank(0),
    "blank line before the sequence": _blank(1),
    "blank line before the +": _blank(2),
    "blank line before the quality": _blank(3),
    "cut in the name": _cut(0, lambda line: line.rstrip()[:3]),
    "cut after the name": _cut(0, lambda line: line),
    "cut in the sequence": _cut(1, lambda line: line[: max(1, len(line) // 2)].rstrip()),
    "cut after the sequence": _cut(1, lambda line: line),
    "cut in the +": _cut(2, lambda line: b"+"),
    "cut after the +": _cut(2, lambda line: line),
    "cut in the quality": _cut(3, lambda line: line.rstrip()[:-1] or b"\n"),
    "duplicate name": _duplicate,
}


def other_end(line: int):
    """Return a function that changes the line end of this line of a record, so that it differs from all others."""

    def change(text: bytes, end: bytes) -> bytes:
        return text + (b"\n" if end == b"\r\n" else b"\r\n")

    return _change(line, change, "mixed_line_ends")


MIXED_ENDS = {f"line {line} has another end": other_end(line) for line in range(4)}
