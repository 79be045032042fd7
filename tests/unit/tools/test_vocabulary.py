"""The vocabulary check finds a planted use of each row of the glossary, and accepts plain English."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local.embedded import REPOSITORY
from tools.vocabulary import GLOSSARY, check

if TYPE_CHECKING:
    from pathlib import Path

# A planted use for each phrase and for each name, by row of the glossary.
PHRASES = (
    ("the lab is told when it ends", "a mate is told of once", "the mail tells people of it"),
    ("routing hands on the upload", "the message is sent on its way", "it is on its road"),
    ("finish brings the results home", "the results are brought home"),
    ("an upload stands in WAITING", "the state at its end"),
    ("the reconciler looks after stalled work",),
    ("the upload moved on", "the counts settle which is first"),
    ("a stretch of bases", "stretches of N"),
    (),
    (
        "so many reads",
        "ten at the most",
        "five at the least",
        "files of which a mate is missing",
        "whoever is first",
        "nobody reads it",
        "the copy that is there already",
        "as it is told",
    ),
)
PYTHON = ('"""Say that {}."""\n', "x = 1  # {}\n", 'raise ValueError("Note: {}")\n', "def test_{}() -> None: ...\n")
NAMED = ("{} = 1\n", "_{} = 1\n", "def {}() -> None: ...\n", "def count(x, {}): ...\n", "for {} in (): ...\n")
PLAIN = '''"""Validate reads."""

from hypothesis import given


def count(path):
    """Return the number of records of a file.

    An upload in state WAITING has no mate yet; its room is the landing bucket, and a test uses a stand-in for it.
    """
    upload = path  # at most one upload, found by its name
    return upload
'''


def test_each_phrase_of_the_glossary_has_a_planted_use():
    assert len(PHRASES) == len(GLOSSARY)
    for row, planted in zip(GLOSSARY, PHRASES, strict=True):
        lines = [finding.line for finding in check("x.md", "\n".join(planted))]
        assert sorted(set(lines)) == list(range(1, len(planted) + 1)), row
        assert len(planted) >= len(row.phrases), row


@pytest.mark.parametrize("shape", PYTHON)
@pytest.mark.parametrize("words", [words for row in PHRASES for words in row])
def test_a_phrase_is_found_wherever_people_read_python(words, shape):
    text = shape.format(words.replace(" ", "_") if "test_" in shape else words)
    assert {finding.line for finding in check("x.py", text)} == {1}


@pytest.mark.parametrize("shape", NAMED)
@pytest.mark.parametrize("name", [name for row in GLOSSARY for name in row.names])
def test_a_word_is_found_as_a_bound_name(name, shape):
    assert name in [finding.words.strip("_") for finding in check("x.py", shape.format(name))]


def test_a_stored_name_is_accepted_where_its_line_says_so():
    assert check("x.py", "pushes: int = 0  # stored name\n") == []
    assert len(check("x.py", "pushes: int = 0\n")) == 1


@pytest.mark.parametrize("name", ["x.toml", "x.yaml", "x.c", "Makefile"])
def test_comments_of_other_files_are_read(name):
    assert [finding.line for finding in check(name, "a = 1\n# nobody reads this\n")] == [2]


def test_a_phrase_across_two_lines_is_found_at_its_first():
    text = '"""Do it.\n\nThe report is\ntold of.\n"""\n'
    assert {finding.line for finding in check("x.py", text)} == {3, 4}


def test_a_docstring_without_a_verb_is_found_in_functions_only():
    body = '"""The number of reads."""'
    assert len(check("a.py", f"def count():\n    {body}\n")) == 1
    assert check("a.py", f"class Count:\n    {body}\n") == []
    assert check("a.py", f"class A:\n    @property\n    def count(self):\n        {body}\n") == []


def test_plain_english_code_and_code_spans_pass():
    assert check("x.py", PLAIN) == []
    assert check("x.md", "Run `nobody`:\n\n```sh\necho so many\n```\n") == []


def test_the_command_prints_findings_and_fails(tmp_path: Path):
    (tmp_path / "a.py").write_text("told = 1\n")
    for words in (["init", "-q"], ["add", "a.py"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    run = subprocess.run(
        [sys.executable, "-m", "tools.vocabulary"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout.startswith("a.py:1: 'told': write ")
