"""Truth files and model quality: how labels are joined to predictions, and when quality has dropped."""

from __future__ import annotations

import numpy as np
import pytest
from seqdrop.monitoring.quality import Confusion, Quality, has_dropped, judge_calls, judge_states
from seqdrop.monitoring.truth import UnreadableTruthError, merge, read_states, read_windows, suffix_of, upload_of

UPLOAD = "ABCDEFGHIJKLMNOPQRSTUVWX27"


def windows(seed: int, number: int = 400, accuracy: float = 0.9) -> tuple[list[dict], str]:
    """Return called windows, and the text of a truth file with which they agree to this share."""
    rng = np.random.default_rng(seed)
    truth = rng.random(number) < 0.4
    calls = np.where(rng.random(number) < accuracy, truth, ~truth)
    rows = [{"record": f"r{n}", "start": 0, "end": 70, "call": bool(call)} for n, call in enumerate(calls)]
    return rows, "record\tlabel\n" + "".join(f"r{n}\t{int(label)}\n" for n, label in enumerate(truth))


def judge(rows: list[dict], text: str) -> Quality:
    return judge_calls(rows, read_windows(text, ".tsv"))


def swap(text: str) -> str:
    return (
        text.translate(str.maketrans("01", "10"))
        if "r" not in text
        else "\n".join(line[:-1] + {"0": "1", "1": "0"}.get(line[-1], line[-1]) for line in text.splitlines())
    )


class TestDrop:
    def test_resamples_without_drift_raise_nothing(self):
        history: list[dict] = []
        for seed in range(20):
            quality = judge(*windows(seed, (60, 200, 1000)[seed % 3]))
            assert not has_dropped(quality, history, 0.8), seed
            history.append(quality.as_dict())

    def test_swapped_labels_are_detected(self):
        history = [judge(*windows(seed)).as_dict() for seed in range(5)]
        rows, text = windows(9)
        quality = judge(rows, swap(text))
        assert quality.figure < -0.5
        assert has_dropped(quality, history, None)

    def test_the_figure_of_the_training_is_expected_before_there_is_a_history(self):
        rows, text = windows(9)
        assert has_dropped(judge(rows, swap(text)), [], 0.8)
        assert not has_dropped(judge(rows, swap(text)), [], None)

    def test_a_few_labels_conclude_nothing(self):
        rows, text = windows(9, 40)
        assert not has_dropped(judge(rows, swap(text)), [], 0.9)


class TestFigures:
    def test_the_figures_are_those_of_the_textbook(self):
        counts = Confusion(tp=90, fp=30, tn=70, fn=10)
        assert counts.accuracy == pytest.approx(0.8)
        assert counts.f1 == pytest.approx(2 * 0.75 * 0.9 / (0.75 + 0.9))
        assert counts.mcc == pytest.approx((90 * 70 - 30 * 10) / (120 * 100 * 100 * 80) ** 0.5)

    def test_figures_that_are_not_defined_are_zero(self):
        assert (Confusion().mcc, Confusion().f1, Confusion(tn=5).mcc, Confusion().accuracy) == (0.0, 0.0, 0.0, 0.0)

    def test_q3_counts_residues_and_leaves_other_lengths_out(self):
        rows = [{"record": "a", "ss": "HHHH"}, {"record": "b", "ss": "EEEEEE"}, {"record": "c", "ss": "CC"}]
        quality = judge_states(rows, {"a": "HHEE", "b": "EEEEEE", "c": "CCC"})
        assert (quality.metric, quality.figure, quality.labels) == ("q3", 0.8, 10)

    def test_windows_without_a_call_or_a_label_do_not_count(self):
        rows = [
            {"record": "a", "not_scored": "too_many_n"},
            {"record": "b", "call": True},
            {"record": "x", "call": True},
        ]
        assert judge(rows, "record\tlabel\na\t1\nb\t1\n").labels == 1


class TestFiles:
    def test_the_name_begins_with_the_upload_id(self):
        assert upload_of(f"truth/mine/{UPLOAD}-v2.tsv") == UPLOAD
        for name in ("truth/a.tsv", f"truth/{UPLOAD}A.tsv", f"truth/{UPLOAD.lower()}.tsv"):
            with pytest.raises(UnreadableTruthError, match="truth/UPLOAD_ID"):
                upload_of(name)

    def test_other_suffixes_are_refused(self):
        assert suffix_of("truth/X.BED") == ".bed"
        with pytest.raises(UnreadableTruthError, match=r"\.xlsx"):
            suffix_of("truth/X.xlsx")

    def test_labels_may_have_places(self):
        label = read_windows("record\tstart\tend\tstrand\tlabel\nc\t0\t70\t+\t1\nc\t0\t70\t-\t0\n", ".tsv")
        window = {"record": "c", "start": 0, "end": 70}
        assert [label({**window, "strand": strand}) for strand in "+-"] == [True, False]
        assert label({**window, "start": 1, "strand": "+"}) is None

    def test_intervals_label_the_windows_whose_middle_they_contain(self):
        label = read_windows("# comment\nc\t100\t200\nc\t150\t300\tp\t0\t-\n", ".bed")
        window = {"record": "c", "strand": "+"}
        assert label({**window, "start": 30, "end": 170})
        assert not label({**window, "start": 30, "end": 169})
        assert [label({**window, "start": 180, "end": 320, "strand": strand}) for strand in "+-"] == [False, True]
        assert label({"record": "d", "start": 0, "end": 9, "strand": "+"}) is False

    def test_intervals_are_joined(self):
        assert merge([(5, 9), (0, 3), (3, 6), (20, 21)]) == [(0, 9), (20, 21)]

    @pytest.mark.parametrize(
        ("text", "suffix", "message"),
        [
            ("name\tlabel\na\t1\n", ".tsv", "line 1"),
            ("record\tlabel\na\t1\nb\tyes\n", ".tsv", "line 3"),
            ("c 100 200\n", ".bed", "line 1"),
            ("c\t100\t200\nc\tx\t200\n", ".bed", "line 2"),
        ],
    )
    def test_a_fault_names_its_line(self, text, suffix, message):
        with pytest.raises(UnreadableTruthError, match=message):
            read_windows(text, suffix)

    def test_states_are_three_lines_for_each_protein(self):
        assert read_states(">p one\nMKV\nhec\n>q\nAA\nCC\n") == {"p": "HEC", "q": "CC"}
        for text in (">p\nMKV\nHE\n", ">p\nMKV\nHEC\nq\nAA\nCC\n", ">p\nMKV\n"):
            with pytest.raises(UnreadableTruthError, match="line"):
                read_states(text)
