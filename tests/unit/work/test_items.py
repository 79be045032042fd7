"""Shards hold every work item, in order, in modest size."""

import json

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.kinds.plans import packaged
from seqdrop.reads.records import Record
from seqdrop.work.items import copies_of, pack_shards, work_items

CONTIGS, READS = (packaged().by_name[name] for name in ("contigs", "reads"))


@given(
    st.lists(st.binary(min_size=1, max_size=30).map(lambda b: b.hex().encode() + b"\n"), max_size=30),
    st.integers(1, 90),
)
def test_no_line_is_lost_or_cut(lines, size):
    found = list(pack_shards(lines, size))
    assert b"".join(body for body, _ in found) == b"".join(lines)
    assert sum(count for _, count in found) == len(lines)
    assert all(len(body) <= size or count == 1 for body, count in found)
    assert all(count >= 1 for _, count in found)


def test_an_item_names_its_place():
    long = Record(2, "chr", b"ACGT" * 6_000)
    records = [(Record(1, "a", b"AC"), 1), (long, 1)]
    items = [json.loads(line) for line in work_items("U", records, CONTIGS.settings, CONTIGS.job.windows_per_item)]
    assert items[0] == {"id": "U:1:0", "record": "a", "start": 0, "sequence": "AC"}
    assert [item["id"] for item in items[1:]] == [f"U:2:{item['start']}" for item in items[1:]]
    for item in items[1:]:
        assert item["sequence"] == ("ACGT" * 6_000)[item["start"] : item["start"] + len(item["sequence"])]


def test_an_item_says_how_many_it_stands_for():
    lines = work_items("U", [(Record(7, "a", b"AC"), 12), (Record(9, "b", b"A"), 1)], READS.settings, 64)
    ids = [json.loads(line)["id"] for line in lines]
    assert ids == ["U:7:0:12", "U:9:0"]
    assert [copies_of(one) for one in [*ids, None]] == [12, 1, 1]
