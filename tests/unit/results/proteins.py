"""Output lines of a protein model as the container writes them, and strict readers of structure files."""

from __future__ import annotations

import base64
import json
import random
import re
import struct

# `%4d %c %c  %6.3f %6.3f %6.3f`: number, residue, state, coil, helix, strand.
SS2_LINE = re.compile(r"( *\d+) ([A-Z]) ([HEC])  ( *\d\.\d{3}) ( *\d\.\d{3}) ( *\d\.\d{3})")
UNIT = 10_000


def item(sequence: str, number: int = 1, record: str | None = None) -> bytes:
    """Return the work item of a protein as a JSON line."""
    content = {"id": f"{'U' * 26}:{number}:0", "record": record or f"p{number}", "alphabet": "protein"}
    return json.dumps(content | {"sequence": sequence}).encode()


def random_rows(length: int, classes: int, seed: int = 1) -> list[list[int]]:
    """Return, for each residue, random whole numbers that add up to UNIT, one for each class."""
    source, rows = random.Random(seed), []
    for _ in range(length):
        cuts = sorted(source.randint(0, UNIT) for _ in range(classes - 1))
        rows.append([high - low for low, high in zip([0, *cuts], [*cuts, UNIT], strict=True)])
    return rows


def output_line(work_item: bytes, rows: list[list[int]], classes: str = "HEC", **changes) -> bytes:
    """Return the output line for a work item, packed without numpy and without our code."""
    content = json.loads(work_item)
    labels = "".join(classes[row.index(max(row))] for row in rows)
    packed = base64.b64encode(b"".join(struct.pack(f"<{len(classes)}H", *row) for row in rows)).decode()
    line = {
        "id": content["id"],
        "record": content["record"],
        "classes": classes,
        "labels": labels,
        "probabilities": packed,
    }
    return json.dumps(line | changes).encode()


def read_ss2(text: str) -> list[tuple]:
    """Return (residue, state, coil, helix, strand) of each line. Raise AssertionError for another format."""
    header, blank, *lines = text.removesuffix("\n").split("\n")
    assert re.fullmatch(r"# PSIPRED VFORMAT \(.+\)", header)
    assert (blank, text[-1]) == ("", "\n")
    residues = []
    for number, line in enumerate(lines, start=1):
        fields = SS2_LINE.fullmatch(line)
        assert fields, line
        assert fields[1] == f"{number:4d}"
        assert all(len(fields[place]) == 6 for place in (4, 5, 6))
        residues.append((fields[2], fields[3], *(float(fields[place]) for place in (4, 5, 6))))
    return residues


def read_three_line(text: str) -> list[tuple[str, str, str]]:
    """Return (name, sequence, structure) of each record."""
    lines = text.removesuffix("\n").split("\n") if text else []
    assert len(lines) % 3 == 0
    assert all(line.startswith(">") for line in lines[::3])
    return [(name[1:], *two) for name, *two in zip(lines[::3], lines[1::3], lines[2::3], strict=True)]
