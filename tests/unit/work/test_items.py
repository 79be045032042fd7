"""Shards contain every work item, in order, in objects of moderate size."""

import json

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.kinds.plans import packaged
from seqdrop.reads.records import Record
from seqdrop.work.items import copies_of, pack_shards, work_items


def make_items(name: str, counted: list[tuple[Record, int]]) -> list[dict]:
    """Return the work items of records for the packaged analysis of this name."""
    analysis = packaged().by_name[name]
    lines = work_items("U", counted, analysis.settings, analysis.job.windows_per_item)
    return [json.loads(line) for line in lines]


@given(
    st.lists(st.binary(min_size=1, max_size=30).map(lambda data: data.hex().encode() + b"\n"), max_size=30),
    st.integers(1, 90),
)
def test_no_line_is_lost_or_cut(lines, size):
    packed = list(pack_shards(lines, size))
    assert b"".join(body for body, _ in packed) == b"".join(lines)
    assert sum(count for _, count in packed) == len(lines)
    assert all(len(body) <= size or count == 1 for body, count in packed)
    assert all(count >= 1 for _, count in packed)


def test_an_item_contains_its_location():
    long = Record(2, "chr", b"ACGT" * 6_000)
    items = make_items("contigs", [(Record(1, "a", b"AC"), 1), (long, 1)])
    assert items[0] == {"id": "U:1:0", "record": "a", "start": 0, "sequence": "AC"}
    assert [item["id"] for item in items[1:]] == [f"U:2:{item['start']}" for item in items[1:]]
    for item in items[1:]:
        assert item["sequence"] == ("ACGT" * 6_000)[item["start"] : item["start"] + len(item["sequence"])]


def test_the_id_of_an_item_contains_the_number_of_identical_records():
    ids = [item["id"] for item in make_items("reads", [(Record(7, "a", b"AC"), 12), (Record(9, "b", b"A"), 1)])]
    assert ids == ["U:7:0:12", "U:9:0"]
    assert [copies_of(item_id) for item_id in [*ids, None]] == [12, 1, 1]
