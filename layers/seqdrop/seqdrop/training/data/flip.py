"""FASTA, and FLIP's three files of it: sequences, labels (whose headers tell the split) and a mask of residues.

Format: https://github.com/J-SNACKKB/FLIP/tree/main/splits/secondary_structure
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.training.data.line_reader import Budget, Source, lines
from seqdrop.training.data.rows import Problems, Row, name_of_header, split_of_header

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Entry:
    """One FASTA record; `record` counts from 1, `line` is that of its header."""

    header: str
    text: str
    record: int
    line: int


def entries(source: Source, problems: Problems, budget: Budget) -> Iterator[Entry]:
    """The records of a FASTA file; letters may stand in several lines."""
    header, at, record, parts = "", 0, 0, []
    for number, text in lines(source, problems, budget):
        if text.startswith(">"):
            if record:
                yield Entry(header, "".join(parts), record, at)
            header, at, record, parts = text[1:].strip(), number, record + 1, []
        elif record:
            parts.append(text)
        else:
            return problems.add("bad_fasta", f"{source.name}: letters stand before any header", line=number)
    if record:
        yield Entry(header, "".join(parts), record, at)
    else:
        problems.add("bad_fasta", f"{source.name}: there is no record in it")


def read(
    sequences: Source, labels: Source, mask: Source | None, problems: Problems, budget: Budget | None = None
) -> Iterator[Row]:
    """A row for each record of the labels, joined with the others by name."""
    budget = budget or Budget()
    known = _by_name(sequences, problems, budget)
    masks = _by_name(mask, problems, budget) if mask else {}
    seen: set[str] = set()
    for one in entries(labels, problems, budget):
        name = name_of_header(one.header)
        seen.add(name)
        if name not in known or (mask and name not in masks):
            where = sequences.name if name not in known else mask.name
            problems.add("no_partner", f"{labels.name}: {where} has no such record", name, one.record, one.line)
            continue
        split = split_of_header(one.header)
        yield Row(name, known[name], one.text, split, masks.get(name), labels.name, one.record, one.line)
    for number, name in enumerate(known, start=1):
        if name not in seen:
            problems.add("no_partner", f"{sequences.name}: {labels.name} has no such record", name, number)


def _by_name(source: Source, problems: Problems, budget: Budget) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in entries(source, problems, budget):
        name = name_of_header(one.header)
        if name in found:
            problems.add("duplicate_name", f"{source.name}: the name stands twice", name, one.record, one.line)
        found[name] = one.text
    return found
