"""Spans: nothing of X-Ray without traces; with them, segments of the real library that hold ids and no texts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from seqdrop.runtime import tracing
from seqdrop.runtime.tracing import span

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
LOADS_EVERY_HANDLER = """
import importlib.util, pathlib, sys
for path in sorted(pathlib.Path("functions").glob("*/app.py")):
    spec = importlib.util.spec_from_file_location(path.parent.name, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
from seqdrop.runtime.tracing import span
with span("archive", upload_id="A"):
    pass
print("aws_xray_sdk" in sys.modules)
"""


@pytest.fixture
def emitted(monkeypatch):
    """Return the segments that are sent to the daemon, with traces on, as in a function of Lambda."""
    core = pytest.importorskip("aws_xray_sdk.core", reason="aws-xray-sdk is not installed: make setup")
    from aws_xray_sdk.core.lambda_launcher import LambdaContext

    monkeypatch.setenv(tracing.VARIABLE, "true")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    segments = []

    class Emitter:
        def send_entity(self, entity):
            segments.append(entity)

        def set_daemon_address(self, address):
            raise AssertionError("no network in this test")

    before = core.xray_recorder.emitter, core.xray_recorder.context
    core.xray_recorder._emitter, core.xray_recorder._context = Emitter(), LambdaContext()
    tracing._tracer.cache_clear()
    yield segments
    core.xray_recorder._emitter, core.xray_recorder._context = before
    tracing._tracer.cache_clear()


def test_without_traces_no_handler_loads_the_library(repository):
    environment = {**os.environ, tracing.VARIABLE: "false", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-c", LOADS_EVERY_HANDLER]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_traces_a_span_does_nothing(monkeypatch):
    monkeypatch.delenv(tracing.VARIABLE, raising=False)
    with pytest.raises(ValueError, match="no"), span("archive", upload_id="A"):
        raise ValueError("no")


def test_a_span_has_the_name_of_its_stage_and_the_ids(emitted):
    with span("archive", upload_id="ABC", job="", files=2):
        assert emitted == []
    (segment,) = emitted
    assert (segment.name, segment.annotations) == ("archive", {"upload_id": "ABC", "files": 2})
    assert segment.trace_id == "1-5759e988-bd862e3fe1be46a994272793"
    assert "fault" not in segment.to_dict()


def test_a_span_inside_another_belongs_to_it(emitted):
    with span("start_transform"), span("launch", job="seqdrop-x"):
        pass
    inner, outer = sorted(emitted, key=lambda segment: segment.name)
    assert (inner.name, inner.parent_id) == ("launch", outer.id)
    assert inner.annotations == {"job": "seqdrop-x"}


def test_an_error_marks_the_span_and_passes_without_its_text(emitted):
    """A message may hold the name of a file, or sequence data."""
    with pytest.raises(ValueError, match=r"^patient\.fastq: ACGT$"), span("validate", upload_id="ABC"):
        raise ValueError("patient.fastq: ACGT")
    (segment,) = emitted
    assert (segment.fault, segment.annotations) == (True, {"upload_id": "ABC", "error": "ValueError"})
    assert "patient" not in segment.serialize()
    assert "ACGT" not in segment.serialize()
