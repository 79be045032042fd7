"""FLIP's three FASTA files: sequences, labels (whose headers name the split) and a mask of residues.

Format: https://github.com/J-SNACKKB/FLIP/tree/main/splits/secondary_structure
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.training.data.line_reader import Budget, Source, read_lines
from seqdrop.training.data.rows import Place, Problems, Row, name_of_header, split_of_header

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Entry:
    """One FASTA record; `record` counts from 1, `line` is that of its header."""

    header: str
    text: str
    record: int
    line: int

    @property
    def place(self) -> Place:
        """Its name, number and line, for messages."""
        return Place(name_of_header(self.header), self.record, self.line)


def _join_lines(lines: list[str]) -> str:
    """Return a sequence of several lines. If residues are separated by spaces, so are those of adjacent lines."""
    return (" " if any(" " in line for line in lines) else "").join(lines)


def read_entries(source: Source, problems: Problems, budget: Budget) -> Iterator[Entry]:
    """Yield the records of a FASTA file; a sequence may have several lines. Report a fault and end there."""
    header, at, record = "", 0, 0
    parts: list[str] = []
    for number, text in read_lines(source, problems, budget):
        if text.startswith(">"):
            if record:
                yield Entry(header, _join_lines(parts), record, at)
            header, at, record, parts = text[1:].strip(), number, record + 1, []
        elif record:
            parts.append(text)
        else:
            problems.add("bad_fasta", f"{source.name}: there is text before the first header", Place(line=number))
            return
    if record:
        yield Entry(header, _join_lines(parts), record, at)
    else:
        problems.add("bad_fasta", f"{source.name}: the file has no record")


def read(
    sequences: Source, labels: Source, mask: Source | None, problems: Problems, budget: Budget | None = None
) -> Iterator[Row]:
    """Yield a row for each record of the labels, joined with the other files by name. Report names without partner."""
    budget = budget or Budget()
    by_name = _read_by_name(sequences, problems, budget)
    others = {sequences.name: by_name}
    masks: dict[str, str] = {}
    if mask:
        masks = others[mask.name] = _read_by_name(mask, problems, budget)
    names: set[str] = set()
    for entry in read_entries(labels, problems, budget):
        name = name_of_header(entry.header)
        names.add(name)
        lacking = next((file for file, records in others.items() if name not in records), None)
        if lacking:
            problems.add("no_partner", f"{labels.name}: {lacking} has no record of that name", entry.place)
            continue
        split = split_of_header(entry.header)
        yield Row(name, by_name[name], entry.text, split, masks.get(name), labels.name, entry.record, entry.line)
    for number, name in enumerate(by_name, start=1):
        if name not in names:
            message = f"{sequences.name}: {labels.name} has no record of that name"
            problems.add("no_partner", message, Place(name, number))


def _read_by_name(source: Source, problems: Problems, budget: Budget) -> dict[str, str]:
    texts: dict[str, str] = {}
    for entry in read_entries(source, problems, budget):
        name = name_of_header(entry.header)
        if name in texts:
            problems.add("duplicate_name", f"{source.name}: the name occurs twice", entry.place)
        texts[name] = entry.text
    return texts
