"""Runs of several parts: PacBio's SMRT cells, Oxford Nanopore's flow cells, MGI's lanes."""

from __future__ import annotations

import pytest

from tests.unit.runs.run_folders import FOLDERS, HOUR, ONT_CELL, START, final_summary, judge_files

PACBIO = FOLDERS["PacBio"]
ONT = FOLDERS["ONT"]
A = "20250603_1201_1A_PAA11111_0000000a"
B = "20250603_1201_1B_PAB22222_0000000b"


def flow_cell(folder, cell, *, summary=True, fastq=2, **counts):
    files = {f"{folder}/fastq_pass/{cell}_pass_0a_{number}.fastq.gz": b"x" for number in range(fastq)}
    files[f"{folder}/pod5/{cell}_0a_0.pod5"] = b"x"
    if summary:
        files[f"{folder}/final_summary_{cell}_0a_0b.txt"] = final_summary(cell, **counts)
    return files


def test_a_smrt_cell_is_complete_before_the_others_and_the_run_with_the_last():
    contents = PACBIO.all
    del contents["1_B01/metadata/m84028_230214_030031_s2.transferdone"]
    verdict = judge_files(PACBIO.name, contents)
    assert (verdict.state, verdict.complete) == ("SEQUENCING", ("1_A01",))
    assert verdict.missing == ("1_B01/metadata/*.transferdone",)
    assert "1 of 2 cells are complete. 1_B01:" in verdict.reason
    assert [(unit.folder, unit.kind, unit.state) for unit in verdict.units] == [
        ("1_A01", "cell", "COMPLETE"),
        ("1_B01", "cell", "SEQUENCING"),
    ]


def test_the_test_of_the_transfer_opens_a_cell_that_has_nothing_else_yet():
    """Transfer_Test is in all cells at the start of the run, so that those which come later are awaited."""
    contents = {name: body for name, body in PACBIO.all.items() if not name.startswith("1_B01/") or "Test" in name}
    assert judge_files(PACBIO.name, contents).complete == ("1_A01",)


def test_a_file_that_a_transfer_list_names_is_awaited_below_its_cell():
    contents = PACBIO.all
    del contents["1_B01/hifi_reads/m84028_230214_030031_s2.1.bam"]
    verdict = judge_files(PACBIO.name, contents)
    assert (verdict.state, verdict.missing) == ("COPYING", ("1_B01/hifi_reads/m84028_230214_030031_s2.1.bam",))
    assert verdict.complete == ("1_A01",)


def test_a_transfer_list_that_was_cut_is_awaited_with_a_warning():
    name = "1_A01/metadata/m84028_230214_023007_s1.transferdone"
    cut = PACBIO.all[name][:-10].rpartition(b"\n")[0]
    verdict = judge_files(PACBIO.name, {**PACBIO.all, name: cut})
    assert (verdict.complete, verdict.missing) == (("1_B01",), (name,))
    assert "nfiles: 3" in verdict.warnings[0]


@pytest.mark.parametrize("folder", ["1_A01", "1_A01/metadata"])
def test_a_hidden_transferdone_of_a_sequel_counts_whatever_it_lists(folder):
    contents = {f"{folder}/.m64011_190830_220126.transferdone": b"unknown", "1_A01/m64011.subreads.bam": b""}
    verdict = judge_files("r64011e_20190830_220126", contents)
    assert (verdict.instrument, verdict.complete) == ("pacbio-sequel", ("", "1_A01"))


def test_a_smrt_cell_alone_is_a_run_of_one_cell():
    prefix = "1_A01/"
    contents = {name.removeprefix(prefix): body for name, body in PACBIO.all.items() if name.startswith(prefix)}
    verdict = judge_files("1_A01", contents)
    assert (verdict.instrument, verdict.state, verdict.complete) == ("pacbio", "COMPLETE", ("",))


def test_a_file_of_any_smrt_cell_ends_the_silence_of_all_because_they_take_turns():
    contents = {f"{cell}/Transfer_Test_230214_022138.txt": b"" for cell in ("1_A01", "1_B01")}
    now = START + 80 * HOUR
    assert judge_files(PACBIO.name, contents, now=now).is_silent
    late = {"1_A01/hifi_reads/x.bam": now - HOUR}
    verdict = judge_files(PACBIO.name, {**contents, "1_A01/hifi_reads/x.bam": b""}, now=now, times=late)
    assert (verdict.is_silent, verdict.due_at) == (False, now + 71 * HOUR)


