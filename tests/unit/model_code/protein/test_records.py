"""The normalised training data: what is read, what is refused, and how long proteins are cut."""

from __future__ import annotations

import json

import jsonschema
import pytest
import records
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model_code.protein import data


def test_splits_are_read_and_counted(tmp_path):
    folder = data.write(tmp_path, data.proteins(16))
    splits = records.read_splits(folder, "HEC")
    assert {split: len(proteins) for split, proteins in splits.items()} == {"train": 12, "validation": 2, "test": 2}
    counts = records.count(splits["train"])
    assert counts["residues"] == sum(len(protein.sequence) for protein in splits["train"])
    assert counts["scored"] == sum(counts["classes"].values()) < counts["residues"]


def test_the_digest_covers_all_three_files(tmp_path):
    folder = data.write(tmp_path, data.proteins(16))
    before = records.digest(folder)
    path = folder / "test.jsonl"
    path.write_text(path.read_text().replace('"p', '"q'))
    assert records.digest(folder) != before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not a JSON object with id, sequence and labels"),
        ('["a"]', "not a JSON object"),
        ('{"id": "a", "sequence": "MK"}', "not a JSON object"),
        ('{"id": "a", "sequence": "MK", "labels": "H"}', "2 residues and 1 labels"),
        ('{"id": "a", "sequence": "", "labels": ""}', "0 residues"),
        ('{"id": "a", "sequence": "MKV", "labels": "HGx"}', "labels G x are not among HEC-"),
    ],
)
def test_an_invalid_line_is_refused_with_its_place(tmp_path, line, message):
    (tmp_path / "a.jsonl").write_text('{"id": "p", "sequence": "M", "labels": "C"}\n' + line + "\n")
    with pytest.raises(ValueError, match=f"a.jsonl, line 2: .*{message}") as raised:
        records.read(tmp_path / "a.jsonl", "HEC")
    assert "MKV" not in str(raised.value)


def test_missing_and_empty_files_are_refused(tmp_path):
    (tmp_path / "train.jsonl").write_text("")
    with pytest.raises(ValueError, match="lacks validation.jsonl, test.jsonl"):
        records.read_splits(tmp_path, "HEC")
    with pytest.raises(ValueError, match="train.jsonl contains no protein"):
        records.read(tmp_path / "train.jsonl", "HEC")


def test_the_schema_accepts_and_refuses_the_same_records(repository):
    schema = json.loads((repository / "model_code/training_record.schema.json").read_text())
    check = jsonschema.Draft202012Validator(schema)
    assert all(check.is_valid(protein) for protein in data.proteins(20))
    assert check.is_valid({"id": "a", "sequence": "ACGT", "label": "1"})
    for wrong in ({"labels": "HX"}, {"labels": "EG" + "Q"}, {"sequence": "mk"}, {"id": ""}, {"more": 1}):
        assert not check.is_valid({"id": "a", "sequence": "MK", "labels": "HE"} | wrong)


@given(st.integers(1, 5000), st.integers(1, 600))
def test_each_residue_of_a_long_protein_is_scored_once_with_neighbours(length, longest):
    windows = list(records.cut_interval(length, longest))
    assert [position for _, _, first, last in windows for position in range(first, last)] == list(range(length))
    assert len(windows) == 1 or length > longest
    for start, end, first, last in windows:
        assert 0 <= start <= first < last <= end <= length
        assert end - start <= longest
        margin = min(records.CONTEXT, longest // 2) // 2
        assert first == 0 or first - start >= margin
        assert last == length or end - last >= margin


def test_windows_keep_sequence_and_labels_together():
    protein = records.Protein("a", "".join(chr(65 + position % 20) for position in range(100)), "HEC-" * 25)
    windows = records.cut_windows([protein, protein], 40)
    assert {window.protein for window in windows} == {0, 1}
    first = [window for window in windows if window.protein == 0]
    scored = sum(len(window.labels) - window.labels.count("-") for window in first)
    assert scored == 75
    for window in first:
        start = next(position for position in range(100) if protein.sequence[position:].startswith(window.sequence))
        scored_positions = [position for position, label in enumerate(window.labels) if label != "-"]
        assert all(window.labels[position] == protein.labels[start % 20 + position] for position in scored_positions)
