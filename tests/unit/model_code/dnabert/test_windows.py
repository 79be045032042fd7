"""Windows: where they start, that they cover the sequence, and which are not scored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokens import encode_bases, reverse_complement
from windows import WindowSettings, on_other_strand, scorable, window_starts

lengths = st.integers(0, 400)
sizes = st.integers(1, 90)
GOOD = {"SEQDROP_WINDOW": "70", "SEQDROP_STRIDE": "35"}


@given(length=lengths, window=sizes, stride=sizes)
def test_starts_are_the_strides_and_one_window_at_the_end(length, window, stride):
    starts = window_starts(length, window, stride).tolist()
    expected = [start for start in range(0, length, stride) if start + window <= length]
    if length >= window and expected[-1] + window < length:
        expected.append(length - window)
    assert starts == expected


@given(length=lengths, window=sizes, stride=sizes)
def test_every_base_is_covered_if_the_stride_is_at_most_the_window(length, window, stride):
    covered = np.zeros(length, bool)
    for start in window_starts(length, window, stride):
        assert start + window <= length
        covered[start : start + window] = True
    if stride <= window <= length:
        assert covered.all()


@given(sequence=st.text("ACGTN", min_size=1, max_size=120), window=sizes, stride=sizes)
def test_the_other_strand_reads_the_same_bases(sequence, window, stride):
    codes = encode_bases(sequence.encode())
    starts = window_starts(len(codes), window, stride)
    others = on_other_strand(starts, window, len(codes))
    backwards = reverse_complement(codes)
    for here, start in zip(starts, others, strict=True):
        ours, theirs = codes[here : here + window], backwards[start : start + window]
        assert reverse_complement(theirs).tolist() == ours.tolist()


@given(
    sequence=st.text("ACGTNR-", max_size=200),
    window=sizes,
    stride=sizes,
    share=st.sampled_from([0, 0.1, 0.5, 1]),
)
def test_windows_with_too_many_other_bases_are_not_scored(sequence, window, stride, share):
    settings = WindowSettings(window, stride, ("+",), share)
    starts = window_starts(len(sequence), window, stride)
    kept = scorable(encode_bases(sequence.encode()), starts, settings.window, settings.max_n_fraction).tolist()
    others = [sum(c not in "ACGT" for c in sequence[s : s + window]) for s in starts]
    assert kept == [count / window <= share for count in others]


def test_a_share_equal_to_the_limit_is_allowed():
    settings = WindowSettings(100, 1, ("+",), 0.29)
    assert scorable(
        encode_bases(b"N" * 29 + b"A" * 71), np.array([0]), settings.window, settings.max_n_fraction
    ).tolist() == [True]


def test_settings_have_their_defaults():
    assert WindowSettings.from_environment(GOOD) == WindowSettings(70, 35, ("+",), 0.1)


def test_both_strands_can_be_scored():
    assert WindowSettings.from_environment(GOOD | {"SEQDROP_STRANDS": "+-"}).strands == ("+", "-")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"SEQDROP_WINDOW": None}, "SEQDROP_WINDOW"),
        ({"SEQDROP_STRIDE": None}, "SEQDROP_STRIDE"),
        ({"SEQDROP_WINDOW": "wide"}, "SEQDROP_WINDOW"),
        ({"SEQDROP_WINDOW": "0"}, "SEQDROP_WINDOW"),
        ({"SEQDROP_STRIDE": "-5"}, "SEQDROP_STRIDE"),
        ({"SEQDROP_STRANDS": "-"}, "SEQDROP_STRANDS"),
        ({"SEQDROP_MAX_N_FRACTION": "2"}, "SEQDROP_MAX_N_FRACTION"),
        ({"SEQDROP_MAX_N_FRACTION": "nan"}, "SEQDROP_MAX_N_FRACTION"),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_an_error_of_a_setting_names_its_variable(change, names):
    environment = {name: value for name, value in (GOOD | change).items() if value is not None}
    with pytest.raises(ValueError, match=names):
        WindowSettings.from_environment(environment)
