"""Windows of a protein and their weights: the combined prediction of each residue is a distribution."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from protein_items import UNIT, to_units
from protein_windows import ProteinWindow, batch_by_length
from stitching import spans, window_weights

sizes = st.tuples(st.integers(1, 400), st.integers(1, 90), st.integers(0, 60))


@given(sizes)
def test_windows_cover_a_protein_and_overlap(size):
    length, window, overlap = size
    windows = spans(length, window, overlap)
    assert windows[0][0] == 0
    assert windows[-1][1] == length
    assert all(end - start == min(window, length) for start, end in windows)
    for (start, end), (after, _) in pairwise(windows):
        assert start < after <= end - min(overlap, window // 2)


@given(sizes)
def test_weights_sum_to_one_at_each_residue(size):
    length, window, overlap = size
    total = np.zeros(length)
    for start, part in window_weights(length, window, overlap):
        assert (part > 0).all()
        total[start : start + len(part)] += part
    np.testing.assert_allclose(total, 1, atol=1e-12)


def test_the_middle_of_a_window_outweighs_its_edge():
    (_, first), (start, second) = window_weights(30, 20, 10)
    assert start == 10
    np.testing.assert_allclose(first[:10], 1)
    np.testing.assert_allclose(first[10:], np.arange(10, 0, -1) / 11)
    np.testing.assert_allclose(second[:10], np.arange(1, 11) / 11)


@given(st.lists(st.lists(st.integers(0, 1000), min_size=3, max_size=8).filter(any), min_size=1, max_size=5))
def test_units_sum_to_unit_and_are_near_their_share(rows):
    width = max(map(len, rows))
    table = np.array([row + [0] * (width - len(row)) for row in rows], np.float32)
    units = to_units(table)
    assert (units.sum(axis=1) == UNIT).all()
    assert (units >= 0).all()
    assert (abs(units / UNIT - table / table.sum(axis=1, keepdims=True)) < 1 / UNIT).all()


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 120))
def test_batches_contain_all_windows_within_the_limit(lengths, most):
    windows = [ProteinWindow(number, 0, np.ones(length)) for number, length in enumerate(lengths)]
    batches = list(batch_by_length(windows, lambda window: len(window.weight), most))
    assert sorted(window.protein for batch in batches for window in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(len(window.weight) for window in batch)
        assert longest * len(batch) <= most or len(batch) == 1
