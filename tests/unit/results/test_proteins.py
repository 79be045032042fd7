"""Structures as files, each opened by a reader that is not ours: pyarrow, tarfile, and a strict one of .ss2."""

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

from tests.unit.results.proteins import UNIT, answer, item, random_rows, read_ss2, read_three_line

PROTEINS = packaged().by_name["proteins"]
EMBED = replace(PROTEINS, kind=KINDS["protein_embed"])
UPLOAD = Upload("VALIDATED", id="U" * 26, key="proteins/a b é.fa", sha256="ab" * 32, records=2)
JOB = Job("STARTED", name="job", model="structure", model_key="models/x", model_digest="cd" * 32)
MADE_BY = build_provenance(UPLOAD, Attempt("SUBMITTED", number=1), JOB, PROTEINS)
EIGHT = "GHIBESTC"
sequences = st.lists(st.text("ACDEFGHIKLMNPQRSTVWYXUOBZJ", min_size=1, max_size=40), min_size=1, max_size=6)
names = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=99), min_size=1, unique=True
)


def results(items, lines, analysis=PROTEINS):
    return result_files(Predictions(analysis, lines, MADE_BY, None, items))


def ss2_files(folder) -> dict[str, str]:
    with tarfile.open(folder / "structure.ss2.tar.gz") as tar:
        return {one.name: tar.extractfile(one).read().decode("ascii") for one in tar.getmembers()}


def check(folder, records: dict, rows: list, classes: str) -> None:
    """All files tell the same of the same residues; `rows` are units, in the order of `classes`."""
    groups = {"H": "GHI", "E": "BE", "C": "STC"} if len(classes) == 8 else {one: one for one in "HEC"}
    sums = [
        {state: sum(row[classes.index(one)] for one in group) for state, group in groups.items()}
        for part in rows
        for row in part
    ]
    table = pyarrow.parquet.read_table(folder / "structure.parquet")
    file = pyarrow.parquet.ParquetFile(folder / "structure.parquet")
    assert json.loads(file.metadata.metadata[b"seqdrop"]) == MADE_BY
    found = table.to_pylist()
    wanted = [(name, place, one) for name, text in records.items() for place, one in enumerate(text, start=1)]
    assert [(row["record"], row["position"], row["residue"]) for row in found] == wanted
    for row, told in zip(found, sums, strict=True):
        for state in "HEC":
            assert row[f"p{state}"] == pytest.approx(told[state] / UNIT, abs=1e-6)
        assert told[row["ss"]] == max(told.values())
        assert (row["item"], row["error"], row["model"], row["model_sha256"]) == (None, None, "structure", "cd" * 32)
    structures = read_three_line((folder / "structure.fasta").read_text())
    assert [(name, text) for name, text, _ in structures] == list(records.items())
    assert "".join(ss for _, _, ss in structures) == "".join(row["ss"] for row in found)
    lines = [line for text in ss2_files(folder).values() for line in read_ss2(text)]
    for (residue, state, coil, helix, strand), row in zip(lines, found, strict=True):
        assert (residue, state) == (row["residue"], row["ss"])
        assert (coil, helix, strand) == pytest.approx((row["pC"], row["pH"], row["pE"]), abs=5.1e-4)
    plain = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert [(one["record"], one["length"]) for one in plain] == [(name, len(text)) for name, text in records.items()]
    assert [p for one in plain for p in one["pH"]] == pytest.approx([row["pH"] for row in found], abs=1e-6)


@settings(max_examples=30)
@given(sequences, names, st.sampled_from(["HEC", "CEH", EIGHT, EIGHT[::-1]]))
def test_all_files_tell_the_same(found, given_names, classes):
    records = dict(zip(given_names, found, strict=False))
    items = [item(text, number, name) for number, (name, text) in enumerate(records.items(), start=1)]
    rows = [random_rows(len(text), len(classes), len(text)) for text in records.values()]
    lines = [answer(one, part, classes) for one, part in zip(items, rows, strict=True)]
    with results(items, lines) as written:
        check(written.folder, records, rows, classes)
        told = summary(Predictions(PROTEINS, lines, MADE_BY), written)
        assert told["counts"] == {"proteins": len(records), "residues": sum(map(len, records.values())), "errors": {}}
        assert {*told["files"]} == {path.name for path in written.folder.iterdir()}


