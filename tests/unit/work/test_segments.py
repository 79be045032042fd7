"""Cutting records loses no window: the windows of all segments are the windows of the record."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.work.items import count_windows, segments


def windows(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    """The definition, written the plain way."""
    if length < window:
        return [(0, length)]
    starts = list(range(0, length - window + 1, stride))
    if starts[-1] + window < length:
        starts.append(length - window)
    return [(start, start + window) for start in starts]


@st.composite
def cuts(draw):
    window = draw(st.integers(1, 60))
    return draw(st.integers(0, 700)), window, draw(st.integers(1, window)), draw(st.integers(1, 9))


@given(cuts())
def test_windows_of_segments_are_windows_of_the_record(cut):
    length, window, stride, per_item = cut
    found = [
        (start + first, start + last)
        for start, end in segments(length, window, stride, per_item)
        for first, last in windows(end - start, window, stride)
    ]
    assert found == windows(length, window, stride)
    assert count_windows(length, window, stride) == len(found)


@given(cuts())
def test_every_base_lies_in_a_segment_and_none_is_long(cut):
    length, window, stride, per_item = cut
    found = list(segments(length, window, stride, per_item))
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(nxt[0] <= this[1] for this, nxt in pairwise(found))
    if length >= window:
        assert all(end - start < (per_item - 1) * stride + window + stride for start, end in found)
