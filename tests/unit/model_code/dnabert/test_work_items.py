"""Lines: valid work items, errors of other lines, and that no message repeats a sequence."""

from __future__ import annotations

import json

import pytest
from common.json_lines import BadLineError, error_line, split_lines
from hypothesis import given
from hypothesis import strategies as st
from work_items import MOST_START, parse_line

GOOD = {"id": "u:1:0", "record": "chr1", "start": 0, "sequence": "ACGTN"}


def with_change(**change) -> bytes:
    return json.dumps({name: value for name, value in (GOOD | change).items() if value is not ...}).encode()


def test_a_work_item_is_read():
    item = parse_line(with_change(start=12, sequence="acgtRYn*.-"))
    assert (item.id, item.record, item.start, item.sequence) == ("u:1:0", "chr1", 12, b"acgtRYn*.-")


def test_a_position_may_be_a_float():
    assert parse_line(with_change(start=7.0)).start == 7


@pytest.mark.parametrize(
    ("line", "code", "id"),
    [
        (b"\xff\xfe", "not_utf8", None),
        (b"", "not_json", None),
        (b"{", "not_json", None),
        (b"[" * 100_000, "not_json", None),
        (b'{"id": "a", "start": ' + b"9" * 5000 + b"}", "not_json", None),
        (b"[]", "not_a_work_item", None),
        (b'"text"', "not_a_work_item", None),
        (b"null", "not_a_work_item", None),
        (with_change(sequence=...), "not_a_work_item", "u:1:0"),
        (with_change(extra=1), "not_a_work_item", "u:1:0"),
        (with_change(id=5), "not_a_work_item", None),
        (with_change(id=""), "not_a_work_item", ""),
        (with_change(record=None), "not_a_work_item", "u:1:0"),
        (with_change(record=""), "not_a_work_item", "u:1:0"),
        (with_change(start=-1), "not_a_work_item", "u:1:0"),
        (with_change(start=True), "not_a_work_item", "u:1:0"),
        (with_change(start=1.5), "not_a_work_item", "u:1:0"),
        (with_change(start="0"), "not_a_work_item", "u:1:0"),
        (with_change(start=float("nan")), "not_a_work_item", "u:1:0"),
        (with_change(start=float("inf")), "not_a_work_item", "u:1:0"),
        (with_change(start=MOST_START + 1), "not_a_work_item", "u:1:0"),
        (with_change(sequence=5), "not_a_work_item", "u:1:0"),
        (with_change(sequence="AC GT"), "not_a_work_item", "u:1:0"),
        (with_change(sequence="ACGT\n"), "not_a_work_item", "u:1:0"),
        (with_change(sequence="ÀCGT"), "not_a_work_item", "u:1:0"),
    ],
)
def test_a_bad_line_has_an_error_code(line, code, id):
    with pytest.raises(BadLineError) as caught:
        parse_line(line)
    assert (caught.value.code, caught.value.id) == (code, id)
    assert json.loads(error_line(caught.value)) == {
        "id": id,
        "error": {"code": code, "message": str(caught.value)},
    }


@given(st.text("ACGT", min_size=12, max_size=40), st.sampled_from(["{}!", '{{"id": "{}"', '{{"{}": 1}}']))
def test_no_message_repeats_the_sequence(sequence, shape):
    with pytest.raises(BadLineError) as caught:
        parse_line(shape.format(sequence).encode())
    assert sequence not in caught.value.message


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_raise_bad_line_error(line):
    try:
        parse_line(line)
    except BadLineError as problem:
        json.loads(error_line(problem))


@given(st.lists(st.binary(max_size=10).filter(lambda line: b"\n" not in line)), st.booleans())
def test_lines_end_at_newlines_only(lines, closed):
    body = b"\n".join(lines) + (b"\n" if closed and lines else b"")
    expected = body.split(b"\n")
    assert list(split_lines(body)) == (expected[:-1] if expected[-1] == b"" else expected)


def test_a_lone_surrogate_in_an_id_is_kept():
    item = parse_line(b'{"id": "\\ud800", "record": "r", "start": 0, "sequence": ""}')
    assert item.id == "\ud800"