def test_eight_states_stand_beside_their_three():
    """The likeliest of 3 states need not be that of the likeliest of 8: what is rest is told as S, T or C."""
    one = item("MK", 1)
    rows = [[0, 2900, 0, 0, 3500, 600, 0, 3000], [2000, 2000, 0, 0, 3000, 1000, 1000, 1000]]
    lines = [answer(one, rows, EIGHT)]
    with results([one], lines) as written:
        first, second = pyarrow.parquet.read_table(written.folder / "structure.parquet").to_pylist()
        told = summary(Predictions(PROTEINS, lines, MADE_BY), written)["structure"]
    assert (first["ss8"], first["ss"], first["pE"], first["pC"]) == ("E", "C", *map(pytest.approx, (0.35, 0.36)))
    assert (second["ss8"], second["ss"], second["pH"]) == ("E", "H", pytest.approx(0.4))
    assert second["p8_S"] == pytest.approx(0.1)
    assert told["composition"] == {"H": 0.5, "E": 0.0, "C": 0.5}
    assert told["composition8"]["E"] == 1
    assert told["mean_probability"] == pytest.approx((0.36 + 0.4) / 2)


def test_an_error_has_a_row_and_no_structure():
    items = [item("MKV", 1), item("ACD", 2)]
    error = {"id": None, "error": {"code": "not_finite", "message": "why"}}
    with results(items, [json.dumps(error).encode(), answer(items[1], random_rows(3, 3))]) as written:
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
        answer(GOOD, ROWS[:2]),
        answer(GOOD, [[10_000, 1, 0]] * 3),
        answer(GOOD, ROWS, labels="HHX"),
        answer(GOOD, ROWS, classes="HHC"),
        answer(GOOD, ROWS, id="U:2:0"),
        answer(GOOD, ROWS, probabilities="!"),
        json.dumps({"id": json.loads(GOOD)["id"], "record": "p1", "windows": []}).encode(),
    ],
)
def test_an_answer_of_another_shape_is_refused(line):
    with (
        pytest.raises(UnexpectedOutputError, match="line 2 of the model"),
        results([GOOD, GOOD], [answer(GOOD, ROWS), line]),
    ):
        pass


def test_more_answers_than_work_items_are_refused():
    with pytest.raises(UnexpectedOutputError, match="line 2"), results([GOOD], [answer(GOOD, ROWS)] * 2):
        pass


def test_names_of_files_are_such_that_any_system_takes_them():
    items = [item("M", 1, "sp|P12345|A/../../B"), item("M", 2, "x" * 300)]
    with results(items, [answer(one, ROWS[:1]) for one in items]) as written:
        assert list(ss2_files(written.folder)) == ["1_sp_P12345_A_.._.._B.ss2", f"2_{'x' * 80}.ss2"]


def test_memory_does_not_grow_with_the_number_of_proteins(monkeypatch):
    """What Python holds at the most: the same for 20 and for 100 proteins of 100 residues, in batches of 5."""
    monkeypatch.setattr(structure, "ROWS", 500)

    def most(count: int) -> int:
        one = item("M" * 100)
        line = answer(one, random_rows(100, 3))
        tracemalloc.start()
        with results((one for _ in range(count)), (line for _ in range(count))):
            held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    most(20)  # what is imported on the way
    assert most(100) < 1.2 * most(20)


def test_embeddings():
    items = [item("MKV", 1), item("A", 2), item("C", 3)]
    lines = []
    for one, numbers in zip(items[:2], [(0.5, -1.25), (3e-8, 1e6)], strict=True):
        told = json.loads(one)
        packed = base64.b64encode(struct.pack("<2f", *numbers)).decode()
        kept = {"id": told["id"], "record": told["record"], "length": len(told["sequence"])}
        lines.append(json.dumps(kept | {"embedding": packed}).encode())
    lines.append(json.dumps({"id": None, "error": {"code": "not_finite", "message": "why"}}).encode())
    with results(items, lines, EMBED) as written:
        table = pyarrow.parquet.read_table(written.folder / "embeddings.parquet").to_pylist()
        told = summary(Predictions(EMBED, lines, MADE_BY), written)
    assert [(row["record"], row["length"]) for row in table] == [("p1", 3), ("p2", 1), ("p3", None)]
    assert table[0]["embedding"] == [0.5, -1.25]
    assert table[1]["embedding"] == pytest.approx([3e-8, 1e6])
    assert table[2]["error"]["code"] == "not_finite"
    assert told["counts"] == {"proteins": 2, "residues": 4, "errors": {"not_finite": 1}}
    assert told["files"] == ["embeddings.jsonl", "embeddings.parquet"]
