"""Work items of the masked task: every run of N once, and the model sees of it what it would in the whole record."""

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.analyses import ModelUse
from seqdrop.masks import count_masks, masked_items, true_end
from seqdrop.reads.records import Record

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "model_code" / "dnabert"))
import masked
from windows import WindowSettings
from work_items import parse_line

sequences = st.lists(st.tuples(st.text("ACGTacgtRn", max_size=40), st.integers(0, 50)), max_size=6).map(
    lambda parts: "".join(bases + "N" * run for bases, run in parts)
)


def use(window: int) -> ModelUse:
    return ModelUse(model="m", k=3, window=window, stride=window, strands="+", max_n_fraction=1.0, task="masked")


class Tokens:
    """As much of a model as cutting questions takes."""

    k = 3

    @staticmethod
    def kmer_ids(codes):
        return codes.tolist()


class Model:
    tokens = Tokens


def asked(line: bytes, settings: WindowSettings) -> list:
    """What the container asks of an item: the bases that the model sees, and where; or why not."""
    found = masked.questions(parse_line(line), settings, Model)
    return [one if isinstance(one, dict) else (one.ids, one.place, one.span, one.answer) for one in found]


@given(st.lists(sequences, max_size=3), st.integers(3, 60))
def test_each_run_is_one_item_that_the_container_takes(texts, window):
    records = [Record(number, f'r"{number}', text.encode()) for number, text in enumerate(texts, start=1)]
    items = [json.loads(line) for line in masked_items("U", records, use(window))]
    runs = [(n, *run.span()) for n, _, sequence, _ in records for run in re.finditer(rb"[Nn]+", sequence)]
    assert sum(count_masks(record.sequence) for record in records) == len(items) == len(runs)
    assert len({item["id"] for item in items}) == len(items)
    for item, (number, start, end) in zip(items, runs, strict=True):
        (mask,) = item["masks"]
        text, first = texts[number - 1], item["start"]
        assert item["record"] == f'r"{number}'
        assert item["sequence"] == text[first : first + window]
        assert (mask[0], true_end(item["id"], mask[1])) == (start, end)
        parse_line(json.dumps(item).encode())


@given(sequences, st.integers(3, 60), st.sampled_from([True, False]))
def test_the_model_sees_what_it_would_in_the_whole_record(text, window, score_short):
    """Only [Nn]+ is asked for: so the whole record's item names those runs, as long as a window holds them."""
    settings = WindowSettings(window, window, ("+",), 1.0, score_short)
    runs = [run.span() for run in re.finditer("[Nn]+", text) if len(run[0]) < window]
    whole = {"id": "w", "record": "r", "start": 0, "sequence": text, "masks": runs}
    # Runs that no window holds stay N in the whole record too: they are other letters to the model.
    expected = asked(json.dumps(whole).encode(), settings)
    record = [Record(1, "r", text.encode())]
    found = [asked(line, settings) for line in masked_items("U", record, use(window)) if len(line)]
    short = [answer for (answer,) in found if place_of(answer) in {tuple(run) for run in runs}]
    assert short == expected


def place_of(answer) -> tuple[int, int]:
    told = answer if isinstance(answer, dict) else answer[3]
    return told["start"], told["end"]


def test_a_gap_longer_than_a_window_is_cut_off_but_not_forgotten():
    (line,) = masked_items("U", [Record(7, "chr", b"A" * 10 + b"N" * 1000 + b"C")], use(300))
    item = json.loads(line)
    assert item == {"id": "U:7:10:1:1010", "record": "chr", "start": 10, "sequence": "N" * 300, "masks": [[10, 310]]}
    assert true_end(item["id"], 310) == 1010


@pytest.mark.parametrize(("item", "end"), [("U:1:5", 9), ("U:1:5:3", 9)])
def test_any_other_id_has_no_end(item, end):
    assert true_end(item, end) == end
