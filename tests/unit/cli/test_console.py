"""Output on a terminal and elsewhere: tables or tab-separated lines, colours or none, keys shortened in the middle."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.ledger.records import Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli.console import paint, print_table, shorten, show_status
from seqdrop_cli.dry_run import Proposal, show_proposals
from seqdrop_cli.progress import Progress
from seqdrop_cli.progress_bar import show_progress, show_tally
from seqdrop_cli.upload_table import format_size

KEY = f"reads/{'Data/' * 40}S1_L001_R1_001.fastq.gz"


@pytest.fixture
def terminal(monkeypatch, capsys) -> None:
    """Make both outputs terminals of 80 columns with colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    for kind in {type(sys.stdout), type(sys.stderr)}:  # pytest replaces the streams before the test is called
        monkeypatch.setattr(kind, "isatty", lambda _: True)


@given(st.text(max_size=80), st.integers(0, 90))
def test_a_shortened_text_has_its_width_and_keeps_both_ends(text, width):
    short = shorten(text, width)
    assert len(short) == min(len(text), width)
    if len(text) <= width:
        assert short == text
    elif width >= 4:
        start, _, end = short.partition("…") if "…" not in text else (short[:1], "", short[-1:])
        assert text.startswith(start)
        assert text.endswith(end)
        assert start


def test_a_key_keeps_the_end_that_tells_files_apart():
    assert shorten("reads/run7/S1_L001_R1_001.fastq.gz", 28) == "reads/run…01_R1_001.fastq.gz"


def test_without_a_terminal_a_table_is_tab_separated_lines(capsys):
    print_table(("file", "explanation"), [("a", "two\nlines"), ("b " * 200, "")])
    assert capsys.readouterr().out == f"a\ttwo lines\n{('b ' * 200).strip()}\t\n"


def test_a_table_has_a_box_on_a_terminal(terminal, capsys):
    print_table(("file", "explanation"), [("a", "two\nlines")])
    output = capsys.readouterr().out
    assert "│ a    │ two         │" in output
    assert "│      │ lines       │" in output


def test_colours_can_be_switched_off(terminal, monkeypatch):
    assert paint("✔", "green") == "\x1b[32m✔\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("✔", "green") == "✔"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert paint("✔", "green") == "✔"


def test_without_a_terminal_there_are_no_colours(capsys):
    assert paint("✘", "red") == "✘"


def test_a_spinner_is_shown_on_a_terminal_only(capsys, monkeypatch):
    with show_status("reading the ledger"):
        pass
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with show_status("reading the ledger"):
        pass
    assert "reading the ledger" in capsys.readouterr().out


def proposal(act=None) -> Proposal:
    version = UploadVersion("landing", KEY, "v", 1, "e")
    upload = Upload.from_version(version, "reads", "reads/")
    return Proposal(Progress(version.id, KEY, 1, upload, []), "its work items have expired " * 5, act)


def test_a_dry_run_shortens_keys_on_a_terminal_and_never_elsewhere(terminal, capsys, monkeypatch):
    show_proposals([proposal(), proposal(lambda: True)], "replayed")
    output = capsys.readouterr().out
    assert "…" in output
    assert KEY not in output
    assert output.count(proposal().progress.upload_id) == 2
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    show_proposals([proposal(), proposal(lambda: True)], "replayed")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[2:4] for line in lines[:2]] == [[KEY, "not replayed"], [KEY, "replayed"]]


def test_status_is_a_table_on_a_terminal(terminal, capsys, ledger, use_target, seqdrop):
    version = UploadVersion("landing", KEY, "v", 2_500_000, "e")
    ledger.create(Upload.from_version(version, "reads", "reads/"))
    use_target(SimpleNamespace(ledger=lambda: ledger, environment=dict))
    outcome = seqdrop("status")
    assert "0 of 1 upload finished" in outcome.out
    assert "2.5 MB" in outcome.out
    assert version.id in outcome.out
    assert KEY not in outcome.out


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (37_436, "37.4 kB"), (5 * 10**12, "5.0 TB")])
def test_sizes_have_units(count, text):
    assert format_size(count) == text


def test_a_terminal_shows_bars(terminal):
    with show_progress(io.BytesIO(b"ACGT"), 4, "a.fa") as stream:
        assert stream.read(4) == b"ACGT"
    with show_tally(2) as show:
        show(SimpleNamespace(items=1, rate=5.0, kind=SimpleNamespace(unit="windows")))


def test_without_a_terminal_there_is_no_bar(capsys):
    with show_tally(2) as show:
        show(SimpleNamespace())
    assert capsys.readouterr() == ("", "")
