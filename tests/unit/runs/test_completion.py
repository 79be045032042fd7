"""Every instrument's run: complete, each marker missing, late files, grace, silence, failures, unknown instruments."""

from __future__ import annotations

from datetime import timedelta

import pytest
from seqdrop.runs.instruments import load_table

from tests.unit.runs.run_folders import COMPLETED, FOLDERS, GRACE, HOUR, START, judge_files

EVERY = pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
MARKERS = [
    pytest.param(folder, marker, id=f"{name}: {marker.rpartition('/')[2]}")
    for name, folder in FOLDERS.items()
    for marker in folder.required
]
SECOND = timedelta(seconds=1)


def test_there_is_a_folder_for_every_row():
    assert {folder.instrument for folder in FOLDERS.values()} == {row.id for row in load_table().instruments}


@EVERY
def test_a_run_with_all_its_markers_is_complete(folder):
    verdict = judge_files(folder.name, folder.all)
    assert (verdict.instrument, verdict.state) == (folder.instrument, "COMPLETE")
    assert "" in verdict.complete
    assert (verdict.missing, verdict.missing_count, verdict.due_at, verdict.is_silent) == ((), 0, None, False)
    assert all(unit.state == "COMPLETE" for unit in verdict.units)


@pytest.mark.parametrize(("folder", "marker"), MARKERS)
def test_a_run_without_one_of_its_markers_is_not_complete(folder, marker):
    verdict = judge_files(folder.name, {name: body for name, body in folder.all.items() if name != marker})
    assert verdict.state in ("SEQUENCING", "COPYING")
    assert "" not in verdict.complete
    assert verdict.missing_count >= 1
    assert verdict.missing


@EVERY
def test_a_run_without_any_marker_is_sequencing(folder):
    others = {name: body for name, body in folder.all.items() if name not in folder.required}
    others.pop("SequenceComplete.txt", None)
    others.pop("RunCompletionStatus.xml", None)
    assert judge_files(folder.name, others).state == "SEQUENCING"


@EVERY
def test_markers_may_be_empty(folder):
    contents = {name: b"" if name in folder.required else body for name, body in folder.all.items()}
    assert judge_files(folder.name, contents).state == "COMPLETE"


@EVERY
def test_names_are_compared_without_case(folder):
    def upper(name):
        head, _, base = name.rpartition("/")
        return f"{head}/{base.upper()}" if head else base.upper()

    verdict = judge_files(folder.name, {upper(name): body for name, body in folder.all.items()})
    assert (verdict.instrument, verdict.state) == (folder.instrument, "COMPLETE")


@EVERY
def test_files_may_advance_a_grace_time_after_the_newest_marker(folder):
    last = START + HOUR
    times = {folder.required[0]: last}
    before = judge_files(folder.name, folder.all, now=last + GRACE - SECOND, times=times)
    assert (before.state, before.due_at, before.missing) == ("COPYING", last + GRACE, ())
    assert "" not in before.complete
    assert judge_files(folder.name, folder.all, now=last + GRACE, times=times).state == "COMPLETE"
    assert judge_files(folder.name, folder.all, now=last, times=times, grace_minutes=0).state == "COMPLETE"
    assert judge_files(folder.name, folder.all, now=last + HOUR, times=times, grace_minutes=61).state == "COPYING"


@EVERY
def test_a_late_file_does_not_close_a_complete_run(folder):
    prefix = folder.required[0].rpartition("/")[0]
    late = f"{prefix}/Logs/late.log" if prefix else "Logs/late.log"
    now = START + 30 * HOUR
    assert judge_files(folder.name, {**folder.all, late: b"x"}, now=now, times={late: now}).state == "COMPLETE"


@EVERY
def test_silence_is_an_alarm_while_something_is_awaited(folder):
    others = {name: body for name, body in folder.all.items() if name not in folder.required}
    others.pop("RunCompletionStatus.xml", None)
    row = next(row for row in load_table().instruments if row.id == folder.instrument)
    alarm = START + timedelta(hours=row.silence_hours)
    before = judge_files(folder.name, others, now=alarm - SECOND)
    assert (before.is_silent, before.due_at) == (False, alarm)
    after = judge_files(folder.name, others, now=alarm)
    assert after.is_silent
    assert "2026-03-01 12:00 UTC" in after.reason
    assert not judge_files(folder.name, folder.all, now=alarm).is_silent


