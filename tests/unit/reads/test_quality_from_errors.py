"""Mean qualities from probabilities of an error are those of NanoPlot, dorado and seqkit (nanomath.ave_qual)."""

import io
from collections import Counter
from math import floor, log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.reads import kernel
from seqdrop.reads.check import Reading
from seqdrop.reads.measure import ERRORS, OFFSET, score_errors
from seqdrop.reads.multiqc import make_custom_content
from seqdrop.report.page import render_page

scores = st.lists(st.integers(0, 93), min_size=1, max_size=700)


def average(qualities: list[int]) -> float:
    """Return the score of the mean probability of an error, as nanomath computes it."""
    return -10 * log10(sum(10 ** (quality / -10) for quality in qualities) / len(qualities))


def report(reads: list[list[int]]) -> dict:
    records = (
        f"@r{number}\n{'A' * len(read)}\n+\n{bytes(OFFSET + score for score in read).decode()}\n"
        for number, read in enumerate(reads)
    )
    reading = Reading(io.BytesIO("".join(records).encode()), ["fastq"])
    reading.run()
    return reading.report()


@pytest.fixture(params=["kernel", "numpy"], autouse=True)
def implementation(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(kernel, "lib", None)
    elif kernel.lib is None:
        pytest.skip("the C kernel is not built here (`make kernel`)")


@pytest.mark.parametrize(
    ("reads", "mean", "from_errors"),
    [
        ([[10, 30]], 20.0, 12.97),
        ([[0, 40]], 20.0, 3.01),
        ([[10], [30]], 20.0, 12.97),
        ([[30] * 1000], 30.0, 30.0),
        ([[0]], 0.0, 0.0),
        ([[60] * 600], 60.0, 60.0),
        ([[2] + [40] * 149], 39.75, 23.66),
        ([[], [20]], 20.0, 20.0),
    ],
)
def test_the_mean_over_all_bases(reads, mean, from_errors):
    qc = report(reads)["qc"]
    assert (qc["mean_quality"], qc["mean_quality_from_errors"]) == (mean, from_errors)


def test_without_bases_there_is_no_mean():
    qc = report([[]])["qc"]
    assert (qc["mean_quality_from_errors"], qc["read_quality_from_errors"]) == (None, [])


@pytest.mark.parametrize("score", range(94))
def test_equal_scores_are_their_own_mean(score):
    qc = report([[score] * length for length in (1, 3, 150, 513, 1025)])["qc"]
    assert qc["mean_quality_from_errors"] == pytest.approx(score, abs=0.0101 if score > 85 else 0)
    assert qc["read_quality_from_errors"] == qc["read_quality"] == [[score, 5]]


@given(st.lists(scores, min_size=1, max_size=8))
def test_the_figures_agree_with_nanomath(reads):
    qc = report(reads)["qc"]
    everything = [score for read in reads for score in read]
    assert qc["mean_quality_from_errors"] == pytest.approx(max(0, average(everything)), abs=0.012)
    exact = [average(read) for read in reads]
    whole = Counter(floor(value + 1e-9) for value in exact)
    # Probabilities are rounded, so a mean that is almost a whole score may count as its neighbour.
    if all(0.01 < value % 1 < 0.99 for value in exact):
        assert dict(qc["read_quality_from_errors"]) == whole
    assert sum(count for _, count in qc["read_quality_from_errors"]) == len(reads)


@given(st.integers(1, 1 << 23), st.integers(0, 92))
def test_the_score_of_a_read_changes_exactly_at_a_threshold(length, score):
    at = int(length * ERRORS[OFFSET + score])
    errors = np.array([at, at + 1, max(1, at - 1)])
    expected = [score, max(0, score - 1), score]
    assert score_errors(errors, np.array([length] * 3)).tolist() == expected


def test_the_figures_are_named_in_page_and_multiqc_files():
    content = report([[10, 30]])
    page = render_page(content, "S1")
    assert "Mean quality from errors" in page
    assert "Q 12.97" in page
    figures = make_custom_content({"S1": content})
    assert figures["seqdrop_general_mqc.json"]["data"]["S1"]["mean_quality_from_errors"] == 12.97
    assert figures["seqdrop_read_quality_from_errors_mqc.json"]["data"]["S1"] == {12: 1}


def test_a_stored_report_without_the_figures_is_shown():
    content = report([[10, 30]])
    for key in ("mean_quality_from_errors", "read_quality_from_errors"):
        del content["qc"][key]
    for key in ("run", "accession"):
        del content["qc"]["origin"][key]
    assert "from errors" not in render_page(content, "S1")
    assert make_custom_content({"S1": content})["seqdrop_general_mqc.json"]["data"]["S1"]["mean_quality"] == 20.0
