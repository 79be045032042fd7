"""Metrics compared with their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics import auc, matthews, summary

scored = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.5, 0.51, 1.0])), min_size=1, max_size=20)


@given(scored)
def test_auc_is_how_often_a_positive_outranks_a_negative(pairs):
    labels, values = (np.array(column) for column in zip(*pairs, strict=True))
    duels = list(itertools.product(values[labels == 1], values[labels == 0]))
    if not duels:
        assert math.isnan(auc(labels, values))
    else:
        won = sum((p > n) + (p == n) / 2 for p, n in duels)
        assert auc(labels, values) == pytest.approx(won / len(duels))


@given(scored)
def test_matthews_is_the_correlation_of_labels_and_calls(pairs):
    labels, values = (np.array(column) for column in zip(*pairs, strict=True))
    calls = values > 0.5
    if labels.std() and calls.std():
        assert matthews(labels, calls) == pytest.approx(np.corrcoef(labels, calls)[0, 1])
    else:
        assert matthews(labels, calls) == 0.0


def test_a_summary_has_count_mcc_auc_and_accuracy():
    assert summary(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.5, 0.1])) == {
        "sequences": 4,
        "mcc": 0.5774,
        "auc": 0.75,
        "accuracy": 0.75,
    }
