"""Training data with its job.toml, as a lab drops them, and the rows that train.py must find."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.evidence import Drop

FLIP, THREE_LINE, CSV, DEAR, REUSE, BAD_JOB = JOBS = (
    "job.toml for flip",
    "job.toml for three_line",
    "job.toml for csv",
    "job.toml that is too dear",
    "job.toml that names an earlier one",
    "bad job.toml",
)
SEQUENCES, LABELS, MASK, TEXT, TABLE = DATA = ("sequences", "labels", "mask", "three_line", "csv")
BAD_LABELS, BAD_TABLE = BAD_DATA = ("bad labels", "bad csv")
NOTE = "note that no job.toml names"
KINDS = (*JOBS, *DATA, *BAD_DATA, NOTE)
GOOD_JOBS = frozenset({FLIP, THREE_LINE, CSV, DEAR, REUSE})
DATA_FAULTS = {BAD_LABELS: "length_mismatch", BAD_TABLE: "bad_label"}
MIN_Q3 = 0.7  # of the gate
# No file is dropped under proteins/. Its table lets a trained model become the current one without a person.
ANALYSIS = f"""
[analyses.training]
prefix = "training/"
formats = ["training"]
max_gb = 0.2
[analyses.proteins]
prefix = "proteins/"
formats = ["fasta"]
alphabet = "protein"
max_gb = 0.2
task = "structure"
model = "structure"
[analyses.proteins.promotion]
promotes = true
min_q3 = {MIN_Q3}
"""
MODEL = "structure"
GOOD, POOR = 0.8, 0.5  # Q3 of a model that passes the gate, and of one that does not
SPLITS = ("train", "validation", "test")
_NAMES = dict.fromkeys(JOBS, "job.toml") | {
    SEQUENCES: "sequences.fasta",
    LABELS: "labels.fasta",
    BAD_LABELS: "labels.fasta",
    MASK: "mask.fasta",
    TEXT: "all.txt",
    TABLE: "all.csv",
    BAD_TABLE: "all.csv",
    NOTE: "notes.txt",
}
NO_TRAINING = "A" * 26  # an upload id that no file has
_DATA = {
    FLIP: 'format = "flip"\nsequences = "sequences.fasta"\nlabels = "labels.fasta"\nmask = "mask.fasta"',
    THREE_LINE: 'format = "three_line"\nfile = "all.txt"',
}
WHOLE = {FLIP: (FLIP, SEQUENCES, LABELS, MASK), THREE_LINE: (THREE_LINE, TEXT), CSV: (CSV, TABLE)}


def place(kind: str, slot: int) -> str:
    return f"training/t{slot % 2}/{_NAMES[kind]}"


def reuse_body(slot: int, number: int, earlier: list[tuple[str, Drop]]) -> bytes:
    """Return a job.toml that names the last or the last but one of its folder, given with their upload ids."""
    upload_id, kind = NO_TRAINING, CSV
    if earlier:
        upload_id, drop = earlier[-1 - slot // 2 % min(2, len(earlier))]
        kind = next((kind for kind in (FLIP, THREE_LINE) if _DATA[kind].encode() in drop.body), CSV)
    return f'reuse = "{upload_id}"\n'.encode() + _job(kind, number)


def reused(job: Drop) -> str:
    """Return the upload id that a job.toml names with `reuse`; "" if it names none."""
    return str(tomllib.loads(job.body.decode()).get("reuse", ""))


def named(job: Drop) -> tuple[str, ...]:
    """Return the names of the data files of a sound job.toml."""
    data = tomllib.loads(job.body.decode())["data"]
    return tuple(data[name] for name in ("sequences", "labels", "mask", "file") if name in data)


def body(kind: str, slot: int, number: int) -> bytes:
    """Return the body of a file. Files of one set fit in all versions; they encode `number`, so no two are equal."""
    if kind in JOBS:
        return _job(kind, number)
    rows = [(split, *_record(split, number)) for split in SPLITS]
    wrong = "H" if kind == BAD_LABELS else ""
    lines = {
        SEQUENCES: [f">{split}\n{residues}" for split, residues, _, _ in rows],
        LABELS: [f">{split} {_header(split)}\n{labels}{wrong}" for split, _, labels, _ in rows],
        MASK: [f">{split}\n{mask}" for split, _, _, mask in rows],
        TEXT: [f">{split} {_header(split)}\n{residues}\n{labels}" for split, residues, labels, _ in rows],
        TABLE: ["id,sequence,labels,split", *[f"{row[0]},{row[1]},{row[2]},{row[0]}" for row in rows]],
        NOTE: [f"note {number}"],
    }
    lines |= {BAD_LABELS: lines[LABELS], BAD_TABLE: lines[TABLE]}
    text = "\n".join(lines[kind]) + "\n"
    return (text.replace("HEC", "HEX") if kind == BAD_TABLE else text).encode()


def _job(kind: str, number: int) -> bytes:
    if kind == BAD_JOB:
        return f'# {number}\nmodel = "cnm"\n'.encode()
    head = f'# {number}\nmodel = "cnn"\n' + ("budget_usd = 0\n" if kind == DEAR else "")
    data = _DATA.get(kind, 'format = "csv"\nfile = "all.csv"')
    return f'{head}[data]\n{data}\n[instance]\ntype = "ml.m5.xlarge"\n'.encode()


def _record(split: str, number: int) -> tuple[str, str, str]:
    """Return residues, labels that contain each class, and a mask that keeps at least one of each."""
    bits = f"{number:08b}"
    residues = "AKL"[SPLITS.index(split)] * 3 + "".join("GP"[int(bit)] for bit in bits)
    return residues, "HEC" + "".join("HC"[int(bit)] for bit in bits), "111" + bits


def _header(split: str) -> str:
    return f"SET={'test' if split == 'test' else 'train'} VALIDATION={split == 'validation'}"


def rows(job: Drop, files: dict[str, Drop]) -> dict[str, list[dict]]:
    """Return the rows that train.py must find in each split, with these versions of the files."""
    by_name = {name: drop.number for name, drop in files.items()}
    expected: dict[str, list[dict]] = {}
    for split in SPLITS:
        records = [_record(split, by_name[name]) for name in named(job)]
        is_flip = len(records) > 1
        residues, labels = records[0][0], records[1][1] if is_flip else records[0][1]
        if is_flip:
            mask = records[2][2]
            labels = "".join(label if bit == "1" else "-" for label, bit in zip(labels, mask, strict=True))
        expected[split] = [{"id": split, "sequence": residues, "labels": labels}]
    return expected


# -- the output of train.py --


def model_archive(name: str) -> bytes:
    """Return the model.tar.gz of a job. It holds the job's name, so that no two models are equal."""
    config = {"seqdrop": {"model": "cnn", "task": "ss3", "classes": "HEC"}, "job": name}
    return _archive({"config.json": config})


def output_archive(q3: float) -> bytes:
    return _archive({"card.json": {"model": "cnn", "metrics": {"test_q3": q3}}})


def _archive(members: dict[str, dict]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            body = json.dumps(content).encode()
            about = tarfile.TarInfo(name)
            about.size = len(body)
            tar.addfile(about, io.BytesIO(body))
    return buffer.getvalue()


def program() -> dict[str, bytes]:
    """Return the objects that `seqdrop training push` writes to the results bucket."""
    digest = hashlib.sha256(b"code").hexdigest()
    prefix = f"training/protein/{digest[:16]}/"
    pointer = {"current": {"prefix": prefix, "digest": digest}, "history": []}
    return {f"{prefix}sourcedir.tar.gz": b"code", "training/protein/current.json": json.dumps(pointer).encode()}