def test_flow_cells_of_an_experiment_are_complete_by_themselves():
    done, running = flow_cell(f"S1/{A}", "PAA11111"), flow_cell(f"S2/{B}", "PAB22222", summary=False)
    verdict = judge_files("Experiment", {**done, **running})
    assert (verdict.state, verdict.complete) == ("SEQUENCING", (f"S1/{A}",))
    assert verdict.missing == (f"S2/{B}/final_summary*.txt",)
    both = judge_files("Experiment", {**done, **flow_cell(f"S2/{B}", "PAB22222")})
    assert (both.state, both.complete) == ("COMPLETE", ("", f"S1/{A}", f"S2/{B}"))


def test_a_flow_cell_that_stopped_is_an_alarm_while_others_go_on():
    done, running = flow_cell(f"S1/{A}", "PAA11111"), flow_cell(f"S2/{B}", "PAB22222", summary=False)
    now = START + 30 * HOUR
    verdict = judge_files("Experiment", {**done, **running}, now=now, times=dict.fromkeys(done, now - HOUR))
    assert verdict.is_silent
    assert f"in S2/{B} since" in verdict.reason
    recent = judge_files("Experiment", {**done, **running}, now=now, times=dict.fromkeys(running, now - HOUR))
    assert not recent.is_silent


@pytest.mark.parametrize("name", [A, "anything"])
def test_a_flow_cell_alone_is_a_run(name):
    contents = {path.removeprefix(f"{A}/"): body for path, body in flow_cell(A, "PAA11111").items()}
    verdict = judge_files(name, contents)
    assert (verdict.instrument, verdict.state, verdict.complete) == ("ont", "COMPLETE", ("",))


def test_files_are_counted_before_a_flow_cell_is_complete():
    contents = ONT.all
    pod5 = next(name for name in contents if name.endswith(".pod5"))
    del contents[pod5]
    verdict = judge_files("Group", contents)
    assert (verdict.state, verdict.missing) == ("COPYING", (f"{ONT_CELL}: 1 of 1 POD5 files",))
    more = {**ONT.all, f"{ONT_CELL}/fastq_pass/PAA12345_pass_9.fastq.gz": b""}
    assert judge_files("Group", more).state == "COMPLETE"


def test_pooled_flow_cells_in_one_folder_each_need_a_final_summary_and_all_their_files():
    first, second = flow_cell(A, "PAA11111"), flow_cell(A, "PAB22222", fastq=3)
    summary = f"{A}/final_summary_PAB22222_0a_0b.txt"
    waiting = judge_files("Pool", {**first, **second, summary: b""})
    assert waiting.state == "COMPLETE"  # an empty marker has no counts
    del second[summary]
    verdict = judge_files("Pool", {**first, **second})
    assert (verdict.state, verdict.missing) == ("COPYING", (f"{A}: final_summary_pab22222_*.txt",))
    counted = judge_files("Pool", {**first, **second, summary: final_summary("PAB22222", fastq=4)})
    assert counted.missing == (f"{A}: 1 of 6 FASTQ files",)
    assert judge_files("Pool", {**first, **second, summary: final_summary("PAB22222", fastq=3)}).state == "COMPLETE"


def test_a_second_acquisition_needs_a_final_summary_too():
    contents = {**ONT.all, f"{ONT_CELL}/sequencing_summary_PAA12345_e05460c6_99999999.txt": b""}
    verdict = judge_files("Group", contents)
    assert verdict.missing == (f"{ONT_CELL}: final_summary_paa12345_e05460c6_99999999.txt",)


def test_one_final_summary_of_2019_counts_for_its_folder():
    contents = flow_cell(A, "PAE00827", summary=False)
    contents |= {f"{A}/final_summary.txt": final_summary("PAE00827"), f"{A}/PCT0013_x_sequencing_summary.txt": b""}
    assert judge_files("Group", contents).state == "COMPLETE"


def test_files_in_the_fallback_folder_are_a_warning_and_not_awaited():
    contents = flow_cell(A, "PAA11111", fallback=7)
    verdict = judge_files("Group", contents)
    assert verdict.state == "COMPLETE"
    assert "7 files are in MinKNOW's fallback folder" in verdict.warnings[0]


def test_a_sequencing_summary_is_no_end():
    contents = {name: body for name, body in ONT.all.items() if "final_summary" not in name}
    verdict = judge_files("Group", contents, now=START + 23 * HOUR)
    assert (verdict.state, verdict.complete) == ("SEQUENCING", ())


def test_each_lane_of_an_mgi_run_has_its_own_markers():
    lane = FOLDERS["MGI"].all
    other = {name.replace("L01", "L02"): body for name, body in lane.items() if "finish" not in name}
    verdict = judge_files("V350012345", {**lane, **other})
    assert (verdict.complete, verdict.units[1].kind) == (("L01",), "lane")
