"""Work items of the masked task: each interval is one item, and gives the model the same input as the whole record."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.errors import InvalidFileError
from seqdrop.reads.bed import read_bed
from seqdrop.reads.records import Record
from seqdrop.work.items import masked_items, runs_of_n, true_end

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "model_code" / "dnabert"))
import masked
from windows import WindowSettings
from work_items import parse_line

sequences = st.lists(st.tuples(st.text("ACGTacgtRn", max_size=40), st.integers(0, 50)), max_size=6).map(
    lambda parts: "".join(bases + "N" * run for bases, run in parts)
)


class Tokens:
    """The part of a model that is needed to make queries."""

    k = 3

    @staticmethod
    def kmer_ids(codes):
        return codes.tolist()


class Model:
    tokens = Tokens


def queries_of(line: bytes, settings: WindowSettings) -> list:
    """Return the container's queries for an item: the model's input and its location, or a `not_scored` entry."""
    queries = masked.make_queries(parse_line(line), settings, Model)
    return [query if isinstance(query, dict) else (query.ids, query.kmer, query.span, query.entry) for query in queries]


@given(st.lists(sequences, max_size=3), st.integers(3, 60))
def test_each_run_of_n_is_one_item_that_the_container_accepts(texts, window):
    records = [Record(number, f'r"{number}', text.encode()) for number, text in enumerate(texts, start=1)]
    items = [json.loads(line) for line in masked_items("U", records, window)]
    runs = [(n, *run.span()) for n, _, sequence, *_ in records for run in re.finditer(rb"[Nn]+", sequence)]
    assert sum(1 for record in records for _ in runs_of_n(record)) == len(items) == len(runs)
    assert len({item["id"] for item in items}) == len(items)
    for item, (number, start, end) in zip(items, runs, strict=True):
        (mask,) = item["masks"]
        text, first = texts[number - 1], item["start"]
        assert item["record"] == f'r"{number}'
        assert item["sequence"] == text[first : first + window]
        assert (mask[0], true_end(item["id"], mask[1])) == (start, end)
        parse_line(json.dumps(item).encode())


@given(sequences, st.integers(3, 60), st.sampled_from([True, False]))
def test_the_model_gets_the_same_input_as_in_the_whole_record(text, window, score_short):
    """The item of the whole record names the runs of N that fit in a window."""
    settings = WindowSettings(window, window, ("+",), 1.0, score_short)
    runs = [run.span() for run in re.finditer("[Nn]+", text) if len(run[0]) < window]
    whole = {"id": "w", "record": "r", "start": 0, "sequence": text, "masks": runs}
    # Runs as long as a window or longer stay N in the whole record as well: for the model they are only context.
    expected = queries_of(json.dumps(whole).encode(), settings)
    record = [Record(1, "r", text.encode())]
    queries = [queries_of(line, settings) for line in masked_items("U", record, window)]
    short = [query for (query,) in queries if place_of(query) in {tuple(run) for run in runs}]
    assert short == expected


def place_of(query) -> tuple[int, int]:
    entry = query if isinstance(query, dict) else query[3]
    return entry["start"], entry["end"]


def test_a_gap_longer_than_a_window_is_cut_off_and_its_end_is_kept():
    (line,) = masked_items("U", [Record(7, "chr", b"A" * 10 + b"N" * 1000 + b"C")], 300)
    item = json.loads(line)
    assert item == {"id": "U:7:10:1:1010", "record": "chr", "start": 10, "sequence": "N" * 300, "masks": [[10, 310]]}
    assert true_end(item["id"], 310) == 1010


@pytest.mark.parametrize(("item", "end"), [("U:1:5", 9), ("U:1:5:3", 9)])
def test_any_other_id_contains_no_end(item, end):
    assert true_end(item, end) == end


# ---------------------------------------------------------------- with a BED


@st.composite
def masked_sequences(draw) -> tuple[str, list[tuple[int, int]]]:
    """Draw a sequence and intervals of it, ascending and disjoint."""
    text = draw(st.text("ACGTacgtRn", min_size=1, max_size=80))
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    return text, list(zip(borders[::2], borders[1::2], strict=False))


def masks_of(*lines: tuple[str, int, int]) -> BedMasks:
    body = "".join(f"{name}\t{start}\t{end}\n" for name, start, end in lines)
    return BedMasks("BED", read_bed(io.BytesIO(body.encode())))


@given(st.lists(masked_sequences(), min_size=1, max_size=3), st.integers(3, 60), st.randoms())
def test_each_interval_of_a_bed_is_one_item_with_the_input_of_the_whole_record(records_and_spans, window, chance):
    """Items are in the order of the records, not of the BED. Each item hides all intervals; N outside them is not
    filled."""
    lines = [(f"r{n}", *span) for n, (_, spans) in enumerate(records_and_spans) for span in spans]
    chance.shuffle(lines)
    if not lines:
        return
    masks = masks_of(*lines)
    records = [Record(n, f"r{n}", text.encode()) for n, (text, _) in enumerate(records_and_spans)]
    items = list(masked_items("U", masks.cover(records), window, masks.spans))
    masks.check()
    in_items = [(json.loads(line)["id"].split(":")[1], *json.loads(line)["masks"][0]) for line in items]
    expected = [(str(n), *span) for n, (_, spans) in enumerate(records_and_spans) for span in spans]
    assert [(number, start) for number, start, _ in in_items] == [(number, start) for number, start, _ in expected]
    ends = [true_end(json.loads(line)["id"], end) for line, (_, _, end) in zip(items, in_items, strict=True)]
    assert ends == [end for _, _, end in expected]
    settings = WindowSettings(window, window, ("+",), 1.0, True)
    for n, (text, spans) in enumerate(records_and_spans):
        if any(end - start >= window for start, end in spans):
            continue  # the item of a longer interval than a window contains no other bases
        whole = {"id": "w", "record": f"r{n}", "start": 0, "sequence": text, "masks": spans}
        of_record = [line for line, (number, _, _) in zip(items, in_items, strict=True) if number == str(n)]
        queries = [query for line in of_record for query in queries_of(line, settings)]
        assert queries == queries_of(json.dumps(whole).encode(), settings)


def test_lines_of_a_bed_that_fit_no_record_are_reported():
    masks = masks_of(("a", 0, 2), ("a", 8, 11), ("gone", 5, 6), ("b", 9, 10))
    records = [Record(1, "a", b"ACGTACGTAC"), Record(2, "b", b"ACGTACGTAC")]
    assert [record.sequence for record in masks.cover(records)] == [b"NNGTACGTAC", b"ACGTACGTAN"]
    assert list(masks.spans(records[0])) == [(0, 2)]
    with pytest.raises(InvalidFileError) as caught:
        masks.check()
    faults = [(fault.code, fault.name, fault.line, fault.byte) for fault in caught.value.errors]
    assert faults == [("bed_beyond_end", "a", 2, 6), ("bed_no_record", "gone", 3, 13)]
