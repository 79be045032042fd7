"""What a record may hold, and what becomes of it: a row as read, as the object that train.py reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.training.data.rows import Problems, Row

CLASSES = {"ss3": "HEC", "ss8": "GHIBESTC"}
UNSCORED = "-"
RESIDUES = frozenset("ACDEFGHIKLMNPQRSTVWYXUZOB")
BASES = frozenset("ACGTNRYSWKMBDHV")
LONGEST = 100_000  # letters; titin has 35,213


def protein(row: Row, task: str, problems: Problems) -> dict | None:
    """{"id", "sequence", "labels"}, or None and what is wrong with it. Residues that the mask leaves out are "-"."""
    sequence, labels = row.sequence.upper(), row.labels.upper()
    if not _letters_hold(row, sequence, RESIDUES, "bad_residue", problems):
        return None
    other = set(labels) - set(CLASSES[task]) - {UNSCORED}
    if other:
        eight = other <= set(CLASSES["ss8"]) and task == "ss3"
        hint = "; these are eight states" if eight else ""
        return _refuse(row, "bad_label", f'{_few(other)} is no label of task "{task}"{hint}', problems)
    if len(sequence) != len(labels) or (row.mask is not None and len(row.mask) != len(sequence)):
        counts = f"{len(sequence)} residues, {len(labels)} labels"
        counts += "" if row.mask is None else f", {len(row.mask)} letters of mask"
        return _refuse(row, "length_mismatch", counts, problems)
    if row.mask is not None:
        if set(row.mask) - {"0", "1"}:
            return _refuse(row, "bad_mask", "the mask has other letters than 0 and 1", problems)
        labels = "".join(one if seen == "1" else UNSCORED for one, seen in zip(labels, row.mask, strict=True))
    if not labels.strip(UNSCORED):
        return _refuse(row, "nothing_scored", "no residue has a label that counts", problems)
    return {"id": row.id, "sequence": sequence, "labels": labels}


def promoter(row: Row, task: str, problems: Problems) -> dict | None:
    """{"id", "sequence", "label"} of a DNA sequence, or None."""
    sequence = row.sequence.upper()
    if not _letters_hold(row, sequence, BASES, "bad_base", problems):
        return None
    if row.labels not in ("0", "1"):
        return _refuse(row, "bad_class", "the label is neither 0 nor 1", problems)
    return {"id": row.id, "sequence": sequence, "label": row.labels}


def _letters_hold(row: Row, sequence: str, allowed: frozenset[str], code: str, problems: Problems) -> bool:
    other = set(sequence) - allowed
    if other or not sequence:
        what = f"{_few(other)} is none" if other else "there is none"
        _refuse(row, code, what, problems)
    elif len(sequence) > LONGEST:
        _refuse(row, "too_long", f"{len(sequence):,} letters, and {LONGEST:,} are the most", problems)
    return bool(sequence) and not other and len(sequence) <= LONGEST


def _refuse(row: Row, code: str, message: str, problems: Problems) -> None:
    problems.add(code, f"{row.file}: {message}", row.id, row.record, row.line)


def _few(letters: set[str]) -> str:
    """Some letters as text: three tell enough."""
    return ", ".join(repr(one) for one in sorted(letters)[:3])
