"""The progress of an upload on a terminal: one line, drawn twice a second, that is gone before any other line."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop_cli.uploader.events import FAILED, FINISHED, PROGRESS, SKIPPED, Event
from seqdrop_cli.uploader.progress_line import CLEAR, START, ProgressLine, format_time
from seqdrop_cli.uploader.reports import FEW, Lines


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(clock) -> ProgressLine:
    return ProgressLine(10_000_000, io.StringIO(), clock)


def send(line, clock, count: int, seconds: float) -> None:
    clock.now += seconds
    line(Event(PROGRESS, {"key": "raw/a.fa", "bytes": count, "size": count}))


def test_bytes_share_rate_and_time_are_shown(line, clock):
    send(line, clock, 2_000_000, 2)
    assert line.stream.getvalue() == f"{START}2.0 MB of 10.0 MB · 20% · 1.0 MB/s · 8 s left{CLEAR}"


def test_the_line_is_drawn_twice_a_second_at_most(line, clock):
    for _ in range(100):
        send(line, clock, 1, 0.01)
    assert line.stream.getvalue().count(START) == 2


def test_files_that_are_there_count_as_done_but_not_for_the_rate(line, clock):
    line(Event(SKIPPED, {"size": 5_000_000, "is_there": True}))
    line(Event(FAILED, {"size": 1_000_000, "reason": "denied"}))
    send(line, clock, 1_000_000, 1)
    assert line.describe(1) == "7.0 MB of 10.0 MB · 70% · 1.0 MB/s · 3 s left · 1 failed"


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**15), max_size=5), st.floats(0, 1e6))
def test_any_number_of_bytes_can_be_shown(size, counts, seconds):
    line = ProgressLine(size, io.StringIO(), lambda: 0.0)
    for count in counts:
        line(Event(PROGRESS, {"bytes": count}))
    assert "-" not in line.describe(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (61, "1 min"), (3600, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_durations_have_two_units_at_most(seconds, text):
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    ("files", "terminal", "printed"), [(FEW, True, True), (FEW + 1, True, False), (FEW + 1, False, True)]
)
def test_many_lines_are_printed_in_a_pipe_only(line, monkeypatch, capsys, files, terminal, printed):
    monkeypatch.setattr("seqdrop_cli.uploader.reports.is_terminal", lambda: terminal)
    lines = Lines("landing", files, line)
    lines(Event(FINISHED, {"upload": "ID", "key": "raw/a.fa"}))
    assert capsys.readouterr().out == ("ID  s3://landing/raw/a.fa\n" if printed else "")
    assert line.stream.getvalue().startswith(START + CLEAR) is printed
    lines.close()
    assert line.stream.getvalue().endswith(START + CLEAR)
