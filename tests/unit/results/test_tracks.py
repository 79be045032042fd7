"""The value of a track at each base is the highest value of the windows that contain it."""

import io

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.results.tracks import Track


@st.composite
def record(draw):
    """Draw (start, end, value) of windows of one width, ordered by start; the value of an unscored window is None."""
    width, start, windows = draw(st.integers(1, 12)), -1, []
    for _ in range(draw(st.integers(0, 15))):
        start += draw(st.integers(1, 15))
        windows.append((start, start + width, draw(st.none() | st.integers(0, 4).map(lambda n: n / 4))))
    return windows


@given(st.lists(record(), max_size=4))
def test_each_base_has_the_highest_value_of_its_windows(records):
    file = io.BytesIO()
    track = Track(file, "# comment\n")
    expected, begins = {}, {}
    for number, windows in enumerate(records):
        track.begin(f"r{number}")
        for start, end, value in windows:
            if value is not None:
                track.add(start, end, value)
                for base in range(start, end):
                    expected[number, base] = max(value, expected.get((number, base), 0))
        track.end()
    values, lines, at = {}, file.getvalue().splitlines(keepends=True), 0
    for line in lines:
        if line != b"# comment\n":
            name, start, end, value = line.decode().split("\t")
            begins.setdefault(name, at)
            assert int(start) < int(end)
            bases = {(int(name[1:]), base): float(value) for base in range(int(start), int(end))}
            assert not bases.keys() & values.keys()
            values |= bases
        at += len(line)
    assert values == expected
    assert track.begins == begins


def test_adjacent_intervals_of_one_value_are_one_line():
    file = io.BytesIO()
    track = Track(file)
    track.begin("a")
    for start in (0, 150, 300, 600):
        track.add(start, start + 300, 0.5)
    track.end()
    assert file.getvalue() == b"a\t0\t900\t0.5\n"
