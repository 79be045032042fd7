"""Ground truth: files that a lab drops under truth/, and how their labels are joined to predictions.

| suffix | content | for |
|---|---|---|
| .tsv | a header with `record` and `label` (0 or 1), and optionally `start`, `end`, `strand`; tab-separated | windows |
| .bed | the true intervals of the whole file, BED with three to six fields; everything else is negative | windows |
| .3line | a name, the residues, their states (H, E, C), three lines for each protein | structure |

Positions are 0-based half-open on the forward strand. The name of a file begins with the upload id of the predicted
file.
"""

from __future__ import annotations

import csv
import posixpath
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from seqdrop.errors import SeqdropError

UPLOAD_ID = re.compile(r"([A-Z2-7]{26})(?![A-Z2-7])")
NAME_ADVICE = "name it truth/UPLOAD_ID.tsv, .bed or .3line, with the upload id of the predicted file"

WindowLabel = Callable[[Mapping[str, Any]], bool | None]
"""A function from a row of predictions to its true label; None if the truth says nothing of the window."""


class UnreadableTruthError(SeqdropError):
    """A file under truth/ that cannot be used. Permanent: drop a corrected file."""


def upload_of(key: str) -> str:
    """Return the upload id at the start of the name of a truth file. Raise UnreadableTruthError if there is none."""
    match = UPLOAD_ID.match(posixpath.basename(key))
    if not match:
        raise UnreadableTruthError(f"its name does not begin with an upload id: {NAME_ADVICE}")
    return match[1]


def suffix_of(key: str) -> str:
    """Return ".tsv", ".bed" or ".3line". Raise UnreadableTruthError for any other suffix."""
    suffix = posixpath.splitext(key)[1].lower()
    if suffix not in (".tsv", ".bed", ".3line"):
        raise UnreadableTruthError(f"its suffix is {suffix or 'missing'!r}: {NAME_ADVICE}")
    return suffix


def read_windows(text: str, suffix: str) -> WindowLabel:
    """Return the labels of windows from a .tsv or .bed file. Raise UnreadableTruthError, which names the line."""
    return _read_intervals(text) if suffix == ".bed" else _read_labels(text)


def _read_labels(text: str) -> WindowLabel:
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    if not {"record", "label"} <= set(rows.fieldnames or ()):
        raise UnreadableTruthError("line 1: the header needs the columns record and label, separated by tabs")
    labels: dict[tuple[str, ...], bool] = {}
    places = [name for name in ("start", "end", "strand") if name in (rows.fieldnames or ())]
    for number, row in enumerate(rows, 2):
        if row["label"] not in ("0", "1"):
            raise UnreadableTruthError(f"line {number}: the label must be 0 or 1")
        labels[(row["record"], *(row[name] or "" for name in places))] = row["label"] == "1"
    return lambda window: labels.get((window["record"], *(str(window.get(name, "")) for name in places)))


def _read_intervals(text: str) -> WindowLabel:
    """Return True for windows whose middle is in an interval of their strand, False for all others."""
    intervals: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split("\t")
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        try:
            start, end = int(fields[1]), int(fields[2])
        except (IndexError, ValueError) as error:
            raise UnreadableTruthError(f"line {number}: expected name, start and end, separated by tabs") from error
        strand = fields[5] if len(fields) > 5 and fields[5] in "+-" else ""
        for each in strand or "+-":
            intervals[fields[0], each].append((start, end))
    merged = {place: merge(spans) for place, spans in intervals.items()}

    def label(window: Mapping[str, Any]) -> bool:
        spans = merged.get((window["record"], window.get("strand", "+")), [])
        middle = (window["start"] + window["end"]) // 2
        place = bisect_right(spans, (middle, float("inf"))) - 1
        return place >= 0 and middle < spans[place][1]

    return label


def merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of intervals, ascending and disjoint."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def read_states(text: str) -> dict[str, str]:
    """Return the true states of each protein by its name. Raise UnreadableTruthError, which names the line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    states = {}
    for number in range(0, len(lines), 3):
        header, residues, labels = (*lines[number : number + 3], "", "")[:3]
        if not header.startswith(">") or len(residues) != len(labels) or not labels:
            place = f"line {number + 1}"
            raise UnreadableTruthError(f"{place}: expected a header, a line of residues, and a state for each residue")
        states[header[1:].split()[0]] = labels.upper()
    return states
