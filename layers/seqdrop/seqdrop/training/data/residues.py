"""Validation of single records, which turns a row into the object that train.py reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from seqdrop.training.data.rows import Problems, Row

CLASSES = {"ss3": "HEC", "ss8": "GHIBESTC"}
UNSCORED = "-"
RESIDUES = frozenset("ACDEFGHIKLMNPQRSTVWYXUZOB")
BASES = frozenset("ACGTNRYSWKMBDHV")
RNA_TO_DNA = str.maketrans("Uu", "Tt")
LONGEST = 100_000  # residues or bases; titin has 35,213


class Example(TypedDict):
    """A line of train.jsonl, validation.jsonl or test.jsonl."""

    id: str
    sequence: str
    labels: NotRequired[str]
    """Protein: a letter for each residue, "-" if it is not scored."""
    label: NotRequired[str]
    """DNA sequence: 0 or 1."""


def make_protein(row: Row, task: str, problems: Problems) -> Example | None:
    """Return a protein with its labels, or None after reporting what is wrong with it.

    Residues that the mask leaves out get the label "-".
    """
    sequence, labels = row.sequence.upper(), row.labels.upper()
    if not _check_sequence(row, sequence, RESIDUES, "bad_residue", problems):
        return None
    fault = _label_fault(labels, task) or _length_fault(row, sequence, labels) or _mask_fault(row.mask)
    if fault:
        problems.add(fault[0], f"{row.file}: {fault[1]}", row.place)
        return None
    if row.mask is not None:
        labels = "".join(label if scored == "1" else UNSCORED for label, scored in zip(labels, row.mask, strict=True))
    if not labels.strip(UNSCORED):
        problems.add("nothing_scored", f"{row.file}: no residue has a label that is scored", row.place)
        return None
    return {"id": row.id, "sequence": sequence, "labels": labels}


def make_promoter(row: Row, _task: str, problems: Problems) -> Example | None:
    """Return a DNA sequence with its label, or None after reporting what is wrong with it.

    RNA is spelled as DNA, so that two spellings of a sequence are recognised as the same.
    """
    sequence = row.sequence.translate(RNA_TO_DNA).upper()
    if not _check_sequence(row, sequence, BASES, "bad_base", problems):
        return None
    if row.labels not in ("0", "1"):
        problems.add("bad_class", f"{row.file}: the label is neither 0 nor 1", row.place)
        return None
    return {"id": row.id, "sequence": sequence, "label": row.labels}


def _label_fault(labels: str, task: str) -> tuple[str, str] | None:
    """Return the code and the message of a wrong label; None if all labels are allowed."""
    wrong = set(labels) - set(CLASSES[task]) - {UNSCORED}
    if not wrong:
        return None
    hint = "; these are eight states, for task ss8" if wrong <= set(CLASSES["ss8"]) and task == "ss3" else ""
    return "bad_label", f'{_some(wrong)} is not a label of task "{task}"{hint}'


def _length_fault(row: Row, sequence: str, labels: str) -> tuple[str, str] | None:
    if len(sequence) == len(labels) and (row.mask is None or len(row.mask) == len(sequence)):
        return None
    counts = f"{len(sequence)} residues, {len(labels)} labels"
    if row.mask is not None:
        counts += f", {len(row.mask)} characters of mask"
    return "length_mismatch", counts


def _mask_fault(mask: str | None) -> tuple[str, str] | None:
    if mask is not None and set(mask) - {"0", "1"}:
        return "bad_mask", "the mask has characters other than 0 and 1"
    return None


def _check_sequence(row: Row, sequence: str, allowed: frozenset[str], code: str, problems: Problems) -> bool:
    """Return True if a sequence is valid; otherwise report what is wrong with it."""
    wrong = set(sequence) - allowed
    if wrong or not sequence:
        message = f"{_some(wrong)} is not allowed" if wrong else "the sequence is empty"
        problems.add(code, f"{row.file}: {message}", row.place)
        return False
    if len(sequence) > LONGEST:
        message = f"the sequence has {len(sequence):,} characters; at most {LONGEST:,} are allowed"
        problems.add("too_long", f"{row.file}: {message}", row.place)
        return False
    return True


def _some(characters: set[str]) -> str:
    """Return up to three characters as text."""
    return ", ".join(repr(character) for character in sorted(characters)[:3])
