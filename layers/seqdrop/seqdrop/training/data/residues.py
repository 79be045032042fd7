"""Validation of single records, which turns a row into the object that train.py reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NotRequired, TypedDict

from seqdrop.training.data.layouts import describe_class_fault, join_bases, join_mask, join_residues, parse_class

if TYPE_CHECKING:
    from seqdrop.training.data.rows import Problems, Row

CLASSES = {"ss3": "HEC", "ss8": "GHIBESTC"}
UNSCORED = "-"
RESIDUES = frozenset("ACDEFGHIKLMNPQRSTVWYXBZJUO")
STOP = "*"
BASES = frozenset("ACGTNRYSWKMBDHV")
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

    Residues that the mask leaves out get the label "-". A stop at the end is omitted, as it is under proteins/.
    """
    joined = _join_protein(row, problems)
    if joined is None:
        return None
    row = _omit_stop(joined, problems)
    sequence, labels = row.sequence, row.labels
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
    """Return a DNA sequence with its label, or None after reporting what is wrong with it. U is read as T."""
    text = row.sequence.upper()
    sequence = join_bases(text)
    if sequence is None:
        message = "the sequence has spaces, but is neither k-mers that overlap nor single bases"
        problems.add("bad_spaces", f"{row.file}: {message}", row.place)
        return None
    if sequence != text:
        problems.warnings["spaces_removed"] += 1
    if "U" in sequence:
        problems.warnings["rna_read_as_dna"] += 1
        sequence = sequence.replace("U", "T")
    if not _check_sequence(row, sequence, BASES, "bad_base", problems):
        return None
    label = parse_class(row.labels)
    if label is None:
        problems.add("bad_class", f"{row.file}: {describe_class_fault(row.labels)}", row.place)
        return None
    return {"id": row.id, "sequence": sequence, "label": label}


def _join_protein(row: Row, problems: Problems) -> Row | None:
    """Return a protein in upper case without the spaces between residues, labels and the mask's characters."""
    texts = {"sequence": row.sequence.upper(), "labels": row.labels.upper(), "mask": row.mask or ""}
    joined = {name: (join_mask if name == "mask" else join_residues)(text) for name, text in texts.items()}
    wrong = next((name for name, text in joined.items() if text is None), None)
    if wrong:
        message = f"the {wrong} has spaces, but not one between every two characters"
        problems.add("bad_spaces", f"{row.file}: {message.replace('labels has', 'labels have')}", row.place)
        return None
    if joined != texts:
        problems.warnings["spaces_removed"] += 1
    sequence, labels, mask = (text or "" for text in joined.values())
    return replace(row, sequence=sequence, labels=labels, mask=None if row.mask is None else mask)


def _omit_stop(row: Row, problems: Problems) -> Row:
    """Return a protein without a final stop. Its label and its character of the mask are omitted too, if they exist."""
    if not row.sequence.endswith(STOP):
        return row
    problems.warnings["stop_omitted"] += 1
    size = len(row.sequence)
    labels = row.labels[:-1] if len(row.labels) == size else row.labels
    mask = row.mask[:-1] if row.mask is not None and len(row.mask) == size else row.mask
    return replace(row, sequence=row.sequence[:-1], labels=labels, mask=mask)


def _label_fault(labels: str, task: str) -> tuple[str, str] | None:
    """Return the code and the message of a wrong label; None if all labels are allowed."""
    wrong = set(labels) - set(CLASSES[task]) - {UNSCORED}
    if not wrong:
        return None
    hint = "; these are eight states, for task ss8" if wrong <= set(CLASSES["ss8"]) and task == "ss3" else ""
    if not hint and all(label.isdecimal() for label in wrong):
        hint = "; a number does not say which class it is"
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
