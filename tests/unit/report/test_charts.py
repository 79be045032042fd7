"""Axes contain their values, ticks are far enough apart, and charts show the figures of the report."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.report.axes import Axis, between, from_zero, logarithmic
from seqdrop.report.charts import Bar, Line, draw_bars, draw_lines
from seqdrop.report.markup import document
from seqdrop.report.numbers import percent, short, size
from seqdrop.report.pictures import draw_pictures
from seqdrop.report.positions import ReadPositions

from tests.unit.report.samples import BODIES, read

axes = st.one_of(
    st.builds(from_zero, st.floats(1e-6, 1e12)),
    st.builds(lambda low, span: between(low, low + span), st.integers(0, 10**6), st.integers(1, 10**7)),
    st.builds(lambda low, times: logarithmic(low, low * times), st.integers(1, 10**5), st.floats(1.5, 1e5)),
)


@given(axes, st.floats(0, 1), st.floats(0, 1))
def test_positions_are_in_the_order_of_their_values(axis: Axis, first: float, second: float):
    low, high = sorted(axis.low + share * (axis.high - axis.low) for share in (first, second))
    assert 0 <= axis.at(low) <= axis.at(high) <= 1
    assert (axis.at(axis.low), axis.at(axis.high)) == (0, 1)
    assert axis.at(axis.high * 2) == 1


@given(axes)
def test_ticks_are_apart_and_have_different_labels(axis: Axis):
    places = [axis.at(value) for value, _ in axis.ticks]
    assert 2 <= len(places) <= 11
    assert all(right - left > 0.04 for left, right in pairwise(places))
    assert all(axis.low <= value <= axis.high * 1.0011 for value, _ in axis.ticks)
    assert len({label for _, label in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        (between(1, 151, most=8), ["1", "20", "40", "60", "80", "100", "120", "140"]),
        (between(1, 100, most=8), ["1", "20", "40", "60", "80", "100"]),
        (between(1, 2), ["1", "2"]),
        (between(12_000, 12_040), ["12,000", "12,010", "12,020", "12,030", "12,040"]),
        (between(0, 41), ["0", "10", "20", "30", "40"]),
        (from_zero(37), ["0", "10", "20", "30", "40"]),
        (from_zero(0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (logarithmic(1, 48_836), ["1", "10", "100", "1 k", "10 k"]),
        (logarithmic(150, 9000), ["100", "200", "500", "1 k", "2 k", "5 k"]),
    ],
)
def test_ticks_are_round_numbers(axis, labels):
    assert [label for _, label in axis.ticks] == labels


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1000, "1 k"),
        (1234, "1.23 k"),
        (12_345_678, "12.3 M"),
        (999_999, "1 M"),
        (None, "–"),
    ],
)
def test_short_numbers_have_three_digits(value, text):
    assert short(value) == text


def test_sizes_and_percentages_are_formatted():
    assert size(582) == "582 bytes"
    assert size(320_458) == "320 kB (320,458 bytes)"
    assert (percent(0.5), percent(None), percent(0.00125, 2)) == ("50.0 %", "–", "0.12 %")


def test_a_line_goes_through_its_points():
    x, y = Axis(0, 10, ()), Axis(0, 100, ())
    html = document(draw_lines(x, y, [Line("a", "a", [(0, 0), (5, 25), (6, None), (10, 100)])], [(5, "tooltip")]))
    assert 'd="M0 1000L500 750M1000 0"' in html
    assert "<title>tooltip</title>" in html


def test_bars_start_at_the_bottom_and_the_smallest_is_visible():
    x, y = Axis(0, 10, ()), Axis(0, 100, ())
    html = document(draw_bars(x, y, [Bar(0, 5, 50, "half"), Bar(5, 10, 0.001, "least")]))
    rects = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', html)
    assert rects == [("0", "500", "500", "500"), ("500", "996", "500", "4")]


@pytest.mark.parametrize("name", [name for name, body in BODIES.items() if read(body)["qc"]["records"]])
def test_a_histogram_of_lengths_contains_every_read(name):
    qc = read(BODIES[name])["qc"]
    figures = [document(figure) for figure in draw_pictures(qc, "reads")]
    drawn = "".join(html for html in figures if "by length" in html)
    numbers = [int(number.replace(",", "")) for number in re.findall(r"bp: ([\d,]+) reads", drawn)]
    is_one_length = qc["shortest"] == qc["longest"]
    assert sum(numbers) == (0 if is_one_length else qc["records"])
    assert ("is the length of all" in drawn) == is_one_length


def test_short_reads_have_a_point_for_each_position():
    qc = read(BODIES["short reads"])["qc"]
    assert ReadPositions(qc, qc["positions"]).points("quality") == list(enumerate(qc["positions"]["quality"], start=1))


def test_groups_of_long_reads_weight_every_position_by_its_reads():
    qc = read(BODIES["long reads"])["qc"]
    positions = ReadPositions(qc, qc["positions"])
    points = positions.points("quality")
    assert positions.axis.log
    assert len(points) < 150
    assert all(left < right for (left, _), (right, _) in pairwise(points))
    assert points[0] == (1, qc["positions"]["quality"][0])
    assert points[-1][0] <= qc["longest"]
    all_scores = [value for value in qc["positions"]["quality"] + qc["bins"]["quality"] if value is not None]
    assert all(min(all_scores) - 1e-9 <= value <= max(all_scores) + 1e-9 for _, value in points)


def test_one_long_read_does_not_extend_the_axis():
    qc = read(BODIES["one long read among short ones"])["qc"]
    axis = ReadPositions(qc, qc["positions"]).axis
    assert (axis.log, axis.high) == (False, 50)
