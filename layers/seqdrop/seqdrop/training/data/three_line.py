"""3-line FASTA: a header, the residues in one line, their labels in the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.training.data.line_reader import Budget, Source, read_lines
from seqdrop.training.data.rows import Place, Problems, Row, name_of_header, split_of_header

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """Yield a row for every three lines. `split` is the split of the whole file; "" if each header names one."""
    numbered, record = read_lines(source, problems, budget), 0
    for line, header in numbered:
        record += 1
        _, sequence = next(numbered, (0, ">"))
        _, labels = next(numbered, (0, ">"))
        if not header.startswith(">") or sequence.startswith(">") or labels.startswith(">"):
            name = name_of_header(header[1:]) if header.startswith(">") else None
            message = f"{source.name}: expected a header, a line of residues and a line of labels"
            problems.add("bad_fasta", message, Place(name, record, line))
            return
        split_here = split or split_of_header(header)
        yield Row(name_of_header(header[1:]), sequence, labels, split_here, None, source.name, record, line)
    if not record:
        problems.add("bad_fasta", f"{source.name}: the file has no record")