@pytest.mark.parametrize("body", [b"", b"<RunCompletionStatus", b"<RunCompletionStatus/>", b"\xff\xfe"])
def test_an_outcome_that_says_nothing_is_still_a_marker(body):
    folder = FOLDERS["NextSeq 2000"]
    verdict = judge_files(folder.name, {**folder.all, "RunCompletionStatus.xml": body})
    assert verdict.state == "COMPLETE"
    assert bool(verdict.warnings) == bool(body)


NEXTSEQ_FAILED = (
    b"<RunCompletionStatus><CompletionStatus>ExceptionEndedEarly</CompletionStatus>"
    b"<ErrorDescription>Lost focus in cycle 31</ErrorDescription></RunCompletionStatus>"
)
NOVASEQ_FAILED = (
    b"<RunCompletionStatus><RunStatus>RunErrored</RunStatus><RunError>Door open</RunError></RunCompletionStatus>"
)


@pytest.mark.parametrize(
    ("name", "file", "body", "text"),
    [
        ("NextSeq 550", "RunCompletionStatus.xml", NEXTSEQ_FAILED, "ExceptionEndedEarly: Lost focus in cycle 31"),
        ("MiSeq 1.3", "RunCompletionStatus.xml", NEXTSEQ_FAILED, "Lost focus"),
        ("NovaSeq 6000", "RunCompletionStatus.xml", NOVASEQ_FAILED, "RunErrored: Door open"),
        ("NovaSeq X", "RunCompletionStatus.xml", NOVASEQ_FAILED, "RunErrored: Door open"),
        ("MiSeq i100", "RunCompletionStatus.xml", NOVASEQ_FAILED, "Door open"),
        ("AVITI", "RunUploaded.json", b'{"outcome":"OutcomeFailed"}', "OutcomeFailed"),
    ],
)
def test_a_run_whose_outcome_says_failed_is_failed_and_is_kept(name, file, body, text):
    folder = FOLDERS[name]
    for contents in ({**folder.all, file: body}, {file: body, "RunInfo.xml": folder.all.get("RunInfo.xml", b"")}):
        verdict = judge_files(folder.name, contents, times={file: START + HOUR}, now=START + HOUR + GRACE)
        assert verdict.state == "FAILED"
        assert text in verdict.reason
        assert "" in verdict.complete
        early = judge_files(folder.name, contents, times={file: START + HOUR}, now=START + HOUR)
        assert (early.state, early.complete, early.due_at) == ("FAILED", (), START + HOUR + GRACE)
        assert not judge_files(folder.name, contents, now=START + 1000 * HOUR).is_silent


@pytest.mark.parametrize("name", ["NovaSeq 6000", "NovaSeq X"])
def test_a_novaseq_without_copycomplete_is_taken_for_complete_after_six_hours(name):
    """NPG's rule (Staging.pm, MAX_COMPLETE_WAIT), but counted from the newest file."""
    folder = FOLDERS[name]
    contents = {name: body for name, body in folder.all.items() if name != "CopyComplete.txt"}
    waiting = judge_files(folder.name, contents, now=START + 6 * HOUR - SECOND)
    assert (waiting.state, waiting.missing, waiting.due_at) == ("COPYING", ("CopyComplete.txt",), START + 6 * HOUR)
    verdict = judge_files(folder.name, contents, now=START + 6 * HOUR)
    assert (verdict.state, verdict.complete) == ("COMPLETE", ("",))
    assert "CopyComplete.txt" in verdict.warnings[0]
    analysis = {"Analysis/1/Data/x": b""}
    late_analysis = dict.fromkeys(analysis, START + 6 * HOUR)
    assert judge_files(folder.name, contents | analysis, now=START + 6 * HOUR, times=late_analysis).state == "COMPLETE"
    times = {"Data/Intensities/BaseCalls/L001/C1.1/L001_1.cbcl": START + HOUR}
    assert judge_files(folder.name, contents, now=START + 7 * HOUR - SECOND, times=times).state == "COPYING"


