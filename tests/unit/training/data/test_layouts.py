"""Data sets in the layouts of other tools: an index column, k-mers, spaces, booleans, numbers, residue J."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.training.data.layouts import join_bases, join_residues, parse_class
from seqdrop.training.data.line_reader import Source
from seqdrop.training.data.prepare import Prepared, prepare
from seqdrop.training.jobfile import parse

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop.errors import Fault

DNA = [("ACGTACGTAC", "0"), ("TTGACCGTAA", "1"), ("GGGTACGATT", "1"), ("CATCATTGCA", "0")]
DNA_SPLITS = ["train", "train", "validation", "test"]
PROTEINS = [("MKVLAW", "HECHEC"), ("MAVLAWX", "HHECCCC"), ("GKVLAJ", "CCEEHH")]
PROTEIN_SPLITS = ["train", "validation", "test"]


def kmers(sequence: str, k: int, step: int = 1) -> str:
    return " ".join(sequence[start : start + k] for start in range(0, len(sequence) - k + 1, step))


def run(model: str, kind: str, body: bytes, folder: Path) -> Prepared:
    job = f'model = "{model}"\n[data]\nformat = "{kind}"\nfile = "all"\n'
    return prepare(parse(job.encode()), {"all": Source("all", io.BufferedReader(io.BytesIO(body)))}, folder)


def records(folder: Path) -> list[tuple[str, str]]:
    """Return (sequence, label or labels) of all splits."""
    texts = [(folder / f"{split}.jsonl").read_text() for split in ("train", "validation", "test")]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    return [(line["sequence"], line.get("labels") or line["label"]) for line in lines]


def refusal(model: str, kind: str, body: bytes, folder: Path) -> Fault:
    with pytest.raises(InvalidFileError) as raised:
        run(model, kind, body, folder)
    return raised.value.fault


def dna_table(header: list[str], delimiter: str, *, index: bool = True, sequences: list[str] | None = None) -> bytes:
    rows = [header]
    for number, ((sequence, label), split) in enumerate(zip(DNA, DNA_SPLITS, strict=True)):
        text = sequences[number] if sequences else sequence
        rows.append([*([str(number)] if index else []), text, label, split])
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def protein_table(columns: dict[str, list[str]]) -> bytes:
    columns = {"sequence": [s for s, _ in PROTEINS], "labels": [t for _, t in PROTEINS]} | columns
    columns |= {"split": PROTEIN_SPLITS}
    return "".join(",".join(row) + "\n" for row in [tuple(columns), *zip(*columns.values(), strict=True)]).encode()


def parquet(columns: dict) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


# ---------------------------------------------------------------- columns

COLUMNS = ["sequence", "label", "split"]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize(
    "header", [["", *COLUMNS], [" ", *COLUMNS], ["Unnamed: 0", *COLUMNS], ['""', *COLUMNS], COLUMNS]
)
def test_an_index_column_needs_no_name(tmp_path, header, delimiter):
    """pandas leaves its header empty; R's `write.table` leaves it out."""
    run("dnabert", "csv", dna_table(header, delimiter), tmp_path)
    assert records(tmp_path) == DNA


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("sequence\tlabel\tsplit", "sequence\tlabel\tsplit\t"),
        lambda text: text.replace("\n", "\t\t\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "".join(f"  {line} \n" for line in text.splitlines()),
        lambda text: "\n\t\t\n".join(text.splitlines()).replace("\t\t\n", "\n"),
        lambda text: text.replace("split", "split\tnote, free").replace("train\n", "train\ta,b\n"),
        lambda text: text.replace("sequence", '"sequence"'),
    ],
)
def test_columns_stay_in_place_whatever_surrounds_them(tmp_path, change):
    text = dna_table(["", *COLUMNS], "\t").decode()
    run("dnabert", "csv", change(text).encode(), tmp_path)
    assert records(tmp_path) == DNA


def test_a_first_cell_may_be_empty_in_rows_too(tmp_path):
    text = dna_table(["note", *COLUMNS], "\t").decode().replace("\n0\t", "\n\t")
    run("dnabert", "csv", text.encode(), tmp_path)
    assert records(tmp_path) == DNA


def test_cells_beyond_the_header_are_ignored_as_before(tmp_path):
    text = dna_table(COLUMNS, ",", index=False).decode().replace("train\n", "train,comment\n")
    run("dnabert", "csv", text.encode(), tmp_path)
    assert records(tmp_path) == DNA


# ---------------------------------------------------------------- spaces


