"""Lines of SageMaker's data capture: the chapter's payload and work items, as text and as base64."""

from __future__ import annotations

import base64
import json

import pytest
from seqdrop.monitoring.captures import join_kmers, read_capture

SEQUENCE = "CTAATCTGG"
KMERS = " ".join(SEQUENCE[place : place + 6] for place in range(4))


def line(request: str, response: str, encoding: str = "JSON") -> str:
    """Return a captured line as the service writes it."""

    def part(text: str, mode: str) -> dict:
        data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
        return {"observedContentType": "application/json", "mode": mode, "data": data, "encoding": encoding}

    capture = {"endpointInput": part(request, "INPUT"), "endpointOutput": part(response, "OUTPUT")}
    metadata = {"eventId": "0", "inferenceTime": "2026-11-30T00:00:00Z"}
    return json.dumps({"captureData": capture, "eventMetadata": metadata, "eventVersion": "0"})


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
def test_the_payload_of_kmers_becomes_its_sequence_and_the_score_of_the_positive_class(encoding):
    request, response = json.dumps({"inputs": KMERS}), json.dumps([{"label": "LABEL_0", "score": 0.875}])
    captured = read_capture(line(request, response, encoding), "LABEL_1", 0.5)
    assert captured.sequences == [SEQUENCE]
    assert captured.rows == [{"probability": 0.125, "call": False}]


def test_several_inputs_have_several_rows_and_errors_have_none():
    response = json.dumps([{"label": "promoter", "score": 0.9}, {"error": {"code": "too_long", "message": "m"}}])
    captured = read_capture(line(json.dumps({"inputs": [KMERS, KMERS]}), response), "promoter", 0.5)
    assert (captured.sequences, captured.rows) == ([SEQUENCE] * 2, [{"probability": 0.9, "call": True}])


def test_work_items_have_the_windows_of_their_prediction_lines():
    items = "".join(
        json.dumps({"id": str(n), "record": "r", "start": 0, "sequence": SEQUENCE}) + "\n" for n in range(2)
    )
    windows = [{"start": 0, "end": 9, "strand": "+", "probability": 0.5}, {"start": 0, "end": 9, "not_scored": "x"}]
    lines = "\n".join(json.dumps({"id": str(n), "record": "r", "windows": windows}) for n in range(2))
    captured = read_capture(line(items, lines), "", None)
    assert (captured.sequences, captured.rows) == ([SEQUENCE] * 2, [{"probability": 0.5}] * 2)


def test_a_sequence_may_come_without_spaces():
    assert (join_kmers(KMERS), join_kmers(SEQUENCE), join_kmers("")) == (SEQUENCE, SEQUENCE, "")


def test_a_line_of_another_shape_is_refused():
    for text in ("{}", "no JSON", line("no JSON", "[]")):
        with pytest.raises((ValueError, KeyError)):
            read_capture(text, "", None)
