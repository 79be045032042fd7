"""The schemas of work items and predictions, compared with the readers and writers on both sides."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from seqdrop.kinds.plans import packaged
from seqdrop.reads.records import Record
from seqdrop.results.rows import Counts, rows
from seqdrop.results.writer import Predictions
from seqdrop.work import items
from seqdrop.work.selection import collapse_identical

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "model_code" / "dnabert"))

import work_items
from common.json_lines import BadLineError

MODEL_CODE = Path(work_items.__file__).resolve().parents[1]

ITEM = {"id": "u:1:0", "record": "chr1", "start": 0, "sequence": "ACGT"}
relaxed = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53 - 1) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
nearly_items = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=5) | any_json,
        "record": st.text(max_size=5) | any_json,
        "start": st.integers(-1, 10**12) | any_json,
        "sequence": st.text("ACGTNacgtn*.-", max_size=40) | any_json,
        "masks": st.lists(st.lists(st.integers(0, 40), min_size=2, max_size=2), max_size=3) | any_json,
        "other": any_json,
    },
)
item_dicts = st.fixed_dictionaries(
    {
        "id": st.text(min_size=1, max_size=8),
        "record": st.text(min_size=1, max_size=8),
        "start": st.integers(0, 10**12),
        "sequence": st.text("ACGTNRacgt*.-", max_size=60),
    }
)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((MODEL_CODE / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


is_valid_item = validator("work_item").is_valid
is_valid_prediction = validator("prediction").is_valid


@pytest.fixture(scope="module")
def predict():
    """Return a function from a request body to the response lines of the smaller promoter model."""
    spec = importlib.util.spec_from_file_location("dnabert_inference", MODEL_CODE / "dnabert" / "inference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.model_fn(str(MODEL_CODE / "dnabert" / "seeds" / "promoter-70"))

    def invoke(body: bytes) -> list[dict]:
        request = module.input_fn(body, "application/jsonlines")
        text = module.output_fn(module.predict_fn(request, model), "application/jsonlines")
        return [json.loads(line) for line in text.split("\n")]

    return invoke


@pytest.fixture
def job(monkeypatch):
    for name, value in {"WINDOW": "20", "STRIDE": "15", "STRANDS": "+-", "MAX_N_FRACTION": "0.2"}.items():
        monkeypatch.setenv(f"SEQDROP_{name}", value)


def is_read(line: bytes) -> bool:
    try:
        work_items.parse_line(line)
    except BadLineError:
        return False
    return True


@given(nearly_items | any_json)
@example(ITEM)
@example(ITEM | {"start": 5.0})
@example(ITEM | {"start": True})
@example(ITEM | {"start": 1e300})
@example(ITEM | {"sequence": ""})
@example(ITEM | {"sequence": "AC GT"})
@example(ITEM | {"other": 1})
@example(ITEM | {"masks": [[0, 1], [2, 4]]})
@example(ITEM | {"masks": []})
@example(ITEM | {"masks": [[2, 1]]})
@example(ITEM | {"masks": [[0, 1.5]]})
@example(ITEM | {"masks": None})
@example({})
def test_the_container_reads_the_items_that_the_schema_accepts(fields):
    line = json.dumps(fields).encode()
    start = fields.get("start") if isinstance(fields, dict) else None
    if isinstance(start, int | float) and start > work_items.MOST_START:
        assert not is_read(line)  # stricter than the schema, because readers cannot represent such a number exactly
    elif isinstance(fields, dict) and str(fields.get("sequence")).endswith("\n"):
        assert not is_read(line)  # Python's $ allows a final newline, JSON Schema's does not
    elif isinstance(fields, dict) and fields.get("masks"):
        # The schema cannot express that masks are in order and within the sequence.
        assert is_valid_item(fields) or not is_read(line)
    else:
        assert is_read(line) == is_valid_item(fields)


@relaxed
@given(lines=st.lists(item_dicts | nearly_items | any_json, min_size=1, max_size=5))
def test_every_response_line_is_a_prediction(job, predict, lines):
    predictions = predict(b"\n".join(json.dumps(line).encode() for line in lines))
    assert len(predictions) == len(lines)
    for line, prediction in zip(lines, predictions, strict=True):
        assert is_valid_prediction(prediction)
        assert ("windows" in prediction) == is_read(json.dumps(line).encode())


@relaxed
@given(body=st.binary(min_size=1, max_size=80))
def test_every_response_to_arbitrary_bytes_is_an_error_line(job, predict, body):
    assert all(is_valid_prediction(prediction) for prediction in predict(body))


def test_each_kind_of_response_line_is_a_prediction(job, predict):
    kinds = ["ACGT" * 5, "ACGT", "N" * 20]
    bodies = [json.dumps(ITEM | {"sequence": sequence}).encode() for sequence in kinds]
    predictions = predict(b"\n".join([*bodies, b"{"]))
    assert all(is_valid_prediction(prediction) for prediction in predictions)
    assert [prediction["windows"][0].get("not_scored") for prediction in predictions[:3]] == [
        None,
        "shorter_than_window",
        "too_many_n",
    ]
    assert predictions[3]["error"]["code"] == "not_json"


def test_identical_reads_are_scored_once_and_their_number_is_returned(job, predict):
    """Collapsed reads pass through the container as work items, and the predictions have their number."""
    plain = packaged().by_name["reads"]
    analysis = replace(plain, settings=replace(plain.settings, collapse=True))
    reads = [Record(number, f"r{number}", b"ACGTA" * (4 + number % 2)) for number in range(1, 8)]
    lines = list(
        items.work_items("U" * 26, collapse_identical(reads), analysis.settings, analysis.job.windows_per_item)
    )
    assert all(is_valid_item(json.loads(line)) for line in lines)
    counts = Counts()
    make = analysis.kind.row_maker(Predictions(analysis, [], {}), counts)
    predictions = (json.dumps(prediction).encode() for prediction in predict(b"".join(lines)))
    table = list(rows(predictions, make, counts, collapse=True))
    assert [(row["record"], row["count"]) for row in table if row["strand"] == "+"] == [("r1", 4), ("r1", 4), ("r2", 3)]
    assert counts.copies["windows"] == 2 * (2 * 4 + 3)
