"""Structure files, each read by independent code: pyarrow, tarfile, and a strict reader of .ss2."""

from __future__ import annotations

import base64
import json
import struct
import tarfile
import tracemalloc
from dataclasses import replace

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.kinds.plans import KINDS, packaged
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.results import structure
from seqdrop.results.provenance import build_provenance
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.writer import Predictions, result_files, summary

from tests.unit.results.proteins import UNIT, item, output_line, random_rows, read_ss2, read_three_line

PROTEINS = packaged().by_name["proteins"]
EMBED = replace(PROTEINS, kind=KINDS["protein_embed"])
UPLOAD = Upload("VALIDATED", id="U" * 26, key="proteins/a b é.fa", sha256="ab" * 32, records=2)
JOB = Job("STARTED", name="job", model="structure", model_key="models/x", model_digest="cd" * 32)
PROVENANCE = build_provenance(UPLOAD, Attempt("SUBMITTED", number=1), JOB, PROTEINS)
EIGHT = "GHIBESTC"
sequences = st.lists(st.text("ACDEFGHIKLMNPQRSTVWYXUOBZJ", min_size=1, max_size=40), min_size=1, max_size=6)
names = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=99), min_size=1, unique=True
)


def results(items, lines, analysis=PROTEINS):
    return result_files(Predictions(analysis, lines, PROVENANCE, None, items))


def ss2_files(folder) -> dict[str, str]:
    with tarfile.open(folder / "structure.ss2.tar.gz") as tar:
        return {info.name: tar.extractfile(info).read().decode("ascii") for info in tar.getmembers()}


def check(folder, records: dict, rows: list, classes: str) -> None:
    """Check that all files agree about all residues; `rows` are probabilities in UNIT, in the order of `classes`."""
    groups = {"H": "GHI", "E": "BE", "C": "STC"} if len(classes) == 8 else {state: state for state in "HEC"}
    sums = [
        {state: sum(row[classes.index(letter)] for letter in group) for state, group in groups.items()}
        for part in rows
        for row in part
    ]
    table = pyarrow.parquet.read_table(folder / "structure.parquet")
    file = pyarrow.parquet.ParquetFile(folder / "structure.parquet")
    assert json.loads(file.metadata.metadata[b"seqdrop"]) == PROVENANCE
    residues = table.to_pylist()
    expected = [(name, place, residue) for name, text in records.items() for place, residue in enumerate(text, start=1)]
    assert [(row["record"], row["position"], row["residue"]) for row in residues] == expected
    for row, units in zip(residues, sums, strict=True):
        for state in "HEC":
            assert row[f"p{state}"] == pytest.approx(units[state] / UNIT, abs=1e-6)
        assert units[row["ss"]] == max(units.values())
        assert (row["item"], row["error"], row["model"], row["model_sha256"]) == (None, None, "structure", "cd" * 32)
    structures = read_three_line((folder / "structure.fasta").read_text())
    assert [(name, text) for name, text, _ in structures] == list(records.items())
    assert "".join(ss for _, _, ss in structures) == "".join(row["ss"] for row in residues)
    lines = [line for text in ss2_files(folder).values() for line in read_ss2(text)]
    for (residue, state, coil, helix, strand), row in zip(lines, residues, strict=True):
        assert (residue, state) == (row["residue"], row["ss"])
        assert (coil, helix, strand) == pytest.approx((row["pC"], row["pH"], row["pE"]), abs=5.1e-4)
    plain = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert [(line["record"], line["length"]) for line in plain] == [(name, len(text)) for name, text in records.items()]
    assert [p for line in plain for p in line["pH"]] == pytest.approx([row["pH"] for row in residues], abs=1e-6)


@settings(max_examples=30)
@given(sequences, names, st.sampled_from(["HEC", "CEH", EIGHT, EIGHT[::-1]]))
def test_all_files_agree(texts, record_names, classes):
    records = dict(zip(record_names, texts, strict=False))
    items = [item(text, number, name) for number, (name, text) in enumerate(records.items(), start=1)]
    rows = [random_rows(len(text), len(classes), len(text)) for text in records.values()]
    lines = [output_line(work_item, part, classes) for work_item, part in zip(items, rows, strict=True)]
    with results(items, lines) as written:
        check(written.folder, records, rows, classes)
        content = summary(Predictions(PROTEINS, lines, PROVENANCE), written)
        assert content["counts"] == {
            "proteins": len(records),
            "residues": sum(map(len, records.values())),
            "errors": {},
        }
        assert {*content["files"]} == {path.name for path in written.folder.iterdir()}


