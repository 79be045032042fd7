"""The verdict on a sample by the lab's thresholds: it is the worst of its reasons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.config.problems import SettingsError
from seqdrop.config.verdict import VerdictSettings
from seqdrop.kinds.plans import packaged
from seqdrop.runs.figures import Barcodes, pack_figures, sum_barcodes, sum_figures, unpack_figures
from seqdrop.runs.sample_status import COMPLETE, EMPTY, INCOMPLETE, MISSING, PLANNED, UNEXPECTED
from seqdrop.runs.verdicts import FAIL, PASS, VERDICTS, WARN, Limit, judge_figures, judge_sample, judge_undetermined

from tests.unit.report.samples import BODIES, read

Q30 = Limit("q30", 0.85, 0.75, is_least=True)
DUPLICATES = Limit("duplicates", 0.3, 0.5, is_least=False)


@pytest.mark.parametrize(
    ("figures", "verdict", "texts"),
    [
        ({"q30": 0.85, "duplicates": 0.3}, PASS, []),
        ({"q30": 0.84, "duplicates": 0.3}, WARN, ["Q30 84.0 %, below 85.0 %"]),
        ({"q30": 0.7, "duplicates": 0.31}, FAIL, ["Q30 70.0 %, below 75.0 %", "duplicates 31.0 %, above 30.0 %"]),
        ({"q30": None, "duplicates": 0.6}, FAIL, ["duplicates 60.0 %, above 50.0 %", "Q30 is not known"]),
        (None, PASS, []),
    ],
)
def test_figures_beyond_their_limits_are_reasons_with_the_worst_first(figures, verdict, texts):
    judged = judge_figures(figures, [Q30, DUPLICATES])
    assert (judged["verdict"], [reason["text"] for reason in judged["reasons"]]) == (verdict, texts)


@pytest.mark.parametrize(
    ("status", "verdict", "text"),
    [
        (COMPLETE, PASS, ""),
        (MISSING, FAIL, "no file of it came"),
        (EMPTY, FAIL, "its files have no reads"),
        (INCOMPLETE, FAIL, "missing: L003 R2"),
        (UNEXPECTED, WARN, "not in the sample sheet"),
        (PLANNED, "", ""),
    ],
)
def test_the_status_of_a_sample_counts(status, verdict, text):
    judged = judge_sample(status, ["L003 R2"], {}, None, [Q30])
    assert (judged["verdict"], "".join(reason["text"] for reason in judged["reasons"])) == (verdict, text)


def test_a_rejected_file_fails_its_sample():
    judged = judge_sample(COMPLETE, [], {"S1_R2.fastq.gz": "truncated"}, {"q30": 0.9}, [Q30])
    assert (judged["verdict"], judged["reasons"][0]["text"]) == (FAIL, "S1_R2.fastq.gz was rejected: truncated")


def test_the_undetermined_share_is_judged_for_the_run_and_not_for_samples():
    limit = Limit("undetermined", 0.1, 0.3, is_least=False)
    assert [judge_undetermined(share, [limit])["verdict"] for share in (None, 0.1, 0.2, 0.4)] == [
        PASS,
        PASS,
        WARN,
        FAIL,
    ]
    assert judge_sample(COMPLETE, [], {}, {}, [limit])["verdict"] == PASS


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_worse_figures_never_have_a_better_verdict(first, second, third):
    warn, fail = max(first, second), min(first, second)
    limit = Limit("q30", warn, fail, is_least=True)
    ranks = [VERDICTS.index(judge_figures({"q30": value}, [limit])["verdict"]) for value in sorted((third, warn, fail))]
    assert ranks == sorted(ranks, reverse=True)


def test_figures_of_a_sample_are_weighted_by_bases_and_pairs_count_once():
    small = {"reads": 10, "bases": 1000, "q30": 0.9, "n": 0.0, "gc": 0.5, "duplicates": 0.1}
    large = {"reads": 30, "bases": 3000, "q30": 0.5, "n": 0.04, "gc": None, "duplicates": None}
    total = sum_figures({"R1": [small, large], "R2": [small]})
    assert (total["reads"], total["bases"], total["yield_mb"], total["length"]) == (40, 5000, 0.005, 100.0)
    assert (total["q30"], total["n"], total["gc"], total["duplicates"]) == (0.66, 0.024, 0.5, 0.1)
    assert sum_figures({}) is None


def test_figures_are_stored_with_the_record_of_a_file():
    report = read(BODIES["short reads"])
    figures = unpack_figures(pack_figures(report, 0.25))
    assert (figures["reads"], figures["bases"]) == (report["qc"]["records"], report["qc"]["bases"])
    assert figures["duplicates"] == 0.25
    assert "barcodes" not in figures
    assert unpack_figures("") is None, "a record of an earlier version"


def test_unknown_barcodes_of_several_files_are_added():
    report = read(BODIES["short reads"])
    files = [
        unpack_figures(pack_figures(report, None, Barcodes(50, top))) for top in ([("A", 9), ("C", 2)], [("C", 8)])
    ]
    assert sum_barcodes(files) == ([("C", 10), ("A", 9)], 100)


def test_thresholds_are_a_table_of_an_analysis_with_runs():
    assert VerdictSettings().limits == ()
    assert VerdictSettings(q30_warn=0.85, q30_fail=0.75).limits == (Q30,)
    with pytest.raises(SettingsError, match=r"q30_fail is 0.9; it must be at most q30_warn \(0.8\)"):
        VerdictSettings(q30_warn=0.8, q30_fail=0.9)
    with pytest.raises(SettingsError, match="n_fail is 0.01; it must be at least n_warn"):
        VerdictSettings(n_warn=0.02, n_fail=0.01)
    assert packaged().by_name["runs"].verdict.limits != ()