@pytest.mark.parametrize("file", ["SequenceComplete.txt", "RunCompletionStatus.xml", "CopyComplete.txt"])
def test_the_end_of_sequencing_is_not_the_end_of_the_copy(file):
    folder = FOLDERS["NovaSeq 6000"]
    contents = {"RunInfo.xml": folder.all["RunInfo.xml"], file: COMPLETED if file.endswith("xml") else b""}
    verdict = judge_files(folder.name, contents)
    assert verdict.state == "COPYING"
    assert verdict.reason.startswith("Sequencing has ended")
    assert "RTAComplete.txt" in verdict.missing


def test_markers_per_read_wait_for_runinfo_which_says_how_many_reads_there_are():
    folder = FOLDERS["NextSeq 550"]
    contents = {name: body for name, body in folder.all.items() if name != "RunInfo.xml"}
    verdict = judge_files(folder.name, contents)
    assert (verdict.state, verdict.missing) == ("COPYING", ("RunInfo.xml",))
    broken = judge_files(folder.name, {**contents, "RunInfo.xml": b"<RunInfo"})
    assert broken.missing == ("RunInfo.xml",)
    assert "RunInfo.xml, line 1" in broken.warnings[0]


def test_a_test_of_an_aviti_is_no_silent_run():
    contents = {"RunParameters.json": b'{"RunID":"","InstrumentName":"","Cycles":{"R1":1}}'}
    for name in ("20231218_AV234003_FluidicsRun_1_A", "20250101_AV234003_FlowcellPressureCheck_A"):
        verdict = judge_files(name, contents, now=START + 1000 * HOUR)
        assert (verdict.instrument, verdict.state, verdict.is_silent) == ("aviti", "SEQUENCING", False)


AVITI = FOLDERS["AVITI"]


def test_cycles_of_an_aviti_are_counted_before_it_is_complete():
    contents = {name: body for name, body in AVITI.all.items() if name != "BaseCalls/R1_C002.zip"}
    verdict = judge_files(AVITI.name, contents)
    assert (verdict.state, verdict.missing) == ("COPYING", ("BaseCalls/R1_C002.zip",))
    assert verdict.due_at == START + HOUR + timedelta(minutes=15)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Cycles":null}', b'{"Cycles":{"R1":"many"}}', b'{"Cycles":[2]}'])
def test_an_aviti_whose_parameters_name_no_cycles_is_complete_by_its_marker(body):
    assert judge_files(AVITI.name, {**AVITI.all, "RunParameters.json": body}).state == "COMPLETE"


def test_an_aviti_without_any_cycle_file_is_complete_by_its_marker():
    contents = {name: body for name, body in AVITI.all.items() if not name.startswith("BaseCalls/")}
    assert judge_files(AVITI.name, contents).state == "COMPLETE"


UNKNOWN = {"lane1/reads.fastq.gz": b"x" * 10, "CopyComplete.txt": b"", "RTAComplete.txt": b"", "notes.txt": b""}


def test_an_unknown_instrument_is_never_complete_by_itself():
    verdict = judge_files("experiment 7", UNKNOWN, now=START + 1000 * HOUR)
    assert (verdict.instrument, verdict.state, verdict.complete) == ("", "COPYING", ())
    assert "seqdrop-manifest.json" in verdict.reason
    assert "seqdrop-complete.txt" in verdict.reason
    assert verdict.is_silent


