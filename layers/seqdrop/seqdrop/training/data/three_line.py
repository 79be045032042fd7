"""3-line FASTA: a header, the residues in one line, their labels in the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.training.data.line_reader import Budget, Source, lines
from seqdrop.training.data.rows import Problems, Row, name_of_header, split_of_header

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """A row for every three lines. `split` is that of the whole file; "" where headers tell it."""
    found, record = lines(source, problems, budget), 0
    for line, header in found:
        record += 1
        _, sequence = next(found, (0, ">"))
        _, labels = next(found, (0, ">"))
        if not header.startswith(">") or sequence.startswith(">") or labels.startswith(">"):
            name = name_of_header(header[1:]) if header.startswith(">") else None
            text = f"{source.name}: a header, a line of residues and a line of labels are expected"
            return problems.add("bad_fasta", text, name, record, line)
        told = split or split_of_header(header)
        yield Row(name_of_header(header[1:]), sequence, labels, told, None, source.name, record, line)
    if not record:
        problems.add("bad_fasta", f"{source.name}: there is no record in it")