@pytest.mark.parametrize("k", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("lower", [False, True])
def test_kmers_and_single_bases_are_joined(tmp_path, k, lower):
    texts = [kmers(sequence.lower() if lower else sequence, k) for sequence, _ in DNA]
    prepared = run("dnabert", "csv", dna_table(["", *COLUMNS], "\t", sequences=texts), tmp_path)
    assert records(tmp_path) == DNA
    assert prepared.warnings == {"spaces_removed": 4}


@pytest.mark.parametrize(
    "text",
    [
        "ACGTAC GTTTGA",  # blocks
        "ACG TAC GTA",  # codons
        "ACG CGT GT",
        "ACGTACGT CGTACGTA",  # k is 8
        "A CG T",
        "ACGT CGTA TACC",
    ],
)
def test_other_spaces_in_dna_are_refused_in_words(tmp_path, text):
    table = dna_table(COLUMNS, "\t", index=False, sequences=[text, *(sequence for sequence, _ in DNA[1:])])
    fault = refusal("dnabert", "csv", table, tmp_path)
    assert fault.code == "bad_spaces"
    assert "neither k-mers that overlap nor single bases" in fault.message
    assert text not in fault.message


@pytest.mark.parametrize("names", [["sequence"], ["labels"], ["sequence", "labels"], ["sequence", "labels", "mask"]])
def test_spaces_between_residues_labels_and_mask_are_removed(tmp_path, names):
    columns = {"sequence": [s for s, _ in PROTEINS], "labels": [t for _, t in PROTEINS]}
    columns["mask"] = ["1" * len(sequence) for sequence in columns["sequence"]]
    spaced = {name: [" ".join(text) if name in names else text for text in texts] for name, texts in columns.items()}
    prepared = run("cnn", "csv", protein_table(spaced), tmp_path)
    assert records(tmp_path) == PROTEINS
    assert prepared.warnings["spaces_removed"] == 3


@pytest.mark.parametrize(("scored", "hidden"), [("1", "0"), ("1.0", "0.0"), ("True", "False")])
def test_a_mask_with_spaces_may_have_decimals_and_booleans(tmp_path, scored, hidden):
    masks = [" ".join([hidden, *[scored] * (len(sequence) - 1)]) for sequence, _ in PROTEINS]
    run("cnn", "csv", protein_table({"labels": ["HHHECC", "HHECCCC", "CCEEHH"], "mask": masks}), tmp_path)
    assert [labels for _, labels in records(tmp_path)] == ["-HHECC", "-HECCCC", "-CEEHH"]


def test_spaces_in_three_lines_are_removed(tmp_path):
    names = zip(PROTEINS, PROTEIN_SPLITS, "abc", strict=True)
    text = "".join(f">{name} SET={split}\n{' '.join(s)}\n{' '.join(t)}\n" for (s, t), split, name in names)
    run("cnn", "three_line", text.encode(), tmp_path)
    assert records(tmp_path) == PROTEINS


def test_spaces_in_wrapped_fasta_are_removed(tmp_path):
    """The last line may have a single residue, without a space."""
    names = list(zip(PROTEINS, PROTEIN_SPLITS, "abc", strict=True))
    wrapped = "".join(f">{name}\n{' '.join(s[:-1])}\n{s[-1]}\n" for (s, _), _, name in names)
    labels = "".join(f">{name} SET={split}\n{' '.join(t)}\n" for (_, t), split, name in names)
    job = parse(b'model = "cnn"\n[data]\nformat = "flip"\nsequences = "s"\nlabels = "l"\n')
    bodies = {"s": wrapped.encode(), "l": labels.encode()}
    prepare(job, {name: Source(name, io.BufferedReader(io.BytesIO(body))) for name, body in bodies.items()}, tmp_path)
    assert records(tmp_path) == PROTEINS


@pytest.mark.parametrize(("name", "text"), [("sequence", "MKV LAW"), ("labels", "HEC HEC"), ("sequence", "M K VL A W")])
def test_other_spaces_in_proteins_are_refused_in_words(tmp_path, name, text):
    columns = {"sequence": [s for s, _ in PROTEINS], "labels": [t for _, t in PROTEINS]}
    columns[name][0] = text
    fault = refusal("cnn", "csv", protein_table(columns), tmp_path)
    assert fault.code == "bad_spaces"
    assert f"the {name}" in fault.message
    assert "one between every two residues" in fault.advice


@given(st.text("ACGTN", min_size=7, max_size=60), st.integers(3, 6))
def test_kmers_are_the_inverse_of_dnaberts_function(sequence, k):
    assert join_bases(kmers(sequence, k)) == sequence
    assert join_bases(sequence) == join_bases(" ".join(sequence)) == sequence


@given(st.text("ACGT 	\u00a0", max_size=40))
def test_joined_text_has_no_space_and_keeps_its_characters(text):
    residues, bases = join_residues(text), join_bases(text)
    assert residues in (None, "".join(text.split()))
    assert bases is None or not any(character.isspace() for character in bases)
    assert residues is None or bases == residues


# ---------------------------------------------------------------- letters


@pytest.mark.parametrize("residue", list("JXBZUOju"))
def test_residues_that_validate_accepts_are_accepted(tmp_path, residue):
    columns = {"sequence": [f"{s[:-1]}{residue}" for s, _ in PROTEINS]}
    run("cnn", "csv", protein_table(columns), tmp_path)
    assert {sequence[-1] for sequence, _ in records(tmp_path)} == {residue.upper()}


def test_the_residues_are_those_of_validation():
    from seqdrop.reads.fasta_alphabets import OTHERS, PROTEINOGENIC
    from seqdrop.training.data.residues import RESIDUES

    assert frozenset((PROTEINOGENIC + OTHERS).decode()) == RESIDUES


@pytest.mark.parametrize("label", ["", "C", "-"])
def test_a_stop_at_the_end_is_omitted(tmp_path, label):
    columns = {"sequence": [f"{s}*" for s, _ in PROTEINS], "labels": [f"{t}{label}" for _, t in PROTEINS]}
    prepared = run("cnn", "csv", protein_table(columns), tmp_path)
    assert records(tmp_path) == PROTEINS
    assert prepared.warnings == {"stop_omitted": 3}


@pytest.mark.parametrize("sequence", ["MK*LAW", "MK-LAW", "MK.LAW", "MK1LAW"])
def test_other_characters_are_still_refused(tmp_path, sequence):
    columns = {"sequence": [sequence, *(s for s, _ in PROTEINS[1:])]}
    assert refusal("cnn", "csv", protein_table(columns), tmp_path).code == "bad_residue"


def test_u_is_read_as_t(tmp_path):
    texts = [sequence.replace("T", "U") for sequence, _ in DNA]
    prepared = run("dnabert", "csv", dna_table(COLUMNS, ",", index=False, sequences=texts), tmp_path)
    assert records(tmp_path) == DNA
    assert prepared.warnings == {"rna_read_as_dna": 4}


def test_numbers_as_labels_of_residues_are_explained(tmp_path):
    columns = {"labels": ["012012", *(t for _, t in PROTEINS[1:])]}
    assert "does not say which class" in refusal("cnn", "csv", protein_table(columns), tmp_path).message


# ---------------------------------------------------------------- labels

ON = [label == "1" for _, label in DNA]


@pytest.mark.parametrize(
    "labels",
    [
        pa.array(ON),
        pa.array(ON).cast(pa.int8()),
        pa.array([float(on) for on in ON]),
        pa.array([float(on) for on in ON], pa.float32()),
        pa.array([str(on) for on in ON]).dictionary_encode(),
        pa.array([f"{on:d}".encode() for on in ON]),
        pa.array([int(on) for on in ON]).cast(pa.decimal128(24, 2)),
        pa.array([str(int(on)) for on in ON], pa.large_string()),
    ],
    ids=lambda array: str(array.type),
)
def test_labels_of_any_type_are_0_and_1(tmp_path, labels):
    columns = {"sequence": [sequence for sequence, _ in DNA], "label": labels, "split": DNA_SPLITS}
    run("dnabert", "parquet", parquet(columns), tmp_path)
    assert records(tmp_path) == DNA


@pytest.mark.parametrize(
    ("negative", "positive"), [("False", "True"), ("false", "true"), ("0.0", "1.0"), ("0.", "1.00")]
)
def test_labels_in_text_may_be_booleans_and_decimals(tmp_path, negative, positive):
    text = (
        dna_table(COLUMNS, "\t", index=False)
        .decode()
        .replace("\t0\t", f"\t{negative}\t")
        .replace("\t1\t", f"\t{positive}\t")
    )
    run("dnabert", "csv", text.encode(), tmp_path)
    assert records(tmp_path) == DNA


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.5, 1.0, 1.0, 0.0], "the label is 0.5, which is neither 0 nor 1"),
        ([2, 1, 1, 0], "the label is 2, which is"),
        ([-1.0, 1.0, 1.0, 0.0], "the label is -1, which is"),
        ([None, 1.0, 1.0, 0.0], "the label is missing"),
        ([float("nan"), 1.0, 1.0, 0.0], "the label is missing"),
        ([float("inf"), 1.0, 1.0, 0.0], "the label is inf, which is"),
        (["ACGT", "1", "1", "0"], "the label is neither 0 nor 1"),
    ],
)
def test_other_labels_are_refused_in_words(tmp_path, labels, message):
    columns = {"sequence": [sequence for sequence, _ in DNA], "label": labels, "split": DNA_SPLITS}
    fault = refusal("dnabert", "parquet", parquet(columns), tmp_path)
    assert fault.code == "bad_class"
    assert message in fault.message
    assert "ACGT" not in fault.message


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sequence", list),
        ("labels", list),
        ("sequence", str.encode),
        ("mask", lambda mask: [character == "1" for character in mask]),
        ("mask", lambda mask: [int(character) for character in mask]),
        ("mask", lambda mask: [float(character) for character in mask]),
    ],
)
def test_lists_and_bytes_in_parquet(tmp_path, name, make):
    columns = {"sequence": [s for s, _ in PROTEINS], "labels": [t for _, t in PROTEINS]}
    columns["mask"] = ["1" * len(s) for s, _ in PROTEINS]
    columns[name] = [make(text) for text in columns[name]]
    run("cnn", "parquet", parquet(columns | {"split": PROTEIN_SPLITS}), tmp_path)
    assert records(tmp_path) == PROTEINS


@given(st.text(max_size=12))
def test_a_class_is_0_1_or_refused(label):
    assert parse_class(label) in ("0", "1", None)
