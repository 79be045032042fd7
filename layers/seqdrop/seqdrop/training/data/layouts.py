"""Layouts of sequences and labels that other tools write: spaces between residues or k-mers, booleans, numbers.

ProtTrans puts a space between residues, and between labels (https://github.com/agemagician/ProtTrans). DNABERT writes
the k-mers of a sequence with spaces between them (https://github.com/jerryji1993/DNABERT, `seq2kmer`). A list in a
Parquet file is read as its items with spaces between them. A column of classes that pandas read with a gap is float.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

K = range(3, 7)  # lengths of DNABERT's k-mers
TRUTHS = {"true": "1", "false": "0"}
CLASSES = {"0", "1"}
MISSING = {"", "nan", "na", "n/a", "none", "null", "<na>"}


def join_residues(text: str) -> str | None:
    """Return a text without the spaces between its characters; None if a space does not separate single characters."""
    words = text.split()
    return "".join(words) if len(words) == 1 or all(len(word) == 1 for word in words) else None


def join_mask(text: str) -> str | None:
    """Return a mask without spaces. Its words may be 1 and 0, 1.0 and 0.0 (ProtTrans), or true and false."""
    words = text.split()
    flags = [flag for word in words if (flag := parse_class(word))]
    return "".join(flags) if len(words) > 1 and len(flags) == len(words) else join_residues(text)


def join_bases(text: str) -> str | None:
    """Return the sequence of a text that is DNABERT's k-mers, single bases with spaces, or has no space.

    Each k-mer must begin with the last k - 1 bases of the one before it. Return None for any other use of spaces,
    because the distance between the words is then not known.
    """
    words = text.split()
    if len(words) < 2 or not _are_kmers(words):
        return join_residues(text)
    return words[0] + "".join(word[-1] for word in words[1:])


def _are_kmers(words: list[str]) -> bool:
    k = len(words[0])
    if k not in K or any(len(word) != k for word in words):
        return False
    return all(left[1:] == right[:-1] for left, right in pairwise(words))


def parse_class(label: str) -> str | None:
    """Return "0" or "1" for a label such as 1, 1.0, true or False; None if it is neither."""
    word = TRUTHS.get(label.lower(), label)
    whole, point, decimals = word.partition(".")
    return whole if whole in CLASSES and (not point or not decimals.strip("0")) else None


def describe_class_fault(label: str) -> str:
    """Return what is wrong with a label that `parse_class` refuses. Quote only numbers: other text may be bases."""
    if label.lower() in MISSING:
        return "the label is missing"
    try:
        float(label)
    except ValueError:
        return "the label is neither 0 nor 1"
    return f"the label is {label[:20]}, which is neither 0 nor 1"


def text_of_cell(cell: object) -> str:
    """Return the text of a Parquet value. Booleans are 1 and 0, whole numbers have no point, null and NaN are empty."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float | Decimal):
        return _text_of_number(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, Sequence) and not isinstance(cell, str):
        return " ".join(map(text_of_cell, cell))
    return str(cell)


def _text_of_number(number: float | Decimal) -> str:
    if math.isnan(number):
        return ""
    return str(int(number)) if math.isfinite(number) and number == int(number) else str(number)
