"""On-board analyses: only their own markers count, every layout, the lists and outcomes they have, re-analyses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.runs.run_folders import FOLDERS, GRACE, HOUR, START, judge_files

WEEKS = 60 * 24 * HOUR  # Analysis/2 of a real NovaSeq X run came eight weeks after it
FASTQ = "Data/BCLConvert/fastq/S1_S1_L001_R1_001.fastq.gz"
ORA = "Data/BCLConvert/ora_fastq/S1_S1_L001_R1_001.fastq.ora"


def dragen(number, **contents):
    """Return the files of `Analysis/<n>` of a NovaSeq X: gmc-norr/cleve analysis.go, a real Manifest.tsv."""
    manifest = f"{FASTQ}\tde5f0893\n{ORA}\t00000000\nData/Secondary_Analysis_Complete.txt\t00000000\n"
    files = {
        FASTQ: b"x",
        ORA: b"x",
        "Data/BCLConvert/fastq/Logs/FastqComplete.txt": b"Fastq generation complete",
        "Data/Secondary_Analysis_Complete.txt": b"",
        "Manifest.tsv": manifest.encode(),
        "CopyComplete.txt": b"",
        **contents,
    }
    return {f"Analysis/{number}/{name}": body for name, body in files.items()}


RUN = FOLDERS["NovaSeq X"]
REQUIRED = ["CopyComplete.txt", "Data/Secondary_Analysis_Complete.txt", "Manifest.tsv", FASTQ, ORA]


def judge_x(contents, **options):
    return judge_files(RUN.name, contents, **options)


def unit(verdict, folder):
    return next(unit for unit in verdict.units if unit.folder == folder)


def test_an_analysis_with_its_markers_and_all_files_of_its_manifest_is_complete():
    verdict = judge_x({**RUN.all, **dragen(1)})
    assert (verdict.state, verdict.complete, verdict.analysis) == ("COMPLETE", ("", "Analysis/1"), 1)
    assert (unit(verdict, "Analysis/1").kind, unit(verdict, "").kind) == ("analysis", "run")


@pytest.mark.parametrize("name", REQUIRED)
def test_an_analysis_without_one_of_its_files_waits_and_the_run_does_not(name):
    contents = {**RUN.all, **dragen(1)}
    del contents[f"Analysis/1/{name}"]
    verdict = judge_x(contents)
    assert (verdict.state, verdict.complete, verdict.analysis) == ("COMPLETE", ("",), 0)
    assert (verdict.missing, verdict.missing_count) == ((f"Analysis/1/{name}",), 1)
    assert unit(verdict, "Analysis/1").state == "COPYING"


def test_a_listed_file_that_is_missing_is_looked_for_again():
    contents = {**RUN.all, **dragen(1)}
    del contents[f"Analysis/1/{FASTQ}"]
    assert judge_x(contents).due_at == START + HOUR + timedelta(minutes=15)


def test_markers_of_the_run_say_nothing_of_an_analysis_and_the_reverse():
    only_analysis = judge_x({"RunInfo.xml": RUN.all["RunInfo.xml"], **dragen(1)})
    assert (only_analysis.state, only_analysis.complete) == ("SEQUENCING", ("Analysis/1",))
    only_run = judge_x({**RUN.all, f"Analysis/1/{FASTQ}": b""})
    assert (only_run.state, only_run.complete) == ("COMPLETE", ("",))


def test_a_second_analysis_weeks_later_leaves_the_first_complete_and_the_latest_counts():
    second = dragen(2)
    contents = {**RUN.all, **dragen(1), **second}
    times = dict.fromkeys(second, START + WEEKS)
    during = judge_x(contents, now=START + WEEKS, times=times)
    assert (during.state, during.complete, during.analysis) == ("COMPLETE", ("", "Analysis/1"), 1)
    assert during.due_at == START + WEEKS + GRACE
    after = judge_x(contents, now=START + WEEKS + GRACE, times=times)
    assert (after.complete, after.analysis) == (("", "Analysis/1", "Analysis/2"), 2)


def test_analyses_are_ordered_by_number_and_not_by_text():
    verdict = judge_x({**RUN.all, **dragen(9), **dragen(10)})
    assert verdict.analysis == 10
    assert [unit.folder for unit in verdict.units] == ["", "Analysis/9", "Analysis/10"]


def test_an_analysis_that_says_error_is_failed_kept_and_not_the_latest():
    failed = dragen(2, **{"Data/Error_Summary.json": b'{"result":"error","error_message":"Disk\\nfull"}'})
    verdict = judge_x({**RUN.all, **dragen(1), **failed})
    assert (verdict.state, verdict.analysis) == ("COMPLETE", 1)
    assert verdict.complete == ("", "Analysis/1", "Analysis/2")
    assert unit(verdict, "Analysis/2").state == "FAILED"
    assert "error: Disk full" in unit(verdict, "Analysis/2").reason
    assert any("Analysis/2 failed" in warning for warning in verdict.warnings)


def test_an_error_summary_without_an_error_is_no_failure():
    verdict = judge_x({**RUN.all, **dragen(1, **{"Data/Error_Summary.json": b'{"result":"success"}'})})
    assert verdict.analysis == 1


@pytest.mark.parametrize("body", [b"", b"no tab\n", b"\xff\xfe\n", b"a.fastq.gz\t\n", b"\n\n"])
def test_a_manifest_that_cannot_be_read_is_awaited_with_a_warning(body):
    verdict = judge_x({**RUN.all, **dragen(1, **{"Manifest.tsv": body})})
    assert (verdict.analysis, verdict.missing) == (0, ("Analysis/1/Manifest.tsv",))
    assert "Analysis/1/Manifest.tsv" in verdict.warnings[0]


def test_an_analysis_that_stops_is_an_alarm_of_its_own():
    contents = {**RUN.all, f"Analysis/1/{FASTQ}": b""}
    times = {f"Analysis/1/{FASTQ}": START + WEEKS}
    before = judge_x(contents, now=START + WEEKS + HOUR, times=times)
    assert (before.is_silent, before.due_at) == (False, START + WEEKS + 12 * HOUR)
    verdict = judge_x(contents, now=START + WEEKS + 12 * HOUR, times=times)
    assert verdict.is_silent
    assert "in Analysis/1 since" in verdict.reason


def test_a_persons_marker_in_the_run_does_not_complete_analyses_but_one_in_theirs_does():
    contents = {f"Analysis/1/{FASTQ}": b"", "seqdrop-complete.txt": b""}
    assert judge_x(contents).complete == ("",)
    verdict = judge_x({**contents, "Analysis/1/seqdrop-complete.txt": b""})
    assert (verdict.complete, verdict.analysis) == (("", "Analysis/1"), 1)


I100 = {
    "analysisResults.json": b'{"AnalysisName":"DRAGEN BCL Convert","AnalysisStatus":"Succeeded"}',
    "inputs/SampleSheet.csv": b"[Header]",
    "Data/BCLConvert/fastq/Logs/FastqComplete.txt": b"Fastq generation complete",
    "Data/BCLConvert/fastq/S1_R1.fastq.gz": b"x",
}
NEXTSEQ = {
    "Data/fastq/Logs/FastqComplete.txt": b"Fastq generation complete",
    "Data/fastq/S1_R1.fastq.gz": b"x",
    "Data/Reports/SampleSheet.csv": b"[Header]",
}


def judge_layout(name, files, **options):
    folder = FOLDERS[name]
    analysis = {f"Analysis/1/{path}": body for path, body in files.items()}
    return judge_files(folder.name, {**folder.all, **analysis}, **options)


@pytest.mark.parametrize(
    ("name", "files", "markers"),
    [
        ("MiSeq i100", I100, ["analysisResults.json", "Data/BCLConvert/fastq/Logs/FastqComplete.txt"]),
        ("NextSeq 2000", NEXTSEQ, ["Data/fastq/Logs/FastqComplete.txt"]),
    ],
)
def test_other_layouts_have_markers_of_their_own_and_an_hour_of_grace(name, files, markers):
    assert judge_layout(name, files, now=START + HOUR - timedelta(seconds=1)).analysis == 0
    assert judge_layout(name, files, now=START + HOUR).analysis == 1
    for marker in markers:
        assert judge_layout(name, {path: body for path, body in files.items() if path != marker}).analysis == 0


@pytest.mark.parametrize("name", ["MiSeq i100", "NextSeq 2000"])
def test_instruments_with_newer_software_may_have_the_layout_of_a_novaseq_x(name):
    files = {path.removeprefix("Analysis/1/"): body for path, body in dragen(1).items()}
    assert judge_layout(name, files).analysis == 1


def test_fastqcomplete_is_not_the_end_of_an_analysis_on_a_novaseq_x():
    for files in (NEXTSEQ, I100):
        assert judge_layout("NovaSeq X", files, now=START + 11 * HOUR).analysis == 0


@pytest.mark.parametrize(
    ("status", "state"),
    [("Failed", "FAILED"), ("AbortedByUser", "FAILED"), ("Running", "COPYING"), ("Succeeded", "COMPLETE")],
)
def test_analysisresults_of_a_miseq_i100_says_how_it_ended(status, state):
    body = f'{{"AnalysisStatus":"{status}"}}'.encode()
    verdict = judge_layout("MiSeq i100", {**I100, "analysisResults.json": body})
    assert unit(verdict, "Analysis/1").state == state


def test_a_manifest_in_the_runs_folder_is_no_analysis():
    """A fixture of Clinical-Genomics/cg has one there, with checksums of 32 characters."""
    verdict = judge_x({**RUN.all, "Manifest.tsv": b"Data/none.cbcl\td41d8cd98f00b204e9800998ecf8427e"})
    assert (verdict.state, verdict.missing_count) == ("COMPLETE", 0)
