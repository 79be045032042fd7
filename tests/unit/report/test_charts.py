"""Axes carry their values, ticks do not crowd, and charts show what the figures say."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.report.charts import Axis, Bar, Line, bar_chart, between, from_zero, line_chart, logarithmic
from seqdrop.report.markup import document
from seqdrop.report.numbers import percent, short, size
from seqdrop.report.pictures import Places, pictures

from tests.unit.report.samples import BODIES, read

axes = st.one_of(
    st.builds(from_zero, st.floats(1e-6, 1e12)),
    st.builds(lambda low, span: between(low, low + span), st.integers(0, 10**6), st.integers(1, 10**7)),
    st.builds(lambda low, times: logarithmic(low, low * times), st.integers(1, 10**5), st.floats(1.5, 1e5)),
)


@given(axes, st.floats(0, 1), st.floats(0, 1))
def test_values_lie_between_the_ends_in_order(axis: Axis, one: float, other: float):
    low, high = sorted(axis.low + share * (axis.high - axis.low) for share in (one, other))
    assert 0 <= axis.at(low) <= axis.at(high) <= 1
    assert (axis.at(axis.low), axis.at(axis.high)) == (0, 1)
    assert axis.at(axis.high * 2) == 1


@given(axes)
def test_ticks_do_not_crowd_and_say_what_they_are(axis: Axis):
    places = [axis.at(value) for value, _ in axis.ticks]
    assert 2 <= len(places) <= 11
    assert all(two - one > 0.04 for one, two in pairwise(places))
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
def test_ticks(axis, labels):
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
def test_three_digits(value, text):
    assert short(value) == text


def test_sizes_and_shares():
    assert size(582) == "582 bytes"
    assert size(320_458) == "320 kB (320,458 bytes)"
    assert (percent(0.5), percent(None), percent(0.00125, 2)) == ("50.0 %", "–", "0.12 %")


def test_a_line_lies_where_its_values_are():
    x, y = Axis(0, 10, ()), Axis(0, 100, ())
    html = document(line_chart(x, y, [Line("a", "a", [(0, 0), (5, 25), (6, None), (10, 100)])], [(5, "told")]))
    assert 'd="M0 1000L500 750M1000 0"' in html
    assert "<title>told</title>" in html


def test_bars_stand_on_the_ground_and_the_least_is_seen():
    x, y = Axis(0, 10, ()), Axis(0, 100, ())
    html = document(bar_chart(x, y, [Bar(0, 5, 50, "half"), Bar(5, 10, 0.001, "least")]))
    rects = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', html)
    assert rects == [("0", "500", "500", "500"), ("500", "996", "500", "4")]


@pytest.mark.parametrize("name", [name for name, body in BODIES.items() if read(body)["qc"]["records"]])
def test_the_shares_of_a_histogram_add_up(name):
    qc = read(BODIES[name])["qc"]
    drawn = "".join(document(one) for one in pictures(qc, "reads") if "by length" in document(one))
    numbers = [int(one.replace(",", "")) for one in re.findall(r"bp: ([\d,]+) reads", drawn)]
    alike = qc["shortest"] == qc["longest"]
    assert sum(numbers) == (0 if alike else qc["records"])
    assert ("is the length of all" in drawn) == alike


def test_short_reads_have_a_point_for_each_position():
    qc = read(BODIES["short reads"])["qc"]
    assert Places(qc).of("quality") == list(enumerate(qc["positions"]["quality"], start=1))


def test_long_reads_have_groups_that_weigh_every_position_by_its_reads():
    qc = read(BODIES["long reads"])["qc"]
    places = Places(qc)
    found = places.of("quality")
    assert places.axis.log
    assert len(found) < 150
    assert all(one < two for (one, _), (two, _) in pairwise(found))
    assert (found[0], found[-1][0] <= qc["longest"]) == ((1, qc["positions"]["quality"][0]), True)
    all_scores = [value for value in qc["positions"]["quality"] + qc["bins"]["quality"] if value is not None]
    assert all(min(all_scores) - 1e-9 <= value <= max(all_scores) + 1e-9 for _, value in found)


def test_one_long_read_does_not_stretch_the_axis():
    places = Places(read(BODIES["one long read among short ones"])["qc"])
    assert (places.axis.log, places.axis.high) == (False, 50)
