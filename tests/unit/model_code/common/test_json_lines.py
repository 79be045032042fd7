"""JSON Lines of both model families: how lines are split and parsed, and the place in errors of invalid files."""

from __future__ import annotations

import json

import pytest
from common.json_lines import BadLineError, check_fields, parse_object, prediction_line, read_texts, split_lines
from hypothesis import given
from hypothesis import strategies as st

REQUIRED, OPTIONAL = ("id", "record", "sequence"), ("masks",)
ITEM = {"id": "u:1", "record": "r", "sequence": "MKV"}


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line)), st.booleans())
def test_lines_are_split_in_order_with_or_without_a_last_newline(lines, ended):
    body = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    expected = lines if ended or not lines or lines[-1] else lines[:-1]
    assert list(split_lines(body)) == expected


@given(st.dictionaries(st.text(), st.none() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.text())))
def test_every_object_is_parsed(value):
    assert parse_object(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequence": ...}, "missing: sequence"),
        ({"id": ..., "record": ...}, "missing: id, record"),
        ({"secret": 1, "more": 2}, "2 properties that a work item of this model does not have"),
        ({"id": ""}, "id must be a string that is not empty"),
        ({"record": 5}, "record must be a string that is not empty"),
    ],
)
def test_an_object_with_other_fields_is_refused_without_repeating_them(change, message):
    fields = {name: value for name, value in (ITEM | change).items() if value is not ...}
    with pytest.raises(BadLineError) as caught:
        check_fields(fields, REQUIRED, OPTIONAL)
    assert (caught.value.code, caught.value.message, caught.value.id) == ("not_a_work_item", message, fields.get("id"))


def test_optional_fields_are_allowed():
    check_fields(ITEM, REQUIRED, OPTIONAL)
    check_fields(ITEM | {"masks": []}, REQUIRED, OPTIONAL)


def test_a_prediction_line_begins_with_id_and_record():
    item = type("Item", (), {"id": "u:1", "record": "r"})
    assert prediction_line(item, windows=[1]) == '{"id":"u:1","record":"r","windows":[1]}'


def test_texts_of_a_file_are_read_with_their_place(tmp_path):
    path = tmp_path / "train.jsonl"
    first, second = (
        '{"id": "a", "sequence": "MK", "labels": "HH", "more": 1}',
        '{"id": "é", "sequence": "", "labels": "-"}',
    )
    path.write_text(f"{first}\r\n{second}\n", newline="", encoding="utf-8")
    assert list(read_texts(path, "id", "sequence", "labels")) == [
        ("train.jsonl, line 1", ["a", "MK", "HH"]),
        ("train.jsonl, line 2", ["é", "", "-"]),
    ]


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[]", b'{"id": "a"}', b'{"id": "a", "label": 1}', b""])
def test_an_invalid_line_of_a_file_is_refused_with_its_place(tmp_path, line):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"id": "a", "label": "1"}\n' + line + b"\n")
    with pytest.raises(ValueError, match=r"^train\.jsonl, line 2: not a JSON object with id and label"):
        list(read_texts(path, "id", "label"))
