"""Outcome files in all their languages, and texts of instruments that go into mails."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.runs.files import RunFileError
from seqdrop.runs.outcomes import READERS, read_outcome, shorten


def status(**texts):
    tags = "".join(f"<{tag}>{text}</{tag}>" for tag, text in texts.items())
    return f"<?xml version='1.0'?><RunCompletionStatus>{tags}</RunCompletionStatus>".encode()


@pytest.mark.parametrize(
    ("form", "body", "is_failed", "text"),
    [
        (
            "RunCompletionStatus",
            status(CompletionStatus="CompletedAsPlanned", ErrorDescription="None"),
            False,
            "Completed",
        ),
        (
            "RunCompletionStatus",
            status(CompletionStatus="UserEndedEarly", ErrorDescription="None"),
            True,
            "UserEndedEarly",
        ),
        ("RunCompletionStatus", status(CompletionStatus="X", ErrorDescription="a\n  b"), True, "X: a b"),
        ("RunCompletionStatus", status(RunStatus="RunCompleted"), False, "RunCompleted"),
        ("RunCompletionStatus", status(RunStatus="RunErrored", RunError="Door"), True, "RunErrored: Door"),
        ("RunCompletionStatus", status(RunStatus="RunStopped"), True, "RunStopped"),
        ("RunUploaded", b'{"outcome":"OutcomeCompleted"}', False, "OutcomeCompleted"),
        ("RunUploaded", b'{"outcome":"OutcomeFailed"}', True, "OutcomeFailed"),
        ("Error_Summary", b'{"result":"error","errors":["a"]}', True, "error: ['a']"),
        ("Error_Summary", b'{"result":"error"}', True, "error"),
        ("Error_Summary", b'{"result":"success"}', False, "success"),
        ("analysisResults", b'{"AnalysisStatus":"Succeeded"}', False, "Succeeded"),
        ("analysisResults", b'{"AnalysisStatus":"Failed"}', True, "Failed"),
    ],
)
def test_what_an_outcome_says(form, body, is_failed, text):
    outcome = read_outcome(form, body, "x")
    assert outcome.is_failed == is_failed
    assert text in outcome.text
    assert not outcome.text.endswith((":", "None"))


@pytest.mark.parametrize("form", READERS)
@given(
    body=st.binary(max_size=60)
    | st.recursive(st.none() | st.text(max_size=5) | st.integers(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
@settings(max_examples=30)
def test_other_content_is_an_error_that_names_the_file(form, body):
    with pytest.raises(RunFileError, match="the_file"):
        read_outcome(form, body, "the_file")


@given(st.text(max_size=400))
def test_a_text_for_people_is_one_printable_line_of_200_characters(text):
    line = shorten(text)
    assert len(line) <= 200
    assert line.isprintable()
    assert line == line.strip()
