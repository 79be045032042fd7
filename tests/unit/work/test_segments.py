"""Segments lose no window: the windows of all segments are exactly the windows of the record."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.work.items import count_windows, segments


def windows(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    """Return (start, end) of each window of a record by the definition, without segments."""
    if length < window:
        return [(0, length)]
    starts = list(range(0, length - window + 1, stride))
    if starts[-1] + window < length:
        starts.append(length - window)
    return [(start, start + window) for start in starts]


@st.composite
def layouts(draw):
    """Draw (length, window, stride, windows of a segment)."""
    window = draw(st.integers(1, 60))
    return draw(st.integers(0, 700)), window, draw(st.integers(1, window)), draw(st.integers(1, 9))


@given(layouts())
def test_the_windows_of_segments_are_the_windows_of_the_record(layout):
    length, window, stride, per_item = layout
    in_segments = [
        (start + first, start + last)
        for start, end in segments(length, window, stride, per_item)
        for first, last in windows(end - start, window, stride)
    ]
    assert in_segments == windows(length, window, stride)
    assert count_windows(length, window, stride) == len(in_segments)


@given(layouts())
def test_every_base_is_in_a_segment_and_no_segment_is_too_long(layout):
    length, window, stride, per_item = layout
    spans = list(segments(length, window, stride, per_item))
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(following[0] <= span[1] for span, following in pairwise(spans))
    if length >= window:
        assert all(end - start < (per_item - 1) * stride + window + stride for start, end in spans)