@pytest.mark.parametrize("name", ["experiment 7", "200624_A00834_0183_BHMTFYDRXX", "20260312_SH01140_0005_A"])
def test_a_manifest_completes_any_run_when_all_its_files_are_there_with_their_sizes(name):
    contents = {"lane1/reads.fastq.gz": b"x" * 10, "Analysis/1/report.html": b"x"}
    listed = {"lane1/reads.fastq.gz": 10, "Analysis/1/report.html": None}
    verdict = judge_files(name, contents, now=START, listed=listed)
    assert (verdict.state, verdict.complete) == ("COMPLETE", ("", "Analysis/1"))
    for wrong in ({**listed, "lane1/reads.fastq.gz": 11}, {**listed, "lane2/reads.fastq.gz": None}):
        waiting = judge_files(name, contents, now=START, listed=wrong)
        assert (waiting.state != "COMPLETE", waiting.complete) == (True, ())
        assert waiting.due_at == START + timedelta(minutes=15)


def test_an_unknown_run_names_what_its_manifest_awaits():
    listed = dict.fromkeys([f"f{number:02}" for number in range(30)])
    verdict = judge_files("experiment 7", {"f00": b""}, listed=listed)
    assert (len(verdict.missing), verdict.missing_count, verdict.missing[0]) == (20, 29, "f01")
    assert "f01, f02, f03 and 26 more" in verdict.reason


def test_markers_complete_a_run_although_files_of_its_manifest_are_missing_with_a_warning():
    folder = FOLDERS["NovaSeq X"]
    verdict = judge_files(folder.name, folder.all, listed={"Data/more.cbcl": 1})
    assert verdict.state == "COMPLETE"
    assert "Data/more.cbcl" in verdict.warnings[0]
    assert verdict.due_at is None


@pytest.mark.parametrize(("hours", "pause"), [(0, 0.25), (1, 0.25), (4, 1), (96, 24), (5000, 24)])
def test_missing_files_are_looked_for_ever_more_rarely(hours, pause):
    now = START + hours * HOUR
    verdict = judge_files("experiment 7", {"a": b""}, now=now, listed={"a": 0, "b": 0})
    assert verdict.due_at == now + pause * HOUR


def test_names_of_an_instrument_are_printable_on_one_line_in_all_texts():
    listed = {"x\n\x1b[31m" + "y" * 500: 1}
    verdict = judge_files("experiment\n7", {"a": b""}, listed=listed)
    cells = dict.fromkeys(["x\n\x1b[31m/1_A01/Transfer_Test_1.txt", "x/1_B01/Transfer_Test_1.txt"], b"")
    assert judge_files("r84028_20230214_022129", cells).reason.isprintable()
    for text in (verdict.reason, *verdict.missing, *(unit.reason for unit in verdict.units)):
        assert text.isprintable()
        assert len(text) < 300


@pytest.mark.parametrize("name", ["experiment 7", *(folder.name for folder in FOLDERS.values())])
def test_the_marker_of_a_person_completes_any_run_at_once(name):
    contents = {"a/b.txt": b"x", "seqdrop-complete.txt": b""}
    verdict = judge_files(name, contents, now=START)
    assert (verdict.state, verdict.complete, verdict.is_silent) == ("COMPLETE", ("",), False)
    assert "seqdrop-complete.txt" in verdict.reason


def test_the_marker_of_a_person_in_a_folder_completes_that_folder_only():
    folder = FOLDERS["NovaSeq X"]
    contents = {
        "RunInfo.xml": folder.all["RunInfo.xml"],
        "Data/L001/x.cbcl": b"",
        "Data/L001/Seqdrop-Complete.txt": b"",
    }
    verdict = judge_files(folder.name, contents)
    assert (verdict.state, verdict.complete) == ("SEQUENCING", ("Data/L001",))


def test_a_failed_run_stays_failed_and_advances_at_once_if_a_person_says_so():
    folder = FOLDERS["NovaSeq X"]
    contents = {**folder.all, "RunCompletionStatus.xml": NOVASEQ_FAILED, "seqdrop-complete.txt": b""}
    verdict = judge_files(folder.name, contents, now=START)
    assert (verdict.state, verdict.complete) == ("FAILED", ("",))


def test_a_folder_without_files_is_sequencing_and_not_silent():
    verdict = judge_files("20240531_LH00130_0061_A22CC55LT4", {})
    assert (verdict.instrument, verdict.state, verdict.is_silent, verdict.due_at) == (
        "novaseq-x",
        "SEQUENCING",
        False,
        None,
    )
