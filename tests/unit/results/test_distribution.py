"""Mean and quantiles of probabilities agree with numpy's, to the width of a bin."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.results.distribution import BINS, QUANTILES, Distribution


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_figures_agree_with_numpy(probabilities):
    distribution = Distribution()
    for probability in probabilities:
        distribution.add(probability)
    figures = distribution.as_dict()
    assert figures["mean"] == pytest.approx(numpy.mean(probabilities), abs=1e-6)
    for name, share in QUANTILES.items():
        exact = numpy.quantile(probabilities, share, method="inverted_cdf")
        assert exact - 1 / BINS <= figures[name] <= exact + 1e-12


def test_nothing_has_no_figures():
    assert Distribution().as_dict() is None
