"""The schemas of protein work items and predictions, compared with validate, finish and the container."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from seqdrop.reads import fasta_alphabets
from seqdrop.reads.records import Record
from seqdrop.results import proteins as results
from seqdrop.work.items import protein_items as items_of

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "model_code" / "protein"))

import networks
import protein_items
from common.json_lines import BadLineError

CODE = Path(protein_items.__file__).resolve().parent
LINES = "application/jsonlines"
ITEM = {"id": "u:1:0", "record": "p1", "alphabet": "protein", "sequence": "MKV"}
relaxed = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        "alphabet": st.just("protein") | st.just("dna") | any_json,
        "sequence": st.text("ACDEFGHIKLMNPQRSTVWYXUZOBJ*-acd ", max_size=40) | any_json,
        "other": any_json,
    },
)
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
sequences = st.binary(min_size=1, max_size=60).map(
    lambda content: bytes(65 + code % 26 + 32 * (code > 127) for code in content)
)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((CODE.parent / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


is_valid_item, is_valid_prediction = validator("protein_item").is_valid, validator("protein_prediction").is_valid


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Use a single thread, because tiny models are slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def inference():
    spec = importlib.util.spec_from_file_location("protein_inference_of_contract", CODE / "inference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["ss3", "ss8", "embed"])
def predictor(request, inference, tmp_path_factory):
    """Return the task as finish names it, and a function from a body to the response lines of a tiny random model."""
    from tests.unit.model_code.protein.folders import tiny_folder

    states = "ss3" if request.param == "embed" else request.param
    model = networks.load(tiny_folder(tmp_path_factory.mktemp("model"), task=states))
    task = "embed" if request.param == "embed" else "structure"
    ready = inference.LoadedTask(inference.TASKS[task](model), inference.read_window_settings({}, model.longest))

    def predict(body: bytes) -> list[bytes]:
        text = inference.output_fn(inference.predict_fn(inference.input_fn(body, LINES), ready), LINES)
        return text.encode().split(b"\n")

    return task, predict


def is_read(line: bytes) -> bool:
    try:
        protein_items.parse_line(line)
    except BadLineError:
        return False
    return True


@given(nearly_items | any_json)
@example(ITEM)
@example(ITEM | {"alphabet": "dna"})
@example(ITEM | {"sequence": ""})
@example(ITEM | {"sequence": "MK*"})
@example(ITEM | {"sequence": "M" * 100_000})
@example(ITEM | {"sequence": "M" * 100_001})
@example(ITEM | {"start": 0})
@example({})
def test_the_container_reads_the_items_that_the_schema_accepts(fields):
    if isinstance(fields, dict) and str(fields.get("sequence")).endswith("\n"):
        return  # Python's $ allows a final newline, JSON Schema's does not
    assert is_read(json.dumps(fields).encode()) == is_valid_item(fields)


@given(st.lists(st.tuples(words, sequences), max_size=5))
def test_validate_writes_valid_work_items(proteins):
    records = [Record(number, name, sequence) for number, (name, sequence) in enumerate(proteins, start=1)]
    for line, (name, sequence) in zip(items_of("U" * 26, records), proteins, strict=True):
        assert is_valid_item(json.loads(line))
        item = protein_items.parse_line(line)
        assert (item.record, item.sequence) == (name, sequence.decode().upper())


@relaxed
@given(st.lists(nearly_items | any_json | st.just(ITEM), min_size=1, max_size=5))
def test_every_response_line_is_a_prediction(predictor, lines):
    bodies = [json.dumps(line).encode() for line in lines]
    predictions = [json.loads(line) for line in predictor[1](b"\n".join(bodies))]
    assert len(predictions) == len(bodies)
    for body, prediction in zip(bodies, predictions, strict=True):
        assert is_valid_prediction(prediction)
        assert ("error" in prediction) != is_read(body)


@relaxed
@given(st.lists(sequences, min_size=1, max_size=5))
def test_finish_reads_the_responses_of_the_container(predictor, proteins):
    task, predict = predictor
    records = [Record(number, f"p{number}", sequence) for number, sequence in enumerate(proteins, start=1)]
    items = list(items_of("U" * 26, records))
    counts = results.ProteinCounts()
    reader = {"structure": results.read_structure, "embed": results.read_embedding}[task]
    predictions = list(results.read_outputs(predict(b"".join(items)), items, reader, counts))
    assert [prediction.record for prediction in predictions] == [record.name for record in records]
    assert (counts.proteins, counts.residues, counts.errors.total()) == (len(proteins), sum(map(len, proteins)), 0)


def test_both_sides_have_the_same_bounds_and_residues():
    assert fasta_alphabets.LONGEST == protein_items.LONGEST
    assert results.UNIT == protein_items.UNIT
    assert {"ss3": results.STATES, "ss8": results.STATES_8} == networks.CLASSES