def test_eight_states_are_reduced_to_three():
    """The most probable of 3 states may not include the most probable of 8: coil is the sum of S, T and C."""
    work_item = item("MK", 1)
    rows = [[0, 2900, 0, 0, 3500, 600, 0, 3000], [2000, 2000, 0, 0, 3000, 1000, 1000, 1000]]
    lines = [output_line(work_item, rows, EIGHT)]
    with results([work_item], lines) as written:
        first, second = pyarrow.parquet.read_table(written.folder / "structure.parquet").to_pylist()
        content = summary(Predictions(PROTEINS, lines, PROVENANCE), written)["structure"]
    assert (first["ss8"], first["ss"], first["pE"], first["pC"]) == ("E", "C", *map(pytest.approx, (0.35, 0.36)))
    assert (second["ss8"], second["ss"], second["pH"]) == ("E", "H", pytest.approx(0.4))
    assert second["p8_S"] == pytest.approx(0.1)
    assert content["composition"] == {"H": 0.5, "E": 0.0, "C": 0.5}
    assert content["composition8"]["E"] == 1
    assert content["mean_probability"] == pytest.approx((0.36 + 0.4) / 2)


def test_an_error_has_a_row_and_no_structure():
    items = [item("MKV", 1), item("ACD", 2)]
    error = {"id": None, "error": {"code": "not_finite", "message": "why"}}
    with results(items, [json.dumps(error).encode(), output_line(items[1], random_rows(3, 3))]) as written:
        first, *others = pyarrow.parquet.read_table(written.folder / "structure.parquet").to_pylist()
        assert (first["record"], first["position"], first["error"]) == ("p1", None, error["error"])
        assert [row["record"] for row in others] == ["p2"] * 3
        assert list(ss2_files(written.folder)) == ["2_p2.ss2"]
        assert written.counts.as_dict()["errors"] == {"not_finite": 1}


GOOD = item("MKV")
ROWS = [[10_000, 0, 0]] * 3


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        output_line(GOOD, ROWS[:2]),
        output_line(GOOD, [[10_000, 1, 0]] * 3),
        output_line(GOOD, ROWS, labels="HHX"),
        output_line(GOOD, ROWS, classes="HHC"),
        output_line(GOOD, ROWS, id="U:2:0"),
        output_line(GOOD, ROWS, probabilities="!"),
        json.dumps({"id": json.loads(GOOD)["id"], "record": "p1", "windows": []}).encode(),
    ],
)
def test_a_line_of_another_shape_raises_an_error(line):
    with (
        pytest.raises(UnexpectedOutputError, match="line 2 of the model"),
        results([GOOD, GOOD], [output_line(GOOD, ROWS), line]),
    ):
        pass


def test_more_lines_than_work_items_raise_an_error():
    with pytest.raises(UnexpectedOutputError, match="line 2"), results([GOOD], [output_line(GOOD, ROWS)] * 2):
        pass


def test_file_names_are_valid_on_any_system():
    items = [item("M", 1, "sp|P12345|A/../../B"), item("M", 2, "x" * 300)]
    with results(items, [output_line(work_item, ROWS[:1]) for work_item in items]) as written:
        assert list(ss2_files(written.folder)) == ["1_sp_P12345_A_.._.._B.ss2", f"2_{'x' * 80}.ss2"]


def test_memory_does_not_grow_with_the_number_of_proteins(monkeypatch):
    """The peak memory of Python is the same for 20 and for 100 proteins of 100 residues, in batches of 5."""
    monkeypatch.setattr(structure, "ROWS", 500)

    def peak(count: int) -> int:
        work_item = item("M" * 100)
        line = output_line(work_item, random_rows(100, 3))
        tracemalloc.start()
        with results((work_item for _ in range(count)), (line for _ in range(count))):
            memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return memory

    peak(20)  # warm-up: imports modules
    assert peak(100) < 1.2 * peak(20)


def test_embeddings_are_lists_of_numbers():
    items = [item("MKV", 1), item("A", 2), item("C", 3)]
    lines = []
    for work_item, numbers in zip(items[:2], [(0.5, -1.25), (3e-8, 1e6)], strict=True):
        content = json.loads(work_item)
        packed = base64.b64encode(struct.pack("<2f", *numbers)).decode()
        line = {"id": content["id"], "record": content["record"], "length": len(content["sequence"])}
        lines.append(json.dumps(line | {"embedding": packed}).encode())
    lines.append(json.dumps({"id": None, "error": {"code": "not_finite", "message": "why"}}).encode())
    with results(items, lines, EMBED) as written:
        table = pyarrow.parquet.read_table(written.folder / "embeddings.parquet").to_pylist()
        content = summary(Predictions(EMBED, lines, PROVENANCE), written)
    assert [(row["record"], row["length"]) for row in table] == [("p1", 3), ("p2", 1), ("p3", None)]
    assert table[0]["embedding"] == [0.5, -1.25]
    assert table[1]["embedding"] == pytest.approx([3e-8, 1e6])
    assert table[2]["error"]["code"] == "not_finite"
    assert content["counts"] == {"proteins": 2, "residues": 4, "errors": {"not_finite": 1}}
    assert content["files"] == ["embeddings.jsonl", "embeddings.parquet"]
